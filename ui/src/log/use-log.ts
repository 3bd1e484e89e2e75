import { useEffect, useMemo, useRef, useState } from 'react';
import { type Connection, listen } from '../api/listen.ts';
import { AGAIN_MS, type ApiError, apiUrl, isPassing, type RequestOptions, request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';

/** A line of a log; see `LogLine` in /openapi.json. */
export type LogLine = {
  /** From 1; lines of an attempt that has not ended have none yet. */
  readonly number?: number;
  readonly at: number;
  readonly task: string;
  readonly attempt: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly data?: unknown;
};

type LogWindow = {
  readonly items: readonly LogLine[];
  readonly total: number;
  /** On the last page: the last lines, so far, of attempts that have not ended. */
  readonly unfinished: readonly LogLine[];
};

export type LogQuery = {
  readonly jobId: string;
  readonly task?: string | undefined;
  readonly attempt?: number | undefined;
};

export type Log = {
  readonly total: number;
  readonly line: (place: number) => LogLine | undefined;
  readonly need: (from: number, to: number) => void;
  readonly error: ApiError | undefined;
  readonly hasCome: boolean;
  readonly connection: Connection;
};

const PAGE = 200;
const PAGES_KEPT = 40;
const UNFINISHED_MS = 2000;

export const logRoute = (jobId: string): string => `/jobs/${encodeURIComponent(jobId)}/logs`;

/** Fetches a page whole: of long lines, the server gives only some at once. */
const pageOf = async ({ jobId, task, attempt }: LogQuery, page: number): Promise<LogWindow> => {
  const items: LogLine[] = [];
  for (;;) {
    const from = page * PAGE + items.length;
    const query = { task, attempt, from, size: PAGE - items.length };
    const answer = await request<LogWindow>(logRoute(jobId), { query });
    items.push(...answer.items);
    const isWhole = items.length >= Math.min(PAGE, answer.total - page * PAGE);
    if (isWhole || answer.items.length === 0) return { ...answer, items };
  }
};

/** The lines of a log, page by page as they come in sight; new ones as they are written, while it is live. */
export const useLog = ({ jobId, task, attempt }: LogQuery, isLive: boolean): Log => {
  const key = `${jobId} ${task} ${attempt}`;
  const [, draw] = useState(0);
  const [error, setError] = useState<ApiError>();
  const [connection, setConnection] = useState<Connection>('live');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another log
  const store = useMemo(newStore, [key]);
  const latest = useRef(store);
  latest.current = store;
  const query = { task, attempt };

  const fetchPage = async (page: number): Promise<void> => {
    // What was shown stays until the new page is there.
    if (store.pages.has(page) && !store.stale.delete(page)) return;
    if (!store.pages.has(page)) store.pages.set(page, 'asked');
    try {
      const answer = await pageOf({ jobId, ...query }, page);
      store.pages.set(page, answer.items);
      store.total = Math.max(store.total, answer.total);
      if (answer.items.length < PAGE) store.unfinished = answer.unfinished;
      store.hasCome = true;
      for (const one of store.pages.keys())
        if (store.pages.size > PAGES_KEPT && Math.abs(one - page) > PAGES_KEPT / 3) store.pages.delete(one);
      if (latest.current === store) setError(undefined);
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

  // biome-ignore lint/correctness/useExhaustiveDependencies: the store stands for what is asked
  useEffect(() => {
    store.isClosed = false;
    void fetchPage(0);
    const close = (): void => {
      store.isClosed = true;
    };
    if (!isLive) return close;
    const readEnd = (): void => {
      store.stale.add(Math.floor(store.total / PAGE));
      draw((count) => count + 1);
    };
    // What an attempt has written so far is not kept yet, and no stream tells of it.
    const timer = setInterval(readEnd, UNFINISHED_MS);
    const stream = listen({
      url: () => apiUrl(logRoute(jobId), { ...query, from: store.total }),
      events: {
        lines: (_, id) => {
          const total = Number(id);
          if (total <= store.total) return;
          // The last page may have been cut where the log ended then.
          store.stale.add(Math.floor(store.total / PAGE));
          store.total = total;
          draw((count) => count + 1);
        },
      },
      onConnection: (now) => {
        setConnection(now);
        if (now !== 'over') return;
        clearInterval(timer);
        readEnd();
      },
    });
    return () => {
      close();
      stream.close();
      clearInterval(timer);
    };
  }, [store, isLive]);

  return {
    total: store.total + store.unfinished.length,
    line: (place) => {
      const page = store.pages.get(Math.floor(place / PAGE));
      if (place >= store.total) return store.unfinished[place - store.total];
      return page === undefined || page === 'asked' ? undefined : page[place % PAGE];
    },
    need: (from, to) => {
      for (let page = Math.floor(from / PAGE); page <= Math.floor(Math.max(from, to - 1) / PAGE); page += 1)
        void fetchPage(page);
    },
    error,
    hasCome: store.hasCome,
    connection: isLive ? connection : 'over',
  };
};

const newStore = () => ({
  pages: new Map<number, readonly LogLine[] | 'asked'>(),
  /** Pages to ask for again. */
  stale: new Set<number>(),
  total: 0,
  unfinished: [] as readonly LogLine[],
  hasCome: false,
  /** Whether another list is shown in its place. */
  isClosed: false,
});

export type LogHits = { readonly lines: readonly number[]; readonly isComplete: boolean };

type LogHitPage = { readonly matches: readonly number[]; readonly next: number | null };

/** So many hits are enough to go through. */
const MOST_HITS = 5000;

/** The numbers of the lines that hold a text. The server looks, at some thousand lines at once. */
export const useLogHits = ({ jobId, task, attempt }: LogQuery, text: string, total: number): LogHits | undefined => {
  const { value } = useLoad(
    text === '' ? undefined : `${jobId} ${task} ${attempt} ${text} ${total}`,
    async (signal) => {
      // Whoever types on asks for something else.
      await new Promise((resolve) => setTimeout(resolve, 150));
      const lines: number[] = [];
      for (let from: number | null = 0; ; ) {
        if (signal.aborted) return undefined;
        const query: RequestOptions['query'] = { task, attempt, q: text, from, size: 500 };
        const page: LogHitPage = await request<LogHitPage>(logRoute(jobId), { query, signal });
        lines.push(...page.matches);
        from = page.next;
        if (from === null || lines.length >= MOST_HITS) return { lines, isComplete: from === null };
      }
    },
  );
  return value;
};
