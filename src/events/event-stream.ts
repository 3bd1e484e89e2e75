import { Observable, Subject as RxSubject } from 'rxjs';
import type { JobEvent, JobFact, JobState, JobTransition, Stamp, TaskState, TaskTransition } from './event.ts';
import { isTerminalJobState } from './states.ts';

/** The event of a task's transition before it is published: details may still be added. */
export type StampedTransition = { -readonly [Key in keyof (TaskTransition & Stamp)]: (TaskTransition & Stamp)[Key] };

/** An event and the job or task that it is about. */
export type Delivery<Subject> = { readonly event: JobEvent | JobFact; readonly subject: Subject | undefined };

/** Says when deliveries must be put off, so that others get their turn; see `engine/time/turn.ts`. */
type Turn = { readonly isOver: () => boolean; readonly putOff: (work: () => void) => void };

/** Writes an event to the journal; `text` is the JSON of the event's output. */
type Persist = (event: JobEvent, text: string | undefined) => void;

/**
 * The event stream of a job. An event published during a delivery is queued, so every subscriber sees the same order,
 * even if a reaction's command publishes further events. The stream completes after the terminal event; later events
 * are dropped. `Subject` is the type of the job or task that an event is about; only `deliveries` passes it on.
 */
export class EventStream<Subject> {
  readonly #jobId: string;
  readonly #jobName: string;
  readonly #turn: Turn;
  readonly #persist: Persist | undefined;
  // Created for the first subscriber, since most jobs have none.
  #events$: Observable<JobEvent> | undefined;
  #events: RxSubject<JobEvent> | undefined;
  readonly #deliveries: RxSubject<Delivery<Subject>> | undefined;
  #waiting: Delivery<Subject>[] = [];
  #seq = 0;
  #delivering = false;
  /** Whether deliveries continue in a later turn. */
  #putOff = false;
  /** How many batches are open, whose events are delivered after the batch. */
  #batches = 0;
  #ended = false;
  #completed = false;
  #last: JobEvent | undefined;

  /**
   * `persist` receives each event when it is stamped, before any subscriber. `deliveries` receives each event after the
   * subscribers of `events$`; it also receives the transitions of nested jobs.
   */
  constructor(
    jobId: string,
    jobName: string,
    turn: Turn,
    deliveries?: RxSubject<Delivery<Subject>>,
    persist?: Persist,
  ) {
    this.#jobId = jobId;
    this.#jobName = jobName;
    this.#turn = turn;
    this.#persist = persist;
    this.#deliveries = deliveries;
  }

  /** Events from now on. Completes after the terminal event; a later subscriber receives only the terminal event. */
  get events$(): Observable<JobEvent> {
    this.#events$ ??= new Observable((subscriber) => {
      if (this.#last) subscriber.next(this.#last);
      if (this.#last || this.#completed) return subscriber.complete();
      this.#events ??= new RxSubject();
      return this.#events.subscribe(subscriber);
    });
    return this.#events$;
  }

  /** Continues the numbering of events from another process. `last` is the terminal event, if the job is over. */
  continueAt(nextSeq: number, last?: JobEvent): void {
    this.#seq = nextSeq;
    if (!last) return;
    this.#ended = true;
    this.#last = last;
    this.#events?.next(last);
    this.#complete();
  }

  /** Completes without a terminal event, when this process stops publishing the job. */
  close(): void {
    this.#ended = true;
    this.#complete();
  }

  #complete(): void {
    this.#completed = true;
    this.#events?.complete();
  }

  /** The `seq` of the next event. */
  get nextSeq(): number {
    return this.#seq;
  }

  /** Publishes an event that another process stamped. The reactions do not receive the event. */
  forward(event: JobEvent): void {
    this.#seq = event.seq + 1;
    this.#events?.next(event);
  }

  /** Stamps an event and delivers it after all events published before it. `at` is in epoch ms. */
  publish(fact: JobFact, at: number): void {
    if (!this.#ended)
      this.#enqueue({ ...fact, jobId: this.#jobId, jobName: this.#jobName, seq: this.#seq++, at }, undefined);
  }

  /** Delivers an event that the journal does not keep, with the `seq` of the event before it. `at` is in epoch ms. */
  publishUnkept(fact: JobFact, at: number): void {
    if (this.#ended) return;
    const event = { ...fact, jobId: this.#jobId, jobName: this.#jobName, seq: this.#seq - 1, at };
    this.#waiting.push({ event, subject: undefined });
    this.#deliverWaiting();
  }

  /** Stamps and delivers a transition of the job itself. `at` is in epoch ms. */
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

  /** Delivers a nested job's transition to the reactions only. Other subscribers see the task that runs the job. */
  notifyReactions(subject: Subject, fact: JobFact): void {
    this.#waiting.push({ event: fact, subject });
    this.#deliverWaiting();
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

  /** Publishes a stamped event. `text` is the JSON of the event's output, for the journal. */
  publishStamped(event: JobEvent, subject: Subject, text: string | undefined): void {
    if (!this.#ended) this.#enqueue(event, subject, text);
  }

  #enqueue(event: JobEvent, subject: Subject | undefined, text?: string): void {
    this.#ended = isTerminal(event);
    this.#persist?.(event, text);
    this.#waiting.push({ event, subject });
    this.#deliverWaiting();
  }

  /** Opens a batch: events are delivered after it is closed. Batches may overlap, and last for several turns. */
  openBatch(): void {
    this.#batches++;
  }

  closeBatch(): void {
    this.#batches--;
    this.#deliverWaiting();
  }

  /** Delivers what waits, unless a delivery, a batch or another turn will do so. */
  #deliverWaiting(): void {
    if (this.#delivering || this.#putOff || this.#batches > 0) return;
    const waiting = this.#waiting;
    this.#delivering = true;
    let next = 0;
    try {
      while (next < waiting.length && this.#batches === 0 && !this.#putOff) {
        this.#deliver(waiting[next++] as Delivery<Subject>);
        if (next < waiting.length && this.#turn.isOver()) this.#continueLater();
      }
    } finally {
      if (next === waiting.length) waiting.length = 0;
      else this.#waiting = waiting.slice(next);
      this.#delivering = false;
    }
  }

  #continueLater(): void {
    this.#putOff = true;
    this.#turn.putOff(() => {
      this.#putOff = false;
      this.#deliverWaiting();
    });
  }

  /** Delivers to all subscribers, even if one throws: RxJS rethrows the error in a later tick. */
  #deliver(delivery: Delivery<Subject>): void {
    const { event } = delivery;
    const last = 'seq' in event && isTerminal(event);
    if (last) this.#last = event;
    if ('seq' in event) this.#events?.next(event);
    this.#deliveries?.next(delivery);
    if (last) this.#complete();
  }
}

const isTerminal = (event: JobEvent): boolean => event.type === 'job.transition' && isTerminalJobState(event.to);
