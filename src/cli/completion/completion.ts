import type { Command } from 'commander';
import { bashCompletion } from './bash.ts';
import { commandShape } from './command-shape.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

export type CompletedShell = 'bash' | 'zsh' | 'fish';

/** The completion script of a shell, made from the program itself: its commands, options, choices and descriptions. */
export const completion = (shell: CompletedShell, program: Command): string => SCRIPTS[shell](commandShape(program));

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
