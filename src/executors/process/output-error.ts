import { TintypeError } from '../../engine/errors/errors.ts';
import { isTooDeep, MAX_JSON_DEPTH, parseExactJson } from '../exact-json.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { sizeInWords } from '../size-in-words.ts';

/** The output of a command can't be used (missing, not JSON, nested too deeply, too large, unreadable) or written to its file. */
export class OutputError extends TintypeError {
  override readonly name = 'OutputError';
  readonly code:
    | 'OUTPUT_MISSING'
    | 'OUTPUT_NOT_WRITTEN'
    | 'OUTPUT_TOO_DEEP'
    | 'OUTPUT_NOT_JSON'
    | 'OUTPUT_TOO_LARGE'
    | 'OUTPUT_UNREADABLE';

  constructor(code: OutputError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The default for the largest output of a command, in bytes, whether printed or written to its file. */
export const MAX_OUTPUT_BYTES = 10 * 2 ** 20;

/** Parses an output; `undefined` if it is blank. `source` names the output in errors. @throws OutputError */
export const parseOutput = (given: string, source: string, mask: Mask = NO_MASK): unknown => {
  const text = given.replace(/^\uFEFF/, '');
  if (text.trim() === '') return undefined;
  requireShallow(text, source);
  try {
    return parseExactJson(text);
  } catch (error) {
    // The parser's message quotes the text and may cut a secret in two: report its position only, and set no cause.
    const place = /at position \d+/.exec((error as Error).message)?.[0];
    const masked = mask.text(text);
    const start = JSON.stringify(masked.length > EXCERPT_LENGTH ? `${masked.slice(0, EXCERPT_LENGTH)}…` : masked);
    throw new OutputError(
      'OUTPUT_NOT_JSON',
      `${source} is no JSON${place ? `, ${place}` : ''}. It begins with ${start}.`,
    );
  }
};

const EXCERPT_LENGTH = 60;

const requireShallow = (text: string, source: string): void => {
  if (!isTooDeep(text)) return;
  throw new OutputError(
    'OUTPUT_TOO_DEEP',
    `${source} nests lists or mappings more than ${MAX_JSON_DEPTH} deep. Nest fewer of them.`,
  );
};

export const tooLarge = (source: string, maxBytes: number): never => {
  throw new OutputError(
    'OUTPUT_TOO_LARGE',
    `${source} is larger than ${sizeInWords(maxBytes)}. Write it to a file of your own, and put out its path; or raise max_output_bytes.`,
  );
};
