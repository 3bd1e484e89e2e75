import type { Printer } from '../terminal/printer.ts';

/** Returns lines that name the handlers. They are not drawn, because they wait for all tasks. */
export const handlerLines = (names: readonly string[], { style, sanitize }: Printer): readonly string[] =>
  names.length === 0 ? [] : ['', style('dim', `Handlers, when all is over: ${names.map(sanitize).join(', ')}`)];
