import { z } from 'zod';
import type { Schedule } from './schedule.ts';

/** Why a job is owed: it is due now, its due time was missed, or a person asked for it. */
const Lane = z.enum(['due', 'catchup', 'backfill']);

const Owed = z.object({
  due: z.number(),
  /** When it starts, at the earliest. */
  at: z.number(),
  lane: Lane,
});

/** What became of a due time. */
const Outcome = z.object({
  due: z.number(),
  /** When that was decided. */
  at: z.number(),
  outcome: z.enum(['started', 'skipped', 'missed', 'failed']),
  jobId: z.string().optional(),
  /** Why, in words, of what was not started. */
  reason: z.string().optional(),
  /** Of what was missed: how many due times, the last of which is `due`; MAX_COUNTED stands for more. */
  count: z.int().optional(),
});

const Kept = z.object({
  /** What was due when by `considered`; with another timing the schedule begins anew. */
  timing: z.string(),
  /** All due times up to here have been decided. */
  considered: z.number(),
  /** What has been decided to start, and has not been started. */
  owed: z.array(Owed),
  /** The jobs that are not over, as far as that is known. */
  running: z.array(z.object({ jobId: z.string(), due: z.number(), lane: Lane })),
  /** How many jobs in a row have failed. */
  failures: z.int(),
  paused: z.object({ at: z.number(), reason: z.string().optional() }).optional(),
  /** The last outcomes, the oldest first. */
  recent: z.array(Outcome),
});

/** What is kept of the runs of a schedule. */
export type ScheduleState = z.infer<typeof Kept>;
export type Lane = z.infer<typeof Lane>;
export type Owed = z.infer<typeof Owed>;
export type Outcome = z.infer<typeof Outcome>;

export const stateIn = (value: string): ScheduleState => Kept.parse(JSON.parse(value));

/** How many outcomes are kept. */
export const MAX_RECENT = 50;

/** How many jobs that run are kept in mind. */
export const MAX_RUNNING = 1000;

/** How many due times are caught up at once. */
export const MAX_CAUGHT_UP = 100;

/** How many due times may be backfilled at once. */
export const MAX_BACKFILL = 1000;

/** How far missed due times are counted. */
export const MAX_COUNTED = 100;

/** The state of a schedule that begins now: nothing before is due. */
export const newState = (schedule: Schedule, now: number): ScheduleState => ({
  timing: timingText(schedule),
  considered: now,
  owed: [],
  running: [],
  failures: 0,
  recent: [],
});

/**
 * How far the clock may be behind `considered`, in ms. After a correction by less, the time that comes again is waited
 * for, so that no due time is decided twice.
 */
export const MAX_BEHIND_MS = 60_000;

/**
 * Returns the state after the clock was set back: due times that lie ahead again are decided when they come again, those
 * that were owed too. A job that was started of one is found by its key then. What a person asked for stays owed.
 */
export const afterSetBack = (state: ScheduleState, now: number): ScheduleState => {
  if (state.considered <= now + MAX_BEHIND_MS) return state;
  const owed = state.owed.filter(({ due, lane }) => lane === 'backfill' || due <= now);
  return { ...state, considered: now, owed };
};

/** Says when a schedule is due, so that a change is noticed. */
export const timingText = ({ cron, every, timezone, start, enabled }: Schedule): string =>
  JSON.stringify([cron, every, timezone, start, enabled]);
