import { styleText } from 'node:util';
import type { OutputGate } from '../../executors/process/output-gate.ts';
import type { CliIo, OutputStream } from './io.ts';
import { plainText, styledText } from './safe-text.ts';

/** A colour or weight of `styleText`, such as `red`. */
export type Style = Parameters<typeof styleText>[0];

/** Writes lines to one stream. */
export type Printer = {
  /** Writes a line, soon: lines of one turn of the event loop are written together. */
  readonly line: (text?: string) => void;
  /** Writes what is waiting, now. */
  readonly flush: () => void;
  /** The text in a colour or weight, where the stream shows such. */
  readonly style: (format: Style, text: string) => string;
  /** Text from outside, made harmless: without control characters, and with colours only where the stream shows such. */
  readonly foreign: (text: string) => string;
  /** Columns of the terminal; `Infinity` where the stream is none. */
  readonly columns: number;
  /** Resolves to the error once nobody reads the stream any more. What is written from then on is dropped. */
  readonly broken: Promise<NodeJS.ErrnoException>;
};

/** `gate` is closed while the stream has more to write than it holds. */
export const createPrinter = (stream: OutputStream, env: CliIo['env'], gate?: OutputGate): Printer => {
  const colours = Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  let waiting = '';
  let scheduled: NodeJS.Immediate | undefined;
  let error: NodeJS.ErrnoException | undefined;

  const broken = new Promise<NodeJS.ErrnoException>((resolve) => {
    stream.on('error', (thrown: NodeJS.ErrnoException) => {
      error = thrown;
      gate?.open();
      resolve(thrown);
    });
  });
  const flush = (): void => {
    clearImmediate(scheduled);
    scheduled = undefined;
    const text = waiting;
    waiting = '';
    if (text === '' || error || stream.write(text) || !gate?.isOpen()) return;
    gate.close();
    stream.once('drain', gate.open);
  };

  return {
    line: (text = '') => {
      waiting += `${text}\n`;
      if (waiting.length > BATCH_LENGTH) flush();
      else scheduled ??= setImmediate(flush);
    },
    flush,
    style: (format, text) => (colours ? styleText(format, text, { validateStream: false }) : text),
    foreign: colours ? styledText : plainText,
    columns: stream.isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY,
    broken,
  };
};

const BATCH_LENGTH = 64 * 1024;
