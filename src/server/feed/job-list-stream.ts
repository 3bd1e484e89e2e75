import type { JobFilter, Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { matches } from '../../journal/matches.ts';
import type { ClientStream } from './client-stream.ts';
import type { Feed } from './feed.ts';
import { controlFrame, firstFrame } from './frames.ts';
import type { Listener } from './listeners.ts';

export type JobListStreamParts<Shown, Counts extends object> = {
  readonly feed: Feed;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Shows jobs as lists do. */
  readonly shown: (jobs: readonly JournalJob[]) => Promise<readonly Shown[]>;
  /** Counts the jobs of the list. */
  readonly counts: (filter: JobFilter) => Promise<Counts>;
  readonly onError: (error: unknown) => void;
};

/** What a frame says: jobs that changed, and what the list would count now. */
export type JobListChange<Shown> = {
  /** Jobs of the list, in whatever state they are now, that changed since the frame before. */
  readonly items: readonly Shown[];
  /** Whether more have changed than are shown: read the pages again that are in sight. */
  readonly more: boolean;
  /** How many jobs of the list have begun since the stream has. */
  readonly started: number;
};

/** How often a frame is sent at most, in ms. */
export const FRAME_MS = 500;

/** The most jobs of a frame. */
const MAX_ITEMS = 200;

/**
 * Streams what changes in a list of jobs, from now on; the first frame has the counts. Rows that leave the list by their
 * state are among the changed ones, so that a client can show them where they are. @throws HttpProblem
 */
export const streamJobList = async <Shown, Counts extends object>(
  { feed, journal, clock, shown, counts, onError }: JobListStreamParts<Shown, Counts>,
  filter: JobFilter,
  listener: Listener,
): Promise<ClientStream['body']> => {
  const whatever = { ...filter, states: undefined };
  let changed = new Set<string>();
  let begun = new Set<string>();
  let started = 0;
  let isWaiting = false;

  const write = async (): Promise<void> => {
    const [ids, fresh] = [[...changed], begun];
    changed = new Set();
    begun = new Set();
    const latest = new Set(ids.slice(-MAX_ITEMS));
    const jobs: JournalJob[] = [];
    for (const id of ids) {
      if (!latest.has(id) && !fresh.has(id)) continue;
      const job = await journal.job(id);
      if (job && fresh.has(id) && matches(job, filter)) started++;
      if (job && latest.has(id) && matches(job, whatever)) jobs.push(job);
    }
    const change: JobListChange<Shown> = { items: await shown(jobs), more: ids.length > MAX_ITEMS, started };
    client.write(controlFrame('jobs', { ...change, ...(await counts(filter)) }));
  };

  /** Writes at once, then waits before the next frame. */
  const plan = (): void => {
    if (isWaiting || client.isOver()) return;
    isWaiting = true;
    void write()
      .catch((error) => {
        onError(error);
        client.end();
      })
      .finally(() =>
        clock.setTimer(() => {
          isWaiting = false;
          if (changed.size > 0) plan();
        }, FRAME_MS),
      );
  };

  const client = await feed.watch(listener, (events) => {
    for (const { event } of events) {
      changed.add(event.jobId);
      if (event.seq === 0) begun.add(event.jobId);
    }
    plan();
  });
  client.write(firstFrame());
  plan();
  return client.body;
};
