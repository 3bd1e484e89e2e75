import { CommandError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';

/** Requires that this process runs the job. Resumes a restored job first. @throws CommandError */
export const requireLocal = ({ remote, plan, startNow }: JobRun, what: string): void => {
  startNow?.();
  if (!remote) return;
  const message = `Job "${plan.name}" can't be ${what} here: another process runs it. Here its events can be heard, and it can be cancelled.`;
  throw new CommandError('INVALID_STATE', message);
};
