import { SerialisationError } from '../errors/errors.ts';
import type { OutputSource } from './output-parts.ts';
import { encode, Unserialisable } from './serialise.ts';

/** Encodes a value as JSON. @throws SerialisationError with `code`; `subject` names the value in the message */
export const encodeAs = (
  code: SerialisationError['code'],
  subject: string,
  value: unknown,
  source?: OutputSource,
): string => {
  try {
    return encode(value, source);
  } catch (error) {
    if (!(error instanceof Unserialisable)) throw error;
    const { path, what } = error;
    const where = path === '' ? 'it' : `"${path}"`;
    const allowed = 'plain data, dates, bigints, Uint8Arrays, maps and sets can be kept';
    throw new SerialisationError(code, `${subject} can't be kept: ${where} is ${what}; ${allowed}.`, path);
  }
};
