import { TintypeError } from '../engine/errors.ts';

/** What a command gave as its output can't be one. */
export class OutputError extends TintypeError {
  override readonly name = 'OutputError';
  readonly code: 'OUTPUT_NOT_JSON' | 'OUTPUT_TOO_LARGE' | 'OUTPUT_UNREADABLE';

  constructor(code: OutputError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The largest output of a command, in bytes, printed or written. */
export const MAX_OUTPUT_BYTES = 10 * 2 ** 20;

/** Blank text is none. `source` names where the text is from, at the start of a sentence. @throws OutputError */
export const parseOutput = (given: string, source: string): unknown => {
  const text = given.replace(/^\uFEFF/, '');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
    throw new OutputError(
      'OUTPUT_NOT_JSON',
      `${source} is no JSON: ${(cause as Error).message}. It begins with ${start}.`,
      { cause },
    );
  }
};

/** @throws OutputError, always */
export const tooLarge = (source: string): never => {
  throw new OutputError(
    'OUTPUT_TOO_LARGE',
    `${source} is larger than ${MAX_OUTPUT_BYTES / 2 ** 20} MiB. Write it to a file of your own, and put out its path.`,
  );
};
