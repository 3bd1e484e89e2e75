import { errorData } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { NonRetryableError, OptionError, SchemaError } from '../errors/errors.ts';
import { optionProblem, type Violation } from '../errors/problem.ts';
import { type Directive, directiveOf } from './directive.ts';
import { isPoll } from './sensor.ts';
import { type SchemaResult, type StandardSchema, violationsOf } from './standard-schema.ts';

/**
 * Validates an output; returns the schema's result, or a promise of it. Returns `notReady(…)` and `skip(…)` unchecked.
 * @throws SchemaError `INVALID_OUTPUT` for a violation
 * @throws NonRetryableError if the schema throws or returns no valid result
 */
export const checked = (schema: StandardSchema, value: unknown, task: { readonly path: string }): unknown => {
  if (isPoll(value)) return value;
  const directive = directiveOf(value);
  if (!directive) return validated(schema, value, task);
  if ('reason' in directive) return value;
  const withOutput = (output: unknown): Directive => Object.freeze({ ...directive, output }) as Directive;
  const output = validated(schema, (directive as { readonly output: unknown }).output, task);
  return isThenable(output) ? Promise.resolve(output).then(withOutput) : withOutput(output);
};

const validated = (schema: StandardSchema, output: unknown, { path }: { readonly path: string }): unknown => {
  const outputFrom = (result: unknown): unknown => {
    const found = wrapErrors(() => read(result), broken);
    if (!found.violations) return found.value;
    throw new SchemaError('INVALID_OUTPUT', `What task "${path}" put out`, found.violations, output);
  };
  const broken = (error: unknown): NonRetryableError =>
    new NonRetryableError(`the output schema of task "${path}" broke: ${errorData(error).message}`, { cause: error });
  const result = wrapErrors(() => schema['~standard'].validate(output), broken);
  if (!isThenable(result)) return outputFrom(result);
  return underWayUntil(Promise.resolve(result)).then(outputFrom, (error) => {
    throw broken(error);
  });
};

/**
 * Validates a job's input. Returns the schema's result or, without a schema, the input.
 * @throws SchemaError `INVALID_INPUT` for a violation, or if the schema's result is not a plain object
 * @throws OptionError if the schema throws, returns a promise, or returns no valid result
 */
export const checkedInput = (schema: StandardSchema | undefined, input: object, jobName: string): object => {
  if (!schema) return input;
  const unusable = (why: string): OptionError =>
    new OptionError(`The start of job "${jobName}"`, [
      optionProblem('input', `The input schema of job "${jobName}" ${why}`),
    ]);
  const broken = (error: unknown): OptionError => unusable(`broke: ${errorData(error).message}.`);
  const result: unknown = wrapErrors(() => schema['~standard'].validate(input), broken);
  if (isThenable(result)) {
    ignoreRejection(result);
    throw unusable('answers later, by a promise. Check in a task what takes time, and the input at once.');
  }
  const found = wrapErrors(() => read(result), broken);
  const subject = `The input of job "${jobName}"`;
  if (found.violations) throw new SchemaError('INVALID_INPUT', subject, found.violations, input);
  if (isPlainObject(found.value)) return found.value;
  const message = 'its schema makes no plain object of it, which is what the first context is';
  throw new SchemaError('INVALID_INPUT', subject, [{ path: '', message }], found.value);
};

const wrapErrors = <Value>(call: () => Value, failure: (error: unknown) => Error): Value => {
  try {
    return call();
  } catch (error) {
    ignoreRejection(error);
    throw failure(error);
  }
};

const read = (result: unknown): { readonly value?: unknown; readonly violations?: readonly Violation[] } => {
  if (typeof result !== 'object' || result === null) throw new TypeError('it answered no result');
  const { issues } = result as SchemaResult<unknown>;
  if (issues) return { violations: violationsOf(issues) };
  if (!('value' in result)) throw new TypeError('it answered no result');
  return { value: result.value };
};
