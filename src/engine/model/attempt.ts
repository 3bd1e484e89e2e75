import { errorData } from '../../events/error-data.ts';
import type { AbortError } from '../errors/errors.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';

/** One try at a task's work. Its outcome counts once, and only while it is live. */
export class Attempt {
  /** From 1. */
  readonly number: number;
  /** The snapshot of the context that it reads. */
  readonly version: number;
  /** `live`: its outcome counts. `aborting`: told to stop, and given time to clean up. `over`: nobody waits for it. */
  phase: 'live' | 'aborting' | 'over' = 'live';
  /** Whether it is at work: it may have to wait for the journal first. */
  begun = false;
  /** The time limit. */
  declare timer?: PausableTimer;
  /** What is to become of the task once the job nested in it has ended. */
  declare verdict?: () => void;
  /** What the job nested in it came to while the task was paused. */
  declare outcome?: () => void;
  #reason: AbortError | undefined;
  #controller: AbortController | undefined;

  constructor(number: number, version: number) {
    this.number = number;
    this.version = version;
  }

  /** Made when first asked for: most tasks never look. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why it was told to stop. */
  get reason(): AbortError | undefined {
    return this.#reason;
  }

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Aborts the signal; the first reason stays. */
  abort(reason: AbortError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** Whether an error is but the answer to the abort: the reason itself, or what Node's own functions throw for it. */
  answersAbort(error: unknown): boolean {
    return this.#reason !== undefined && (error === this.#reason || errorData(error).name === 'AbortError');
  }
}
