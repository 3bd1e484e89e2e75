import type { JobResult } from '../../engine/job-result.ts';
import { jobCommand, type Kept } from '../kept/job-command.ts';
import type { Printer } from '../terminal/printer.ts';

/** How what did not complete of a kept job is tried again; of one whose journal failed, how it goes on. */
export const goOnCommand = (result: JobResult, kept: Kept, { style, foreign }: Printer): readonly string[] => {
  if (result.state === 'completed') return [];
  const lines = (what: string, command: string): readonly string[] => [
    what,
    `  ${style('bold', foreign(jobCommand(command, result.jobId, kept)))}`,
  ];
  const more = result.state === 'timedOut' ? ' (--timeout gives it more time)' : '';
  if (!isInterrupted(result)) return lines(`To try again what ${whatOf(result)}${more}:`, 'retry');
  // Another process may have taken it over.
  const { code } = (result.error?.cause ?? {}) as { readonly code?: unknown };
  return code === 'LEASE_LOST' ? [] : lines('Once that is mended, it goes on with:', 'resume');
};

const whatOf = (result: JobResult): string => {
  if (result.firstError()) return 'failed';
  return result.state === 'notReady' ? 'was not ready' : 'did not complete';
};

/** Whether the job ended here since its journal failed: it is not over. */
export const isInterrupted = ({ error }: JobResult): boolean => error?.code === 'JOURNAL_FAILED';
