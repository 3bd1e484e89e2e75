import type { IncomingMessage, ServerResponse } from 'node:http';
import { isolate } from '../../events/isolate.ts';
import { levelOfStatus } from '../../events/levels.ts';
import type { Logger } from '../../events/logger.ts';
import { takesObjects } from '../../events/structured-logger.ts';

/** What the checks and the route of a request note of it, for its line in the log. */
export type RequestNotes = {
  /** The template of the path, such as `/api/v1/jobs/{jobId}`. */
  route?: string;
  /** The id of the token; absent if none was needed or there is none. */
  token?: string;
};

/** Logs a line for each request: `reqId`, `method`, `route`, `status`, `ms` and `token`, never a header or an address. */
export type RequestLog = {
  /** Begins a request of Node.js, which is logged once its answer has been sent, or its connection has ended. */
  readonly ofNode: (reqId: string, incoming: IncomingMessage, outgoing: ServerResponse) => RequestNotes;
  /** Begins any other request; `answered` logs it. */
  readonly begin: (reqId: string, method?: string) => RequestNotes & { readonly answered: (status: number) => void };
};

/** Returns the log of requests; undefined if the logger takes no objects. If it throws, a process warning is emitted once. */
export const requestLog = (logger: Logger | undefined): RequestLog | undefined => {
  if (!logger || !takesObjects(logger)) return undefined;
  const isolated = isolate('The logger of the server');
  const log = ({ route, token }: RequestNotes, reqId: string, method: string | undefined, more: Answered): void => {
    const level = levelOfStatus(more.status, route !== undefined && QUIET.has(route));
    if (logger.isLevelEnabled?.(level) === false) return;
    const ms = Math.round(more.ms * 10) / 10;
    const said = `${method ?? 'unreadable request'} ${route ?? '(no route)'} ${more.status}`;
    logger[level]({ reqId, method, route, ...more, ms, ...(token !== undefined && { token }) }, said);
  };
  return {
    ofNode: (reqId, incoming, outgoing) => {
      const began = performance.now();
      const notes: RequestNotes = {};
      outgoing.once('close', () => {
        const { statusCode: status, writableFinished } = outgoing;
        const ms = performance.now() - began;
        const more = { status, ms, ...(!writableFinished && { aborted: true as const }) };
        isolated(() => log(notes, reqId, incoming.method, more));
      });
      return notes;
    },
    begin: (reqId, method) => {
      const began = performance.now();
      const notes: RequestNotes & { answered: (status: number) => void } = {
        answered: (status) => isolated(() => log(notes, reqId, method, { status, ms: performance.now() - began })),
      };
      return notes;
    },
  };
};

/** `aborted`: the connection ended before the whole answer was sent, as that of a stream does. */
type Answered = { readonly status: number; readonly ms: number; readonly aborted?: true };

/** The route of the web UI's files and pages. */
export const UI_ROUTE = '(ui)';

/** Routes that are asked again and again by programs, or many times for a page. */
const QUIET: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics', UI_ROUTE]);
