import type { CommandShape } from './command-shape.ts';

/** A command and how it is reached: `` for the program itself, `/run`, `/queue/pause`. */
export type CommandAt = { readonly path: string; readonly command: CommandShape };

/** A program and all commands below it. */
export const paths = (command: CommandShape, path = ''): readonly CommandAt[] => [
  { path, command },
  ...command.commands.flatMap((inner) => paths(inner, `${path}/${inner.name}`)),
];
