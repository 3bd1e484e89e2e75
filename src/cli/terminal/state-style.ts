import type { JobState, TaskState } from '../../events/event.ts';
import type { Style } from './printer.ts';

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
export const STATE_WORDS: Readonly<Record<string, string>> = {
  notReady: 'not ready',
  timedOut: 'timed out',
};
