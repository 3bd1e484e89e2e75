import { useEffect, useMemo, useState } from 'react';
import type { JobState } from '../../../src/events/event.ts';
import { type Connection, listen } from '../api/listen.ts';
import { type ApiError, apiUrl, request } from '../api/request.ts';
import { Pages } from '../lists/pages.ts';
import type { StateCounts } from '../states/meter.tsx';
import type { Progress } from '../text/progress.ts';
import { momentIn } from './moment-in.ts';

/** A row of the list; see `Job` in /openapi.json. */
export type JobRow = {
  readonly id: string;
  readonly name: string;
  readonly state: JobState | 'draft';
  readonly interrupted: boolean;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly topic?: string;
  /** Number of tasks by state, without those that others stand inside; absent until the server has read them. */
  readonly tasks?: StateCounts;
  /** Of a job that the server runs. */
  readonly progress?: Progress;
};

type Window = {
  readonly items: readonly JobRow[];
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
};

export type JobFilter = Readonly<
  Record<'state' | 'q' | 'name' | 'label' | 'since' | 'before' | 'order' | 'topic', string>
>;

export type JobList = {
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  /** The row at a place; undefined until its page has come. */
  readonly row: (place: number) => JobRow | undefined;
  /** Fetches what is missing of the rows in sight. */
  readonly need: (from: number, to: number) => void;
  /** Number of jobs that are newer than the list. */
  readonly fresh: number;
  /** Shows them. */
  readonly refresh: () => void;
  readonly isLost: boolean;
  readonly error: ApiError | undefined;
  readonly hasCome: boolean;
};

/** What a frame of the stream says. */
type Changes = {
  readonly items: readonly JobRow[];
  readonly more: boolean;
  /** How many jobs of the list have begun since the stream has. */
  readonly started: number;
  readonly counts?: Readonly<Record<string, number>>;
};

const PAGE = 200;
const PAGES_KEPT = 60;

type Held = {
  total: number;
  counts: Readonly<Record<string, number>>;
  fresh: number;
  /** What was created from then on is newer than the list: later pages leave it out, so that they continue the first one. */
  before: number | undefined;
  hasCome: boolean;
};

const newStore = (filter: JobFilter, onChange: () => void) => {
  const held: Held = { total: 0, counts: {}, fresh: 0, before: undefined, hasCome: false };
  /** By page, how many rows came without the states of their tasks. */
  const untold = new Map<number, number>();
  const ask = async (page: number): Promise<readonly JobRow[]> => {
    const { items, total, counts } = await request<Window>('/jobs', {
      query: { ...queryOf(filter), from: page * PAGE, ...(held.before && { before: held.before }) },
    });
    held.total = total;
    if (!held.hasCome) held.counts = counts;
    held.hasCome = true;
    if (filter.order !== 'oldest' && page === 0) held.before ??= after(items[0]);
    // The server reads for a short time: as long as each answer tells more, the page is asked for again.
    const missing = items.filter(({ tasks }) => tasks === undefined).length;
    if (missing > 0 && missing < (untold.get(page) ?? Number.POSITIVE_INFINITY)) pages.refresh(page);
    untold.set(page, missing);
    return items;
  };
  const pages: Pages<JobRow> = new Pages<JobRow>({ size: PAGE, kept: PAGES_KEPT, ask, onChange });
  return { held, pages };
};

/** The jobs that fit a filter, page by page as they come in sight. What changes is told; rows never jump. */
export const useJobList = (filter: JobFilter): JobList => {
  const key = JSON.stringify(filter);
  const [, draw] = useState(0);
  const [turn, setTurn] = useState(0);
  const [connection, setConnection] = useState<Connection>('live');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another list; `key` stands for it
  const { held, pages } = useMemo(() => newStore(filter, () => draw((count) => count + 1)), [key, turn]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the pages stand for the filter
  useEffect(() => {
    pages.need(0, 1);
    const stream = listen({
      url: () => apiUrl('/jobs', { ...queryOf(filter), from: 0 }),
      events: {
        jobs: (data) => {
          const { items, more, started, counts = {} } = JSON.parse(data) as Changes;
          const byId = new Map(items.map((row) => [row.id, row]));
          pages.change((row) => byId.get(row.id) ?? row);
          held.counts = counts;
          held.fresh = started;
          // Too much has changed to be told: the pages in sight are asked for again as they are drawn.
          if (more) pages.refresh();
          draw((count) => count + 1);
        },
      },
      onConnection: (now) => {
        setConnection(now);
        if (now !== 'live') return;
        // The stream tells of what comes, not of what was before it.
        held.fresh = 0;
        held.before = undefined;
        pages.refresh();
        pages.need(0, 1);
        draw((count) => count + 1);
      },
    });
    return () => {
      stream.close();
      pages.stop();
    };
  }, [pages]);
  useEffect(() => {
    // Until something has come, nothing is in sight that would ask for it.
    if (held.total === 0) pages.need(0, 1);
  });

  return {
    total: held.total,
    counts: held.counts,
    row: (place) => pages.row(place),
    need: (from, to) => pages.need(from, to),
    fresh: held.fresh,
    refresh: () => setTurn((before) => before + 1),
    isLost: connection === 'lost',
    error: pages.error,
    hasCome: held.hasCome,
  };
};

const queryOf = (filter: JobFilter) => ({
  ...filter,
  state: listOf(filter.state),
  // What is no time is for the server to refuse.
  since: momentIn(filter.since) ?? filter.since,
  before: momentIn(filter.before) ?? filter.before,
  size: PAGE,
  tasks: true,
});

const listOf = (text: string): readonly string[] => text.split(',').filter((one) => one !== '');

const after = (newest: JobRow | undefined): number | undefined => newest && newest.createdAt + 1;
