import type { Journal } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { ClientStream } from '../feed/client-stream.ts';
import type { Feed } from '../feed/feed.ts';
import { firstFrame, lineFrame } from '../feed/frames.ts';
import type { Listener } from '../feed/listeners.ts';
import type { LogIndexes } from './log-index.ts';
import { type LogFilter, readPage, selectLines } from './log-lines.ts';

export type LogStreamParts = {
  readonly feed: Feed;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logs: LogIndexes;
  readonly onError: (error: unknown) => void;
};

/** How often new lines are sent at most, in ms. */
export const LINES_EVERY_MS = 100;

/** The most lines of a frame. */
const MAX_LINES = 500;

/**
 * Streams lines of a job after the first `listener.after`, by default the new ones, until the job is over. The id of a
 * frame is the number of its last line. Returns undefined if the job is over and the client has all. @throws HttpProblem
 */
export const streamLog = async (
  { feed, journal, clock, logs, onError }: LogStreamParts,
  jobId: string,
  filter: LogFilter,
  listener: Listener,
): Promise<ClientStream['body'] | undefined> => {
  let next = listener.after;
  let isReading = false;
  let isDue = false;

  /** Writes all lines that are kept; returns whether there will be more. */
  const writeAll = async (): Promise<boolean> => {
    for (;;) {
      const job = await journal.job(jobId);
      if (!job) return false;
      const lines = selectLines(journal, jobId, await logs.of(job), filter);
      next ??= lines.total;
      const page = await readPage(lines, next, MAX_LINES);
      if (page.length === 0) return !isTerminalJobState(job.state);
      next += page.length;
      client.write(lineFrame(next, page));
      await client.drained();
      if (client.isOver()) return false;
    }
  };

  const plan = (): void => {
    isDue = true;
    if (isReading || client.isOver()) return;
    isReading = true;
    isDue = false;
    void writeAll()
      .then((goesOn) => {
        if (!goesOn) client.end();
      })
      .catch((error) => {
        onError(error);
        client.end();
      })
      .finally(() =>
        clock.setTimer(() => {
          isReading = false;
          if (isDue) plan();
        }, LINES_EVERY_MS),
      );
  };

  if (next !== undefined) {
    const job = await journal.job(jobId);
    if (job && isTerminalJobState(job.state)) {
      const { total } = selectLines(journal, jobId, await logs.of(job), filter);
      if (next >= total) return undefined;
    }
  }
  const client = await feed.watch(listener, (events) => {
    if (events.some(({ event }) => event.jobId === jobId)) plan();
  });
  client.write(firstFrame());
  plan();
  return client.body;
};
