/* Jobs that are started when they are due. `schedule.ts` says what a schedule is; `define-schedule.ts` makes one in code,
 * `file-schedules.ts` reads those of workflow files, `stored-schedules.ts` keeps those of the API. `due-times.ts` finds when
 * one is due. `schedule-state.ts` is what is kept of its runs; `decide.ts` decides what due times owe, before
 * `scheduled-runs.ts` starts it if `unfinished-jobs.ts` finds none in its way, so that a crash in between neither starts a job twice nor forgets one. `schedules.ts` holds
 * them all, with one timer for what comes first in `wake-list.ts`. */

import { DEFAULT_TIMEZONE, type TimingOptions } from '../../timing/timing.ts';

/** What happens if a job of the schedule still runs when the next is due. */
export type Overlap = 'skip' | 'queue' | 'allow' | 'cancel';

/** What is started for due times that were missed. */
export type Catchup = 'latest' | 'all' | 'none';

export type Schedule = TimingOptions & {
  readonly name: string;
  /** The name of the definition whose jobs are started. */
  readonly definition: string;
  readonly timezone: string;
  readonly overlap: Overlap;
  readonly catchup: Catchup;
  /** How long ago a missed due time may be, in ms. */
  readonly catchupWindow: number;
  /** Jobs start up to so long after their due time, in ms. */
  readonly jitter: number;
  /** After how many failed jobs in a row it is paused. Default: never. */
  readonly pauseOnFailure?: number | undefined;
  /** Texts may hold `${{ schedule.due }}` and `${{ schedule.name }}`. */
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  /** Nothing is due before `start`, nor from `end` on; epoch ms. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly enabled: boolean;
};

/** A schedule as it may be given. */
export type GivenSchedule = Pick<Schedule, 'name' | 'definition'> & {
  readonly [Option in keyof Schedule]?: Schedule[Option] | undefined;
};

/** The label that names the schedule of a job, and the one with its due time in ISO 8601. */
export const SCHEDULE = 'schedule';
export const DUE = 'due';

/** Where a schedule is defined. */
export type ScheduleSource = 'code' | 'file' | 'upload' | 'api';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Adds the defaults. */
export const scheduleOf = (given: GivenSchedule): Schedule => ({
  ...given,
  timezone: given.timezone ?? DEFAULT_TIMEZONE,
  overlap: given.overlap ?? 'skip',
  catchup: given.catchup ?? 'latest',
  catchupWindow: given.catchupWindow ?? DAY_MS,
  jitter: given.jitter ?? 0,
  enabled: given.enabled ?? true,
});

export const isoOf = (at: number): string => new Date(at).toISOString();
