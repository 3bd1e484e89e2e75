import { directiveOf } from '../engine/definition/directive.ts';
import { NonRetryableError } from '../engine/errors/errors.ts';
import { isPlainObject } from '../events/plain-object.ts';

/**
 * Returns a function that shapes a task's output. A mapping is returned as it is, and so merges into the context; any
 * other value is put under the task's name. `undefined` and results such as `notReady(…)` are returned as they are.
 * @throws NonRetryableError if the output would overwrite the job's params
 */
export const taskOutput =
  (name: string) =>
  (value: unknown): unknown => {
    if (value === undefined || directiveOf(value)) return value;
    if (!isPlainObject(value)) return named(name, value);
    if (!Object.hasOwn(value as object, PARAMS)) return value;
    throw new NonRetryableError(
      `Task "${name}" puts out a key "${PARAMS}", which is where the context holds the job's params. Give it another name.`,
    );
  };

/** Like `taskOutput`, but mappings are stored under the task's name too. */
export const namedOutput =
  (name: string) =>
  (value: unknown): unknown =>
    value === undefined || directiveOf(value) ? value : named(name, value);

const named = (name: string, value: unknown): unknown => {
  if (name !== PARAMS) return { [name]: value };
  throw new NonRetryableError(
    `The output of task "${PARAMS}" would go under its name, which is where the context holds the job's params. Give the task another name.`,
  );
};

/** The context's key for the params that the job was started with. */
export const PARAMS = 'params';
