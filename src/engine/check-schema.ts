import { SchemaError } from './errors.ts';
import { type SchemaResult, type StandardSchema, violationsOf } from './standard-schema.ts';
import type { TaskRun } from './task-run.ts';

/** What a task's schema makes of its output. @throws SchemaError */
export const checked = (schema: StandardSchema, output: unknown, task: TaskRun): unknown => {
  const result = schema['~standard'].validate(output);
  return result instanceof Promise ? result.then((later) => outputFrom(later, task)) : outputFrom(result, task);
};

const outputFrom = (result: SchemaResult<unknown>, { path }: TaskRun): unknown => {
  if (!result.issues) return result.value;
  throw new SchemaError('INVALID_OUTPUT', `What task "${path}" put out`, violationsOf(result.issues));
};

/** What a job's schema makes of its input. @throws SchemaError @throws TypeError of a schema that answers later */
export const checkedInput = (schema: StandardSchema | undefined, input: object, jobName: string): object => {
  if (!schema) return input;
  const result = schema['~standard'].validate(input);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new TypeError(
      `The input schema of job "${jobName}" answers later, by a promise. Check in a task what takes time, and the input at once.`,
    );
  }
  if (!result.issues) return result.value as object;
  throw new SchemaError('INVALID_INPUT', `The input of job "${jobName}"`, violationsOf(result.issues));
};
