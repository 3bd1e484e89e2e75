import { setImmediate } from 'node:timers/promises';
import type { Journal } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import type { JobEvent, LogLevel, TaskLog } from '../../events/event.ts';
import type { LogEntry } from './log-index.ts';

/** Which lines are wanted. `task`: also those of the tasks inside it. */
export type LogFilter = { readonly task?: string | undefined; readonly attempt?: number | undefined };

/** A line that is kept. `number`: from 1, among the lines that the filter selects. `at`: epoch ms. */
export type LogLine = {
  readonly number: number;
  readonly task: string;
  readonly attempt: number;
  readonly seq: number;
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly data?: unknown;
  /** Of the line that stands for those that are not kept: how many. */
  readonly omitted?: number | undefined;
};

/** The lines of a job that a filter selects. */
export type SelectedLines = {
  readonly total: number;
  /** Reads lines after the first `from`, some at a time: of `atOnce` events at most. @throws JournalError */
  readonly read: (from: number, atOnce?: number) => AsyncGenerator<readonly LogLine[], void, void>;
};

/** How many events are read at once, how large they are together, and how far apart they may be, so as not to read many others. */
const MOST_AT_ONCE = 500;
const SIZE_AT_ONCE = 2 * 1024 * 1024;
const MAX_GAP = 20;

export const selectLines = (
  journal: Journal,
  jobId: string,
  entries: readonly LogEntry[],
  { task, attempt }: LogFilter,
): SelectedLines => {
  const wanted =
    task === undefined && attempt === undefined
      ? entries
      : entries.filter((one) => (attempt === undefined || one.attempt === attempt) && isWithin(one.task, task));
  const length = wanted.length;
  return {
    total: wanted.reduce((total, { lines }) => total + lines, 0),
    read: async function* (from, atOnce = MOST_AT_ONCE) {
      let number = 1;
      let at = 0;
      for (let entry = wanted[at]; entry && number + entry.lines <= from + 1; entry = wanted[++at])
        number += entry.lines;
      for (; at < length; await setImmediate()) {
        const group = groupAt(wanted, at, Math.min(length, at + atOnce));
        const lines: LogLine[] = [];
        const first = group[0] as LogEntry;
        const seqs = new Set(group.map(({ seq }) => seq));
        const count = (group.at(-1) as LogEntry).seq - first.seq + 1;
        for (const stored of await journal.events(jobId, first.seq, count)) {
          if (!seqs.has(stored.seq)) continue;
          const event = eventOf(stored, jobId);
          if (event.type !== 'task.log') continue;
          for (const line of linesIn(event)) {
            if (number > from) lines.push({ number, ...line });
            number++;
          }
        }
        at += group.length;
        if (lines.length > 0) yield lines;
      }
    },
  };
};

/** Returns the entries that are read together. */
const groupAt = (entries: readonly LogEntry[], at: number, end: number): readonly LogEntry[] => {
  const group: LogEntry[] = [];
  let size = 0;
  for (let next = at; next < end; next++) {
    const entry = entries[next] as LogEntry;
    const before = group.at(-1);
    if (before && (size + entry.size > SIZE_AT_ONCE || entry.seq - before.seq > MAX_GAP)) break;
    group.push(entry);
    size += entry.size;
  }
  return group;
};

const linesIn = (event: JobEvent & TaskLog): readonly Omit<LogLine, 'number'>[] => {
  const { task, attempt, seq, at, level, message, data, omitted, last } = event;
  const place = { task, attempt, seq };
  if (!last) return [{ ...place, at, level, message, ...(data !== undefined && { data }) }];
  const missing = omitted ? [{ ...place, at, level, message, omitted }] : [];
  return [...missing, ...last.map((line) => ({ ...place, ...line }))];
};

/** Whether a path is that of a task, or of one inside it. */
export const isWithin = (path: string, task: string | undefined): boolean =>
  task === undefined || path === task || path.startsWith(`${task}/`) || path.startsWith(`${task}[`);

/** The most characters of messages on a page: it then has fewer lines. */
const MAX_PAGE_SIZE = 2 * 1024 * 1024;

/** Reads lines after the first `from`, at most `size`, and at least one if there is one. */
export const readPage = async (lines: SelectedLines, from: number, size: number): Promise<readonly LogLine[]> => {
  const page: LogLine[] = [];
  let length = 0;
  if (from >= lines.total) return page;
  for await (const some of lines.read(from, size)) {
    for (const line of some) {
      length += line.message.length;
      if (page.length > 0 && length > MAX_PAGE_SIZE) return page;
      page.push(line);
      if (page.length === size) return page;
    }
  }
  return page;
};

/** Yields the lines as text, each with its task if they are of several. @throws JournalError */
export async function* textOf(lines: SelectedLines, filter: LogFilter): AsyncGenerator<string, void, void> {
  for await (const some of lines.read(0))
    yield some.map(({ task, message }) => (task === filter.task ? `${message}\n` : `${task}: ${message}\n`)).join('');
}
