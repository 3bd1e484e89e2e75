/* What the tasks of a job have logged, by line number. `log-index.ts` knows where each line is kept, `log-lines.ts` reads
 * lines, `log-search.ts` finds some, `log-stream.ts` follows them. */

import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';

/** An event with lines of a log: one line, or at the end of an attempt all that were held back. */
export type LogEntry = {
  readonly seq: number;
  readonly task: string;
  readonly attempt: number;
  readonly lines: number;
  /** Length of its JSON. */
  readonly size: number;
};

/** Where the lines of jobs are. Reads each event of a job once, as long as its entries are kept. */
export type LogIndexes = {
  /** Returns the entries of a job up to its last event. @throws JournalError */
  readonly of: (job: JournalJob) => Promise<readonly LogEntry[]>;
};

type Index = { readonly entries: LogEntry[]; next: number; reading: Promise<void> };

/** How many entries are kept of all jobs together: some 100 bytes each. The jobs asked for last stay. */
const MAX_KEPT = 1_000_000;

/** How many events are read at once; fewer if they are large. */
const MOST_AT_ONCE = 2_000;
const SIZE_AT_ONCE = 4 * 1024 * 1024;

export const logIndexes = (journal: Journal): LogIndexes => {
  const indexes = new Map<string, Index>();

  const readOn = async (index: Index, { id, lastSeq }: JournalJob): Promise<void> => {
    for (let count = 100; index.next <= lastSeq; await setImmediate()) {
      const events = await journal.events(id, index.next, Math.min(count, lastSeq - index.next + 1));
      let size = 0;
      for (const stored of events) {
        size += stored.data.length;
        // Most events are no logs: those need not be parsed.
        if (!stored.data.includes('"task.log"')) continue;
        const event = eventOf(stored, id);
        if (event.type !== 'task.log') continue;
        const { seq, task, attempt, last, omitted = 0 } = event;
        const lines = last ? last.length + (omitted > 0 ? 1 : 0) : 1;
        if (lines > 0) index.entries.push({ seq, task, attempt, lines, size: stored.data.length });
      }
      const [last] = events.slice(-1);
      if (!last) return;
      index.next = last.seq + 1;
      count = Math.max(1, Math.min(MOST_AT_ONCE, size > SIZE_AT_ONCE ? count >> 2 : count * 2));
    }
  };

  const forget = (): void => {
    let kept = 0;
    for (const [key, { entries }] of [...indexes].reverse()) {
      kept += entries.length;
      if (kept > MAX_KEPT && indexes.size > 1) indexes.delete(key);
    }
  };

  return {
    of: async (job) => {
      // A job that was removed may be followed by another one with its id.
      const key = `${job.createdAt} ${job.id}`;
      const known = indexes.get(key);
      const index =
        known && known.next <= job.lastSeq + 1 ? known : { entries: [], next: 0, reading: Promise.resolve() };
      indexes.delete(key);
      indexes.set(key, index);
      index.reading = index.reading.catch(() => {}).then(() => readOn(index, job));
      await index.reading;
      forget();
      return index.entries;
    },
  };
};
