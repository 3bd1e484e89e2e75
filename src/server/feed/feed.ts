/* The events of jobs for those who listen. `event-pages.ts` reads events from the journal as `feed-event.ts` has them,
 * `frames.ts` writes them as `text/event-stream`. `feed.ts` opens streams (`client-stream.ts`): each reads what it has
 * missed page by page, then joins a channel (`channel.ts`), whose clients all get the same bytes of what `tail.ts` reads
 * as soon as the journal has it. */

import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalFeed } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { JobView } from '../../engine/views/job-view.ts';
import { errorData, withoutStack } from '../../events/error-data.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { OPEN, type Principal } from '../access/principal.ts';
import type { Tokens } from '../access/tokens.ts';
import { HttpProblem, notFound, RETRY_SOON } from '../http/problem.ts';
import { type Channel, type ChannelOptions, createChannel } from './channel.ts';
import { type ClientStream, clientStream } from './client-stream.ts';
import { EVENTS_PAGE, type EventPages, eventPages } from './event-pages.ts';
import { type EventFilter, type FeedEvent, isWanted } from './feed-event.ts';
import { COMMENT, controlFrame, eventFrames, firstFrame } from './frames.ts';
import { createTail, type Tail } from './tail.ts';

/** Who listens, and from where. */
export type Listener = {
  readonly principal: Pick<Principal, 'id'>;
  /** The id of the last event that the client has. */
  readonly after: number | undefined;
  /** Destroys the connection of the client. Default: its stream fails. */
  readonly disconnect?: (() => void) | undefined;
};

type Body = ReadableStream<Uint8Array>;

export type Feed = {
  readonly pages: EventPages;
  /** Returns the feed of the journal. @throws HttpProblem `NO_FEED` if it has none */
  readonly required: () => JournalFeed;
  /** Streams the events of all jobs, by their positions. Default: from now on. @throws HttpProblem */
  readonly ofAll: (filter: EventFilter, listener: Listener) => Promise<Body>;
  /**
   * Streams the events of a job, by their `seq`, from the first on; with `snapshot`, first the job as it is, then what
   * follows. Returns undefined if the job is over and the client has its last event. @throws HttpProblem
   */
  readonly ofJob: (jobId: string, snapshot: boolean, listener: Listener) => Promise<Body | undefined>;
  /** Ends all streams. */
  readonly close: () => void;
};

export type FeedParts = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly tokens: Pick<Tokens, 'list'>;
  /** Whether nobody needs a token, also if there are some. */
  readonly areTokensOff: boolean;
  readonly logger: Logger | undefined;
};

export const MAX_STREAMS = 2_000;
export const MAX_STREAMS_OF_TOKEN = 20;

/** How often a comment is sent, and jobs and tokens are looked for that are there no more, in ms. */
export const COMMENT_MS = 15_000;

/** With more streams than these, events wait for so many ms, to be sent together. */
const MANY_STREAMS = 100;
const MANY_STREAMS_PAUSE_MS = 25;

export const createFeed = ({ engine, journal, clock, tokens, areTokensOff, logger }: FeedParts): Feed => {
  const pages = eventPages(journal, logger);
  /** By client, the id of its token. */
  const clients = new Map<ClientStream, string>();
  const byFilter = new Map<string, { readonly filter: EventFilter; readonly channel: Channel }>();
  const byJob = new Map<string, Channel>();
  const slots = streamSlots();
  let tail: Tail | undefined;
  let cancelBeat: (() => void) | undefined;
  let isClosed = false;

  const required = (): JournalFeed => {
    if (journal.feed) return journal.feed;
    throw new HttpProblem(409, 'NO_FEED', 'The journal of this server has no feed of events, so there are no streams.');
  };

  const warn = (error: unknown): void =>
    logger?.warn(`Events can't be read from the journal: ${errorData(error).message}`);

  const deliver = (events: readonly FeedEvent[]): void => {
    for (const { filter, channel } of byFilter.values()) channel.deliver(events.filter((one) => isWanted(filter, one)));
    const ofJobs = new Map<Channel, FeedEvent[]>();
    for (const one of events) {
      const channel = byJob.get(one.event.jobId);
      const known = channel && ofJobs.get(channel);
      if (known) known.push(one);
      else if (channel) ofJobs.set(channel, [one]);
    }
    for (const [channel, own] of ofJobs) channel.deliver(own);
  };

  const beat = async (): Promise<void> => {
    cancelBeat = clock.setTimer(() => void beat(), COMMENT_MS);
    for (const client of [...clients.keys()]) if (client.isEmpty()) client.write(COMMENT);
    try {
      const known = await tokens.list();
      const inForce = new Set(areTokensOff || known.length === 0 ? [OPEN.id] : []);
      for (const { id, expiresAt = Number.POSITIVE_INFINITY } of known) if (expiresAt > clock.now()) inForce.add(id);
      for (const [client, id] of [...clients]) if (!inForce.has(id)) client.end();
      for (const [jobId, channel] of [...byJob]) if (!(await journal.job(jobId))) channel.end();
    } catch (error) {
      warn(error);
    }
  };

  /** Takes a slot and begins to follow the journal; returns what gives both back. @throws HttpProblem, JournalError */
  const enter = async ({ id }: Listener['principal']): Promise<() => void> => {
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
      deliver,
      pauseMs: () => (clients.size > MANY_STREAMS ? MANY_STREAMS_PAUSE_MS : 0),
      onError: warn,
    });
    cancelBeat ??= clock.setTimer(() => void beat(), COMMENT_MS);
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
      if (page.events.length > 0) client.write(eventFrames(page.events, channel.idOf));
      id = page.reached;
      if (page.next === 'end') return client.end();
      if (page.next === 'join' && id >= channel.delivered())
        return client.isOver() ? undefined : channel.join(client, id);
    }
  };

  /** Makes the stream of somebody who has entered. */
  const open = (listener: Listener, leave: () => void, { after, frames, read, use }: Opening): Body => {
    if (isClosed) throw new HttpProblem(503, 'SHUTTING_DOWN', 'The server is shutting down.', { headers: RETRY_SOON });
    const { channel, unuse } = use();
    const client = clientStream({
      disconnect: listener.disconnect,
      onOver: () => {
        clients.delete(client);
        channel.leave(client);
        unuse();
        leave();
      },
    });
    clients.set(client, listener.principal.id);
    for (const frame of frames) client.write(frame);
    void catchUp(client, { channel, after, read }).catch((error) => {
      warn(error);
      client.end();
    });
    return client.body;
  };

  /** Returns the channel under a key, and what gives it back. */
  const used = <Kept>(
    channels: Map<string, Kept>,
    key: string,
    channelOf: (kept: Kept) => Channel,
    make: () => Kept,
  ) => {
    const kept = channels.get(key) ?? make();
    channels.set(key, kept);
    const channel = channelOf(kept);
    channel.streams++;
    return {
      channel,
      unuse: (): void => {
        channel.streams--;
        if (channel.streams === 0) channels.delete(key);
      },
    };
  };

  const ofAll: Feed['ofAll'] = async (filter, listener) => {
    const leave = await enter(listener.principal);
    try {
      const feed = required();
      const newest = await feed.newest();
      const oldest = (await feed.oldest()) ?? newest + 1;
      const { after = newest } = listener;
      const isLost = after + 1 < oldest || after > newest;
      return open(listener, leave, {
        after: isLost ? oldest - 1 : after,
        frames: isLost
          ? [firstFrame(), controlFrame('reset', { oldest })]
          : [firstFrame(listener.after === undefined ? newest : undefined)],
        read: async (id) => {
          const known = tail?.position() ?? id;
          const { events, reached = Math.max(id, known) } = await pages.ofAll(feed, id, EVENTS_PAGE);
          return { events: events.filter((one) => isWanted(filter, one)), reached, next: 'join' };
        },
        use: () =>
          used(
            byFilter,
            JSON.stringify([filter.topic, filter.name, filter.types]),
            ({ channel }) => channel,
            () => ({
              filter,
              channel: createChannel({ idOf: positionOf, ofJob: false, delivered: () => tail?.position() ?? 0 }),
            }),
          ),
      });
    } catch (error) {
      leave();
      throw error;
    }
  };

  const ofJob: Feed['ofJob'] = async (jobId, snapshot, listener) => {
    const leave = await enter(listener.principal);
    try {
      const job = await journal.job(jobId);
      if (!job) throw notFound('job', 'JOB_NOT_FOUND', jobId);
      const { after = -1 } = listener;
      const isLost = after > job.lastSeq;
      if (isTerminalJobState(job.state) && after === job.lastSeq) {
        leave();
        return undefined;
      }
      const view = snapshot && (after === -1 || isLost) ? await keptView(jobId) : undefined;
      return open(listener, leave, {
        after: view ? view.lastSeq - (isTerminalJobState(view.state) ? 1 : 0) : isLost ? -1 : after,
        frames: [
          firstFrame(),
          ...(isLost ? [controlFrame('reset', { oldest: 0 })] : []),
          ...(view ? [controlFrame('snapshot', view)] : []),
        ],
        read: async (id) => {
          const events = await pages.ofJob(jobId, id, EVENTS_PAGE);
          const reached = events.at(-1)?.event.seq ?? id;
          if (events.length === EVENTS_PAGE) return { events, reached, next: 'read' };
          const now = await journal.job(jobId);
          const isEnd = !now || (isTerminalJobState(now.state) && reached >= now.lastSeq);
          return { events, reached, next: isEnd ? 'end' : 'join' };
        },
        use: () =>
          used(
            byJob,
            jobId,
            (channel) => channel,
            () => createChannel({ idOf: seqOf, ofJob: true }),
          ),
      });
    } catch (error) {
      leave();
      throw error;
    }
  };

  /** Shows a job with its tasks as they are kept. @throws HttpProblem, JournalError */
  const keptView = async (jobId: string): Promise<JobView> => {
    const found = await engine.find(jobId);
    if (!found) throw notFound('job', 'JOB_NOT_FOUND', jobId);
    const view = found.view();
    await engine.job(jobId)?.saved();
    const shown = <Part extends Pick<JobView, 'error'>>(part: Part): Part =>
      part.error ? { ...part, error: withoutStack(part.error) } : part;
    return { ...shown(view), tasks: view.tasks.map(shown) };
  };

  return {
    pages,
    required,
    ofAll,
    ofJob,
    close: () => {
      isClosed = true;
      for (const client of [...clients.keys()]) client.end();
    },
  };
};

/** How a stream begins. */
type Opening = {
  /** The id of the last event that the client has. */
  readonly after: number;
  readonly frames: readonly Uint8Array[];
  /** Reads events after an id, and says what to do then: read on, join those who get new events, or end. */
  readonly read: (after: number) => Promise<{
    readonly events: readonly FeedEvent[];
    readonly reached: number;
    readonly next: 'read' | 'join' | 'end';
  }>;
  /** Opens the channel that the client will join. */
  readonly use: () => { readonly channel: Channel; readonly unuse: () => void };
};

const positionOf: ChannelOptions['idOf'] = ({ position = 0 }) => position;

const seqOf: ChannelOptions['idOf'] = ({ event }) => event.seq;

/** Counts streams, all together and by token. */
const streamSlots = () => {
  const byToken = new Map<string, number>();
  let taken = 0;
  return {
    taken: () => taken,
    /** Returns a function that gives the slot back. @throws HttpProblem */
    take: (id: string): (() => void) => {
      const own = byToken.get(id) ?? 0;
      // Those who need no token share no limit: they may be many.
      if (taken >= MAX_STREAMS) throw tooMany(`the server has ${MAX_STREAMS} streams`);
      if (own >= MAX_STREAMS_OF_TOKEN && id !== OPEN.id) throw tooMany(`the token has ${MAX_STREAMS_OF_TOKEN} streams`);
      taken++;
      byToken.set(id, own + 1);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        taken--;
        const left = (byToken.get(id) ?? 1) - 1;
        if (left > 0) byToken.set(id, left);
        else byToken.delete(id);
      };
    },
  };
};

const tooMany = (what: string): HttpProblem =>
  new HttpProblem(429, 'TOO_MANY_WAITING', `Too many listen: ${what} already.`, { headers: RETRY_SOON });
