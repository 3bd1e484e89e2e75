import { errorData } from '../../events/error-data.ts';
import { SchemaError } from '../errors/errors.ts';
import { encodeAs } from './encode-as.ts';
import { decode } from './serialise.ts';

/** An output as text, which an executor got as text from where the attempt was performed. */
export class EncodedOutput {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Wraps the JSON of an output, for an executor to resolve `perform` to. The engine reads it once, and the journal keeps the
 * text as it is. Beyond plain JSON, the text may have what `outputText` makes of dates, maps and the like.
 * @throws TypeError if it is no text
 */
export const encodedOutput = (text: string): EncodedOutput => {
  if (typeof text !== 'string') throw new TypeError(`encodedOutput was given ${typeof text}: expected JSON as text.`);
  return new EncodedOutput(text);
};

/**
 * Encodes an output as JSON for `encodedOutput`, in another process. Dates, bigints, Uint8Arrays, maps and sets survive.
 * @throws SerialisationError `UNSERIALISABLE_OUTPUT`
 */
export const outputText = (output: unknown): string => encodeAs('UNSERIALISABLE_OUTPUT', 'The output', output);

/** The texts of decoded outputs that the journal has yet to keep. */
const TEXTS = new WeakMap<object, string>();

/**
 * Decodes an output. With `keeps`, its text is remembered for the journal.
 * @throws SchemaError `INVALID_OUTPUT` if it can't be read
 */
export const decodedOutput = ({ text }: EncodedOutput, task: string, keeps: boolean): unknown => {
  let value: unknown;
  try {
    value = decode(text);
  } catch (error) {
    const message = `a text that can't be read: ${errorData(error).message}`;
    const subject = `The output of task "${task}"`;
    throw new SchemaError('INVALID_OUTPUT', subject, [{ path: '', message }], text, 'a task puts out');
  }
  if (keeps && typeof value === 'object' && value !== null) TEXTS.set(value, text);
  return value;
};

/** Returns the text that an output was decoded from, and forgets it: the output may change afterwards. */
export const takeText = (output: unknown): string | undefined => {
  const text = typeof output === 'object' && output !== null ? TEXTS.get(output) : undefined;
  if (text !== undefined) TEXTS.delete(output as object);
  return text;
};
