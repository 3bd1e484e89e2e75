import { notReady } from '../../engine/definition/directive.ts';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { ProcessError } from './error.ts';

/**
 * Turns a command into a sensor's check: exit code 0 is ready, with the output or `true`; others are not ready.
 * @throws what the command throws if it could not be run (exit codes 126 and 127 too), or a signal ended it
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
