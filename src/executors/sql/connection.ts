import { TintypeError } from '../../engine/errors/errors.ts';
import { type SqlFault, sqlFailure } from './error.ts';
import { networkFault } from './network.ts';
import type { SqlRequest } from './query.ts';
import type { SqlResult } from './result.ts';

/** A connection to a database server, for one query. */
export type ServerConnection = {
  readonly open: () => Promise<void>;
  readonly run: () => Promise<SqlResult>;
  /** Cancels the running query on the server, over a second connection. */
  readonly cancel: () => Promise<void>;
  readonly close: () => Promise<void>;
  /** Closes the socket at once. */
  readonly destroy: () => void;
};

/** Runs a query on a server. `faultOf` converts the server's own errors. */
export const queryServer = async (
  request: SqlRequest,
  signal: AbortSignal,
  connect: () => ServerConnection,
  faultOf: (error: Error, request: SqlRequest) => SqlFault,
): Promise<SqlResult> => {
  try {
    return await queryOnce(connect(), signal);
  } catch (error) {
    if (signal.aborted || error instanceof TintypeError || !(error instanceof Error)) throw error;
    throw sqlFailure(request.query, networkFault(error, request.connectMs) ?? faultOf(error, request));
  }
};

/** Opens a connection, runs its query and closes it. On abort, cancels the query on the server. */
const queryOnce = async (connection: ServerConnection, signal: AbortSignal): Promise<SqlResult> => {
  signal.throwIfAborted();
  let stopping: Promise<void> | undefined;
  let abandon = (): void => {};
  const abandoned = new Promise<never>((_resolve, reject) => {
    abandon = () => reject(signal.reason);
  });
  abandoned.catch(() => {});
  let isOpen = false;
  const stop = (): void => {
    stopping ??= (isOpen ? settleWithin(CANCEL_MS, connection.cancel()) : Promise.resolve()).finally(() => {
      connection.destroy();
      abandon();
    });
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([connection.open(), abandoned]);
    isOpen = true;
    const result = await Promise.race([connection.run(), abandoned]);
    if (!signal.aborted) await settleWithin(CLOSE_MS, connection.close());
    return result;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await stopping;
    connection.destroy();
  }
};

/** Waits until a promise settles, for at most `ms`. Ignores its rejection. */
const settleWithin = async (ms: number, promise: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
};

/** How long the connection that cancels a query may take to open, in ms. */
export const CANCEL_CONNECT_MS = 2000;

/** How long to try to cancel a query before the connection is destroyed, in ms. */
const CANCEL_MS = 2000;

/** How long the end of a session may take before its connection is destroyed, in ms. */
const CLOSE_MS = 1000;
