import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { createServer, type Server } from '../../src/server/create-server.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';

export type Served = {
  readonly url: string;
  readonly server: Server;
  readonly journal: Journal;
  /** What was asked for, such as `GET /jobs`; paths are those after `/api/v1`. */
  readonly asked: readonly string[];
  /** Breaks all connections. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

/** A server that is ready, on a port that was free. */
export const served = async (options: Partial<ServerOptions> = {}): Promise<Served> => {
  const journal = options.journal ?? memoryJournal();
  const server = createServer({ ...options, journal });
  await server.ready;
  const asked: string[] = [];
  const http = createAdaptorServer({
    fetch: (request: Request, env: object) => {
      asked.push(`${request.method} ${new URL(request.url).pathname.replace('/api/v1', '')}`);
      return server.fetch(request, env);
    },
  });
  const cut = (): void => {
    if ('closeAllConnections' in http) http.closeAllConnections();
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    server,
    journal,
    asked,
    cut,
    close: async () => {
      await server.close({ graceMs: 0 });
      cut();
      await new Promise((resolve) => http.close(resolve));
    },
  };
};
