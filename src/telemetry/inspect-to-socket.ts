import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { count, problemsOf, type Rules, rule, text, throwIfInvalid } from '../engine/definition/option-rules.ts';
import {
  type Inspection,
  InspectionError,
  type InspectionOptions,
  inspectionLines,
  inspectionRules,
} from './inspection.ts';
import { inspectionPage } from './inspection-page.ts';
import { requireOfPeer } from './peer.ts';

export type SocketInspectionOptions = InspectionOptions & {
  /** The port to listen on. Default 0: one that is free. */
  readonly port?: number | undefined;
  /** The address to listen on. Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** How many of the last events a client gets that connects later. Default 1,000. */
  readonly replay?: number | undefined;
};

/** An inspection that clients read from a WebSocket. */
export type SocketInspection = Inspection & {
  /** The address of the socket, `ws://…`. Whoever knows it can read: it holds a random key. */
  readonly url: string;
  /** The address of a page that shows the inspector of stately.ai, `http://…`, with the same key. Needs a network. */
  readonly page: string;
};

/**
 * Listens for WebSockets, and sends each client what the state machines of jobs do: a message of JSON for the start of
 * each actor, each event that it receives and each snapshot after it, as `@statelyai/inspect` has them. What clients send
 * is ignored; a client that leaves 16 MiB unread for 10 s is cut off. The process stays alive until `close`, which disconnects
 * all clients.
 * @throws PeerMissingError if `@statelyai/inspect` is not installed; InspectionError if the address can't be had;
 * OptionError
 * @example
 * const inspection = await inspectToSocket();
 * console.log(`Open ${inspection.page}`);
 * await smoothie.start({}, { inspect: inspection });
 */
export const inspectToSocket = async (options: SocketInspectionOptions = {}): Promise<SocketInspection> => {
  throwIfInvalid('inspectToSocket', problemsOf(options, rules, { subject: 'inspectToSocket' }));
  const { port = 0, host = '127.0.0.1', replay = 1_000 } = options;
  const readers = new Set<Reader>();
  let kept: string[] = [];
  let closed: Promise<void> | undefined;
  const lines = await inspectionLines((line) => {
    kept.push(line);
    if (kept.length > 2 * replay) kept = lastOf(kept, replay);
    for (const reader of readers) reader.send(line);
  }, options);
  const { WebSocketServer } = requireOfPeer<Ws>('tintype/inspect', '@statelyai/inspect', 'ws');
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_RECEIVED_BYTES });
  const path = `/${randomBytes(16).toString('base64url')}`;
  const server = createServer((request, response) => {
    const { status, headers, body } =
      request.url === path ? inspectionPage() : { status: 404, headers: {}, body: 'Not found\n' };
    response.writeHead(status, headers).end(body);
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== path || closed) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const reader = new Reader(client);
      readers.add(reader);
      client.on('close', () => void readers.delete(reader));
      for (const line of lastOf(kept, replay)) reader.send(line);
    });
  });
  await listen(server, host, port);
  const end = async (): Promise<void> => {
    await lines.flushed();
    await Promise.all([...readers].map((reader) => reader.disconnect()));
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const close = (): Promise<void> => {
    closed ??= end();
    return closed;
  };
  const address = addressOf(server.address() as AddressInfo);
  return {
    url: `ws://${address}${path}`,
    page: `http://${address}${path}`,
    next: (event) => {
      if (!closed) lines.next(event);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
};

const rules: Rules = {
  ...inspectionRules,
  port: rule(
    'a port: a whole number from 0 to 65,535',
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
  ),
  host: text('an address of this machine'),
  replay: count,
};

/** The part of the package `ws` that is used here; `@statelyai/inspect` brings the package, without its types. */
type Ws = {
  readonly WebSocketServer: new (options: {
    readonly noServer: true;
    readonly maxPayload: number;
  }) => {
    readonly handleUpgrade: (
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      accept: (client: Client) => void,
    ) => void;
  };
};

type Client = {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly send: (text: string) => void;
  readonly close: (code: number) => void;
  readonly terminate: () => void;
  readonly on: (event: 'error' | 'close', listener: () => void) => void;
};

/** Clients have nothing to say. A longer message ends the connection. */
const MAX_RECEIVED_BYTES = 1_024;

/** What may wait for a client, in bytes; more may wait for so long, in ms: a burst of events takes a while to be sent. */
const MAX_UNREAD_BYTES = 16 * 2 ** 20;
const MAX_UNREAD_MS = 10_000;

/** How long a client may take to read the rest and to say goodbye, in ms. */
const GOODBYE_MS = 2_000;

/** A client that reads the events. */
class Reader {
  readonly #client: Client;
  /** Since when too much has been waiting for it, in epoch ms. */
  #fullSince: number | undefined;

  constructor(client: Client) {
    this.#client = client;
    client.on('error', () => client.terminate());
  }

  send(line: string): void {
    if (this.#client.readyState !== OPEN) return;
    if (this.#client.bufferedAmount <= MAX_UNREAD_BYTES) this.#fullSince = undefined;
    else this.#fullSince ??= Date.now();
    if (this.#fullSince !== undefined && Date.now() - this.#fullSince > MAX_UNREAD_MS) this.#client.terminate();
    else this.#client.send(line);
  }

  /** Resolves when the client has read all that was sent, or its time is over. */
  disconnect(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#client.terminate(), GOODBYE_MS);
      this.#client.on('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client.close(1_000);
    });
  }
}

const OPEN = 1;

const lastOf = <Value>(values: Value[], size: number): Value[] => values.slice(Math.max(0, values.length - size));

const listen = async (server: Server, host: string, port: number): Promise<void> => {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reason = ADDRESS_ERRORS[code]?.(host, port) ?? `The inspector can't listen on ${host}: ${message}.`;
    throw new InspectionError(`${reason} (${code})`, { cause: error });
  }
};

/** What is wrong with an address, and what to do, by the code of Node.js. */
const ADDRESS_ERRORS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `The port ${port} of ${host} is in use. Name another one, or 0 for one that is free.`,
  EACCES: (_host, port) => `The port ${port} needs rights that this user does not have. Name one above 1023.`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine. Name one that is, or leave the host out.`,
  ENOTFOUND: (host) => `No host ${host} is known. Name an address of this machine, or leave the host out.`,
};

const addressOf = ({ family, address, port }: AddressInfo): string =>
  `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
