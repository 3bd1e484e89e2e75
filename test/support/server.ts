import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { createServerWith, type Server } from '../../src/server/create-server.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { LIBRARY_WORDS } from './library-words.ts';

/** What a client sees of an answer. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

export type Call = (
  method: string,
  path: string,
  given?: {
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly token?: string | undefined;
    readonly signal?: AbortSignal;
    /** The address that the request comes from; default 127.0.0.1, null for none that is known. */
    readonly from?: string | null;
  },
) => Promise<Answer>;

/** What the HTTP server of Node.js says of a request. */
export const comingFrom = (address: string | null): object =>
  address === null ? {} : { incoming: { socket: { remoteAddress: address } } };

/**
 * A server that is ready, without a port, and a function that asks it; paths are those after `/api/v1`, or begin with `!`.
 * `uiFolder`: where the build of its web UI is. Default: there is none.
 */
export const testServer = async (
  options: Partial<ServerOptions> = {},
  uiFolder?: string,
): Promise<{ readonly server: Server; readonly call: Call }> => {
  const server = createServerWith({ journal: memoryJournal(), ...options }, uiFolder);
  await server.ready;
  const call: Call = async (method, path, { body, headers = {}, token, signal, from = '127.0.0.1' } = {}) => {
    const url = path.startsWith('!') ? `http://localhost${path.slice(1)}` : `http://localhost/api/v1${path}`;
    const answer = await server.fetch(
      new Request(url, {
        method,
        ...(signal && { signal }),
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
      comingFrom(from),
    );
    const text = await answer.text();
    const isJson = text !== '' && /json/.test(answer.headers.get('content-type') ?? '');
    const said = isJson ? JSON.parse(text) : {};
    // Whoever reads it has no engine.
    if (answer.status >= 400 && LIBRARY_WORDS.test(`${said?.detail} ${said?.remedy}`))
      throw new Error(`A refusal speaks to a program: ${said.detail} ${said.remedy}`);
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  };
  return { server, call };
};
