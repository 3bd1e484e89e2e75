import { notReady, skip } from '../../engine/definition/directive.ts';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { noRetry } from '../errors.ts';
import { ProcessError } from './error.ts';

/** What an exit code means: the task can't do its work yet, has nothing to do, or has failed and is not retried. */
export type ExitMeaning = 'notReady' | 'skip' | 'fail';

/**
 * Gives exit codes of a command a meaning. The reason is the code with the last line of the standard error or, if that
 * is empty, of the standard output. An exit code without a meaning is an error, as it is without this function.
 */
export const withExitCodes =
  (command: TaskFunction, meanings: ReadonlyMap<number, ExitMeaning>): TaskFunction =>
  async (scope) => {
    try {
      return await command(scope);
    } catch (error) {
      if (!(error instanceof ProcessError) || error.exitCode === null) throw error;
      const meaning = meanings.get(error.exitCode);
      if (meaning === undefined) throw error;
      if (meaning === 'fail') throw noRetry(error);
      return (meaning === 'skip' ? skip : notReady)(reasonOf(error));
    }
  };

const reasonOf = ({ exitCode, stdout, stderr }: ProcessError): string => {
  const said = lastLine(stderr) ?? lastLine(stdout);
  return `exit code ${exitCode}${said === undefined ? '' : `: ${said}`}`;
};

const lastLine = (lines: readonly string[]): string | undefined => lines.findLast((line) => line.trim() !== '')?.trim();
