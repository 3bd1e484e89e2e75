import type { SqlAnswer } from './answer.ts';

/** A connection to a database server, for one query. */
export type ServerConnection = {
  readonly open: () => Promise<void>;
  readonly run: () => Promise<SqlAnswer>;
  /** Asks the server, by a connection of its own, to give up what this one waits for. */
  readonly cancel: () => Promise<void>;
  /** Says goodbye. */
  readonly close: () => Promise<void>;
  /** Hangs up, at once. */
  readonly destroy: () => void;
};

/** Asks one query. When the signal aborts, the query is cancelled on the server and the connection destroyed. */
export const askServer = async (connection: ServerConnection, signal: AbortSignal): Promise<SqlAnswer> => {
  signal.throwIfAborted();
  let stopping: Promise<void> | undefined;
  let abandon = (): void => {};
  const abandoned = new Promise<never>((_resolve, reject) => {
    abandon = () => reject(signal.reason);
  });
  abandoned.catch(() => {});
  let isOpen = false;
  const stop = (): void => {
    stopping ??= (isOpen ? within(CANCEL_MS, connection.cancel()) : Promise.resolve()).finally(() => {
      connection.destroy();
      abandon();
    });
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([connection.open(), abandoned]);
    isOpen = true;
    const answer = await Promise.race([connection.run(), abandoned]);
    if (!signal.aborted) await within(CLOSE_MS, connection.close());
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await stopping;
    connection.destroy();
  }
};

/** Waits for a promise, but not longer than so many ms, and not for its success. */
const within = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
};

/** How long to try to cancel a query before its connection is destroyed. */
const CANCEL_MS = 2000;

/** How long a server may take to say goodbye. */
const CLOSE_MS = 1000;
