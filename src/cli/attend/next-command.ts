import type { JobResult } from '../../engine/job-result.ts';
import { type JobLocation, jobCommand } from '../stored/job-command.ts';
import type { Printer } from '../terminal/printer.ts';

/** Returns lines with the command to continue a stored job: `resume` if its journal failed, else `retry`. */
export const nextCommand = (
  result: JobResult,
  location: JobLocation,
  { style, sanitize }: Printer,
): readonly string[] => {
  if (result.state === 'completed') return [];
  const lines = (what: string, command: string): readonly string[] => [
    what,
    `  ${style('bold', sanitize(jobCommand(command, result.jobId, location)))}`,
  ];
  const more = result.state === 'timedOut' ? ' (--timeout gives it more time)' : '';
  if (!isInterrupted(result)) return lines(`To try again what ${whatOf(result)}${more}:`, 'retry');
  // If the lease was lost, another process may run the job: suggest nothing.
  const { code } = (result.error?.cause ?? {}) as { readonly code?: unknown };
  return code === 'LEASE_LOST' ? [] : lines('Once that is mended, it goes on with:', 'resume');
};

const whatOf = (result: JobResult): string => {
  if (result.firstError()) return 'failed';
  return result.state === 'notReady' ? 'was not ready' : 'did not complete';
};

/** Returns whether this process stopped because its journal failed. The job itself has not ended. */
export const isInterrupted = ({ error }: JobResult): boolean => error?.code === 'JOURNAL_FAILED';
