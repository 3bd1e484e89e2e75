import { boundedErrorData, type ErrorData } from '../../events/error-data.ts';
import {
  isA,
  NonRetryableError,
  OptionError,
  RetryAfterError,
  SchemaError,
  SerialisationError,
} from '../errors/errors.ts';
import { reviveError } from './error-revive.ts';

/** What a task threw, as plain JSON, with which `errorFromData` makes an error that the engine handles in the same way. */
export type TravellingError = ErrorData & {
  /** Of a RetryAfterError: the wait in ms. */
  readonly delayMs?: number;
};

/** Converts what a task threw to plain JSON: its name, message, code, stack and causes. Texts of more than 64 Ki are cut. */
export const errorToData = (thrown: unknown): TravellingError => {
  const data = boundedErrorData(thrown);
  return isA(thrown, RetryAfterError) ? { ...data, delayMs: thrown.delayMs } : data;
};

/**
 * Makes an error of what `errorToData` returned elsewhere. Its class is that of a plain `Error`, unless the engine treats it
 * in another way: an error that must not be retried, or only after a wait, is that again. An InterruptedError is not.
 */
export const errorFromData = ({ delayMs, ...data }: TravellingError): Error => {
  const error = reviveError(data);
  switch (`${data.name} ${data.code}`) {
    case 'NonRetryableError NON_RETRYABLE':
      return as(NonRetryableError, error);
    case 'RetryAfterError RETRY_AFTER':
      return isWait(delayMs) ? as(RetryAfterError, error, { delayMs }) : error;
    case 'SchemaError INVALID_INPUT':
    case 'SchemaError INVALID_OUTPUT':
      return as(SchemaError, error, { violations: [] });
    case 'OptionError INVALID_OPTION':
      return as(OptionError, error, { problems: [] });
    case 'SerialisationError UNSERIALISABLE_OUTPUT':
      return as(SerialisationError, error, { path: '' });
    default:
      return error;
  }
};

const isWait = (ms: unknown): boolean => Number.isFinite(ms) && (ms as number) >= 0;

/** Gives an error the class that its data names: the constructor would make another message and stack. */
const as = (kind: abstract new (...args: never) => Error, error: Error, fields: object = {}): Error =>
  Object.assign(Object.setPrototypeOf(error, kind.prototype) as Error, fields);
