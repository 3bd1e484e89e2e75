import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/** A program that is given a command as its last argument, with those before it. */
export type Shell = readonly [program: string, ...args: string[]];

/**
 * Runs a command in a shell, by default bash with the flags that GitHub Actions gives its `bash` steps: `-e` ends the
 * command at the first part that fails, `-o pipefail` lets a pipe fail with any of its members; no profile or rc file is
 * read.
 */
export const bash = (command: string, options: ProcessOptionsOf = {}, shell: Shell = BASH): TaskFunction => {
  const [program, ...flags] = shell;
  // The argument after the command is what shells call themselves: $0.
  return processTask({ type: 'bash', programs: [program], args: [...flags, command, program] }, options);
};

const BASH: Shell = ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c'];
