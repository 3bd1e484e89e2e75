import type { JournalChange } from '../engine/durable/journal.ts';

/** Returns the part of a change that is after a position and has at most `most` events. */
export const partAfter = (change: JournalChange, after: number, most: number): JournalChange => {
  const { position, jobId, toSeq } = change;
  const fromSeq = Math.max(change.fromSeq, toSeq - (position - after) + 1);
  const last = Math.min(toSeq, fromSeq + most - 1);
  return { position: position - (toSeq - last), jobId, fromSeq, toSeq: last };
};

export const eventsIn = ({ fromSeq, toSeq }: JournalChange): number => toSeq - fromSeq + 1;
