import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { ignoreRejection } from '../../events/thenable.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { JournalError, SerialisationError } from '../errors/errors.ts';
import { encodeAs } from './encode-as.ts';
import { takeText } from './encoded-output.ts';
import { inputNote } from './input-note.ts';
import {
  type Batch,
  type Held,
  type JournalMessage,
  type NewJob,
  NO_VALUE,
  type Note,
  type NoteKind,
  type StoredEvent,
  type TaskDurations,
} from './journal.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { OutputSource } from './output-parts.ts';
import { type Redact, redactOf } from './redaction.ts';
import { parentPaths } from './task-path.ts';

type Waiter = { readonly onCommitted: () => void; readonly onFailed: (error: JournalError) => void };

/**
 * Records the events and notes of one job; the journal writer collects them in batches and writes them to the journal.
 * Code that may act only on committed events waits here until the events are in the journal.
 */
export class JobRecorder {
  readonly jobId: string;
  readonly #writer: JournalWriter;
  #fence = 0;
  #phase: 'opening' | 'open' | 'over' = 'opening';
  #error: JournalError | undefined;
  /** Set when the job was handed off to another process: the error for callers that still wait. */
  #handedOff: JournalError | undefined;
  #events: StoredEvent[] = [];
  #notes = new Map<string, Note>();
  /** For each nested job or fan-out, by the path of its task: the notes of the tasks inside, to clear them together. */
  readonly #notesInside = new Map<string, Map<string, Pick<Note, 'task' | 'kind'>>>();
  #changes: Omit<Batch, keyof Held | 'at' | 'events' | 'notes' | 'handled'> | undefined;
  /** Ids of the messages received so far: the journal returns a message until its removal is stored. */
  readonly #received = new Set<string>();
  /** Messages that were sent before the job was resumed. */
  #waitingMessages: readonly JournalMessage[] = [];
  /** Ids of handled messages, which the next batch removes. */
  #handled: string[] = [];
  /** `#waiting`: waiters for changes that are in no batch yet. `#inFlight`: waiters for the batch being written. */
  #waiting: Waiter[] = [];
  #inFlight: Waiter[] | undefined;
  #isNew = false;
  #handingOff: Promise<void> | undefined;
  #onPhaseKnown: () => void = () => {};
  /** The job's handle. */
  handle: object | undefined;
  /**
   * Called once with each message from another process. It calls `handled` in the tick in which it has recorded what
   * came of the message. `sentBefore`: the message was sent before the job was resumed here.
   */
  onMessage: (message: string, handled: () => void, sentBefore: boolean) => void = () => {};
  /** Called when nothing can be written any more. */
  onFailure: (error: JournalError) => void = () => {};

  constructor(jobId: string, writer: JournalWriter) {
    this.jobId = jobId;
    this.#writer = writer;
  }

  get heldLease(): Held {
    return { jobId: this.jobId, fence: this.#fence };
  }

  /** Whether everything recorded so far is in the journal; false after a failure or a hand-off. */
  get isCommitted(): boolean {
    return !this.#error && !this.#handedOff && !this.#inFlight && !this.#isDirty;
  }

  /** Registers this recorder as the writer of its job, unless the job has a writer already. */
  register(): void {
    this.#writer.register(this);
  }

  /** Starts writing a new job; the first batch creates the job in the journal. */
  create(job: NewJob): void {
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
  start(fence: number): void {
    if (this.#phase !== 'opening') return;
    this.#fence = fence;
    this.#phase = 'open';
    this.#onPhaseKnown();
    this.#writer.startBeating(this);
    if (this.#isDirty) this.#writer.schedule(this);
  }

  /** Where the outputs of this job are stored. */
  get source(): OutputSource {
    return { journal: this.#writer.journal, jobId: this.jobId };
  }

  /**
   * Encodes an output as JSON, to be stored. That of an item has no references, since others refer to it.
   * @throws SerialisationError if it can't be encoded or is too large
   */
  encodeOutput(what: string, value: unknown, isItem = false): string {
    const text = takeText(value) ?? encodeAs('UNSERIALISABLE_OUTPUT', what, value, isItem ? undefined : this.source);
    const { maxOutputBytes } = this.#writer.journal;
    // A UTF-16 unit takes at most three bytes.
    if (text.length * 3 > maxOutputBytes && Buffer.byteLength(text) > maxOutputBytes) {
      const size = `${Buffer.byteLength(text)} bytes of JSON, more than the ${maxOutputBytes} that the journal takes`;
      const message = `${what} is ${size}. Put it into a file or a store, and put out where it is; or raise maxOutputBytes of the journal, max_output_bytes of a workflow file.`;
      throw new SerialisationError('OUTPUT_TOO_LARGE', message);
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
    this.#scheduleWrite();
  }

  /** Records how long tasks took, if the journal keeps that; `durations` is called only then. */
  measure(durations: () => readonly TaskDurations[]): void {
    if (this.#phase !== 'over' && this.#writer.journal.durations)
      this.#changes = { ...this.#changes, durations: durations() };
  }

  /** Records a note, which replaces an earlier note of the same task and kind. */
  put(task: string, kind: NoteKind, value: string): void {
    if (this.#phase === 'over') return;
    this.#notes.set(`${kind} ${task}`, { task, kind, value });
    this.#index({ task, kind, value });
    this.#scheduleWrite();
  }

  /** Records the items or the input of an attempt, without what the options' `redact` leaves out. */
  putInput(
    task: { readonly path: string; readonly attempts: number },
    kind: 'items' | 'input',
    value: object,
    options: { readonly redact?: Redact | undefined },
  ): void {
    const note = { kind, attempt: task.attempts, value };
    const text = inputNote(note, redactOf(options), (given) => this.encodeOutput(kind, given));
    if (text !== undefined) this.put(task.path, kind, text);
  }

  #index({ task, kind, value }: Note): void {
    const key = `${kind} ${task}`;
    for (const parent of parentPaths(task)) {
      const inside = this.#notesInside.get(parent) ?? new Map();
      if (value === NO_VALUE) inside.delete(key);
      else inside.set(key, { task, kind });
      this.#notesInside.set(parent, inside);
    }
  }

  /** Copies the index of notes from the recorder that the job had before it was retried. */
  copyNotes(earlier: JobRecorder): void {
    for (const [parent, inside] of earlier.#notesInside) this.#notesInside.set(parent, new Map(inside));
  }

  /** Indexes the notes that the journal already holds. */
  loadNotes(notes: readonly Note[]): void {
    for (const note of notes) if (note.value !== NO_VALUE) this.#index(note);
  }

  /** Clears the notes of all tasks inside the nested job or fan-out with this path. */
  clearNotesUnder(path: string): void {
    for (const { task, kind } of [...(this.#notesInside.get(path)?.values() ?? [])]) this.put(task, kind, NO_VALUE);
  }

  /** Handles a message, unless it was received before. */
  receive(message: JournalMessage): void {
    if (this.#phase === 'open' && this.#isFirst(message)) this.#handle(message, false);
  }

  /** Keeps messages that were sent before the job was resumed, for `handleWaitingMessages`. */
  keepWaitingMessages(messages: readonly JournalMessage[]): void {
    this.#waitingMessages = messages.filter((message) => this.#isFirst(message));
  }

  handleWaitingMessages(): void {
    const messages = this.#waitingMessages;
    this.#waitingMessages = [];
    for (const message of messages) if (this.#phase === 'open') this.#handle(message, true);
  }

  /** Removes the pending messages to this job from the journal, unread. */
  discardMessages(): void {
    const discarded = Promise.resolve()
      .then(() => this.#writer.journal.receive(this.#writer.lease().owner))
      .then((messages) => {
        for (const message of messages)
          if (message.jobId === this.jobId && this.#isFirst(message)) this.#markHandled(message);
      })
      .catch(() => {});
    underWayUntil(discarded);
  }

  #handle(message: JournalMessage, sentBefore: boolean): void {
    this.onMessage(message.message, () => this.#markHandled(message), sentBefore);
  }

  #isFirst({ id }: JournalMessage): boolean {
    if (this.#received.has(id)) return false;
    this.#received.add(id);
    return true;
  }

  #markHandled({ id }: JournalMessage): void {
    if (this.#phase === 'over') return;
    this.#handled.push(id);
    this.#scheduleWrite();
  }

  /** Calls `onCommitted` when everything recorded so far is in the journal; `onFailed` after a failure or hand-off. */
  afterCommit(onCommitted: () => void, onFailed: (error: JournalError) => void = () => {}): void {
    const error = this.#error ?? this.#handedOff;
    if (error) onFailed(error);
    else if (this.isCommitted) onCommitted();
    else this.#waiting.push({ onCommitted, onFailed });
  }

  /** Returns the next batch to write, if there is anything to write. */
  nextBatch(at: number): Batch | undefined {
    if (this.#phase !== 'open' || !this.#isDirty) return undefined;
    const notes = [...this.#notes.values()];
    const handled = this.#handled.length > 0 ? { handled: this.#handled } : {};
    const batch: Batch = { ...this.heldLease, at, events: this.#events, notes, ...handled, ...this.#changes };
    this.#events = [];
    this.#handled = [];
    this.#notes = new Map();
    this.#changes = undefined;
    this.#inFlight = this.#waiting;
    this.#waiting = [];
    if (batch.release) {
      this.#phase = 'over';
      this.#writer.stopBeating(this);
    }
    return batch;
  }

  /** Notifies the waiters of the batch that has been written. */
  committed(): void {
    // The batch created the job with its lease: renew the lease from now on.
    if (this.#isNew && this.#phase === 'open') this.#writer.startBeating(this);
    this.#isNew = false;
    if (this.#phase === 'over') this.#writer.unregister(this);
    const waiters = [...(this.#inFlight ?? []), ...(this.#isDirty ? [] : this.#waiting.splice(0))];
    this.#inFlight = undefined;
    for (const { onCommitted } of waiters) onCommitted();
  }

  /** Records that the job continues with a changed definition. */
  redefine(definition: NonNullable<Batch['definition']>): void {
    this.#changes = { ...this.#changes, definition };
    this.#scheduleWrite();
  }

  /**
   * Commits what has happened so far. Later changes are not stored, and callers that wait for their commit get `left`.
   * The lease is renewed until `release`, after which another process may resume the job.
   */
  handOff(left: JournalError): Promise<void> {
    this.#handingOff ??= this.#handOff(left);
    return this.#handingOff;
  }

  async #handOff(left: JournalError): Promise<void> {
    // Wait until the journal has granted or refused the lease.
    if (this.#phase === 'opening')
      await new Promise<void>((resolve) => {
        this.#onPhaseKnown = resolve;
      });
    if (this.#phase !== 'open') return;
    await new Promise<void>((resolve) => {
      const close = (): void => {
        if (this.#phase === 'open') this.discard(left);
        resolve();
      };
      this.afterCommit(close, close);
    });
  }

  /** Releases the lease of a job that was handed off. */
  async release(): Promise<void> {
    if (!this.#handedOff || this.#fence === 0) return;
    this.#writer.stopBeating(this);
    await this.#writer.release(this.heldLease);
  }

  /** Stops recording and drops unwritten changes. Callers that wait for them get the error `handedOff`, if given. */
  discard(handedOff?: JournalError): void {
    this.#events = [];
    this.#notes.clear();
    this.#handled = [];
    this.#changes = undefined;
    this.#handedOff = handedOff;
    this.#close();
  }

  /** Stops recording after a failure of the journal, and rejects all waiters. */
  fail(cause: unknown): void {
    // A journal may throw a promise, too, that nobody awaits.
    ignoreRejection(cause);
    if (this.#error) return;
    // The lease of a job that was handed off is gone: nothing is left to release.
    if (this.#handedOff) {
      this.#writer.unregister(this);
      return;
    }
    this.#error = journalError(this.jobId, cause);
    const waiters = [...(this.#inFlight ?? []), ...this.#waiting.splice(0)];
    this.#inFlight = undefined;
    this.#close();
    for (const { onFailed } of waiters) onFailed(this.#error);
    this.onFailure(this.#error);
  }

  #close(): void {
    this.#phase = 'over';
    this.#onPhaseKnown();
    if (this.#handedOff) this.#writer.forget(this);
    else this.#writer.unregister(this);
    if (!this.#inFlight)
      for (const { onCommitted, onFailed } of this.#waiting.splice(0))
        this.#handedOff ? onFailed(this.#handedOff) : onCommitted();
  }

  get #isDirty(): boolean {
    return this.#events.length > 0 || this.#notes.size > 0 || this.#handled.length > 0 || this.#changes !== undefined;
  }

  #scheduleWrite(): void {
    if (this.#phase === 'open') this.#writer.schedule(this);
  }
}

/** The fence of a new job's first lease. */
const FIRST_FENCE = 1;

const journalError = (jobId: string, cause: unknown): JournalError =>
  cause instanceof JournalError
    ? cause
    : new JournalError('JOURNAL_FAILED', `The journal can't keep the job "${jobId}".`, { jobId, cause });
