import { notReady } from '../../engine/definition/answer.ts';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { ProcessError } from './error.ts';

/**
 * A sensor's check of what a command says: ready when it exits with 0, not yet with another code. That it can't be run is
 * an error, and so is its end by a signal.
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

/** What shells answer for a program that may not be executed, or is not there. */
const NOT_RUN: ReadonlySet<number> = new Set([126, 127]);
