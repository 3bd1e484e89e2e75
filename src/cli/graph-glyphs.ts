import type { Shape } from './graph-lanes.ts';
import type { CliIo } from './io.ts';

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
