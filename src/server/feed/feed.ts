/* The events of jobs for those who listen. `event-pages.ts` reads events from the journal as `feed-event.ts` has them,
 * `frames.ts` writes them as `text/event-stream`. `feed.ts` says what is in each kind of stream; `listeners.ts` opens and ends them
 * (`client-stream.ts`): each reads what it has missed page by page, then joins a channel (`channel.ts`), whose clients all get the same bytes of what `tail.ts` reads
 * as soon as the journal has it. `patch-channel.ts` is one for the columns of a job.
 * `stream-slots.ts` counts streams. */

import type { Journal, JournalFeed, JournalJob } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { JobView } from '../../engine/views/job-view.ts';
import { errorData, withoutStack } from '../../events/error-data.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { epochOf } from '../view/job-fold.ts';
import type { JobViews } from '../view/job-views.ts';
import { patchFrames } from '../view/patch-events.ts';
import { type Channel, type ChannelOptions, createChannel } from './channel.ts';
import { EVENTS_PAGE, type EventPages, eventPages } from './event-pages.ts';
import { type EventFilter, type FeedEvent, isWanted } from './feed-event.ts';
import { controlFrame, eventFrames, firstFrame, patchBytes, resetFrame } from './frames.ts';
import { type Body, createListeners, type Listener, type ListenerParts, type Listeners } from './listeners.ts';
import { createPatchChannel, endFrame, type PatchChannel } from './patch-channel.ts';

export type Feed = Pick<Listeners, 'watch' | 'streams' | 'endSession' | 'close'> & {
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
};

export type FeedParts = Omit<ListenerParts, 'pages' | 'required' | 'deliver' | 'endGone' | 'warn'> & {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly logger: Logger | undefined;
  readonly views: JobViews;
  /** Is told of each event that is sent as soon as it is stored, and of when it happened, in epoch ms. */
  readonly onSent?: ((at: number) => void) | undefined;
};

export const createFeed = (parts: FeedParts): Feed => {
  const { engine, journal, clock, logger, views, onSent } = parts;
  const pages = eventPages(journal, logger);
  const byFilter = new Map<string, { readonly filter: EventFilter; readonly channel: Channel }>();
  const byJob = new Map<string, Channel>();
  /** By epoch and job. */
  const patchesOf = new Map<string, PatchChannel>();

  const required = (): JournalFeed => {
    if (journal.feed) return journal.feed;
    throw new HttpProblem(409, 'NO_FEED', 'The journal of this server has no feed of events, so there are no streams.');
  };

  const warn = (error: unknown): void =>
    logger?.warn(`Events can't be read from the journal: ${errorData(error).message}`);

  const deliver = (events: readonly FeedEvent[]): void => {
    if (onSent) for (const { event } of events) onSent(event.at);
    for (const { filter, channel } of byFilter.values()) channel.deliver(events.filter((one) => isWanted(filter, one)));
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

  const endGone = async (): Promise<void> => {
    for (const [jobId, channel] of [...byJob]) if (!(await journal.job(jobId))) channel.end();
    for (const { jobId, channel } of [...patchesOf.values()]) if (!(await journal.job(jobId))) channel.end();
  };

  const listeners = createListeners({ ...parts, pages, required, deliver, endGone, warn });
  const { enter, open, position } = listeners;

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
          const known = position() ?? id;
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
                delivered: () => position() ?? 0,
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
    watch: listeners.watch,
    streams: listeners.streams,
    endSession: listeners.endSession,
    close: listeners.close,
  };
};

/** Returns the channel under a key, and what gives it back. */
const used = <Kept>(channels: Map<string, Kept>, key: string, channelOf: (kept: Kept) => Channel, make: () => Kept) => {
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
