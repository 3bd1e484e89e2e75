import type { JobState } from '../../events/event.ts';
import type { JournalError } from '../errors/errors.ts';

/**
 * The interface of a journal, which stores events so that a job survives its process. Every method may return its
 * result or a promise of it. A method that writes returns, or its promise resolves, only when its changes are stored.
 *
 * Only the holder of a job's lease may write the job. Each new lease of a job has a higher number, its `fence`. The
 * journal refuses writes with an older fence: an engine that was taken for dead can't write when it wakes up.
 *
 * Leases belong to engines. An engine keeps all its leases by one call of `beat`, whatever it holds. Whether it lives is
 * for the journal to say: if it takes an engine for dead, its jobs have no `lease` any more, and others may acquire them.
 *
 * An engine takes any such journal; `definition.start` takes `durable(journal)`.
 */
export type Journal = {
  /** Maximum size of one output, in bytes of its JSON. */
  readonly maxOutputBytes: number;
  /** How often an engine that holds leases has to call `beat`, in ms. */
  readonly beatMs: number;
  /**
   * Stores a new job and grants its lease (fence 1). If the id or the key is taken, returns the existing job unchanged,
   * with `created: false`. @throws JournalError
   */
  readonly create: (job: NewJob, lease: Lease) => Awaitable<{ readonly created: boolean; readonly job: JournalJob }>;
  /**
   * Acquires a job's lease if nobody holds it, its holder is dead, or the same `owner` holds it. The fence grows by one.
   * A holder that is dead loses its other leases, too: its next `beat` says so.
   * @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED`
   */
  readonly acquire: (jobId: string, lease: Lease) => Awaitable<JournalJob>;
  /**
   * Tells that an engine lives; `create`, `acquire` and an `append` that creates a job do so, too. Returns false if the
   * engine had been taken for dead and has lost its leases: it needs another `owner` then.
   */
  readonly beat: (lease: Lease) => Awaitable<boolean>;
  /** Releases a lease. Does nothing if the lease is already lost. */
  readonly release: (held: Held) => Awaitable<void>;
  /**
   * Writes all batches except those of jobs whose lease is lost; returns the ids of those jobs.
   * @throws JournalError and writes nothing if a batch's events do not continue its job's stored events without a gap
   */
  readonly append: (batches: readonly Batch[]) => Awaitable<readonly string[]>;
  /** Returns one job, or `undefined` if there is none with this id. */
  readonly job: (jobId: string) => Awaitable<JournalJob | undefined>;
  /**
   * Returns jobs, the newest first. Leaves out a damaged job, which no filter by state may hide, and passes it to
   * `onDamaged`; without that function, the process warns. Returns fewer than `limit` jobs only if there are no more.
   * @throws OptionError if `cursor` is none that a journal gave
   */
  readonly jobs: (filter?: JobFilter, onDamaged?: (damaged: DamagedJob) => void) => Awaitable<readonly JournalJob[]>;
  /** Returns events from `fromSeq` (default 0), up to `limit` (default all). @throws JournalError `JOURNAL_CORRUPT` */
  readonly events: (jobId: string, fromSeq?: number, limit?: number) => Awaitable<readonly StoredEvent[]>;
  /** Returns the notes of a job. @throws JournalError `JOURNAL_CORRUPT` */
  readonly notes: (jobId: string) => Awaitable<readonly Note[]>;
  /** Returns the shape of a definition, by its fingerprint, as JSON. @throws JournalError `JOURNAL_CORRUPT` */
  readonly shape: (fingerprint: string) => Awaitable<string | undefined>;
  /** Sends a message to the current or next holder of a job's lease. @throws JournalError `JOB_NOT_FOUND` */
  readonly send: (jobId: string, message: string) => Awaitable<void>;
  /**
   * Returns the messages to the jobs whose leases an engine holds, the oldest first, and removes none: a message is
   * returned each time until a batch names it in `handled`. If the holder dies before, the next holder receives the
   * message again.
   */
  readonly receive: (owner: string) => Awaitable<readonly JournalMessage[]>;
  /** Deletes a job and everything stored about it. */
  readonly remove: (jobId: string) => Awaitable<void>;
  /**
   * Deletes jobs that are over, the oldest first, with everything stored about them. Keeps a job that is damaged, and
   * one whose lease somebody holds, to retry it. One call is one transaction of bounded length: call it again as long
   * as it returns `more`, which says that jobs may be left.
   */
  readonly removeEnded: (filter: EndedFilter) => Awaitable<{ readonly removed: number; readonly more: boolean }>;
  /**
   * Counts the jobs that a filter selects, by their state or name; sorted by `value`, without those that no job has. May
   * count damaged jobs, as what they are stored. A journal may lack it.
   */
  readonly counts?: (filter: CountFilter) => Awaitable<readonly JobCount[]>;
  /**
   * Replaces the labels or the metadata of a job, or both, whoever holds its lease. A journal may lack it.
   * @throws JournalError `JOB_NOT_FOUND`
   */
  readonly describe?: (jobId: string, description: JobDescription) => Awaitable<void>;
  /**
   * Returns how long tasks took in the jobs with this name, as the batches said in `durations`: of each task the last
   * five values, the newest last, of the 20,000 tasks that were written last. A journal may lack it. Removing jobs
   * changes nothing. @throws JournalError `JOURNAL_CORRUPT`
   */
  readonly durations?: (jobName: string) => Awaitable<readonly TaskDurations[]>;
  /** The events of all jobs. A journal may lack it; whatever needs it then fails with `JOURNAL_FAILED`. */
  readonly feed?: JournalFeed;
  /** What tasks last completed with, whichever job they were in. A journal may lack it: then no task is up to date. */
  readonly completions?: JournalCompletions;
  readonly close: () => Awaitable<void>;
};

/**
 * Texts beside the jobs, each under a key, which stay when their job is removed. Those not written for
 * `COMPLETION_DAYS` days, and the oldest if there are more than `MAX_COMPLETIONS`, may be removed at any time.
 */
export type JournalCompletions = {
  /** @throws JournalError `JOURNAL_CORRUPT` */
  readonly get: (key: string) => Awaitable<string | undefined>;
  /** Stores a text in place of the one before. `at`: the time of the write, in epoch ms. @throws JournalError */
  readonly put: (key: string, text: string, at: number) => Awaitable<void>;
};

export const COMPLETION_DAYS = 90;
export const MAX_COMPLETIONS = 10_000;

/**
 * The events of all jobs in the order in which they were stored. Each event has a position: a positive integer, higher
 * than that of every event stored before, perhaps with a gap. It stays the same, whatever is removed, and is given only
 * once. Events of a removed job are no longer in the feed. No event appears before one that was seen.
 */
export type JournalFeed = {
  /**
   * Returns the changes after a position, ascending, with `limit` events at most (default all). Continue with the
   * `position` of the last one; 0 begins with the oldest. Returns none only if there are no more.
   */
  readonly changes: (after: number, limit?: number) => Awaitable<readonly JournalChange[]>;
  /** Returns the position of the first event that is still there, if any is. */
  readonly oldest: () => Awaitable<number | undefined>;
  /** Returns the position of the last event that was ever stored, also if its job was removed; 0 if none was. */
  readonly newest: () => Awaitable<number>;
  /**
   * Calls `listener` when there may be changes: in the next turn of the event loop if this journal has stored them,
   * after up to 250 ms if another one has. Keeps no process alive. Returns a function that stops the calls. It's a hint:
   * read once after the call of `onChange`, and expect calls without changes.
   */
  readonly onChange: (listener: () => void) => () => void;
};

/** Events of one job that were stored together: those with the seqs from `fromSeq` to `toSeq`, both included. */
export type JournalChange = {
  /** The position of the event `toSeq`. That of the event `seq` is `position - (toSeq - seq)`. */
  readonly position: number;
  readonly jobId: string;
  readonly fromSeq: number;
  readonly toSeq: number;
};

export type Awaitable<Value> = Value | PromiseLike<Value>;

/** The engine that holds a lease, or requests one. */
export type Lease = {
  /** Id of the engine: each process has one for each journal. */
  readonly owner: string;
  /** The machine, so that a process on the same machine can find out whether the holder is dead. */
  readonly host: string;
  readonly pid: number;
  /** When the process started, to tell it from a later one with this pid; empty if the system does not report it. */
  readonly processStart: string;
};

/** Identifies a lease that is held. */
export type Held = { readonly jobId: string; readonly fence: number };

/** A message to a job. */
export type JournalMessage = {
  readonly jobId: string;
  /** Given by the journal, unique among the messages that the job ever gets. */
  readonly id: string;
  readonly message: string;
};

export type NewJob = {
  readonly id: string;
  readonly name: string;
  /** The idempotency key of the start, unique within the jobs of this name. */
  readonly key?: string | undefined;
  /** Epoch ms. */
  readonly createdAt: number;
  /** The id of the job whose results this job reuses. */
  readonly forkedFrom?: string | undefined;
  readonly fingerprint: string;
  /** The shape of the definition that the fingerprint identifies, as JSON. */
  readonly shape: string;
  /** The input, encoded by the engine as JSON. */
  readonly input: string;
  /** The start options that are plain data, as JSON. */
  readonly options: string;
  /** The metadata, encoded by the engine as JSON. */
  readonly metadata: string;
  /** Default: no labels. */
  readonly labels?: Labels | undefined;
};

/** The labels of a job: their values by their keys. */
export type Labels = Readonly<Record<string, string>>;

/** What a job is found and read by; what is left out stays as it is. */
export type JobDescription = {
  /** Time of the write, in epoch ms. */
  readonly at: number;
  /** All labels that the job has then. */
  readonly labels?: Labels | undefined;
  /** Encoded by the engine as JSON. */
  readonly metadata?: string | undefined;
};

/** A job as the journal lists it. */
export type JournalJob = Omit<NewJob, 'shape' | 'labels'> & {
  readonly labels: Labels;
  /** The job's place in lists, opaque: as `cursor` of a filter, it selects the jobs that follow this one. */
  readonly cursor: string;
  readonly state: JobState;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** When the journal last wrote the job, in epoch ms. */
  readonly updatedAt: number;
  /** The `seq` of the job's last event; -1 before the first event. */
  readonly lastSeq: number;
  readonly fence: number;
  /** The current lease, if an engine that lives holds one. */
  readonly lease?: Lease | undefined;
};

/** A job that the journal can't read; id and name are as they are stored, and may be damaged, too. */
export type DamagedJob = { readonly jobId: string; readonly jobName: string; readonly error: JournalError };

export type JobFilter = {
  readonly states?: readonly JobState[] | undefined;
  /** Selects jobs that have one of these names. */
  readonly names?: readonly string[] | undefined;
  /** Selects jobs that have all of these labels, with these values. */
  readonly labels?: Labels | undefined;
  /** Selects jobs whose id begins so. */
  readonly idPrefix?: string | undefined;
  /** Selects jobs whose id begins so, or whose name does, in upper or lower case of the letters a to z. */
  readonly prefix?: string | undefined;
  /** Selects jobs that reuse results of the job with this id. */
  readonly forkedFrom?: string | undefined;
  /** Selects jobs created at `since` or later, and before `before`, in epoch ms. */
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  /** Selects jobs that are over and ended before this time, in epoch ms. Without `endedAt`, `updatedAt` counts. */
  readonly endedBefore?: number | undefined;
  /** Default `newest` first, by `createdAt`. Of jobs with the same `createdAt`, the one that was stored later is newer. */
  readonly order?: 'newest' | 'oldest' | undefined;
  /** Selects jobs that follow the one with this `cursor`. Jobs stored or removed meanwhile do not shift the others. */
  readonly cursor?: string | undefined;
  /** Maximum number of jobs returned. Default: no limit. */
  readonly limit?: number | undefined;
  /**
   * How many jobs to leave out before the first, damaged ones too. Default 0. Jobs stored or removed meanwhile shift the
   * others: to read a whole list use `cursor`.
   */
  readonly offset?: number | undefined;
};

/** Selects jobs, to count them. */
export type CountFilter = Omit<JobFilter, 'order' | 'cursor' | 'limit' | 'offset'> & {
  /** What to count the jobs by. */
  readonly by: 'state' | 'name';
};

/** How many jobs have a state or name. */
export type JobCount = { readonly value: string; readonly count: number };

/** Selects jobs that are over, to delete them. */
export type EndedFilter = Pick<JobFilter, 'states' | 'names' | 'labels' | 'endedBefore'> & {
  /** How many of the newest ended jobs stay, whenever they ended; counts those with these states, names and labels. */
  readonly keepNewest?: number | undefined;
  /** Maximum number of jobs deleted by one call. Default and maximum: 500. */
  readonly limit?: number | undefined;
};

/** A stored event. `data`: its JSON without the output. `output`: the output, encoded by the engine as JSON. */
export type StoredEvent = { readonly seq: number; readonly data: string; readonly output?: string | undefined };

/** The path of a task, with `[]` for all items of a fan-out, and how long its runs took, in ms. */
export type TaskDurations = readonly [task: string, ...ms: number[]];

/** A fact about a task (or the job, if `task` is empty) that is in no event. A later note of its kind replaces it. */
export type Note = {
  readonly task: string;
  readonly kind: NoteKind;
  /** Encoded by the engine as JSON; empty if the note was cleared. */
  readonly value: string;
};

/** The value of a cleared note. */
export const NO_VALUE = '';

/**
 * `checkpoint`: what the task saved. `items`: a fan-out's items. `input`: a nested job's input. `branch`: the direct
 * downstream that a branch did not pick. `claim`: who works on an external task. `held`: who requested a pause before
 * the task was ready. `stop`: how the job ends early. `again`: paths inside the task that run again after a retry.
 * `logs`: the last lines of an attempt that has not ended. `priority`: the task's priority, if it was given another.
 * `limits`: the job's, if it was given others. `estimates`: the medians of earlier runs by which the job is ordered.
 * `trace`: what an interceptor returned for the job.
 */
export type NoteKind =
  | 'checkpoint'
  | 'items'
  | 'input'
  | 'branch'
  | 'claim'
  | 'held'
  | 'stop'
  | 'again'
  | 'logs'
  | 'priority'
  | 'limits'
  | 'estimates'
  | 'trace';

/** Everything that one append writes for one job. */
export type Batch = Held & {
  /** The job to create, with its first lease (fence 1). If id or key is taken, `append` reports the lease as lost. */
  readonly creates?: { readonly job: NewJob; readonly lease: Lease } | undefined;
  /** Time of the write, in epoch ms. */
  readonly at: number;
  readonly events: readonly StoredEvent[];
  readonly notes: readonly Note[];
  /**
   * Ids of messages whose effects are in this batch, or that have none. The journal removes these messages in the same
   * transaction: a crash leaves both the message and its effects undone, or neither.
   */
  readonly handled?: readonly string[] | undefined;
  /** The job's new state, if it changed. */
  readonly state?: JobState | undefined;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** Whether the write releases the lease. */
  readonly release?: boolean | undefined;
  /** How long the tasks took that have completed; in the last batch of a job. */
  readonly durations?: readonly TaskDurations[] | undefined;
  /** The new definition, if the job continues with a changed one. */
  readonly definition?: { readonly fingerprint: string; readonly shape: string } | undefined;
};
