import { useEffect, useMemo, useState } from 'react';
import { type Connection, listen } from '../api/listen.ts';
import { type ApiError, apiUrl, type RequestOptions, request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { Pages } from '../lists/pages.ts';

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

/** The lines of a log, page by page as they come in sight; new ones as they are written, while it is live. */
export const useLog = ({ jobId, task, attempt }: LogQuery, isLive: boolean): Log => {
  const [, draw] = useState(0);
  const [connection, setConnection] = useState<Connection>('live');
  const { held, pages } = useMemo(
    () => newStore({ jobId, task, attempt }, () => draw((count) => count + 1)),
    [jobId, task, attempt],
  );

  useEffect(() => {
    /** The last page may have been cut where the log ended then. */
    const lookAgain = (): void => {
      pages.refresh(Math.floor(held.total / PAGE));
      draw((count) => count + 1);
    };
    lookAgain();
    if (!isLive) return () => pages.stop();
    const timer = setInterval(() => {
      // What an attempt has written so far is not kept yet, and no stream tells of it.
      if (!document.hidden) lookAgain();
    }, UNFINISHED_MS);
    const stream = listen({
      url: () => apiUrl(logRoute(jobId), { task, attempt, from: held.total }),
      events: {
        lines: (_, id) => {
          const total = Number(id);
          if (total <= held.total) return;
          lookAgain();
          held.total = total;
        },
      },
      onConnection: (now) => {
        setConnection(now);
        if (now !== 'over') return;
        clearInterval(timer);
        lookAgain();
      },
    });
    return () => {
      stream.close();
      clearInterval(timer);
      pages.stop();
    };
  }, [held, pages, isLive, jobId, task, attempt]);
  useEffect(() => {
    // Of a log without lines, nothing is in sight that would ask for it.
    if (held.total + held.unfinished.length === 0) pages.need(0, 1);
  });

  return {
    total: held.total + held.unfinished.length,
    line: (place) => (place >= held.total ? held.unfinished[place - held.total] : pages.row(place)),
    // With the last line, the page that says what is not kept yet.
    need: (from, to) => pages.need(from, to >= held.total ? held.total + 1 : to),
    error: pages.error,
    hasCome: held.hasCome,
    connection: isLive ? connection : 'over',
  };
};

type Held = { total: number; unfinished: readonly LogLine[]; hasCome: boolean };

const newStore = ({ jobId, task, attempt }: LogQuery, onChange: () => void) => {
  const held: Held = { total: 0, unfinished: [], hasCome: false };
  const ask = async (page: number): Promise<readonly LogLine[]> => {
    const items: LogLine[] = [];
    // Fewer come at once if they are long.
    for (let isMore = true; isMore; ) {
      const from = page * PAGE + items.length;
      const answer = await request<LogWindow>(logRoute(jobId), {
        query: { task, attempt, from, size: PAGE - items.length },
      });
      items.push(...answer.items);
      held.total = Math.max(held.total, answer.total);
      const reached = from + answer.items.length;
      if (reached >= answer.total) held.unfinished = answer.unfinished;
      isMore = answer.items.length > 0 && items.length < PAGE && reached < answer.total;
    }
    held.hasCome = true;
    return items;
  };
  return { held, pages: new Pages<LogLine>({ size: PAGE, kept: PAGES_KEPT, ask, onChange }) };
};

export type LogHits = { readonly lines: readonly number[]; readonly isComplete: boolean };

type LogHitPage = { readonly matches: readonly number[]; readonly next: number | null };

/** So many hits are enough to go through. */
const MOST_HITS = 5000;

/** The numbers of the lines that hold a text. The server looks, at some thousand lines at once. */
export const useLogHits = ({ jobId, task, attempt }: LogQuery, text: string, total: number): LogHits | undefined => {
  const { value } = useLoad(
    text === '' ? undefined : `${jobId} ${task} ${attempt} ${text}`,
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
    String(total),
  );
  return value;
};
