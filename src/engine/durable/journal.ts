import type { JobEvent, JobState } from '../../events/event.ts';

/**
 * The port of whatever keeps events so that a job survives its process. Every method may answer at once or later. What it
 * answers as done is done: an `append` that has come back survives the death of the process.
 *
 * A job is written by whoever holds its lease, and each lease has a number, its `fence`, that only grows. What comes with
 * an older fence is refused, so that a process that was taken for dead can't write when it wakes.
 */
export type Journal = {
  /** The largest text that it takes for one output, in bytes of its JSON. */
  readonly maxOutputBytes: number;
  /**
   * Keeps a new job and gives its lease (fence 1); or answers the job that is there already under that id, untouched.
   * @throws JournalError
   */
  readonly create: (job: NewJob, lease: Lease) => Awaitable<{ readonly created: boolean; readonly job: JournalJob }>;
  /**
   * Takes the lease of a job: of one that nobody holds, whose holder is dead, whose lease is over, or that the same `owner`
   * holds. The fence grows by one. @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED`
   */
  readonly acquire: (jobId: string, lease: Lease) => Awaitable<JournalJob>;
  /** Renews leases; answers the jobs among them whose lease is lost. */
  readonly renew: (held: readonly Held[], lease: Lease) => Awaitable<readonly string[]>;
  /** Gives a lease back. One that is lost already is left alone. */
  readonly release: (held: Held) => Awaitable<void>;
  /**
   * Writes batches, all of them or, where a lease is lost, all but that job's; answers the jobs whose lease is lost. The
   * `seq` of a batch's events follow on those before: any other is refused. @throws JournalError
   */
  readonly append: (batches: readonly Batch[]) => Awaitable<readonly string[]>;
  /** One job. */
  readonly job: (jobId: string) => Awaitable<JournalJob | undefined>;
  /** Jobs, the newest first. */
  readonly jobs: (filter?: JobFilter) => Awaitable<readonly JournalJob[]>;
  /** The events of a job from `fromSeq` (default 0) on, at most `limit` (default all), in order. @throws JournalError `JOURNAL_CORRUPT` */
  readonly events: (jobId: string, fromSeq?: number, limit?: number) => Awaitable<readonly StoredEvent[]>;
  /** The notes of a job. @throws JournalError `JOURNAL_CORRUPT` */
  readonly notes: (jobId: string) => Awaitable<readonly Note[]>;
  /** The shape of a definition, by its fingerprint, as JSON. @throws JournalError `JOURNAL_CORRUPT` */
  readonly shape: (fingerprint: string) => Awaitable<string | undefined>;
  /** Leaves a message for whoever holds the lease of a job, or will. @throws JournalError `JOB_NOT_FOUND` */
  readonly send: (jobId: string, message: string) => Awaitable<void>;
  /** Takes the messages left for these jobs, the oldest first: each is given out once. */
  readonly receive: (
    held: readonly Held[],
  ) => Awaitable<readonly { readonly jobId: string; readonly message: string }[]>;
  /** Forgets a job and all that was kept of it. */
  readonly remove: (jobId: string) => Awaitable<void>;
  readonly close: () => Awaitable<void>;
};

export type Awaitable<Value> = Value | PromiseLike<Value>;

/** Who wants to write a job, and for how long without a sign of life. */
export type Lease = {
  /** One per engine of a process. */
  readonly owner: string;
  /** Where it runs, so that whoever runs on the same machine can tell that it is dead. */
  readonly host: string;
  readonly pid: number;
  /** Tells it from a later process with the same pid; empty where the system does not say. */
  readonly processStart: string;
  /** Now, in epoch ms of the owner's clock. */
  readonly at: number;
  readonly leaseMs: number;
};

/** A lease that somebody holds. */
export type Held = { readonly jobId: string; readonly fence: number };

export type NewJob = {
  readonly id: string;
  readonly name: string;
  /** What makes its start idempotent, within jobs of its name. */
  readonly key?: string | undefined;
  /** Epoch ms. */
  readonly createdAt: number;
  /** The job whose results it reuses. */
  readonly forkedFrom?: string | undefined;
  readonly fingerprint: string;
  /** What the fingerprint stands for, as JSON. */
  readonly shape: string;
  /** JSON of `encode`. */
  readonly input: string;
  /** Those options of the start that are plain data, as JSON. */
  readonly options: string;
  /** What the program keeps with it, as JSON. */
  readonly metadata: string;
};

/** A job as it is listed. */
export type JournalJob = Omit<NewJob, 'shape'> & {
  readonly state: JobState;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** When something was last written of it, in epoch ms. */
  readonly updatedAt: number;
  /** That of its last event; -1 before the first. */
  readonly lastSeq: number;
  readonly fence: number;
  /** Who holds its lease; absent where nobody does. */
  readonly lease?: Lease | undefined;
};

export type JobFilter = {
  readonly states?: readonly JobState[] | undefined;
  readonly name?: string | undefined;
  /** Epoch ms; created at this time or later, before it. */
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  /** Default all. */
  readonly limit?: number | undefined;
};

/** An event as it is kept: JSON of all but the output, and the output as JSON of `encode`. */
export type StoredEvent = {
  readonly seq: number;
  readonly data: string;
  readonly output?: string | undefined;
};

/** What is kept of a task beside its events; a later note of the same kind replaces an earlier one. An empty `task` is the job itself. */
export type Note = {
  readonly task: string;
  readonly kind: NoteKind;
  /** JSON of `encode`; empty where it was taken back. */
  readonly value: string;
};

/** The value of a note that was taken back. */
export const NO_VALUE = '';

/**
 * `checkpoint`: what the task saved. `items`, `input`: those of a fan-out, of a nested job. `branch`: the direct downstream
 * that a branch did not pick. `claim`: who works on an external task. `held`: who wants it paused before it starts. `stop`: how
 * the job is to end. `again`: which tasks inside are to run again when it begins; what else was completed there is used again.
 */
export type NoteKind = 'checkpoint' | 'items' | 'input' | 'branch' | 'claim' | 'held' | 'stop' | 'again';

/** What is written of one job in one go. */
export type Batch = Held & {
  /**
   * The job itself, with its first lease (fence 1), where it is new. An id or a key that is there already counts as a lost
   * lease.
   */
  readonly creates?: { readonly job: NewJob; readonly lease: Lease } | undefined;
  /** When it is written, in epoch ms. */
  readonly at: number;
  readonly events: readonly StoredEvent[];
  readonly notes: readonly Note[];
  /** The job's state, where it changed. */
  readonly state?: JobState | undefined;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** Gives the lease back with it. */
  readonly release?: boolean | undefined;
  /** Where it goes on with a changed definition. */
  readonly definition?: { readonly fingerprint: string; readonly shape: string } | undefined;
};

/** Whether a lease is in force: not if it has run out, and not if it ends later than it ever could, since then the clock was set back. */
export const inForce = ({ at, leaseMs }: Lease, now: number): boolean => now < at + leaseMs && at - now <= leaseMs;

/** The event as the stream had it, without its output. */
export const eventOf = ({ data }: StoredEvent): JobEvent => JSON.parse(data) as JobEvent;
