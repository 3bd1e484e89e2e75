import type { JobState, TaskState } from '../../events/event.ts';
import type { Style } from './printer.ts';

/** The colour of each state, the same wherever it is shown. */
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

export const STATE_WORDS: Readonly<Record<string, string>> = {
  notReady: 'not ready',
  timedOut: 'timed out',
};
