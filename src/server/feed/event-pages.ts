import { readPlainEvent } from '../../engine/durable/event-reader.ts';
import type { Journal, JournalFeed } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { JobEvent } from '../../events/event.ts';
import type { Logger } from '../../events/logger.ts';
import { TOPIC } from '../topics/topics.ts';
import { FeedEvent } from './feed-event.ts';

/** Reads events from a journal, page by page. */
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
  /** Reads events of one job after a `seq`; fewer than `limit` only if there are no more. @throws JournalError */
  readonly ofJob: (jobId: string, after: number, limit: number) => Promise<readonly FeedEvent[]>;
};

/** How many events are read at once to catch up. */
export const EVENTS_PAGE = 500;

export const eventPages = (journal: Journal, logger: Logger | undefined): EventPages => {
  const read = async (jobId: string, after: number, limit: number): Promise<readonly JobEvent[]> => {
    const events: JobEvent[] = [];
    for (const stored of await journal.events(jobId, after + 1, limit))
      events.push(await readPlainEvent({ journal, jobId }, stored));
    return events;
  };

  const readSound = async (jobId: string, after: number, limit: number): Promise<readonly JobEvent[]> => {
    try {
      return await read(jobId, after, limit);
    } catch (error) {
      if (!isDamage(error)) throw error;
      logger?.warn(`Events are left out of the feed: ${error.message}`);
      return [];
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
    ofJob: async (jobId, after, limit) => (await read(jobId, after, limit)).map((event) => new FeedEvent(event)),
    ofAll: async (feed, after, limit) => {
      const changes = await feed.changes(after, limit);
      const topics = new Map<string, string | undefined>();
      const events: FeedEvent[] = [];
      for (const { position, jobId, fromSeq, toSeq } of changes) {
        if (!topics.has(jobId)) topics.set(jobId, await readTopic(jobId));
        for (const event of await readSound(jobId, fromSeq - 1, toSeq - fromSeq + 1))
          events.push(new FeedEvent(event, position - (toSeq - event.seq), topics.get(jobId)));
      }
      return { events, reached: changes.at(-1)?.position };
    },
  };
};

const isDamage = (error: unknown): error is JournalError =>
  error instanceof JournalError && (error.code === 'JOURNAL_CORRUPT' || error.code === 'JOURNAL_NEWER');
