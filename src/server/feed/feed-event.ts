import { withoutStack } from '../../events/error-data.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';

/** An event as streams and pages have it, its error without a stack. Its JSON is made once, for all who read it. */
export class FeedEvent {
  readonly event: JobEvent;
  /** In the feed of all jobs; undefined if the event was read as one of its job. */
  readonly position: number | undefined;
  /** The topic of its job. */
  readonly topic: string | undefined;
  #json: string | undefined;

  constructor(event: JobEvent, position?: number, topic?: string) {
    this.event = 'error' in event && event.error ? { ...event, error: withoutStack(event.error) } : event;
    this.position = position;
    this.topic = topic;
  }

  get json(): string {
    this.#json ??= JSON.stringify(this.event);
    return this.#json;
  }
}

/** Whether an event is the last one of its job, unless the job is retried. */
export const endsJob = ({ event }: FeedEvent): boolean =>
  event.type === 'job.transition' && isTerminalJobState(event.to);

/** Which events of all jobs are wanted. */
export type EventFilter = {
  readonly topic?: string | undefined;
  readonly name?: string | undefined;
  readonly types?: readonly JobEvent['type'][] | undefined;
};

export const isWanted = ({ topic, name, types }: EventFilter, { event, topic: itsTopic }: FeedEvent): boolean =>
  (topic === undefined || topic === itsTopic) &&
  (name === undefined || name === event.jobName) &&
  (types === undefined || types.includes(event.type));
