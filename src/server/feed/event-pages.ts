import { readPlainEvent } from '../../engine/durable/event-reader.ts';
import type { Journal, JournalFeed, StoredEvent } from '../../engine/durable/journal.ts';
import { isPlainText } from '../../engine/durable/serialise.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { JobEvent } from '../../events/event.ts';
import type { Logger } from '../../events/logger.ts';
import { TOPIC } from '../topics/topics.ts';
import { FeedEvent } from './feed-event.ts';

/** Reads events from a journal, page by page: a page ends after `limit` events, or with the first that makes it too large. */
export type EventPages = {
  /**
   * Reads events of all jobs after a position. `reached`: the position to continue after; undefined if there are no more.
   * Leaves out damaged events, which are logged. @throws JournalError
   */
  readonly ofAll: (
    feed: JournalFeed,
    after: number,
    limit: number,
  ) => Promise<{ readonly events: readonly FeedEvent[]; readonly reached: number | undefined }>;
  /** Reads events of one job after a `seq`. `isLast`: there are no more. @throws JournalError */
  readonly ofJob: (
    jobId: string,
    after: number,
    limit: number,
  ) => Promise<{ readonly events: readonly FeedEvent[]; readonly isLast: boolean }>;
};

/** How many events are read at once to catch up. */
export const EVENTS_PAGE = 500;

/** A page ends with the event by which it has so many bytes, or more: in UTF-16 units. */
const MAX_PAGE_BYTES = 1024 * 1024;

export const eventPages = (journal: Journal, logger: Logger | undefined): EventPages => {
  /** Reads a few events at a time, until a page has `limit` events or is too large. */
  const read = async (jobId: string, after: number, limit: number, page: { bytes: number }): Promise<Part> => {
    const events: JobEvent[] = [];
    for (let isLast = false; !isLast && events.length < limit; ) {
      const wanted = Math.min(READ_AT_ONCE, limit - events.length);
      const found = await journal.events(jobId, after + 1 + events.length, wanted);
      for (const stored of found) {
        const event = await readPlainEvent({ journal, jobId }, stored);
        events.push(event);
        page.bytes += sizeOf(stored, event);
        if (page.bytes >= MAX_PAGE_BYTES) return { events, isLast: false };
      }
      isLast = found.length < wanted;
      if (isLast) return { events, isLast };
    }
    return { events, isLast: false };
  };

  const readSound = async (jobId: string, after: number, limit: number, page: { bytes: number }): Promise<Part> => {
    try {
      return await read(jobId, after, limit, page);
    } catch (error) {
      if (!isDamage(error)) throw error;
      logger?.warn(`Events are left out of the feed: ${error.message}`);
      return { events: [], isLast: true };
    }
  };

  const readTopic = async (jobId: string): Promise<string | undefined> => {
    try {
      return (await journal.job(jobId))?.labels[TOPIC];
    } catch (error) {
      if (isDamage(error)) return undefined;
      throw error;
    }
  };

  return {
    ofJob: async (jobId, after, limit) => {
      const { events, isLast } = await read(jobId, after, limit, { bytes: 0 });
      return { events: events.map((event) => new FeedEvent(event)), isLast };
    },
    ofAll: async (feed, after, limit) => {
      const changes = await feed.changes(after, limit);
      const topics = new Map<string, string | undefined>();
      const events: FeedEvent[] = [];
      const page = { bytes: 0 };
      for (const { position, jobId, fromSeq, toSeq } of changes) {
        if (!topics.has(jobId)) topics.set(jobId, await readTopic(jobId));
        const part = await readSound(jobId, fromSeq - 1, toSeq - fromSeq + 1, page);
        for (const event of part.events)
          events.push(new FeedEvent(event, position - (toSeq - event.seq), topics.get(jobId)));
        const last = events.at(-1)?.position;
        if (page.bytes >= MAX_PAGE_BYTES && last !== undefined) return { events, reached: last };
      }
      return { events, reached: changes.at(-1)?.position };
    },
  };
};

/** Events of one job, and whether there are no more. */
type Part = { readonly events: readonly JobEvent[]; readonly isLast: boolean };

/** What refers to other outputs is stored in a few bytes. */
const sizeOf = ({ data, output }: StoredEvent, event: JobEvent): number => {
  if (output === undefined) return data.length;
  return (
    data.length +
    (isPlainText(output) ? output : JSON.stringify((event as { readonly output?: unknown }).output)).length
  );
};

/** How many events are read from the journal at once: each may have an output as large as the journal allows. */
const READ_AT_ONCE = 8;

const isDamage = (error: unknown): error is JournalError =>
  error instanceof JournalError && (error.code === 'JOURNAL_CORRUPT' || error.code === 'JOURNAL_NEWER');
