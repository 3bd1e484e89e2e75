import type { Moment } from './definitions.ts';
import { type Chance, chanceOf } from './random-jobs.ts';

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

/** Moments that come many times, and those that come once or a few times. */
const MANY: readonly Moment[] = [
  'began',
  'began',
  'succeeded',
  'succeeded',
  'failed',
  'looked',
  'saved',
  'saved',
  'published',
  'before append',
  'after append',
  'after append',
];
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

export const killPlan = (seed: number, turn: number): KillPlan => {
  const chance = chanceOf(seed * 1_009 + turn);
  const by = chance.oneIn(2) ? 'itself' : 'parent';
  const few = chance.oneIn(4);
  const moment = chance.pick(few ? FEW : MANY);
  const count = few ? chance.between(1, 3) : howMany(chance, moment);
  return { by, moment, count, delayMs: by === 'parent' ? chance.between(0, chance.oneIn(2) ? 5 : 100) : 0 };
};

/** Often early, so that a round takes many kills. */
const howMany = (chance: Chance, moment: Moment): number => {
  if (moment === 'published') return chance.between(1, 250);
  if (moment.endsWith('append')) return chance.between(1, 40);
  if (moment === 'began' || moment === 'succeeded') return chance.between(1, 25);
  return chance.between(1, 8);
};
