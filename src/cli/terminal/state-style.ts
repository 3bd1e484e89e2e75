import type { JobState, TaskState } from '../../events/event.ts';
import type { Printer, Style } from './printer.ts';

export const STATE_STYLES: Readonly<Record<TaskState | JobState, Style>> = {
  idle: 'gray',
  unscheduled: 'gray',
  ready: 'gray',
  running: 'cyan',
  retrying: 'yellow',
  polling: 'cyan',
  paused: 'yellow',
  completed: 'green',
  failed: 'red',
  timedOut: 'red',
  notReady: 'yellow',
  skipped: 'gray',
  cancelled: 'magenta',
};

/** The words for states in sentences, if they differ from the state's name. */
export const STATE_WORDS: Readonly<Record<string, string>> = { notReady: 'not ready', timedOut: 'timed out' };

export const paintState =
  ({ style }: Pick<Printer, 'style'>) =>
  (state: string): string =>
    style(state === 'interrupted' ? 'yellow' : STATE_STYLES[state as keyof typeof STATE_STYLES], state);

/** Why a task was skipped or cancelled, in words for people. */
export const SKIP_REASONS: Readonly<Record<string, string>> = {
  branch: 'a branch passed it over',
  deadline: 'its deadline passed',
  jobCancelled: 'the job was cancelled',
  jobFailed: 'the job failed',
  jobTimedOut: 'the job ran out of time',
  timeout: 'its last look took too long',
  triggerRule: 'its trigger rule says so',
  upstreamFailed: 'a task upstream of it failed',
  upstreamNotReady: 'a task upstream of it is not ready',
  upstreamSkipped: 'a task upstream of it was skipped',
  when: 'its condition did not hold',
};

/** Why a task completed without an attempt, in words for people. */
export const COMPLETED_REASONS: Readonly<Record<string, string>> = { upToDate: 'up to date' };
