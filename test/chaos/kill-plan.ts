import type { Moment } from './definitions.ts';
import { chanceOf } from './random-jobs.ts';

/**
 * How one process is killed: by its own hand at an exact moment, or by its parent so many ms after it heard of one; a
 * count that it does not reach lets it live.
 */
export type KillPlan = {
  readonly by: 'itself' | 'parent';
  readonly moment: Moment;
  /** Which such moment, from 1. */
  readonly count: number;
  /** Between the moment and the kill of a parent. */
  readonly delayMs: number;
};

/** Moments that come many times, those among them that come in every job, and those that come once or a few times. */
const MANY: readonly Moment[] = [
  'began',
  'began',
  'succeeded',
  'succeeded',
  'failed',
  'failed',
  'skipped',
  'looked',
  'saved',
  'saved',
  'published',
  'before append',
  'after append',
  'after append',
];
const CERTAIN: readonly Moment[] = ['began', 'published', 'before append', 'after append'];
const FEW: readonly Moment[] = [
  'started',
  'opened',
  'recovered',
  'over',
  'before create',
  'after create',
  'before acquire',
  'after acquire',
];

/** How many such moments there may be before the kill; 8 of those not named. */
const MOST: Readonly<Partial<Record<Moment, number>>> = {
  published: 250,
  'before append': 40,
  'after append': 40,
  began: 25,
  succeeded: 25,
};

export const killPlan = (seed: number, turn: number): KillPlan => {
  const chance = chanceOf(seed * 1_009 + turn);
  // The first process of a round has no need to come far: it is killed for certain.
  if (turn === 0) return { by: 'itself', moment: chance.pick(CERTAIN), count: chance.between(1, 4), delayMs: 0 };
  const by = chance.oneIn(2) ? 'itself' : 'parent';
  const few = chance.oneIn(4);
  const moment = chance.pick(few ? FEW : MANY);
  // Often early, so that a round takes many kills.
  const count = few ? chance.between(1, 3) : chance.between(1, chance.between(1, MOST[moment] ?? 8));
  return { by, moment, count, delayMs: by === 'parent' ? chance.between(0, chance.oneIn(2) ? 5 : 50) : 0 };
};
