import type { Graph } from '../../engine/definition/graph.ts';
import type { TaskState } from '../../events/event.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import type { Shape } from './lanes.ts';

export type Glyphs = {
  readonly shapes: Readonly<Record<Shape, string>>;
  /** Arrow from a task to its upstreams, in lists. */
  readonly from: string;
  /** Arrow between the tasks of a chain. */
  readonly to: string;
  /** The mark where text was cut; one column wide. */
  readonly cut: string;
};

export const UNICODE: Glyphs = {
  shapes: {
    space: ' ',
    node: '●',
    end: '○',
    lane: '│',
    line: '─',
    intoRight: '▸',
    intoLeft: '◂',
    forkRight: '├',
    forkLeft: '┤',
    forkBoth: '┼',
    turnRight: '╰',
    turnLeft: '╯',
    turnBoth: '┴',
    beginLeft: '╮',
    beginRight: '╭',
  },
  from: '←',
  to: '→',
  cut: '…',
};

export const ASCII: Glyphs = {
  shapes: {
    space: ' ',
    node: '*',
    end: 'o',
    lane: '|',
    line: '-',
    intoRight: '>',
    intoLeft: '<',
    forkRight: '+',
    forkLeft: '+',
    forkBoth: '+',
    turnRight: "'",
    turnLeft: "'",
    turnBoth: "'",
    beginLeft: '.',
    beginRight: '.',
  },
  from: '<-',
  to: '->',
  cut: '~',
};

/** Returns whether to draw in ASCII: the locale is not UTF-8, or the terminal has TERM `dumb` or `linux`. */
export const wantsAscii = (env: CliIo['env'], isTerminal: boolean): boolean => {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (isTerminal && (env.TERM === 'dumb' || env.TERM === 'linux')) return true;
  return Boolean(locale) && !/utf-?8/i.test(locale ?? '');
};

/** What every part of a drawing needs: the graph, its texts, and the look. */
export type Drawing = {
  readonly graph: Graph;
  readonly glyphs: Glyphs;
  readonly style: Printer['style'];
  readonly columns: number;
  /** The name of each task, safe to print. */
  readonly names: readonly string[];
  /** The notes of each task as one text, safe to print; empty if the task has none. */
  readonly notes: readonly string[];
  /** The state of each task, in the drawing of a job. */
  readonly states: readonly (TaskState | undefined)[];
  /** The tasks of the critical path, in order. */
  readonly chain: readonly number[];
  /** Whether times decided which tasks are on it, or their number. */
  readonly isTimed: boolean;
  /** Whether a task is part of that path; always false if that path is a single task. */
  readonly isInChain: (task: number) => boolean;
};
