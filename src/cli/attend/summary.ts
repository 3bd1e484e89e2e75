import type { JobResult } from '../../engine/job-result.ts';
import type { Metrics } from '../../engine/views/metrics.ts';
import type { JobState, TaskState } from '../../events/event.ts';
import { ProcessError } from '../../executors/process/error.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { STATE_STYLES, STATE_WORDS } from '../terminal/state-style.ts';
import { thrownBy } from './exit-code-of-task.ts';

/** Returns a line of totals: `example_pipeline failed in 3.2s: 3 completed, 1 failed, 2 skipped`. */
export const totals = (
  result: Pick<JobResult, 'jobName' | 'durationMs'> & { readonly state: JobState },
  counts: Metrics['tasks'],
  { style, sanitize }: Printer,
): string => {
  const parts = ORDER.flatMap((state) => {
    const count = counts[state];
    return count ? [style(STATE_STYLES[state], `${count} ${STATE_WORDS[state] ?? state}`)] : [];
  });
  const how = style(STATE_STYLES[result.state], STATE_WORDS[result.state] ?? result.state);
  return `${style('bold', sanitize(result.jobName))} ${how} in ${formatDuration(result.durationMs)}: ${parts.join(', ') || 'no tasks'}`;
};

const ORDER: readonly TaskState[] = ['completed', 'failed', 'notReady', 'skipped', 'cancelled', 'unscheduled'];

/** The first failure in full: as lines, and which task failed with which code. */
export type FirstError = {
  readonly lines: readonly string[];
  readonly task: string;
  readonly code: string | undefined;
};

/** Returns the first failure; undefined if no task failed. */
export const firstError = (result: JobResult, { style, sanitize }: Printer): FirstError | undefined => {
  const error = result.firstError();
  if (!error) return undefined;
  const thrown = thrownBy(error);
  const code = thrown instanceof Error ? (thrown as { code?: unknown }).code : error.code;
  const shown = typeof code === 'string' ? code : undefined;
  const lines = [
    `${style('red', 'First error:')} ${sanitize(error.message)}${shown === undefined ? '' : ` (${shown})`}`,
    ...tailLines(thrown, sanitize),
  ];
  return { lines, task: error.taskName, code: shown };
};

/** If the error is that of a process, returns the last lines of the process's output; else no lines. */
export const tailLines = (thrown: unknown, sanitize: Printer['sanitize']): readonly string[] => {
  if (!(thrown instanceof ProcessError)) return [];
  // If stderr is empty, show stdout: many programs print their errors to it.
  const stream = thrown.stderr.length > 0 ? 'stderr' : 'stdout';
  const lines = thrown[stream].map((line) => `  ${sanitize(line)}`);
  return lines.length > 0 ? [`Last lines of its ${stream}:`, ...lines] : [];
};
