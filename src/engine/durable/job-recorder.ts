import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { JournalError, SerialisationError } from '../errors/errors.ts';
import { type Batch, type Held, type NewJob, NO_VALUE, type Note, type NoteKind, type StoredEvent } from './journal.ts';
import type { JournalWriter } from './journal-writer.ts';
import { giveBack } from './lease.ts';
import { encode, Unserialisable } from './serialise.ts';
import { pathsAround } from './task-path.ts';

type Waiter = { readonly saved: () => void; readonly failed: (error: JournalError) => void };

/**
 * Records the events and notes of one job for its journal. The journal writer collects them as batches. Code that may
 * act only on committed events waits here until they are in the journal.
 */
export class JobRecorder {
  readonly jobId: string;
  readonly #writer: JournalWriter;
  #fence = 0;
  #phase: 'opening' | 'open' | 'over' = 'opening';
  #error: JournalError | undefined;
  /** Set when the job was handed off to another process. */
  #left: JournalError | undefined;
  #events: StoredEvent[] = [];
  #notes = new Map<string, Note>();
  /** The notes of tasks inside a task, by that task's path, so that they can be cleared together. */
  readonly #inside = new Map<string, Map<string, Pick<Note, 'task' | 'kind'>>>();
  #changes: Omit<Batch, keyof Held | 'at' | 'events' | 'notes'> | undefined;
  /** Waiters for what is not yet in a batch, and for the batch being written. */
  #waiting: Waiter[] = [];
  #underWay: Waiter[] | undefined;
  #isNew = false;
  #leaving: Promise<void> | undefined;
  #opened: () => void = () => {};
  /** The job's handle. */
  handle: object | undefined;
  /** Called with each message from another process. */
  onMessage: (message: string) => void = () => {};
  /** Called when nothing can be written any more. */
  onFailure: (error: JournalError) => void = () => {};

  constructor(jobId: string, writer: JournalWriter) {
    this.jobId = jobId;
    this.#writer = writer;
  }

  get held(): Held {
    return { jobId: this.jobId, fence: this.#fence };
  }

  /** Why nothing can be written any more. */
  get error(): JournalError | undefined {
    return this.#error;
  }

  /** Whether everything so far is in the journal. */
  get isSaved(): boolean {
    return !this.#error && !this.#left && !this.#underWay && !this.#isDirty;
  }

  /** Registers this recorder as the writer of its job, unless another one is registered. */
  enlist(): void {
    this.#writer.enlist(this);
  }

  /** Starts writing a new job; the first batch creates it in the journal. */
  begin(job: NewJob): void {
    this.#isNew = true;
    this.#changes = { creates: { job, lease: this.#writer.lease() } };
    this.#fence = FIRST_FENCE;
    this.#phase = 'open';
  }

  /** Whether the journal does not hold the job yet. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Starts writing under the lease with this fence. */
  open(fence: number): void {
    if (this.#phase !== 'opening') return;
    this.#fence = fence;
    this.#phase = 'open';
    this.#opened();
    this.#writer.keepAlive(this);
    if (this.#isDirty) this.#writer.schedule(this);
  }

  /** Returns the JSON of an output as it will be stored. @throws SerialisationError also if it is too large */
  encoded(what: string, value: unknown): string {
    const text = encodedAs('UNSERIALISABLE_OUTPUT', what, value);
    const { maxOutputBytes } = this.#writer.journal;
    // A UTF-16 unit takes at most three bytes.
    if (text.length * 3 > maxOutputBytes && Buffer.byteLength(text) > maxOutputBytes) {
      const size = `${Buffer.byteLength(text)} bytes of JSON, more than the ${maxOutputBytes} that the journal takes`;
      throw new SerialisationError(
        'OUTPUT_TOO_LARGE',
        `${what} is ${size}. Put it into a file or a store, and put out where it is; or raise maxOutputBytes.`,
      );
    }
    return text;
  }

  /** Records an event; `text` is the JSON of its output. */
  record(event: JobEvent, text?: string): void {
    if (this.#phase === 'over') return;
    const { output, ...rest } = event as JobEvent & { readonly output?: unknown };
    const data = JSON.stringify(output === undefined ? event : rest);
    this.#events.push(text === undefined ? { seq: event.seq, data } : { seq: event.seq, data, output: text });
    if (event.type === 'job.transition') {
      const { to, at } = event;
      this.#changes = { ...this.#changes, state: to };
      if (to === 'running' && event.from !== 'paused') this.#changes = { ...this.#changes, startedAt: at };
      if (isTerminalJobState(to)) this.#changes = { ...this.#changes, endedAt: at, release: true };
    }
    this.#change();
  }

  /** Records a note; it replaces an earlier note of the same task and kind. */
  note(task: string, kind: NoteKind, value: string): void {
    if (this.#phase === 'over') return;
    const key = `${kind} ${task}`;
    this.#notes.set(key, { task, kind, value });
    this.#mark({ task, kind, value });
    this.#change();
  }

  #mark({ task, kind, value }: Note): void {
    const key = `${kind} ${task}`;
    for (const around of pathsAround(task)) {
      const inside = this.#inside.get(around) ?? new Map();
      if (value === NO_VALUE) inside.delete(key);
      else inside.set(key, { task, kind });
      this.#inside.set(around, inside);
    }
  }

  /** Copies the index of notes from the recorder of the job before its retry. */
  inherit(earlier: JobRecorder): void {
    for (const [around, inside] of earlier.#inside) this.#inside.set(around, new Map(inside));
  }

  /** Indexes the notes that another process has stored. */
  remember(notes: readonly Note[]): void {
    for (const note of notes) if (note.value !== NO_VALUE) this.#mark(note);
  }

  /** Clears the notes of all tasks inside a task that starts over. */
  forgetInside(path: string): void {
    for (const { task, kind } of [...(this.#inside.get(path)?.values() ?? [])]) this.note(task, kind, NO_VALUE);
  }

  /** Drains and discards pending messages. */
  forgetMessages(): void {
    Promise.resolve()
      .then(() => this.#writer.journal.receive([this.held]))
      .catch(() => {});
  }

  /** Calls back when everything so far is committed: at once if it already is. */
  whenSaved(saved: () => void, failed: (error: JournalError) => void = () => {}): void {
    const error = this.#error ?? this.#left;
    if (error) failed(error);
    else if (this.isSaved) saved();
    else this.#waiting.push({ saved, failed });
  }

  /** Returns the next batch to write, if there is anything to write. */
  take(at: number): Batch | undefined {
    if (this.#phase !== 'open' || !this.#isDirty) return undefined;
    const batch: Batch = {
      ...this.held,
      at,
      events: this.#events,
      notes: [...this.#notes.values()],
      ...this.#changes,
    };
    this.#events = [];
    this.#notes = new Map();
    this.#changes = undefined;
    this.#underWay = this.#waiting;
    this.#waiting = [];
    if (batch.release) {
      this.#phase = 'over';
      this.#writer.rest(this);
    }
    return batch;
  }

  /** Called when the batch has been written. */
  saved(): void {
    // The batch created the job with its lease: renew the lease from now on.
    if (this.#isNew && this.#phase === 'open') this.#writer.keepAlive(this);
    this.#isNew = false;
    if (this.#phase === 'over') this.#writer.dismiss(this);
    const waiters = this.#underWay ?? [];
    this.#underWay = undefined;
    const late = this.#isDirty ? [] : this.#waiting.splice(0);
    for (const { saved } of [...waiters, ...late]) saved();
  }

  /** Records that the job continues with a changed definition. */
  redefine(definition: NonNullable<Batch['definition']>): void {
    this.#changes = { ...this.#changes, definition };
    this.#change();
  }

  /**
   * Commits what has happened so far, then releases the lease, so that another process may resume the job. Later
   * changes are not stored: their waiters are rejected.
   */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    // Wait until the journal has granted or refused the lease.
    if (this.#phase === 'opening')
      await new Promise<void>((resolve) => {
        this.#opened = resolve;
      });
    if (this.#phase !== 'open') return;
    await new Promise<void>((resolve) => {
      const close = (): void => {
        if (this.#phase === 'open') this.#drop(left(this.jobId));
        resolve();
      };
      this.whenSaved(close, close);
    });
    if (!this.#error && this.#fence > 0) await giveBack(this.#writer.journal, this.held);
  }

  /** Stops recording and discards what is not written: the job had ended, or another process owns it. */
  dismiss(): void {
    this.#drop();
  }

  #drop(why?: JournalError): void {
    this.#events = [];
    this.#notes.clear();
    this.#changes = undefined;
    this.#left = why;
    this.#close();
  }

  /** Stops recording after a failure of the journal, and rejects all waiters. */
  fail(cause: unknown): void {
    if (this.#error) return;
    this.#error = journalError(this.jobId, cause);
    const waiters = [...(this.#underWay ?? []), ...this.#waiting.splice(0)];
    this.#underWay = undefined;
    this.#close();
    for (const { failed } of waiters) failed(this.#error);
    this.onFailure(this.#error);
  }

  #close(): void {
    this.#phase = 'over';
    this.#opened();
    this.#writer.dismiss(this);
    if (!this.#underWay)
      for (const { saved, failed } of this.#waiting.splice(0)) this.#left ? failed(this.#left) : saved();
  }

  get #isDirty(): boolean {
    return this.#events.length > 0 || this.#notes.size > 0 || this.#changes !== undefined;
  }

  #change(): void {
    if (this.#phase === 'open') this.#writer.schedule(this);
  }
}

/** The fence of the lease that a new job is created with. */
const FIRST_FENCE = 1;

/** Encodes a value as JSON. @throws SerialisationError with this code; `subject` names the value in its message */
export const encodedAs = (code: SerialisationError['code'], subject: string, value: unknown): string => {
  try {
    return encode(value);
  } catch (error) {
    if (!(error instanceof Unserialisable)) throw error;
    const { path, what } = error;
    const where = path === '' ? 'it' : `"${path}"`;
    const allowed = 'plain data, dates, bigints, Uint8Arrays, maps and sets can be kept';
    throw new SerialisationError(code, `${subject} can't be kept: ${where} is ${what}; ${allowed}.`, path);
  }
};

const left = (jobId: string): JournalError =>
  new JournalError('LEASE_LOST', `The job "${jobId}" was left to be resumed: what happens to it here is not kept.`, {
    jobId,
  });

const journalError = (jobId: string, cause: unknown): JournalError =>
  cause instanceof JournalError
    ? cause
    : new JournalError('JOURNAL_FAILED', `The journal can't keep the job "${jobId}".`, { jobId, cause });
