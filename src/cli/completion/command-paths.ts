import type { CommandShape } from './command-shape.ts';

/** A command and its path: empty for the program itself, or for example `/run` or `/queue/pause`. */
export type CommandAt = { readonly path: string; readonly command: CommandShape };

export const paths = (command: CommandShape, path = ''): readonly CommandAt[] => [
  { path, command },
  ...command.commands.flatMap((inner) => paths(inner, `${path}/${inner.name}`)),
];
