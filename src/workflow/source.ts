import { LineCounter } from 'yaml';
import { codeFrame } from './code-frame.ts';
import type { WorkflowProblem } from './problem.ts';

/** The text of a file, from which problems get their place. */
export type Source = {
  readonly text: string;
  /** To be filled by the parser. */
  readonly counter: LineCounter;
  /** The offset of a text that stands in the file at or after another offset, else that one. */
  readonly offsetOf: (offset: number, near: string | undefined) => number;
  /** A problem at an offset into the text. */
  readonly problemAt: (offset: number, code: WorkflowProblem['code'], message: string) => PlacedProblem;
};

export type PlacedProblem = WorkflowProblem & { readonly offset: number };

export const createSource = (file: string): Source => {
  const text = file.replace(/^\uFEFF/, '');
  const counter = new LineCounter();
  let lines: string[] | undefined;
  return {
    text,
    counter,
    offsetOf: (offset, near) => {
      const found = near === undefined ? -1 : text.indexOf(near, offset);
      return found < 0 ? offset : found;
    },
    problemAt: (offset, code, message) => {
      const { line, col } = counter.linePos(offset);
      lines ??= text.split(/\r?\n/);
      // What is missing at the end of a file may be a line too far.
      const [onLine, column] = [Math.max(1, Math.min(line, lines.length)), Math.max(1, col)];
      return { code, message, line: onLine, column, frame: codeFrame(lines, onLine, column), offset };
    },
  };
};
