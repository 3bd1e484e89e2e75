import type { JobState } from '../../events/event.ts';

/** A job's state as shown to users. `interrupted`: the job has not ended, but no process runs it any more. */
export type ShownState = JobState | 'interrupted';

/** The states of a job that has ended. */
export const ENDED_STATES: readonly JobState[] = ['completed', 'failed', 'timedOut', 'cancelled', 'notReady'];

export const SHOWN_STATES: readonly ShownState[] = ['idle', 'running', 'paused', 'interrupted', ...ENDED_STATES];
