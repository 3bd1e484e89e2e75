import { cutText } from '../../events/cut-text.ts';
import type { KeptLine, TaskLog, TaskProgress } from '../../events/event.ts';
import type { LogLimits } from '../definition/options.ts';
import type { LogsNote } from '../model/logs-note.ts';

/**
 * What the journal keeps of the lines that one attempt logs, and of its reports of progress, so that no task can fill the disk. The last lines are held
 * back until the attempt has ended; meanwhile a note in the journal has them, for the case that the process dies.
 */
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
  /** The last report of progress that was held back, and how many before it. */
  #progress: (TaskProgress & { readonly omitted: number }) | undefined;
  /** Whether the journal has a note of the last lines. */
  isNoted = false;
  /** Set while lines were held back of which no note tells yet. */
  timer: (() => void) | undefined;

  constructor(attempt: number, { first, last, maxBytes }: LogLimits = {}) {
    this.attempt = attempt;
    this.#first = first ?? DEFAULT_LOG_LIMITS.first;
    this.#last = last ?? DEFAULT_LOG_LIMITS.last;
    this.#halfBytes = (maxBytes ?? DEFAULT_LOG_LIMITS.maxBytes) / 2;
  }

  /** Returns whether a line belongs to the first ones, which are kept at once. Any other is held back here. */
  take({ level, message, data }: Omit<TaskLog, 'task' | 'type' | 'attempt'>, at: number): boolean {
    const bytes = sizeOf({ message, data });
    if (this.#fits(bytes)) return true;
    this.#isFull = true;
    this.#hold(data === undefined ? { level, message, at } : { level, message, at, data }, bytes);
    return false;
  }

  /** Counts a line or report of this size, and returns true, if it is one of the first that are kept. */
  #fits(bytes: number): boolean {
    if (this.#isFull || this.#lines >= this.#first || this.#bytes + bytes > this.#halfBytes) return false;
    this.#lines++;
    this.#bytes += bytes;
    return true;
  }

  #hold(line: KeptLine, bytes: number): void {
    this.#tail.push({ line, bytes });
    this.#tailBytes += bytes;
    while (this.#tail.length - this.#start > this.#last || this.#tailBytes > this.#halfBytes) this.#drop();
    // Dropping one by one from the front of an array would take its length in time.
    if (this.#start > COMPACT_AT && this.#start * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#start);
      this.#start = 0;
    }
  }

  #drop(): void {
    this.#tailBytes -= this.#tail[this.#start++]?.bytes ?? 0;
    this.#omitted++;
  }

  /** Returns whether a report of progress is kept at once: it counts as a line. Of the others, the last one is held back. */
  takeProgress(report: TaskProgress): boolean {
    if (!this.#progress && this.#fits(sizeOf({ message: report.message ?? '' }))) return true;
    this.#progress = { ...report, omitted: this.#progress ? this.#progress.omitted + 1 : 0 };
    return false;
  }

  /** Returns the last report of progress, if it was held back. */
  lastProgress(): TaskProgress | undefined {
    if (!this.#progress) return undefined;
    const { message, ...report } = this.#progress;
    return message === undefined ? report : { ...report, message: cutText(message, MAX_PROGRESS_MESSAGE) };
  }

  /** Continues with the last lines of an attempt whose process died. */
  restore({ omitted, last }: LogsNote): void {
    this.#isFull = true;
    this.isNoted = true;
    this.#omitted = omitted;
    for (const line of last) this.#hold(line, sizeOf(line));
  }

  /** How long to wait before the next note is written, in ms: so long that it costs 205 KiB per second at most. */
  get noteDelayMs(): number {
    return NOTE_MS * Math.max(1, this.#tailBytes / NOTE_BYTES);
  }

  /** Returns the fields of the event that tells of the lines held back; undefined if there are none. */
  rest(): (Pick<TaskLog, 'level' | 'message'> & Omit<LogsNote, 'attempt'>) | undefined {
    if (!this.#isFull) return undefined;
    return restOf({ omitted: this.#omitted, last: this.#tail.slice(this.#start).map(({ line }) => line) });
  }
}

/** Returns the fields of the event that tells of the last lines. */
export const restOf = ({
  omitted,
  last,
}: Omit<LogsNote, 'attempt'>): Pick<TaskLog, 'level' | 'message'> & Omit<LogsNote, 'attempt'> => {
  const missing = omitted === 1 ? '1 line is not kept' : `${omitted.toLocaleString('en-US')} lines are not kept`;
  return { level: 'info', message: `… ${omitted === 0 ? 'all lines are kept' : missing}`, omitted, last };
};

/** Numbers of lines, and bytes for both together. */
export const DEFAULT_LOG_LIMITS = { first: 1_000, last: 1_000, maxBytes: 1024 * 1024 } as const;

/** Maximum length of the message of the last report of progress, if it was held back. */
const MAX_PROGRESS_MESSAGE = 4_096;

const COMPACT_AT = 1_024;

/** How often the journal takes a note of the last lines, in ms, as long as these are no more than so many bytes. */
export const NOTE_MS = 5_000;
const NOTE_BYTES = 1024 * 1024;

const sizeOf = ({ message, data }: Pick<KeptLine, 'message' | 'data'>): number =>
  Buffer.byteLength(message) + (data === undefined ? 0 : (JSON.stringify(data)?.length ?? 0));
