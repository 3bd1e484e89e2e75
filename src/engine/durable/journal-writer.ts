/* What a job needs to survive its process. `journal.ts` is the interface that journals implement. A job's
 * `job-recorder.ts` collects its events and notes; `journal-writer.ts`, one per journal, writes those of all jobs and
 * renews their leases. `process-identity.ts` tells whether the process that holds a lease is dead. Stored forms:
 * `serialise.ts` for values, `task-error-data.ts` and `error-revive.ts` for errors. `job-id.ts` derives an id from a
 * key, `task-path.ts` finds the tasks around a task. */
import { setImmediate } from 'node:timers';
import { newId, systemClock } from '../../events/system-clock.ts';
import { isThenable } from '../../events/thenable.ts';
import { JournalError } from '../errors/errors.ts';
import type { Awaitable, Batch, Held, Journal, Lease } from './journal.ts';
import { thisProcess } from './process-identity.ts';

/** The recorder of one job, as the journal writer sees it. */
export type Recorder = {
  readonly jobId: string;
  readonly heldLease: Held;
  readonly isNew: boolean;
  readonly onMessage: (message: string) => void;
  readonly nextBatch: (at: number) => Batch | undefined;
  readonly committed: () => void;
  readonly fail: (cause: unknown) => void;
  readonly handle: object | undefined;
};

/** How long a lease lasts without renewal, and how often it is renewed, in ms. */
const LEASE_MS = 15_000;
const HEARTBEAT_MS = 5_000;

/** How often messages from other processes are polled, in ms. */
export const RECEIVE_MS = 250;

/**
 * Writes all jobs of this process to one journal. What they record in one tick is written in one append (group commit),
 * and their leases are renewed together. Leases use the system clock, whatever clock a job has, because several
 * processes compare them.
 */
export class JournalWriter {
  readonly journal: Journal;
  readonly #owner = newId();
  /** Resumes in progress, by job id: a second request for the same job shares the first. */
  readonly resuming = new Map<string, Promise<{ readonly job: unknown }>>();
  readonly #recorders = new Map<string, Recorder>();
  readonly #open = new Set<Recorder>();
  readonly #changed = new Set<Recorder>();
  #scheduled = false;
  #writing = false;
  #stopHeartbeat: (() => void) | undefined;
  #stopReceiving: (() => void) | undefined;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  /** Returns the only writer of a journal in this process. */
  static of(journal: Journal): JournalWriter {
    const known = WRITERS.get(journal);
    if (known) return known;
    const writer = new JournalWriter(journal);
    WRITERS.set(journal, writer);
    return writer;
  }

  /** Returns the lease that this process requests. */
  lease(): Lease {
    return { owner: this.#owner, ...thisProcess(), at: systemClock.now(), leaseMs: LEASE_MS };
  }

  /** Releases a lease. If that fails, the lease expires by itself. Never rejects. */
  release(held: Held): Promise<void> {
    return Promise.resolve()
      .then(() => this.journal.release(held))
      .catch(() => {});
  }

  /** Returns the recorder that writes a job in this process, or is about to. */
  recorderOf(jobId: string): Recorder | undefined {
    return this.#recorders.get(jobId);
  }

  /** Registers the recorder of a job, unless one is registered already. */
  register(recorder: Recorder): void {
    if (!this.#recorders.has(recorder.jobId)) this.#recorders.set(recorder.jobId, recorder);
  }

  /** Renews the recorder's lease and polls for messages to its job, until the recorder is removed. */
  startRenewing(recorder: Recorder): void {
    this.#open.add(recorder);
    this.#recorders.set(recorder.jobId, recorder);
    this.#stopHeartbeat ??= repeat(HEARTBEAT_MS, () => this.#renew());
    this.#stopReceiving ??= repeat(RECEIVE_MS, () => this.#receive());
  }

  /** Removes a recorder that writes nothing more. */
  unregister(recorder: Recorder): void {
    this.stopRenewing(recorder);
    if (this.#recorders.get(recorder.jobId) === recorder) this.#recorders.delete(recorder.jobId);
    this.#changed.delete(recorder);
  }

  /** Stops renewing a recorder's lease: its last batch releases the lease. */
  stopRenewing(recorder: Recorder): void {
    this.#open.delete(recorder);
    if (this.#open.size > 0) return;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = undefined;
    this.#stopReceiving?.();
    this.#stopReceiving = undefined;
  }

  /** Schedules a write at the end of this tick, together with all other jobs that changed. */
  schedule(recorder: Recorder): void {
    this.#changed.add(recorder);
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => {
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
    let result: Awaitable<readonly string[]>;
    try {
      result = this.journal.append(batches);
    } catch (error) {
      result = Promise.reject(error);
    }
    if (!isThenable(result)) {
      done(result);
      return;
    }
    this.#writing = true;
    Promise.resolve(result)
      .then(done, (error) => this.#writeOneByOne(batches, written, error))
      .finally(() => {
        this.#writing = false;
        const [next] = this.#changed;
        if (next) this.schedule(next);
      });
  }

  /** Writes batches one by one after an append of all has failed, so that one bad batch fails only its own job. */
  async #writeOneByOne(batches: readonly Batch[], recorders: readonly Recorder[], cause: unknown): Promise<void> {
    for (const [index, recorder] of recorders.entries()) {
      try {
        if (batches.length === 1) throw cause;
        const lost = await this.journal.append([batches[index] as Batch]);
        reportWrite(recorder, lost.length > 0);
      } catch (error) {
        recorder.fail(error);
      }
    }
  }

  async #receive(): Promise<void> {
    const recorders = this.#byId();
    try {
      const messages = await this.journal.receive([...recorders.values()].map(({ heldLease }) => heldLease));
      for (const { jobId, message } of messages) recorders.get(jobId)?.onMessage(message);
    } catch {
      // Try again at the next interval.
    }
  }

  async #renew(): Promise<void> {
    const recorders = this.#byId();
    try {
      const held = [...recorders.values()].map(({ heldLease }) => heldLease);
      const lost = await this.journal.renew(held, this.lease());
      for (const jobId of lost) {
        const recorder = recorders.get(jobId);
        if (recorder && this.#open.has(recorder)) recorder.fail(leaseLost(jobId));
      }
    } catch {
      // Try again at the next interval. If the lease is lost meanwhile, the next append finds out.
    }
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
