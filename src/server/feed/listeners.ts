import { setImmediate } from 'node:timers/promises';
import type { JournalFeed } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { OPEN, type Principal } from '../access/principal.ts';
import type { Sessions } from '../access/sessions.ts';
import type { Tokens } from '../access/tokens.ts';
import { HttpProblem, RETRY_SOON } from '../http/problem.ts';
import type { Channel } from './channel.ts';
import { type ClientStream, clientStream } from './client-stream.ts';
import type { EventPages } from './event-pages.ts';
import type { FeedEvent } from './feed-event.ts';
import { PING } from './frames.ts';
import { streamSlots } from './stream-slots.ts';
import { createTail, type Tail } from './tail.ts';

/** Who listens, and from where. */
export type Listener = {
  readonly principal: Pick<Principal, 'id'>;
  /** The id of its session, if it is a browser that has signed in. */
  readonly session?: string | undefined;
  /** The id of the last event that the client has. */
  readonly after: number | undefined;
  /** Destroys the connection of the client. Default: its stream fails. */
  readonly disconnect?: (() => void) | undefined;
};

export type Body = ReadableStream<Uint8Array>;

/** How a stream begins. */
type Opening = {
  /** The id of the last event that the client has. */
  readonly after: number;
  readonly frames: readonly Uint8Array[];
  /** Reads what follows an id, and says what to do then: read on, join those who get new events, or end. */
  readonly read: (after: number) => Promise<{
    readonly bytes: Uint8Array | undefined;
    readonly reached: number;
    readonly next: 'read' | 'join' | 'end';
  }>;
  /** Opens the channel that the client will join. */
  readonly use: () => { readonly channel: Channel; readonly unuse: () => void };
  /** What a client gets last that reads too slowly. Default: it is cut. */
  readonly slow?: Uint8Array | undefined;
};

/** All who listen, each with a stream. While there are any, the journal is followed. */
export type Listeners = {
  /** Takes a slot and begins to follow the journal; returns what gives both back. @throws HttpProblem, JournalError */
  readonly enter: (principal: Listener['principal']) => Promise<() => void>;
  /** Makes the stream of somebody who has entered. @throws HttpProblem `SHUTTING_DOWN` */
  readonly open: (listener: Listener, leave: () => void, opening: Opening) => Body;
  /** Opens a stream that its caller writes, who is told of all events from now on. @throws HttpProblem */
  readonly watch: (
    listener: Omit<Listener, 'after'>,
    onEvents: (events: readonly FeedEvent[]) => void,
  ) => Promise<ClientStream>;
  /** The position up to which the journal was followed; undefined while nobody listens. */
  readonly position: () => number | undefined;
  /** Returns how many streams are open. */
  readonly streams: () => number;
  /** Ends the streams of a session that is over. */
  readonly endSession: (id: string) => void;
  /** Ends all streams. */
  readonly close: () => void;
};

export type ListenerParts = {
  readonly clock: Clock;
  readonly tokens: Pick<Tokens, 'list'>;
  readonly sessions: Pick<Sessions, 'isInForce'>;
  /** Whether nobody needs a token, also if there are some. */
  readonly areTokensOff: boolean;
  readonly pages: EventPages;
  /** Returns the feed of the journal. @throws HttpProblem `NO_FEED` if it has none */
  readonly required: () => JournalFeed;
  /** Delivers new events to the channels. */
  readonly deliver: (events: readonly FeedEvent[]) => void;
  /** Ends the channels of jobs that are there no more. @throws JournalError */
  readonly endGone: () => Promise<void>;
  readonly warn: (error: unknown) => void;
  /** Is told of each stream that is cut. */
  readonly onCut?: (() => void) | undefined;
};

/** How often a quiet stream is sent a `ping`, and jobs, tokens and sessions are looked for that are there no more, in ms. */
export const PING_MS = 15_000;

/** With more streams than these, events wait for so many ms, to be sent together. */
const MANY_STREAMS = 100;
const MANY_STREAMS_PAUSE_MS = 25;

export const createListeners = (parts: ListenerParts): Listeners => {
  const { clock, tokens, sessions, areTokensOff, pages, required, deliver, endGone, warn, onCut } = parts;
  const clients = new Map<ClientStream, Pick<Listener, 'principal' | 'session'>>();
  const watchers = new Set<(events: readonly FeedEvent[]) => void>();
  const slots = streamSlots();
  let tail: Tail | undefined;
  let cancelBeat: (() => void) | undefined;
  let isClosed = false;

  const endSession = (id: string): void => {
    for (const [client, { session }] of [...clients]) if (session === id) client.end();
  };

  const beat = async (): Promise<void> => {
    cancelBeat = clock.setTimer(() => void beat(), PING_MS);
    for (const client of [...clients.keys()]) if (client.isEmpty()) client.write(PING);
    try {
      const known = await tokens.list();
      const inForce = new Set(areTokensOff || known.length === 0 ? [OPEN.id] : []);
      for (const { id, expiresAt = Number.POSITIVE_INFINITY } of known) if (expiresAt > clock.now()) inForce.add(id);
      for (const [client, { principal }] of [...clients]) if (!inForce.has(principal.id)) client.end();
      // One may have signed out while a stream was opened.
      for (const id of new Set([...clients.values()].flatMap(({ session = [] }) => session)))
        if (!(await sessions.isInForce(id))) endSession(id);
      await endGone();
    } catch (error) {
      warn(error);
    }
  };

  const enter: Listeners['enter'] = async ({ id }) => {
    const feed = required();
    const release = slots.take(id);
    const leave = (): void => {
      release();
      if (slots.taken() > 0) return;
      tail?.stop();
      cancelBeat?.();
      tail = undefined;
      cancelBeat = undefined;
    };
    tail ??= createTail({
      feed,
      pages,
      clock,
      deliver: (events) => {
        deliver(events);
        for (const onEvents of watchers) onEvents(events);
      },
      pauseMs: () => (clients.size > MANY_STREAMS ? MANY_STREAMS_PAUSE_MS : 0),
      onError: warn,
    });
    cancelBeat ??= clock.setTimer(() => void beat(), PING_MS);
    try {
      await tail.begun;
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  };

  /** Reads for a client what it has missed, until it can join its channel. */
  const catchUp = async (
    client: ClientStream,
    { channel, after, read }: Pick<Opening, 'after' | 'read'> & { readonly channel: Channel },
  ): Promise<void> => {
    for (let id = after; ; await setImmediate()) {
      await client.drained();
      if (client.isOver()) return;
      const page = await read(id);
      if (page.bytes) client.write(page.bytes);
      id = page.reached;
      if (page.next === 'end') return client.end();
      if (page.next === 'join' && id >= channel.delivered())
        return client.isOver() ? undefined : channel.join(client, id);
    }
  };

  const open: Listeners['open'] = (listener, leave, { after, frames, read, use, slow }) => {
    if (isClosed) throw shuttingDown();
    const { channel, unuse } = use();
    const client = clientStream({
      disconnect: listener.disconnect,
      onCut,
      slow: slow && { bytes: slow, later: (cut) => void clock.setTimer(cut, PING_MS) },
      onOver: () => {
        clients.delete(client);
        channel.leave(client);
        unuse();
        leave();
      },
    });
    clients.set(client, listener);
    for (const frame of frames) client.write(frame);
    void catchUp(client, { channel, after, read }).catch((error) => {
      warn(error);
      client.end();
    });
    return client.body;
  };

  const watch: Listeners['watch'] = async (listener, onEvents) => {
    const leave = await enter(listener.principal);
    if (isClosed) {
      leave();
      throw shuttingDown();
    }
    const client = clientStream({
      disconnect: listener.disconnect,
      onCut,
      onOver: () => {
        clients.delete(client);
        watchers.delete(onEvents);
        leave();
      },
    });
    clients.set(client, listener);
    watchers.add(onEvents);
    return client;
  };

  return {
    enter,
    open,
    watch,
    position: () => tail?.position(),
    streams: () => clients.size,
    endSession,
    close: () => {
      isClosed = true;
      for (const client of [...clients.keys()]) client.end();
    },
  };
};

const shuttingDown = (): HttpProblem =>
  new HttpProblem(503, 'SHUTTING_DOWN', 'The server is shutting down.', { headers: RETRY_SOON });
