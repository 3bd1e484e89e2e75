import { type Mask, NO_MASK } from '../mask/mask.ts';
import { MAX_OUTPUT_BYTES, parseOutput, tooLarge } from './output-error.ts';

/** Standard output as the task's output: parsed JSON, one text without its last newline, or a list of lines. */
export type OutputForm = 'json' | 'text' | 'lines';

export type Capture = {
  readonly write: (chunk: Buffer) => void;
  /** Returns the output. @throws OutputError if it is not the JSON expected, or larger than allowed */
  readonly value: () => unknown;
};

/** Collects standard output, up to `maxBytes`. For `json`, the value of blank text is `undefined`. */
export const capture = (form: OutputForm, mask: Mask = NO_MASK, maxBytes: number = MAX_OUTPUT_BYTES): Capture => {
  let chunks: Buffer[] = [];
  let size = 0;
  return {
    write: (chunk) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks = [];
    },
    value: () => {
      if (size > maxBytes) tooLarge('The standard output', maxBytes);
      return FORMS[form](new TextDecoder().decode(Buffer.concat(chunks)), mask);
    },
  };
};

const FORMS: Readonly<Record<OutputForm, (text: string, mask: Mask) => unknown>> = {
  json: (text, mask) => parseOutput(text, 'The standard output', mask),
  text: (text) => text.replace(/\r?\n$/, ''),
  lines: (text) => (text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)),
};
