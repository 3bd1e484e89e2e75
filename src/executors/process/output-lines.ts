import { StringDecoder } from 'node:string_decoder';
import { type Mask, NO_MASK } from '../mask/mask.ts';

/** The length, in UTF-16 units, at which a line of output is cut; what is missing is counted at its end. */
export const MAX_LINE_LENGTH = 8192;

export type OutputLines = {
  readonly write: (chunk: Buffer) => void;
  /** Emits what the last line has, if it did not end in a newline. */
  readonly end: () => void;
};

/**
 * Cuts a stream of bytes into lines of text. A character that is cut in two by a chunk is put together again, invalid
 * UTF-8 becomes U+FFFD, and a carriage return starts its line afresh, as on a terminal: of a progress bar its last state
 * is emitted. Holds one line of at most `MAX_LINE_LENGTH`, and as much more as lets the mask see a secret that the cut
 * would divide.
 */
export const outputLines = (emit: (line: string) => void, mask: Mask = NO_MASK): OutputLines => {
  const decoder = new StringDecoder('utf8');
  const most = MAX_LINE_LENGTH + mask.longest;
  let line = '';
  let missing = 0;
  let returned = false;

  const restart = (): void => {
    line = '';
    missing = 0;
    returned = false;
  };

  const append = (text: string): void => {
    const bodyEnd = endOfBody(text);
    if (bodyEnd > 0) {
      const bodyStart = text.lastIndexOf('\r', bodyEnd - 1) + 1;
      if (returned || bodyStart > 0) restart();
      const room = most - line.length;
      line += text.slice(bodyStart, Math.min(bodyEnd, bodyStart + room));
      missing += Math.max(0, bodyEnd - bodyStart - room);
    }
    if (bodyEnd < text.length) returned = true;
  };

  const flush = (): void => {
    const text = mask.text(line);
    // Where more was printed than is held, what is held may end in a part of a secret.
    const whole = missing === 0 ? text.length : Math.max(0, text.length - mask.longest);
    const end = Math.min(MAX_LINE_LENGTH, whole);
    const cut = missing + text.length - end;
    const shown = cut === 0 ? text : `${wellFormed(text.slice(0, end))}… (${cut} more characters)`;
    restart();
    emit(shown);
  };

  const split = (text: string): void => {
    let start = 0;
    for (let newline = text.indexOf('\n'); newline >= 0; newline = text.indexOf('\n', start)) {
      append(text.slice(start, newline));
      flush();
      start = newline + 1;
    }
    append(text.slice(start));
  };

  return {
    write: (chunk) => split(decoder.write(chunk)),
    end: () => {
      split(decoder.end());
      if (line !== '') flush();
    },
  };
};

/** Where the carriage returns begin that a text ends in. */
const endOfBody = (text: string): number => {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end--;
  return end;
};

/** Without the half of a surrogate pair that a cut may leave at the end. */
const wellFormed = (text: string): string => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text);
