import { StringDecoder } from 'node:string_decoder';
import { wellFormed } from '../../events/cut-text.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { shownText } from '../mask/readings.ts';

/** Lines are cut at this many UTF-16 units. A cut line ends with the number of characters that were cut off. */
export const MAX_LINE_LENGTH = 8192;

export type OutputLines = {
  readonly write: (chunk: Buffer) => void;
  /** Emits the last line, if it did not end in a newline. */
  readonly end: () => void;
};

/**
 * Splits bytes into masked lines of text. Joins characters split between chunks; invalid UTF-8 becomes U+FFFD. A
 * carriage return restarts its line, so only the last state of a progress bar is emitted. Buffers at most
 * `MAX_LINE_LENGTH` plus the longest secret's length, so that the mask recognises a secret that the cut divides.
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
    const masked = mask.text(line);
    // If the line was longer than the buffer, the buffer may end in a part of a secret: drop that much of what is shown.
    const text = missing > 0 && mask.longest > 0 ? shownText(masked) : masked;
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

/** Returns where the carriage returns at the end of a text begin; the text's length if it has none. */
const endOfBody = (text: string): number => {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end--;
  return end;
};
