import { errorData } from './error-data.ts';
import { isThenable } from './thenable.ts';

/**
 * Calls what a user plugged in, and lets nothing of what it throws or rejects with reach the job: the first time is
 * reported as a process warning, the rest is dropped.
 */
export const shield = (what: string): ((call: () => unknown) => void) => {
  let warned = false;
  const warn = (error: unknown): void => {
    if (warned) return;
    warned = true;
    process.emitWarning(`${what} threw: ${errorData(error).message}. The job goes on.`, { code: 'TINTYPE_SHIELDED' });
  };
  return (call) => {
    try {
      const answer = call();
      if (isThenable(answer)) answer.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  };
};
