import type { Observable, Subscription } from 'rxjs';
import { BoundedQueue, type OnFull } from '../../events/bounded-queue.ts';
import type { JobEvent } from '../../events/event.ts';
import {
  callable,
  formatValue,
  methods,
  oneOf,
  positive,
  problemsOf,
  throwIfInvalid,
} from '../definition/option-rules.ts';
import { OptionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';

export type BufferedOptions<Event = JobEvent> = {
  /** How many events may wait for the reader. Default 10,000. */
  readonly size?: number | undefined;
  /**
   * What is lost if as many wait: `dropOldest`, the event that has waited longest, or `dropNewest`, the one that has
   * just arrived. Default `dropOldest`.
   */
  readonly onFull?: OnFull | undefined;
  /**
   * Returns the key of an event. Of the events with one key that wait, only the newest is kept, in the place of the
   * newest: it goes to the end of the queue. An event whose key is `undefined` replaces none. Default: no event has a key.
   */
  readonly key?: ((event: Event) => string | undefined) | undefined;
};

/** The events of a stream for a reader that may be slower than the stream. */
export type Buffered<Event = JobEvent> = AsyncIterableIterator<Event, undefined, undefined> & {
  /** How many events the reader does not get: lost since too many waited, or replaced by a newer one with the same key. */
  readonly dropped: number;
  /** How many events wait for the reader. */
  readonly waiting: number;
  /** Unsubscribes and lets go of what waits, which does not count as dropped. A `break` calls it. */
  return(): Promise<IteratorReturnResult<undefined>>;
};

/**
 * Subscribes at once, and returns the events as an async iterable. The stream never waits for the reader: what the reader
 * has not read waits in a queue, which loses events once it is full. Ends after the last event; if the stream errs, or
 * `key` throws, what waits is read first, and the next read rejects with that error, once.
 *
 * There is one queue: two loops over it share the events, each of which goes to one of them. Concurrent calls of `next`
 * are served in the order of the calls.
 * @throws OptionError
 * @example
 * const events = buffered(job.events$, { size: 1_000 });
 * for await (const event of events) await send(event);
 * if (events.dropped > 0) console.warn(`${events.dropped} events were not sent.`);
 */
export const buffered = <Event = JobEvent>(
  events$: Observable<Event>,
  options: BufferedOptions<Event> = {},
): Buffered<Event> => {
  throwIfInvalid('buffered', problemsOfCall(events$, options));
  const { size = SIZE, onFull = 'dropOldest', key } = options;
  const queue = new BoundedQueue<Event>(size, onFull);
  /** Calls of `next` that wait for an event. If there are any, the queue is empty. */
  const readers: Reader<Event>[] = [];
  /** Events whose key threw, or was none: one at most, as the iteration ends with the error. */
  let unkeyed = 0;
  let subscription: Subscription | undefined;
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;

  const end = (failed?: typeof failure): void => {
    if (isOver) return;
    isOver = true;
    failure = failed;
    subscription?.unsubscribe();
    for (const { resolve, reject } of readers.splice(0)) {
      if (failure) reject(takeFailure());
      else resolve(OVER);
    }
  };
  const takeFailure = (): unknown => {
    const error = failure?.error;
    failure = undefined;
    return error;
  };
  const receive = (event: Event): void => {
    if (isOver) return;
    const reader = readers.shift();
    if (reader) reader.resolve({ done: false, value: event });
    else queueUp(event);
  };
  const queueUp = (event: Event): void => {
    try {
      queue.add(event, key && requireKey(key(event)));
    } catch (error) {
      unkeyed++;
      end({ error });
    }
  };

  subscription = events$.subscribe({ next: receive, error: (error) => end({ error }), complete: () => end() });
  // A stream that ended within `subscribe`, before there was a subscription to end.
  if (isOver) subscription.unsubscribe();

  const iterator: Buffered<Event> = {
    get dropped() {
      return queue.dropped + unkeyed;
    },
    get waiting() {
      return queue.length;
    },
    next: () => {
      const taken = queue.take();
      if (taken.length > 0) return Promise.resolve({ done: false, value: taken[0] as Event });
      if (failure) return Promise.reject(takeFailure());
      if (isOver) return Promise.resolve(OVER);
      return new Promise((resolve, reject) => readers.push({ resolve, reject }));
    },
    return: () => {
      end();
      failure = undefined;
      queue.clear();
      return Promise.resolve(OVER);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
};

type Reader<Event> = {
  readonly resolve: (result: IteratorResult<Event, undefined>) => void;
  readonly reject: (error: unknown) => void;
};

const OVER: IteratorReturnResult<undefined> = { done: true, value: undefined };

const SIZE = 10_000;

const isStream = methods('a stream', 'subscribe').test;

const problemsOfCall = (events$: unknown, options: unknown) =>
  isStream(events$)
    ? problemsOf(options, { size: positive, onFull: oneOf('dropOldest', 'dropNewest'), key: callable }, SUBJECT)
    : [optionProblem('events$', `buffered was given ${formatValue(events$)}: expected a stream, such as job.events$.`)];

const SUBJECT = { subject: 'buffered' };

const requireKey = (key: unknown): string | undefined => {
  if (key === undefined || typeof key === 'string') return key;
  const message = `key answered ${formatValue(key)}: expected a string, or undefined for an event that replaces none.`;
  throw new OptionError('buffered', [optionProblem('key', message)]);
};
