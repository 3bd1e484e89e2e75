import { LineCounter } from 'yaml';
import { codeFrame } from './code-frame.ts';
import type { Finding, WorkflowProblem } from './problem.ts';

/** The text of a workflow file; locates problems in it. */
export type Source = {
  readonly text: string;
  /** The offsets at which lines start; filled by the YAML parser. */
  readonly counter: LineCounter;
  /** Returns the offset of the first `near` at or shortly after `offset`, or `offset` if there is none. */
  readonly offsetOf: (offset: number, near: string | undefined) => number;
  /** Returns the offset of what stands at `at` in a text, whose value begins at `offset` of the file. */
  readonly offsetIn: (offset: number, text: string, at: number) => number;
  readonly problemAt: <Code extends Finding['code']>(offset: number, code: Code, message: string) => Placed<Code>;
};

export type Placed<Code extends Finding['code']> = Finding<Code> & { readonly offset: number };

export type PlacedProblem = Placed<WorkflowProblem['code']>;

/** How far a text is searched for, and how much of it, in UTF-16 units: many problems must not read the file each. */
const NEARBY = 10_000;
const NEAR_LENGTH = 1_000;

const lineAt = (value: string, at: number) => {
  const start = value.lastIndexOf('\n', at - 1) + 1;
  const next = value.indexOf('\n', at);
  const end = next < 0 ? value.length : next;
  return { value, start, end, line: value.slice(start, end).trimEnd() };
};

export const createSource = (file: string): Source => {
  const text = file.replace(/^\uFEFF/, '');
  const counter = new LineCounter();
  let lines: string[] | undefined;
  // Kept, since a long line may have many problems.
  let last: ReturnType<typeof lineAt> | undefined;
  const find = (offset: number, near: string): number =>
    near === '' ? -1 : text.slice(offset, offset + NEARBY).indexOf(near.slice(0, NEAR_LENGTH));
  return {
    text,
    counter,
    offsetOf: (offset, near) => {
      const found = near === undefined ? -1 : find(offset, near);
      return found < 0 ? offset : offset + found;
    },
    offsetIn: (offset, value, at) => {
      // Escapes and folds may make the file differ from the value: then the rest of the line is looked for.
      if (value !== last?.value || at < last.start || at > last.end) last = lineAt(value, at);
      const { start, line } = last;
      const whole = find(offset, line);
      if (whole >= 0) return offset + whole + at - start;
      const rest = find(offset, line.slice(at - start));
      return rest < 0 ? offset : offset + rest;
    },
    problemAt: (offset, code, message) => {
      const { line, col } = counter.linePos(offset);
      lines ??= text.split(/\r?\n/);
      // An offset at the end of the file may lie one line past the last.
      const [onLine, column] = [Math.max(1, Math.min(line, lines.length)), Math.max(1, col)];
      return { code, message, line: onLine, column, frame: codeFrame(lines, onLine, column), offset };
    },
  };
};
