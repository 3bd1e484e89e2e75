/* The events of jobs for those who listen. `event-pages.ts` reads events from the journal as `feed-event.ts` has them,
 * `frames.ts` writes them as `text/event-stream`. `feed.ts` opens streams (`client-stream.ts`): each reads what it has
 * missed page by page, then joins a channel (`channel.ts`), whose clients all get the same bytes of what `tail.ts` reads
 * as soon as the journal has it. `patch-channel.ts` is one for the columns of a job.
 * `stream-slots.ts` counts streams. */

import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalFeed, JournalJob } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { JobView } from '../../engine/views/job-view.ts';
import { errorData, withoutStack } from '../../events/error-data.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { OPEN, type Principal } from '../access/principal.ts';
import type { Sessions } from '../access/sessions.ts';
import type { Tokens } from '../access/tokens.ts';
import { HttpProblem, notFound, RETRY_SOON } from '../http/problem.ts';
import { epochOf } from '../view/job-fold.ts';
import type { JobViews } from '../view/job-views.ts';
import { patchFrames } from '../view/patch-events.ts';
import { type Channel, type ChannelOptions, createChannel } from './channel.ts';
import { type ClientStream, clientStream } from './client-stream.ts';
import { EVENTS_PAGE, type EventPages, eventPages } from './event-pages.ts';
import { type EventFilter, type FeedEvent, isWanted } from './feed-event.ts';
import { controlFrame, eventFrames, firstFrame, PING, patchBytes, resetFrame } from './frames.ts';
import { createPatchChannel, endFrame, type PatchChannel } from './patch-channel.ts';
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
  /**
   * Streams what changes in the columns of a job. `epoch`: that of the client's columns. Returns undefined if the job is
   * over and the client has its last event. @throws HttpProblem
   */
  readonly ofPatches: (jobId: string, epoch: string | undefined, listener: Listener) => Promise<Body | undefined>;
  /** Opens a stream that its caller writes, who is told of all events from now on. @throws HttpProblem */
  readonly watch: (
    listener: Omit<Listener, 'after'>,
    onEvents: (events: readonly FeedEvent[]) => void,
  ) => Promise<ClientStream>;
  /** Returns how many streams are open. */
  readonly streams: () => number;
  /** Ends the streams of a session that is over. */
  readonly endSession: (id: string) => void;
  /** Ends all streams. */
  readonly close: () => void;
};

export type FeedParts = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly tokens: Pick<Tokens, 'list'>;
  readonly sessions: Pick<Sessions, 'isInForce'>;
  /** Whether nobody needs a token, also if there are some. */
  readonly areTokensOff: boolean;
  readonly logger: Logger | undefined;
  readonly views: JobViews;
  /** Is told of each event that is sent as soon as it is stored, and of when it happened, in epoch ms. */
  readonly onSent?: ((at: number) => void) | undefined;
  /** Is told of each stream that is cut. */
  readonly onCut?: (() => void) | undefined;
};

/** How often a quiet stream is sent a `ping`, and jobs, tokens and sessions are looked for that are there no more, in ms. */
export const PING_MS = 15_000;

/** With more streams than these, events wait for so many ms, to be sent together. */
const MANY_STREAMS = 100;
const MANY_STREAMS_PAUSE_MS = 25;

export const createFeed = (parts: FeedParts): Feed => {
  const { engine, journal, clock, tokens, sessions, areTokensOff, logger, views, onSent, onCut } = parts;
  const pages = eventPages(journal, logger);
  const clients = new Map<ClientStream, Pick<Listener, 'principal' | 'session'>>();
  const byFilter = new Map<string, { readonly filter: EventFilter; readonly channel: Channel }>();
  const byJob = new Map<string, Channel>();
  /** By epoch and job. */
  const patchesOf = new Map<string, PatchChannel>();
  const watchers = new Set<(events: readonly FeedEvent[]) => void>();
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
    if (onSent) for (const { event } of events) onSent(event.at);
    for (const { filter, channel } of byFilter.values()) channel.deliver(events.filter((one) => isWanted(filter, one)));
    for (const onEvents of watchers) onEvents(events);
    if (byJob.size === 0 && patchesOf.size === 0) return;
    const ofJobs = new Map<string, FeedEvent[]>();
    for (const one of events) {
      const known = ofJobs.get(one.event.jobId);
      if (known) known.push(one);
      else ofJobs.set(one.event.jobId, [one]);
    }
    for (const [jobId, own] of ofJobs) byJob.get(jobId)?.deliver(own);
    for (const patches of patchesOf.values()) patches.deliver(ofJobs.get(patches.jobId) ?? []);
  };

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
      for (const [jobId, channel] of [...byJob]) if (!(await journal.job(jobId))) channel.end();
      for (const { jobId, channel } of [...patchesOf.values()]) if (!(await journal.job(jobId))) channel.end();
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

  /** Makes the stream of somebody who has entered. */
  const open = (listener: Listener, leave: () => void, { after, frames, read, use, slow }: Opening): Body => {
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

  const watch: Feed['watch'] = async (listener, onEvents) => {
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
          const wanted = events.filter((one) => isWanted(filter, one));
          return { bytes: eventBytes(wanted, positionOf), reached, next: 'join' };
        },
        use: () =>
          used(
            byFilter,
            JSON.stringify([filter.topic, filter.name, filter.types]),
            ({ channel }) => channel,
            () => ({
              filter,
              channel: createChannel({
                idOf: positionOf,
                encode: (events) => eventBytes(events, positionOf),
                ofJob: false,
                delivered: () => tail?.position() ?? 0,
              }),
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
          const { events, isLast } = await pages.ofJob(jobId, id, EVENTS_PAGE);
          const reached = events.at(-1)?.event.seq ?? id;
          const bytes = eventBytes(events, seqOf);
          if (!isLast) return { bytes, reached, next: 'read' };
          const now = await journal.job(jobId);
          return { bytes, reached, next: !now || isAtEnd(now, reached) ? 'end' : 'join' };
        },
        use: () =>
          used(
            byJob,
            jobId,
            (channel) => channel,
            () => createChannel({ idOf: seqOf, encode: (events) => eventBytes(events, seqOf), ofJob: true }),
          ),
      });
    } catch (error) {
      leave();
      throw error;
    }
  };

  const ofPatches: Feed['ofPatches'] = async (jobId, epoch, listener) => {
    const leave = await enter(listener.principal);
    try {
      const job = await journal.job(jobId);
      if (!job) throw notFound('job', 'JOB_NOT_FOUND', jobId);
      const { after = -1 } = listener;
      const own = epochOf(job);
      const lost = epoch !== undefined && epoch !== own ? 'epoch' : isTooOld(job, after) ? 'after' : undefined;
      const first = firstFrame(undefined, 1000 + Math.floor(Math.random() * 3000));
      if (lost) {
        leave();
        return ended([first, resetFrame(lost)]);
      }
      if (isAtEnd(job, after)) {
        leave();
        return undefined;
      }
      return open(listener, leave, {
        after,
        frames: [first],
        slow: resetFrame('slow'),
        read: async (id) => {
          const { events, isLast } = await pages.ofJob(jobId, id, EVENTS_PAGE);
          const reached = events.at(-1)?.event.seq ?? id;
          const now = await journal.job(jobId);
          if (!now) return { bytes: undefined, reached, next: 'end' };
          if (epochOf(now) !== own) return { bytes: resetFrame('epoch'), reached, next: 'end' };
          const frames = patchFrames(
            await views.of(now),
            events.map(({ event }) => event),
          );
          if (!isAtEnd(now, reached)) return { bytes: patchBytes(frames), reached, next: isLast ? 'join' : 'read' };
          return { bytes: patchBytes([...frames, endFrame(now.state, reached)]), reached, next: 'end' };
        },
        use: () =>
          used(
            patchesOf,
            `${own} ${jobId}`,
            ({ channel }) => channel,
            () => createPatchChannel({ jobId, epoch: own, journal, views, clock, onError: warn }),
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
    ofPatches,
    watch,
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

const eventBytes = (events: readonly FeedEvent[], idOf: ChannelOptions['idOf']): Uint8Array | undefined =>
  events.length === 0 ? undefined : eventFrames(events, idOf);

const isAtEnd = ({ state, lastSeq }: JournalJob, seq: number): boolean => isTerminalJobState(state) && seq >= lastSeq;

const ended = (frames: readonly Uint8Array[]): Body =>
  new ReadableStream({
    start: (controller) => {
      for (const frame of frames) controller.enqueue(frame);
      controller.close();
    },
  });

/** Whether a client should rather take a new view: it knows events that the job does not have, or lacks very many. */
const isTooOld = ({ lastSeq }: JournalJob, after: number): boolean => after > lastSeq || lastSeq - after > MAX_BEHIND;

const MAX_BEHIND = 100_000;

const positionOf: ChannelOptions['idOf'] = ({ position = 0 }) => position;

const seqOf: ChannelOptions['idOf'] = ({ event }) => event.seq;
