import type { Printer } from '../terminal/printer.ts';

/** The handlers, which are no part of a drawing since they wait for all, to be told below it. */
export const handlerLines = (names: readonly string[], { style, foreign }: Printer): readonly string[] =>
  names.length === 0 ? [] : ['', style('dim', `Handlers, when all is over: ${names.map(foreign).join(', ')}`)];
