/* This folder stores what a job needs to survive its process. `journal.ts` is the interface that journals implement,
 * `journal-with.ts` checks for the parts that a journal may lack.
 * `job-recorder.ts` collects the events and notes of one job. `journal-writer.ts` writes the events and notes of all
 * jobs to one journal, and tells it that this process lives. `process-identity.ts` finds out whether the holder of a lease is dead.
 * `serialise.ts` encodes values, `encode-as.ts` with an error that names them, `input-note.ts` the input of an attempt; `event-reader.ts` reads events with their outputs, `input-difference.ts` compares two, `task-error-data.ts` and `error-revive.ts` convert errors. `job-id.ts` derives a job's
 * id from its key. `task-path.ts` returns the paths of enclosing tasks. */
import { newId, systemClock } from '../../events/system-clock.ts';
import { isThenable } from '../../events/thenable.ts';
import { inNextTurn, underWayUntil } from '../../events/under-way.ts';
import { JournalError } from '../errors/errors.ts';
import type { Awaitable, Batch, Held, Journal, JournalMessage, Lease } from './journal.ts';
import { beatingOwners, thisProcess } from './process-identity.ts';

/** The recorder of one job, as the journal writer sees it. */
export type Recorder = {
  readonly jobId: string;
  readonly heldLease: Held;
  readonly isNew: boolean;
  readonly receive: (message: JournalMessage) => void;
  readonly nextBatch: (at: number) => Batch | undefined;
  readonly committed: () => void;
  readonly fail: (cause: unknown) => void;
  readonly handle: object | undefined;
};

/**
 * Watches the appends of a journal: it is called before each with the number of its events, and what it returns after it,
 * with the error if it failed.
 */
export type AppendWatcher = (events: number) => (error?: unknown) => void;

/** How often messages from other processes are polled, in ms. */
export const RECEIVE_MS = 250;

/**
 * Writes the events and notes of all jobs of this process to one journal. One append writes what all jobs record in one
 * tick (group commit). One beat keeps the leases of all jobs. Times are by the system clock, whatever clock a job has.
 */
export class JournalWriter {
  readonly journal: Journal;
  #owner = newId();
  /** Resumes in progress, by job id: a second request to resume a job gets the promise of the first. */
  readonly resuming = new Map<string, Promise<{ readonly job: unknown }>>();
  readonly watchers = new Set<AppendWatcher>();
  readonly #recorders = new Map<string, Recorder>();
  readonly #open = new Set<Recorder>();
  readonly #changed = new Set<Recorder>();
  #scheduled = false;
  #writing = false;
  #stopBeating: (() => void) | undefined;
  #stopReceiving: (() => void) | undefined;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  /** Returns a journal's writer, the only one in this process; creates it if necessary. */
  static of(journal: Journal): JournalWriter {
    const known = WRITERS.get(journal);
    if (known) return known;
    const writer = new JournalWriter(journal);
    WRITERS.set(journal, writer);
    return writer;
  }

  /** Lets the writer of a journal write the jobs that are started with another form of it, too. */
  static share(journal: Journal, form: Journal): void {
    WRITERS.set(form, JournalWriter.of(journal));
  }

  /** Returns the engine by which this process holds leases. */
  lease(): Lease {
    return { owner: this.#owner, ...thisProcess() };
  }

  /** Releases a lease. Never rejects: a lease that can't be released expires by itself. */
  release(held: Held): Promise<void> {
    const released = Promise.resolve()
      .then(() => this.journal.release(held))
      .catch(() => {});
    return underWayUntil(released);
  }

  /** Returns the recorder that writes a job in this process, or is about to. */
  recorderOf(jobId: string): Recorder | undefined {
    return this.#recorders.get(jobId);
  }

  /** Registers a recorder as the writer of its job, unless the job has one already. */
  register(recorder: Recorder): void {
    if (!this.#recorders.has(recorder.jobId)) this.#recorders.set(recorder.jobId, recorder);
  }

  /** Starts to keep the recorder's lease, by beats, and to poll for messages to its job, until the recorder is unregistered. */
  startBeating(recorder: Recorder): void {
    this.#open.add(recorder);
    this.#recorders.set(recorder.jobId, recorder);
    beatingOwners.add(this.#owner);
    this.#stopBeating ??= repeat(this.journal.beatMs, () => this.#beat());
    this.#stopReceiving ??= repeat(RECEIVE_MS, () => underWayUntil(this.#receive()));
  }

  /** Unregisters a recorder that writes nothing more. */
  unregister(recorder: Recorder): void {
    this.stopBeating(recorder);
    this.forget(recorder);
  }

  /** Writes nothing more of a recorder, but still keeps its lease. */
  forget(recorder: Recorder): void {
    if (this.#recorders.get(recorder.jobId) === recorder) this.#recorders.delete(recorder.jobId);
    this.#changed.delete(recorder);
  }

  /** Stops keeping a recorder's lease; stops both timers if no other recorder is left. */
  stopBeating(recorder: Recorder): void {
    this.#open.delete(recorder);
    if (this.#open.size > 0) return;
    beatingOwners.delete(this.#owner);
    this.#stopBeating?.();
    this.#stopBeating = undefined;
    this.#stopReceiving?.();
    this.#stopReceiving = undefined;
  }

  /** Schedules a write at the end of this tick, in one append with all other jobs that changed. */
  schedule(recorder: Recorder): void {
    this.#changed.add(recorder);
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    inNextTurn(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const recorders = [...this.#changed];
    this.#changed.clear();
    const at = systemClock.now();
    const batches: Batch[] = [];
    const written: Recorder[] = [];
    for (const recorder of recorders) {
      const batch = recorder.nextBatch(at);
      if (!batch) continue;
      batches.push(batch);
      written.push(recorder);
    }
    if (batches.length === 0) return;
    const done = (lost: readonly string[]): void => {
      const gone = new Set(lost);
      for (const recorder of written) reportWrite(recorder, gone.has(recorder.jobId));
    };
    const result = this.#append(batches);
    if (!isThenable(result)) {
      done(result);
      return;
    }
    this.#writing = true;
    const ended = Promise.resolve(result)
      .then(done, (error) => this.#writeOneByOne(batches, written, error))
      .finally(() => {
        this.#writing = false;
        const [next] = this.#changed;
        if (next) this.schedule(next);
      });
    underWayUntil(ended);
  }

  /** Appends batches. Throws nothing: the promise of an append that fails rejects. */
  #append(batches: readonly Batch[]): Awaitable<readonly string[]> {
    const ended = this.#watch(batches);
    try {
      const result = this.journal.append(batches);
      if (!ended) return result;
      if (isThenable(result)) result.then(() => ended(), ended);
      else ended();
      return result;
    } catch (error) {
      ended?.(error);
      return Promise.reject(error);
    }
  }

  #watch(batches: readonly Batch[]): ((error?: unknown) => void) | undefined {
    if (this.watchers.size === 0) return undefined;
    const events = batches.reduce((sum, batch) => sum + batch.events.length, 0);
    const ends = [...this.watchers].map((watch) => watch(events));
    return (error) => {
      for (const end of ends) end(error);
    };
  }

  /** Writes batches one by one after an append of all has failed, so that one bad batch fails only its own job. */
  async #writeOneByOne(batches: readonly Batch[], recorders: readonly Recorder[], cause: unknown): Promise<void> {
    for (const [index, recorder] of recorders.entries()) {
      try {
        if (batches.length === 1) throw cause;
        const lost = await this.#append([batches[index] as Batch]);
        reportWrite(recorder, lost.length > 0);
      } catch (error) {
        recorder.fail(error);
      }
    }
  }

  async #receive(): Promise<void> {
    const recorders = this.#byId();
    try {
      const messages = await this.journal.receive(this.#owner);
      for (const message of messages) recorders.get(message.jobId)?.receive(message);
    } catch {
      // Try again at the next interval.
    }
  }

  async #beat(): Promise<void> {
    const recorders = [...this.#open];
    const owner = this.#owner;
    try {
      if (await this.journal.beat(this.lease())) return;
    } catch {
      // Try again at the next interval. If the leases are lost meanwhile, the next append finds out.
      return;
    }
    beatingOwners.delete(owner);
    this.#owner = newId();
    beatingOwners.add(this.#owner);
    for (const recorder of recorders) if (this.#open.has(recorder)) recorder.fail(leaseLost(recorder.jobId));
  }

  #byId(): ReadonlyMap<string, Recorder> {
    return new Map([...this.#open].map((recorder) => [recorder.jobId, recorder]));
  }
}

const WRITERS = new WeakMap<Journal, JournalWriter>();

const reportWrite = (recorder: Recorder, isLost: boolean): void => {
  if (!isLost) recorder.committed();
  else recorder.fail(recorder.isNew ? jobExists(recorder.jobId) : leaseLost(recorder.jobId));
};

export const jobExists = (jobId: string): JournalError =>
  new JournalError('JOB_EXISTS', `The journal holds a job "${jobId}" already. Leave out jobId for one of its own.`, {
    jobId,
  });

const leaseLost = (jobId: string): JournalError => {
  const message = `This process runs the job "${jobId}" no longer: another one has taken it over, because nothing was heard of this one, or it was removed from the journal.`;
  return new JournalError('LEASE_LOST', message, { jobId });
};

/** Calls `call` every `everyMs`, counted from the end of the previous call; returns a function that stops it. */
const repeat = (everyMs: number, call: () => Promise<void>): (() => void) => {
  let stopped = false;
  let cancel = (): void => {};
  const next = (): void => {
    cancel = systemClock.setTimer(() => {
      call().then(() => {
        if (!stopped) next();
      });
    }, everyMs);
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
};
