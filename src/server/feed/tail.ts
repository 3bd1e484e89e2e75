import type { JournalFeed } from '../../engine/durable/journal.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { EVENTS_PAGE, type EventPages } from './event-pages.ts';
import type { FeedEvent } from './feed-event.ts';

/** Follows the feed of a journal from where it ends at the moment. */
export type Tail = {
  /** Resolves when the tail has begun. @throws JournalError */
  readonly begun: Promise<void>;
  /** The position up to which events were delivered. */
  readonly position: () => number;
  readonly stop: () => void;
};

export type TailOptions = {
  readonly feed: JournalFeed;
  readonly pages: EventPages;
  readonly clock: Clock;
  /** How long to wait for more before what is new is read, in ms. */
  readonly pauseMs: () => number;
  readonly deliver: (events: readonly FeedEvent[]) => void;
  /** Called if the journal can't be read; the tail tries again. */
  readonly onError: (error: unknown) => void;
};

export const createTail = ({ feed, pages, clock, pauseMs, deliver, onError }: TailOptions): Tail => {
  let position = Number.POSITIVE_INFINITY;
  let isStopped = false;
  let isReading = false;
  let isDue = false;
  let cancelTimer: (() => void) | undefined;

  const readAll = async (): Promise<void> => {
    while (!isStopped) {
      const { events, reached } = await pages.ofAll(feed, position, EVENTS_PAGE);
      if (isStopped || reached === undefined) return;
      position = reached;
      deliver(events);
    }
  };

  const read = async (): Promise<void> => {
    isReading = true;
    isDue = false;
    try {
      await readAll();
    } catch (error) {
      onError(error);
      wakeIn(RETRY_MS);
    }
    isReading = false;
    if (isDue) wake();
  };

  const wakeIn = (ms: number): void => {
    if (isStopped) return;
    cancelTimer ??= clock.setTimer(() => {
      cancelTimer = undefined;
      if (isReading) isDue = true;
      else void underWayUntil(read());
    }, ms);
  };

  const wake = (): void => {
    if (isStopped || cancelTimer || !Number.isFinite(position)) return;
    if (isReading) {
      isDue = true;
      return;
    }
    const waitMs = pauseMs();
    if (waitMs > 0) wakeIn(waitMs);
    else void underWayUntil(read());
  };

  const stopListening = feed.onChange(wake);
  const begun = (async () => {
    position = await feed.newest();
    wake();
  })();
  return {
    begun,
    position: () => position,
    stop: () => {
      isStopped = true;
      stopListening();
      cancelTimer?.();
    },
  };
};

/** How long to wait after an error, in ms. */
const RETRY_MS = 1_000;
