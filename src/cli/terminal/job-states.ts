import type { JobState } from '../../events/event.ts';

/** The state of a job, or `interrupted`: it is not over, and nobody works on it any more. */
export type ShownState = JobState | 'interrupted';

/** Those of a job that is over. */
export const OVER: readonly JobState[] = ['completed', 'failed', 'timedOut', 'cancelled', 'notReady'];

export const SHOWN_STATES: readonly ShownState[] = ['idle', 'running', 'paused', 'interrupted', ...OVER];
