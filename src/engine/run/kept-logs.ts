import type { KeptLine, TaskLog } from '../../events/event.ts';
import type { LogLimits } from '../definition/options.ts';

/** What the journal keeps of the lines that one attempt logs, so that no task can fill the disk. */
export class KeptLogs {
  readonly attempt: number;
  readonly #first: number;
  readonly #last: number;
  readonly #halfBytes: number;
  #lines = 0;
  #bytes = 0;
  #isFull = false;
  /** The lines after the first ones; those before `#start` are dropped. */
  #tail: { readonly line: KeptLine; readonly bytes: number }[] = [];
  #start = 0;
  #tailBytes = 0;
  #omitted = 0;

  constructor(attempt: number, { first, last, maxBytes }: LogLimits = {}) {
    this.attempt = attempt;
    this.#first = first ?? DEFAULT_LOG_LIMITS.first;
    this.#last = last ?? DEFAULT_LOG_LIMITS.last;
    this.#halfBytes = (maxBytes ?? DEFAULT_LOG_LIMITS.maxBytes) / 2;
  }

  /** Returns whether a line belongs to the first ones, which are kept at once. Any other is held back here. */
  take({ level, message, data }: Omit<TaskLog, 'task' | 'type' | 'attempt'>, at: number): boolean {
    const bytes = Buffer.byteLength(message) + (data === undefined ? 0 : sizeOf(data));
    if (!this.#isFull && this.#lines < this.#first && this.#bytes + bytes <= this.#halfBytes) {
      this.#lines++;
      this.#bytes += bytes;
      return true;
    }
    this.#isFull = true;
    this.#tail.push({ line: data === undefined ? { level, message, at } : { level, message, at, data }, bytes });
    this.#tailBytes += bytes;
    while (this.#tail.length - this.#start > this.#last || this.#tailBytes > this.#halfBytes) this.#drop();
    // Dropping one by one from the front of an array would take its length in time.
    if (this.#start > COMPACT_AT && this.#start * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#start);
      this.#start = 0;
    }
    return false;
  }

  #drop(): void {
    this.#tailBytes -= this.#tail[this.#start++]?.bytes ?? 0;
    this.#omitted++;
  }

  /** Returns the fields of the event that tells of the lines held back; undefined if there are none. */
  rest(): Pick<TaskLog, 'level' | 'message' | 'omitted' | 'last'> | undefined {
    if (!this.#isFull) return undefined;
    const last = this.#tail.slice(this.#start).map(({ line }) => line);
    const count = this.#omitted.toLocaleString('en-US');
    const missing = this.#omitted === 1 ? '1 line is not kept' : `${count} lines are not kept`;
    const message = this.#omitted === 0 ? 'all lines are kept' : missing;
    return { level: 'info', message: `… ${message}`, omitted: this.#omitted, last };
  }
}

/** Numbers of lines, and bytes for both together. */
export const DEFAULT_LOG_LIMITS = { first: 1_000, last: 1_000, maxBytes: 1024 * 1024 } as const;

const COMPACT_AT = 1_024;

const sizeOf = (data: unknown): number => JSON.stringify(data)?.length ?? 0;
