import { Observable, Subject as RxSubject } from 'rxjs';
import type { JobEvent, JobFact, JobState, JobTransition, Stamp, TaskState, TaskTransition } from './event.ts';
import { isTerminalJobState } from './states.ts';

/** The event of a task's transition before it is published: details may still be added. */
export type StampedTransition = { -readonly [Key in keyof (TaskTransition & Stamp)]: (TaskTransition & Stamp)[Key] };

/** An event on its way to the subscribers, with what it is about. */
export type Delivery<Subject> = { readonly event: JobEvent | JobFact; readonly subject: Subject | undefined };

/** Writes an event to the journal; `text` is the JSON of its output. */
type Keep = (event: JobEvent, text: string | undefined) => void;

/**
 * The one stream of a job. An event published while another is being delivered waits its turn, so that every
 * subscriber sees the same order, however deep the commands of reactions nest. After the terminal event the stream
 * completes and takes no more. `Subject` is what an event can be about; subscribers of `deliveries$` receive it.
 */
export class EventStream<Subject> {
  /** Hot. Completes after the job's terminal event; whoever comes later is handed that event alone. */
  readonly events$: Observable<JobEvent>;
  /** Each event after the subscribers of `events$` have seen it, and the transitions of nested jobs. */
  readonly deliveries$: Observable<Delivery<Subject>>;
  readonly #jobId: string;
  readonly #jobName: string;
  readonly #keep: Keep | undefined;
  readonly #relay = new RxSubject<JobEvent>();
  readonly #deliveries = new RxSubject<Delivery<Subject>>();
  readonly #waiting: Delivery<Subject>[] = [];
  #seq = 0;
  #delivering = false;
  #ended = false;
  #last: JobEvent | undefined;

  /** `keep` is told of each event as it is stamped, before anybody hears of it. */
  constructor(jobId: string, jobName: string, keep?: Keep) {
    this.#jobId = jobId;
    this.#jobName = jobName;
    this.#keep = keep;
    this.deliveries$ = this.#deliveries;
    this.events$ = new Observable((subscriber) => {
      if (!this.#last) return this.#relay.subscribe(subscriber);
      subscriber.next(this.#last);
      subscriber.complete();
      return undefined;
    });
  }

  /** Goes on from the events of another process; `last` is the terminal one, where the job is over. */
  goOnFrom(nextSeq: number, last?: JobEvent): void {
    this.#seq = nextSeq;
    if (!last) return;
    this.#ended = true;
    this.#last = last;
    this.#relay.next(last);
    this.#relay.complete();
  }

  /** Completes without a terminal event: nothing more is told of the job here. */
  abandon(): void {
    this.#ended = true;
    this.#relay.complete();
  }

  /** The position of the next event. */
  get nextSeq(): number {
    return this.#seq;
  }

  /** Passes on an event that was stamped elsewhere: reactions are not told. */
  relay(event: JobEvent): void {
    this.#seq = event.seq + 1;
    this.#relay.next(event);
  }

  /** Stamps a fact and delivers it, once everything published before it has been delivered. `at` is in epoch ms. */
  publish(fact: JobFact, at: number): void {
    if (!this.#ended)
      this.#enqueue({ ...fact, jobId: this.#jobId, jobName: this.#jobName, seq: this.#seq++, at }, undefined);
  }

  /** `publish` for the job's own transitions. */
  publishJobTransition(
    subject: Subject,
    from: JobState,
    to: JobState,
    at: number,
    details: Pick<JobTransition, 'reason' | 'error'> | undefined,
  ): void {
    if (this.#ended) return;
    const event: JobEvent = {
      type: 'job.transition',
      jobId: this.#jobId,
      jobName: this.#jobName,
      seq: this.#seq++,
      at,
      from,
      to,
    };
    this.#enqueue(details ? Object.assign(event, details) : event, subject);
  }

  /** Tells the reactor alone, in its turn: a nested job's own transitions, which its task's transitions show to everybody else. */
  tell(subject: Subject, fact: JobFact): void {
    this.#waiting.push({ event: fact, subject });
    if (!this.#delivering) this.#deliverWaiting();
  }

  /** Creates the event of a task's transition; `publishStamped` then publishes it. */
  stampTransition(task: string, from: TaskState, to: TaskState, attempt: number, at: number): StampedTransition {
    return {
      type: 'task.transition',
      jobId: this.#jobId,
      jobName: this.#jobName,
      seq: this.#ended ? this.#seq : this.#seq++,
      at,
      task,
      from,
      to,
      attempt,
    };
  }

  /** Publishes a stamped event. `text` is the JSON of its output, for the journal. */
  publishStamped(event: JobEvent, subject: Subject, text: string | undefined): void {
    if (!this.#ended) this.#enqueue(event, subject, text);
  }

  #enqueue(event: JobEvent, subject: Subject | undefined, text?: string): void {
    this.#ended = isTerminal(event);
    this.#keep?.(event, text);
    this.#waiting.push({ event, subject });
    if (!this.#delivering) this.#deliverWaiting();
  }

  /** Whatever `publishing` publishes is delivered once all of it has been published. */
  together(publishing: () => void): void {
    if (this.#delivering) {
      publishing();
      return;
    }
    this.#delivering = true;
    try {
      publishing();
    } finally {
      this.#deliverWaiting();
    }
  }

  #deliverWaiting(): void {
    const waiting = this.#waiting;
    this.#delivering = true;
    let next = 0;
    try {
      while (next < waiting.length) this.#deliver(waiting[next++] as Delivery<Subject>);
    } finally {
      waiting.splice(0, next);
      this.#delivering = false;
    }
  }

  /** RxJS reports what a subscriber throws in a later tick, so that no subscriber stops a delivery. */
  #deliver(delivery: Delivery<Subject>): void {
    const { event } = delivery;
    const last = 'seq' in event && isTerminal(event);
    if (last) this.#last = event;
    if ('seq' in event) this.#relay.next(event);
    this.#deliveries.next(delivery);
    if (last) this.#relay.complete();
  }
}

const isTerminal = (event: JobEvent): boolean => event.type === 'job.transition' && isTerminalJobState(event.to);
