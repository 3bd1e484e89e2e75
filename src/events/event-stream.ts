import { Observable, Subject } from 'rxjs';
import type { JobEvent, JobFact, JobState } from './event.ts';

export type EventStream = {
  /** Hot. Completes after the job's terminal event; whoever comes later is handed that event alone. */
  readonly events$: Observable<JobEvent>;
  /** Stamps a fact and delivers it, once everything published before it has been delivered. */
  readonly publish: (fact: JobFact) => void;
  /** Subscribes a reaction: for each event it is called after the subscribers of `events$`. */
  readonly react: (reaction: (event: JobEvent) => void) => void;
};

/**
 * The one stream of a job. An event published while another is being delivered waits its turn, so that every
 * subscriber sees the same order, however deep the commands of reactions nest. After the terminal event the stream
 * completes and takes no more.
 */
export const createEventStream = (jobId: string, jobName: string, now: () => number): EventStream => {
  const published = new Subject<JobEvent>();
  const relay = new Subject<JobEvent>();
  published.subscribe(relay);

  const waiting: JobEvent[] = [];
  let seq = 0;
  let delivering = false;
  let ended = false;
  let last: JobEvent | undefined;

  const deliver = (event: JobEvent): void => {
    if (isTerminal(event)) last = event;
    published.next(event);
    if (last) published.complete();
  };

  return {
    events$: new Observable((subscriber) => {
      if (!last) return relay.subscribe(subscriber);
      subscriber.next(last);
      subscriber.complete();
      return undefined;
    }),
    publish: (fact) => {
      if (ended) return;
      const event: JobEvent = { ...fact, jobId, jobName, seq: seq++, at: now() };
      ended = isTerminal(event);
      if (delivering) {
        waiting.push(event);
        return;
      }
      delivering = true;
      deliver(event);
      for (let next = 0; next < waiting.length; next++) deliver(waiting[next] as JobEvent);
      waiting.length = 0;
      delivering = false;
    },
    react: (reaction) => {
      published.subscribe(reaction);
    },
  };
};

const TERMINAL: ReadonlySet<JobState> = new Set(['completed', 'failed', 'timedOut', 'cancelled', 'notReady']);

/** Whether a job in this state is over. */
export const isTerminalJobState = (state: JobState): boolean => TERMINAL.has(state);

const isTerminal = (event: JobEvent): boolean => event.type === 'job.transition' && TERMINAL.has(event.to);
