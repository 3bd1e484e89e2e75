import { answerOf } from '../engine/definition/answer.ts';
import { NonRetryableError } from '../engine/errors/errors.ts';
import { isPlainObject } from '../events/plain-object.ts';

/**
 * What a task puts out for a value: a mapping is merged into the context as it is, anything else goes under the task's
 * name.
 */
export const taskOutput =
  (name: string) =>
  (value: unknown): unknown => {
    if (value === undefined || answerOf(value)) return value;
    if (!isPlainObject(value)) return named(name, value);
    if (!Object.hasOwn(value as object, PARAMS)) return value;
    throw new NonRetryableError(
      `Task "${name}" puts out a key "${PARAMS}", which is where the context holds the job's params. Give it another name.`,
    );
  };

/** The same, but mappings too go under the task's name. */
export const namedOutput =
  (name: string) =>
  (value: unknown): unknown =>
    value === undefined || answerOf(value) ? value : named(name, value);

const named = (name: string, value: unknown): unknown => {
  if (name !== PARAMS) return { [name]: value };
  throw new NonRetryableError(
    `The output of task "${PARAMS}" would go under its name, which is where the context holds the job's params. Give the task another name.`,
  );
};

/** Where the context holds what the job was started with. */
export const PARAMS = 'params';
