import { notReady } from '../../engine/definition/answer.ts';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { ProcessError } from './error.ts';

/**
 * Turns a command into a sensor's check: ready, with the command's output or `true`, if it exits with 0; not ready on
 * any other exit code.
 *
 * @throws what the command throws if it could not be run (exit codes 126 and 127 included), or a signal ended it
 */
export const readyWhen =
  (command: TaskFunction): TaskFunction =>
  async (scope) => {
    try {
      return (await command(scope)) ?? true;
    } catch (error) {
      if (!(error instanceof ProcessError) || error.exitCode === null || NOT_RUN.has(error.exitCode)) throw error;
      return notReady(`exit code ${error.exitCode}`);
    }
  };

/** The exit codes of shells for a program that is not executable, or not found. */
const NOT_RUN: ReadonlySet<number> = new Set([126, 127]);
