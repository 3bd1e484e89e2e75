import type { TaskFunction } from '../engine/task-function.ts';
import { type ProcessOptions, processTask } from './process.ts';

/**
 * Runs a command in bash, with the flags that GitHub Actions gives its `bash` steps: `-e` ends the command at the first
 * part that fails, `-o pipefail` lets a pipe fail with any of its members; no profile or rc file is read.
 */
export const bash = (command: string, options: ProcessOptions = {}): TaskFunction =>
  processTask(
    { type: 'bash', programs: ['bash'], args: ['--noprofile', '--norc', '-eo', 'pipefail', '-c', command] },
    options,
  );
