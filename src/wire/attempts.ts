import type { WireError } from './job-columns.ts';

/** The attempts of a task, as `GET /jobs/{id}/attempts` has them. */
export type TaskAttempts = {
  /** Path of the task. */
  readonly task: string;
  /** In the order in which they were ready, those before a retry or a new attempt of the task around included. */
  readonly attempts: readonly WireAttempt[];
  /** How many earlier ones are left out. */
  readonly omitted: number;
};

/**
 * How an attempt ended. `notYet`: a sensor looks again. `interrupted`: its process or its worker died. `released`: its
 * worker gave it back. `reset`: what it waited for runs anew.
 */
export const ATTEMPT_OUTCOMES = [
  'completed',
  'failed',
  'notReady',
  'notYet',
  'skipped',
  'cancelled',
  'interrupted',
  'released',
  'reset',
] as const;

export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** An attempt with the wait before it. Times are in ms since `startedAt` of the columns; absent: not yet, or never. */
export type WireAttempt = {
  /** Number of the attempt, from 1; 0 if it has not begun. */
  readonly number: number;
  readonly readyAt?: number | undefined;
  readonly startAt?: number | undefined;
  readonly endAt?: number | undefined;
  readonly outcome?: AttemptOutcome | undefined;
  readonly reason?: string | undefined;
  readonly error?: WireError | undefined;
};
