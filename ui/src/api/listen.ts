import { signedOut } from './request.ts';

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

  const lose = (): void => {
    drop();
    if (closed) return;
    onConnection('lost');
    again = setTimeout(open, Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** failures));
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
    const status = await statusOf(url());
    if (source !== mine || closed) return;
    // What is not there any more has nothing more to tell.
    if (status === 204 || status === 404) end();
    else lose();
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

  const online = (): void => {
    if (source !== undefined || closed) return;
    clearTimeout(again);
    failures = 0;
    open();
  };

  document.addEventListener('visibilitychange', turn);
  addEventListener('offline', lose);
  addEventListener('online', online);
  open();
  return {
    close: () => {
      closed = true;
      drop();
      clearTimeout(hidden);
      document.removeEventListener('visibilitychange', turn);
      removeEventListener('offline', lose);
      removeEventListener('online', online);
    },
  };
};

/** 0 if there is no answer. */
const statusOf = async (url: string): Promise<number> => {
  const controller = new AbortController();
  try {
    return (await fetch(url, { headers: { accept: 'text/event-stream' }, signal: controller.signal })).status;
  } catch {
    return 0;
  } finally {
    controller.abort();
  }
};
