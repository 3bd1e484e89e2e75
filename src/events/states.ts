import type { JobState, TaskState } from './event.ts';

/** The states in which nothing more happens to a task, unless a person requests another attempt. */
export const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** The states of a job that has not ended. */
export const UNFINISHED_STATES: readonly JobState[] = ['idle', 'running', 'paused'];

/** The states of a job that has ended. */
export const ENDED_STATES: readonly JobState[] = ['completed', 'failed', 'timedOut', 'cancelled', 'notReady'];

export const JOB_STATES: readonly JobState[] = [...UNFINISHED_STATES, ...ENDED_STATES];

const TERMINAL: ReadonlySet<JobState> = new Set(ENDED_STATES);

/** Returns whether a job in this state has ended. */
export const isTerminalJobState = (state: JobState): boolean => TERMINAL.has(state);
