import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import type { Api } from './app.ts';
import { HttpProblem } from './problem.ts';

/** Creates the server of Node.js for an app. What never gets to the app is refused in the same form. */
export const createListener = ({ fetchForNode, refuse }: Pick<Api, 'fetchForNode' | 'refuse'>): Server => {
  const answer = getRequestListener((request, env) => fetchForNode(request, env as HttpBindings), {
    errorHandler: (error) => refuse(error instanceof RequestError ? invalidTarget(error) : (error as Error)),
  });
  const server = createServer(OPTIONS, answer);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }, response) => answers.set(socket, response));
  server.on('clientError', async (error: NodeJS.ErrnoException, socket) => {
    const isHopeless = (): boolean => {
      const before = answers.get(socket);
      return !socket.writable || (before?.headersSent === true && !before.writableFinished);
    };
    if (error.code === 'ECONNRESET' || isHopeless()) return void socket.destroy();
    const refusal = await refuse(unreadable(error.code));
    const text = await refusal.text();
    if (isHopeless()) return void socket.destroy();
    const { status } = refusal;
    const lines = [...refusal.headers].map(([name, value]) => `${name}: ${value}`);
    const length = `content-length: ${Buffer.byteLength(text)}`;
    socket.end(
      [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, length, 'connection: close', '', text].join('\r\n'),
    );
  });
  return server;
};

/** Limits against slow clients, in ms: until the headers, and until all of the request has come; how often that is checked. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 2_000 };

/** A request without a host is refused as one without an address. */
const OPTIONS = { ...LIMITS, requireHostHeader: false };

/** Longer than a claim may wait, or idle connections would close under the next request of a client. In ms. */
const KEEP_ALIVE_MS = 65_000;

const invalidTarget = ({ message }: Error): HttpProblem =>
  new HttpProblem(400, 'INVALID_REQUEST', `The address of the request can't be read: ${message}.`);

/** What the parser of Node.js says of bytes that are no request. */
const unreadable = (code = ''): HttpProblem => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpProblem(
        431,
        'HEADERS_TOO_LARGE',
        'The line of the request and its headers have more than 16 KiB.',
      );
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpProblem(413, 'PAYLOAD_TOO_LARGE', 'The extensions of a chunk are larger than 16 KiB.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpProblem(
        408,
        'REQUEST_TIMEOUT',
        'The request did not come in time: headers within 10 s, all of it within 30 s.',
      );
    default:
      return new HttpProblem(400, 'INVALID_REQUEST', `This is no request of HTTP/1.1 (${code}).`);
  }
};
