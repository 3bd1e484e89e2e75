/* This folder puts text on a terminal. `io.ts` declares a command's streams, and `printer.ts` writes lines to one of
 * them. `json-messages.ts` writes messages as JSON, of `--log-format json`. Text from outside goes through `safe-text.ts`. `wrap-text.ts`, `text-table.ts` and
 * `help-text.ts` lay it out. `format-time.ts`, `counted.ts`, `short-id.ts` and `shell-quoted.ts` format values;
 * `state-style.ts` says how states look. `workflow-report.ts` prints the problems of a workflow file, `unexpected-error.ts` any other error, and
 * `exit-code.ts` defines how a command ends. */

import { styleText } from 'node:util';
import type { OutputGate } from '../../executors/process/output-gate.ts';
import type { CliIo, OutputStream } from './io.ts';
import { plainText, styledText } from './safe-text.ts';

export type Style = Parameters<typeof styleText>[0];

export type Printer = {
  /** Writes a line, in one batch with the other lines of this turn of the event loop. */
  readonly line: (text?: string) => void;
  /** Writes the lines of the batch now. */
  readonly flush: () => void;
  /** Formats the text if the stream supports colours, else returns it unchanged. */
  readonly style: (format: Style, text: string) => string;
  /** Makes text from outside safe to print: no control characters, and colours only if the stream supports them. */
  readonly sanitize: (text: string) => string;
  /** Set if `line` writes messages as JSON: writes a line that is JSON already. */
  readonly json?: ((line: string) => void) | undefined;
  /** Width of the terminal in columns; `Infinity` if the stream is not a terminal. */
  readonly columns: number;
  /** Resolves with the error when the stream can't be written to any more, such as EPIPE. Later lines are dropped. */
  readonly broken: Promise<NodeJS.ErrnoException>;
};

/** Creates the printer of a stream. The printer closes `gate` while the stream's buffer is full. */
export const createPrinter = (stream: OutputStream, env: CliIo['env'], gate?: OutputGate): Printer => {
  const colours = Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  let error: NodeJS.ErrnoException | undefined;
  const broken = new Promise<NodeJS.ErrnoException>((resolve) => {
    stream.on('error', (thrown: NodeJS.ErrnoException) => {
      error = thrown;
      gate?.open();
      resolve(thrown);
    });
  });
  const batch = lineBatch((text) => {
    if (error || stream.write(text) || !gate?.isOpen()) return;
    gate.close();
    stream.once('drain', gate.open);
  });
  return {
    ...batch,
    style: (format, text) => (colours ? styleText(format, text, { validateStream: false }) : text),
    sanitize: colours ? styledText : plainText,
    columns: stream.isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY,
    broken,
  };
};

/** Collects lines and writes them together: once in each turn of the event loop, or earlier if they are long. */
export const lineBatch = (write: (text: string) => void): Pick<Printer, 'line' | 'flush'> => {
  let waiting = '';
  let scheduled: NodeJS.Immediate | undefined;
  const flush = (): void => {
    clearImmediate(scheduled);
    scheduled = undefined;
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  };
  const line = (text = ''): void => {
    waiting += `${text}\n`;
    if (waiting.length > BATCH_LENGTH) flush();
    else scheduled ??= setImmediate(flush);
  };
  return { line, flush };
};

const BATCH_LENGTH = 64 * 1024;
