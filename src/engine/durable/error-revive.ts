import { DETAILS, type ErrorData } from '../../events/error-data.ts';

/** Creates an `Error` with the stored name, message, code, stack and causes; the original class is lost. */
export const reviveError = (data: ErrorData): Error => {
  const error = new Error(data.message, data.cause === undefined ? undefined : { cause: reviveCause(data.cause) });
  if (data.name !== error.name) setHidden(error, 'name', data.name);
  setHidden(error, 'stack', data.stack ?? `${data.name}: ${data.message}`);
  if (data.details) setHidden(error, DETAILS, data.details);
  return data.code === undefined ? error : Object.assign(error, { code: data.code });
};

/** Sets a property of an error without making it enumerable. */
export const setHidden = (error: Error, key: 'name' | 'stack' | typeof DETAILS, value: unknown): void => {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
};

/** Restores a cause: an error, or the string if the cause was a string. */
export const reviveCause = (data: ErrorData): Error | string =>
  data.name === 'string' && data.stack === undefined ? data.message : reviveError(data);
