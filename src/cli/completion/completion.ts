/* This folder writes the scripts of `tintype completion`. `command-shape.ts` reads the commands, options and choices
 * from commander; `bash.ts`, `zsh.ts` and `fish.ts` write the script. */

import type { Command } from 'commander';
import { bashCompletion } from './bash.ts';
import { commandShape } from './command-shape.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

export type CompletedShell = 'bash' | 'zsh' | 'fish';

/** Returns the completion script for a shell, built from the program's commands, options, choices and descriptions. */
export const completion = (shell: CompletedShell, program: Command): string => SCRIPTS[shell](commandShape(program));

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
