import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/** A program and its flags; the command is appended as the last argument. */
export type Shell = readonly [program: string, ...args: string[]];

/**
 * Makes a task that runs a command in a shell. Default: bash with the flags of GitHub Actions. The command then ends at
 * the first part that fails (`-e`), a pipe fails if any part of it fails (`-o pipefail`), and no rc file is read.
 */
export const bash = (command: string, options: ProcessOptionsOf = {}, shell: Shell = BASH): TaskFunction => {
  const [program, ...flags] = shell;
  const asScript = flagsForScript(flags);
  // Shells take the argument after the command as $0, their own name.
  return processTask(
    {
      type: 'bash',
      programs: [program],
      args: [...flags, command, program],
      long: SOURCES.test(program)
        ? { text: command, args: (path) => [...flags, `. '${path.replaceAll("'", `'\\''`)}'`, program] }
        : asScript && { text: command, args: (path) => [...asScript, path, program] },
    },
    options,
  );
};

/**
 * Returns the flags with which a program runs the command of a file instead of one that is an argument: the same without
 * `-c` or `-e` at their end. Undefined for a list that is more than flags: the program may start another one, elsewhere.
 */
const flagsForScript = (flags: readonly string[]): readonly string[] | undefined => {
  const last = /^(-[A-Za-z]*)[ce]$/.exec(flags.at(-1) ?? '')?.[1];
  if (last === undefined || !flags.every((flag) => flag.startsWith('-'))) return undefined;
  return [...flags.slice(0, -1), ...(last === '-' ? [] : [last])];
};

/** The shells that run the commands of a file with `.`, which keeps `$0` and the arguments. */
const SOURCES = /(^|\/)(bash|sh|dash|ash|ksh|mksh|zsh)$/;

const BASH: Shell = ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c'];
