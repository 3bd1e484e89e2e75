import { retryAfterMsIn, signedOut } from './request.ts';

/** Whether what the page shows is what the server knows. */
export type Connection = 'live' | 'lost' | 'over';

export type Listening = { readonly close: () => void };

export type ListenOptions = {
  /** The address to begin with; asked again for each new stream. */
  readonly url: () => string;
  readonly events: Readonly<Record<string, (data: string, id: string) => void>>;
  readonly onConnection: (connection: Connection) => void;
  /** Events after which nothing comes any more. */
  readonly last?: readonly string[];
};

const RETRY_MS = 1000;
/** The server may refuse a stream, as with too many requests, without a browser saying so: it is asked less and less often. */
const MOST_RETRY_MS = 5000;
const HIDDEN_MS = 60_000;
/** A quiet stream has a `ping` each 15 s. After this silence it is dead, and is opened anew. */
const SILENT_MS = 40_000;

/**
 * A stream of server-sent events that says when it is lost, tries again by itself, and is closed while the tab has
 * been hidden for a minute. It is over after one of the `last` events, or when the server says that nothing more comes. `url` says where to go on, so nothing is missed and nothing comes twice.
 */
export const listen = ({ url, events, onConnection, last = [] }: ListenOptions): Listening => {
  let source: EventSource | undefined;
  let closed = false;
  let again: ReturnType<typeof setTimeout> | undefined;
  let hidden: ReturnType<typeof setTimeout> | undefined;
  let silent: ReturnType<typeof setTimeout> | undefined;
  /** How many streams have ended before anything came of them. */
  let failures = 0;

  const drop = (): void => {
    clearTimeout(again);
    clearTimeout(silent);
    source?.close();
    source = undefined;
  };

  const lose = (retryAfterMs = 0): void => {
    drop();
    if (closed) return;
    onConnection('lost');
    again = setTimeout(open, Math.max(retryAfterMs, Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** failures)));
    failures += 1;
  };

  const heard = (): void => {
    clearTimeout(silent);
    silent = setTimeout(() => {
      drop();
      onConnection('lost');
      open();
    }, SILENT_MS);
  };

  const end = (): void => {
    closed = true;
    drop();
    onConnection('over');
  };

  /** The server answered, but with no stream. What it was, only another request can tell. */
  const refused = async (mine: EventSource): Promise<void> => {
    const { status, retryAfterMs } = await probe(url());
    if (source !== mine || closed) return;
    // What is not there any more has nothing more to tell, and what is asked wrongly has no answer later either.
    if (status === 204 || status === 400 || status === 404) end();
    else lose(retryAfterMs);
    if (status === 401) signedOut();
  };

  const open = (): void => {
    if (closed || document.hidden) return;
    const mine = new EventSource(url());
    source = mine;
    heard();
    mine.onopen = () => {
      heard();
      onConnection('live');
    };
    mine.onerror = () => {
      if (source !== mine) return;
      if (mine.readyState === EventSource.CLOSED) void refused(mine);
      else lose();
    };
    for (const [name, handle] of Object.entries<(typeof events)[string]>({ ...events, ping: () => {} })) {
      mine.addEventListener(name, (event) => {
        if (source !== mine) return;
        failures = 0;
        heard();
        handle((event as MessageEvent<string>).data, (event as MessageEvent<string>).lastEventId);
        if (last.includes(name)) end();
      });
    }
  };

  const turn = (): void => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(drop, HIDDEN_MS);
    else if (source === undefined && !closed) {
      clearTimeout(again);
      open();
    }
  };

  const offline = (): void => lose();

  const online = (): void => {
    if (source !== undefined || closed) return;
    clearTimeout(again);
    failures = 0;
    open();
  };

  document.addEventListener('visibilitychange', turn);
  addEventListener('offline', offline);
  addEventListener('online', online);
  open();
  return {
    close: () => {
      closed = true;
      drop();
      clearTimeout(hidden);
      document.removeEventListener('visibilitychange', turn);
      removeEventListener('offline', offline);
      removeEventListener('online', online);
    },
  };
};

/** What the server answers instead of a stream; status 0 if nothing. */
const probe = async (url: string): Promise<{ readonly status: number; readonly retryAfterMs: number }> => {
  const controller = new AbortController();
  try {
    const answer = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: controller.signal });
    return { status: answer.status, retryAfterMs: retryAfterMsIn(answer) };
  } catch {
    return { status: 0, retryAfterMs: 0 };
  } finally {
    controller.abort();
  }
};
