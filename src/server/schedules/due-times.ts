import { createHash } from 'node:crypto';
import { timingOf } from '../../timing/timing.ts';
import { isoOf, type Schedule } from './schedule.ts';

export type DueTimes = {
  /** Returns the first due time after `after`, in epoch ms; undefined if there is none. */
  readonly next: (after: number) => number | undefined;
  /** Returns the last due times after `after`, up to `until`, in order: `limit` of them at most. */
  readonly last: (after: number, until: number, limit: number) => readonly number[];
};

export const dueTimesOf = (schedule: Schedule): DueTimes => {
  const { start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY } = schedule;
  const timing = timingOf(schedule);
  const next = (after: number): number | undefined => {
    const due = timing.next(Math.max(after, start - 1));
    return due !== undefined && due < end ? due : undefined;
  };
  const within = (after: number, until: number): readonly number[] => {
    const found: number[] = [];
    for (let due = next(after); due !== undefined && due <= until; due = next(due)) found.push(due);
    return found;
  };
  return {
    next,
    last: (after, until, limit) => {
      // Looks back further and further, so that a schedule of each second takes no longer than one of each day.
      for (let back = LOOK_BACK_MS; ; back *= 4) {
        const from = Math.max(after, until - back);
        const found = within(from, until);
        if (found.length >= limit || from === after) return found.slice(-limit);
      }
    },
  };
};

const LOOK_BACK_MS = 15_000;

/** Returns when the job of a due time starts: the same time for each asking. */
export const startOfDue = ({ name, jitter }: Schedule, due: number): number => {
  if (jitter === 0) return due;
  const hash = createHash('sha256')
    .update(`${name} ${isoOf(due)}`)
    .digest();
  return due + Math.floor((hash.readUInt32BE(0) / 2 ** 32) * jitter);
};
