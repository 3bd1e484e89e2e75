import { setImmediate } from 'node:timers/promises';
import type { Journal } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import type { JobEvent } from '../../events/event.ts';
import { STATE_LETTERS } from '../../wire/letters.ts';
import { type PatchHistory, tasksAdded } from '../../wire/patches.ts';
import { definedRows, type JobFold } from './job-fold.ts';
import { type PatchFrame, patchFrames } from './patch-events.ts';

/** Which part of the history is wanted: the events of the job after one `seq`, up to another; -1 is before the first. */
export type HistoryRange = {
  readonly after: number;
  readonly until: number;
  /** How many events of the job the answer contains at most. Default: `MAX_HISTORY`. */
  readonly limit?: number;
};

const MAX_HISTORY = 200_000;

/** How many events are read at once. */
const PAGE = 2_000;

/** Returns a `PatchHistory` as JSON. `fold` contains its events already. @throws JournalError */
export const historyOf = async (
  {
    journal,
    jobId,
    fold,
  }: { readonly journal: Pick<Journal, 'events'>; readonly jobId: string; readonly fold: JobFold },
  { after, until, limit = MAX_HISTORY }: HistoryRange,
): Promise<string> => {
  const last = Math.min(until, after + limit);
  const texts = after < 0 ? begin(fold).map(textOf) : [];
  let seq = after;
  while (seq < last) {
    const stored = await journal.events(jobId, seq + 1, Math.min(PAGE, last - seq));
    const events: JobEvent[] = stored.map((one) => eventOf(one, jobId));
    const reached = events.at(-1)?.seq;
    if (reached === undefined) break;
    for (const frame of patchFrames(fold, events)) texts.push(textOf(frame));
    seq = reached;
    await setImmediate();
  }
  const { epoch, startedAt } = fold.table;
  const more = seq < until;
  const facts: Omit<PatchHistory, 'events'> = { seq, more, epoch, startedAt };
  return `{"events":[${texts.join(',')}],${JSON.stringify(facts).slice(1)}`;
};

/** The tasks that the definition has, before anything happened to them. */
const begin = (fold: JobFold): readonly PatchFrame[] => {
  const rows = definedRows(fold);
  if (rows.length === 0) return [];
  const waiting = rows.flatMap(({ index }) => [index, STATE_LETTERS.unscheduled, 0, 0]);
  return [
    { type: 'tasks', seq: undefined, json: JSON.stringify(tasksAdded(rows)) },
    { type: 'patch', seq: undefined, json: JSON.stringify(waiting) },
  ];
};

const textOf = ({ type, seq, json }: PatchFrame): string =>
  `{"type":"${type}",${seq === undefined ? '' : `"seq":${seq},`}"data":${json}}`;
