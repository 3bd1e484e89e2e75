import type { Journal } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { JobState } from '../../events/event.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { PATCH_MS } from '../../wire/patches.ts';
import type { JobFold } from '../view/job-fold.ts';
import type { JobViews } from '../view/job-views.ts';
import { type PatchFrame, patchFrames } from '../view/patch-events.ts';
import { type Channel, createChannel } from './channel.ts';
import type { FeedEvent } from './feed-event.ts';
import { patchBytes, resetFrame } from './frames.ts';

/** The clients that get the patches of one job. */
export type PatchChannel = {
  readonly jobId: string;
  readonly channel: Channel;
  /** Takes new events of the job; clients get what they changed together, after `PATCH_MS`. */
  readonly deliver: (events: readonly FeedEvent[]) => void;
};

export type PatchChannelOptions = {
  readonly jobId: string;
  readonly epoch: string;
  readonly journal: Pick<Journal, 'job'>;
  readonly views: JobViews;
  readonly clock: Clock;
  /** Called if the journal can't be read; the clients come back by their last ids. */
  readonly onError: (error: unknown) => void;
};

export const createPatchChannel = (options: PatchChannelOptions): PatchChannel => {
  const { jobId, epoch, journal, views, clock, onError } = options;
  let waiting: FeedEvent[] = [];
  let isDue = false;
  let fold: JobFold | undefined;
  const channel = createChannel({
    idOf: ({ event }) => event.seq,
    encode: (events) =>
      fold
        ? patchBytes(
            patchFrames(
              fold,
              events.map(({ event }) => event),
            ),
          )
        : undefined,
    ofJob: true,
    last: ({ event }) =>
      patchBytes([endFrame('to' in event ? (event.to as JobState) : 'idle', event.seq)]) as Uint8Array,
  });

  const flush = async (): Promise<void> => {
    const events = waiting;
    waiting = [];
    try {
      fold =
        views.follow(
          jobId,
          events.map(({ event }) => event),
        ) ?? (await read());
      if (!fold) channel.end();
      else if (fold.table.epoch !== epoch) channel.end(resetFrame('epoch'));
      else channel.deliver(events);
    } catch (error) {
      onError(error);
      channel.end();
    }
    isDue = false;
    schedule();
  };

  const read = async (): Promise<JobFold | undefined> => {
    const job = await journal.job(jobId);
    return job && views.of(job);
  };

  const schedule = (): void => {
    if (isDue || waiting.length === 0 || channel.streams === 0) return;
    isDue = true;
    clock.setTimer(() => void underWayUntil(flush()), PATCH_MS);
  };

  return {
    jobId,
    channel,
    deliver: (events) => {
      for (const event of events) waiting.push(event);
      schedule();
    },
  };
};

/** Says that the job is over. A client that has it gets nothing more until the job is retried. */
export const endFrame = (state: JobState, seq: number): PatchFrame => ({
  type: 'end',
  seq,
  json: JSON.stringify({ state }),
});
