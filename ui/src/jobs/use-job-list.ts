import { useEffect, useMemo, useRef, useState } from 'react';
import type { JobState } from '../../../src/events/event.ts';
import { type Connection, listen } from '../api/listen.ts';
import { AGAIN_MS, type ApiError, apiUrl, isPassing, request } from '../api/request.ts';
import type { StateCounts } from '../states/meter.tsx';

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
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly fresh: number;
};

const newStore = () => ({
  pages: new Map<number, readonly JobRow[] | 'asked'>(),
  /** Pages to ask for again. */
  stale: new Set<number>(),
  /** By page, how many rows came without the states of their tasks. */
  untold: new Map<number, number>(),
  held: NOTHING,
  /** What was created from then on is newer than the list: later pages leave it out, so that they continue the first one. */
  before: undefined as number | undefined,
  hasCome: false,
  /** Whether another list is shown in its place. */
  isClosed: false,
});

const NOTHING: Held = { total: 0, counts: {}, fresh: 0 };

/** The jobs that fit a filter, page by page as they come in sight. What changes is told; rows never jump. */
export const useJobList = (filter: JobFilter): JobList => {
  const key = JSON.stringify(filter);
  const [, draw] = useState(0);
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState<ApiError>();
  const [connection, setConnection] = useState<Connection>('live');
  // Another filter is another list.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as said
  const store = useMemo(newStore, [key, turn]);
  const latest = useRef(store);
  latest.current = store;

  const query = { ...filter, state: listOf(filter.state) };
  const fetchPage = async (page: number): Promise<void> => {
    // What was shown stays until the new page is there.
    if (store.pages.has(page) && !store.stale.delete(page)) return;
    if (!store.pages.has(page)) store.pages.set(page, 'asked');
    try {
      const answer = await request<Window>('/jobs', {
        query: { ...query, from: page * PAGE, size: PAGE, tasks: true, ...(store.before && { before: store.before }) },
      });
      if (latest.current !== store) return;
      store.pages.set(page, answer.items);
      store.held = { ...store.held, total: answer.total, ...(store.hasCome ? {} : { counts: answer.counts }) };
      if (filter.order !== 'oldest') store.before ??= page === 0 ? after(answer.items[0]) : undefined;
      // The server reads for a short time: as long as each answer tells more, the page is asked for again.
      const untold = answer.items.filter(({ tasks }) => tasks === undefined).length;
      if (untold > 0 && untold < (store.untold.get(page) ?? Number.POSITIVE_INFINITY)) store.stale.add(page);
      store.untold.set(page, untold);
      store.hasCome = true;
      forgetFar(store.pages, page);
      setError(undefined);
    } catch (reason) {
      const error = reason as ApiError;
      if (latest.current === store) setError(error);
      // Until then it counts as asked for: what is drawn meanwhile does not ask, too.
      if (isPassing(error)) setTimeout(() => repeat(page), AGAIN_MS);
    }
    if (latest.current === store) draw((count) => count + 1);
  };

  const repeat = (page: number): void => {
    if (store.isClosed) return;
    if (store.pages.get(page) === 'asked') store.pages.delete(page);
    else store.stale.add(page);
    void fetchPage(page);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the store stands for the filter
  useEffect(() => {
    store.isClosed = false;
    void fetchPage(0);
    const stream = listen({
      url: () => apiUrl('/jobs', { ...query, size: PAGE, from: 0, tasks: true }),
      events: {
        jobs: (data) => {
          const { items, more, started, counts = {} } = JSON.parse(data) as Changes;
          change(store.pages, items);
          store.held = { ...store.held, counts, fresh: started };
          // Too much has changed to be told: the pages in sight are asked for again as they are drawn.
          if (more) store.stale = new Set(store.pages.keys());
          draw((count) => count + 1);
        },
      },
      onConnection: (now) => {
        setConnection(now);
        if (now !== 'live') return;
        // The stream tells of what comes, not of what was before it.
        store.held = { ...store.held, fresh: 0 };
        store.before = undefined;
        store.stale = new Set(store.pages.keys());
        void fetchPage(0);
        draw((count) => count + 1);
      },
    });
    return () => {
      store.isClosed = true;
      stream.close();
    };
  }, [store]);

  return {
    total: store.held.total,
    counts: store.held.counts,
    row: (place) => {
      const page = store.pages.get(Math.floor(place / PAGE));
      return page === undefined || page === 'asked' ? undefined : page[place % PAGE];
    },
    need: (from, to) => {
      for (let page = Math.floor(from / PAGE); page <= Math.floor(Math.max(from, to - 1) / PAGE); page += 1)
        void fetchPage(page);
    },
    fresh: store.held.fresh,
    refresh: () => setTurn((before) => before + 1),
    isLost: connection === 'lost',
    error,
    hasCome: store.hasCome,
  };
};

const listOf = (text: string): readonly string[] => text.split(',').filter((one) => one !== '');

const after = (newest: JobRow | undefined): number | undefined => newest && newest.createdAt + 1;

const change = (pages: Map<number, readonly JobRow[] | 'asked'>, rows: readonly JobRow[]): void => {
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const [page, held] of pages)
    if (held !== 'asked' && held.some(({ id }) => byId.has(id)))
      pages.set(
        page,
        held.map((row) => byId.get(row.id) ?? row),
      );
};

const forgetFar = (pages: Map<number, unknown>, near: number): void => {
  if (pages.size <= PAGES_KEPT) return;
  for (const page of pages.keys()) if (Math.abs(page - near) > PAGES_KEPT / 3) pages.delete(page);
};
