import { errorData } from '../../events/error-data.ts';
import { isolate } from '../../events/isolate.ts';
import type { AbortError } from '../errors/errors.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';

/** One try at a task's work. Only one outcome counts, and only while the attempt is live. */
export class Attempt {
  /** Number of the attempt, from 1. */
  readonly number: number;
  /** The version of the context that the attempt reads. */
  readonly version: number;
  /** `live`: the outcome counts. `aborting`: aborted, with time left to clean up. `over`: the outcome is ignored. */
  phase: 'live' | 'aborting' | 'over' = 'live';
  /** Whether the work has started: the attempt may have to wait for the journal first. */
  begun = false;
  /** The timer of the attempt's time limit. */
  declare timer?: PausableTimer;
  /** Applies the outcome of an aborted attempt; called when its nested job is over. */
  declare onAborted?: () => void;
  /** Applies an outcome that came while the task was paused; called when the task resumes. */
  declare deferredEnd?: () => void;
  /** Calls for when the attempt is aborted. Absent before the first, since most attempts have none. */
  declare abortCalls?: Set<(reason: AbortError) => void>;
  #reason: AbortError | undefined;
  #controller: AbortController | undefined;

  constructor(number: number, version: number) {
    this.number = number;
    this.version = version;
  }

  /** The attempt's signal. Created on first access, because most tasks never read it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the attempt was aborted. */
  get reason(): AbortError | undefined {
    return this.#reason;
  }

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Aborts the signal. Only the first reason counts. */
  abort(reason: AbortError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    if (!this.abortCalls) return;
    const calls = [...this.abortCalls];
    this.abortCalls.clear();
    for (const call of calls) shielded(() => call(reason));
  }

  /** Calls back when the attempt is aborted; at once, if it has been. Costs less than a signal. Returns what ends it. */
  onAbort(callback: (reason: AbortError) => void): () => void {
    const reason = this.#reason;
    if (reason) {
      shielded(() => callback(reason));
      return () => {};
    }
    this.abortCalls ??= new Set();
    const { abortCalls } = this;
    const call = (why: AbortError): void => callback(why);
    abortCalls.add(call);
    return () => void abortCalls.delete(call);
  }

  /** Whether an error only reports the abort: the reason itself, or the `AbortError` of a Node.js function. */
  isAbortError(error: unknown): boolean {
    return this.#reason !== undefined && (error === this.#reason || errorData(error).name === 'AbortError');
  }
}

const shielded = isolate('A callback for the abort of an attempt');
