import type { Graph } from '../../engine/definition/graph.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import type { Shape } from './lanes.ts';

/** How a drawing is written. */
export type Glyphs = {
  readonly shapes: Readonly<Record<Shape, string>>;
  readonly from: string;
  readonly to: string;
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

/** Whether the locale names an encoding other than UTF-8, or the terminal is one without line-drawing characters. */
export const wantsAscii = (env: CliIo['env'], isTerminal: boolean): boolean => {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (isTerminal && (env.TERM === 'dumb' || env.TERM === 'linux')) return true;
  return Boolean(locale) && !/utf-?8/i.test(locale ?? '');
};

/** What all parts of the text are made with. */
export type Drawing = {
  readonly graph: Graph;
  readonly glyphs: Glyphs;
  readonly style: Printer['style'];
  readonly columns: number;
  /** The name and the notes of each task, as they may be shown. */
  readonly names: readonly string[];
  readonly notes: readonly string[];
  /** The longest chain, and whether a task is part of it. */
  readonly chain: readonly number[];
  readonly isInChain: (task: number) => boolean;
};
