import { Observable, Subject as RxSubject } from 'rxjs';
import type { JobEvent, JobFact, JobState, JobTransition, Stamp, TaskState, TaskTransition } from './event.ts';
import { isTerminalJobState } from './states.ts';

/** The event of a task's transition before it is published: details may still be added. */
export type StampedTransition = { -readonly [Key in keyof (TaskTransition & Stamp)]: (TaskTransition & Stamp)[Key] };

/** Subscribes after everybody else: it is called for each event once the subscribers of `events$` have seen it. */
export type Reactor<Subject> = (event: JobFact, subject: Subject | undefined) => void;

/** Writes an event to the journal; `text` is the JSON of its output. */
type Keep = (event: JobEvent, text: string | undefined) => void;

/**
 * The one stream of a job. An event published while another is being delivered waits its turn, so that every
 * subscriber sees the same order, however deep the commands of reactions nest. After the terminal event the stream
 * completes and takes no more. `Subject` is what an event can be about, handed to the reactor alone.
 */
export class EventStream<Subject> {
  /** Hot. Completes after the job's terminal event; whoever comes later is handed that event alone. */
  readonly events$: Observable<JobEvent>;
  readonly #jobId: string;
  readonly #jobName: string;
  readonly #react: Reactor<Subject>;
  readonly #keep: Keep | undefined;
  readonly #relay = new RxSubject<JobEvent>();
  readonly #waiting: { readonly event: JobEvent | JobFact; readonly subject: Subject | undefined }[] = [];
  #seq = 0;
  #delivering = false;
  #ended = false;
  #last: JobEvent | undefined;

  /** `keep` is told of each event as it is stamped, before anybody hears of it. */
  constructor(jobId: string, jobName: string, react: Reactor<Subject>, keep?: Keep) {
    this.#jobId = jobId;
    this.#jobName = jobName;
    this.#react = react;
    this.#keep = keep;
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

  /** Should a reaction throw, what it was told of counts as delivered, and what waits comes with the next event. */
  #deliverWaiting(): void {
    const waiting = this.#waiting;
    this.#delivering = true;
    let next = 0;
    try {
      while (next < waiting.length) {
        const { event, subject } = waiting[next++] as (typeof waiting)[number];
        this.#deliver(event, subject);
      }
    } finally {
      waiting.splice(0, next);
      this.#delivering = false;
    }
  }

  #deliver(event: JobEvent | JobFact, subject: Subject | undefined): void {
    if (!('seq' in event)) {
      this.#react(event, subject);
      return;
    }
    const last = isTerminal(event);
    if (last) this.#last = event;
    this.#relay.next(event);
    this.#react(event, subject);
    if (last) this.#relay.complete();
  }
}

const isTerminal = (event: JobEvent): boolean => event.type === 'job.transition' && isTerminalJobState(event.to);
