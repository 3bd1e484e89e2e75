import { cutText } from '../../events/cut-text.ts';
import type { KeptLine, TaskLog, TaskProgress } from '../../events/event.ts';
import type { LogLimits } from '../definition/options.ts';
import { NO_VALUE } from '../durable/journal.ts';
import { encode, Unserialisable } from '../durable/serialise.ts';
import type { LogsNote } from '../model/logs-note.ts';
import type { JobRun, LogKeeper, LogStream } from '../model/run.ts';

/** What the journal keeps of the logs of a job's attempts, those of the jobs nested in it too. `LogKeeper` has the docs. */
export class JobLogs implements LogKeeper {
  readonly #job: JobRun;
  readonly #stream: LogStream;
  /** Of the attempts under way, by the paths of their tasks. */
  readonly #kept = new Map<string, KeptLogs>();

  constructor(job: JobRun, stream: LogStream) {
    this.#job = job;
    this.#stream = stream;
  }

  line(line: TaskLog, at: number): void {
    const kept = this.#keptOf(line, at);
    if (kept.take(line, at)) {
      this.#stream.publish(line, at);
      return;
    }
    this.#stream.publishUnkept(line, at);
    kept.timer ??= this.#job.clock.setTimer(() => this.#noteRest(line.task), kept.noteDelayMs);
  }

  progress(report: TaskProgress, at: number): void {
    if (this.#keptOf(report, at).takeProgress(report)) this.#stream.publish(report, at);
    else this.#stream.publishUnkept(report, at);
  }

  /** Returns what is kept of the attempt that reports something. */
  #keptOf({ task, attempt }: TaskLog | TaskProgress, at: number): KeptLogs {
    const kept = this.#kept.get(task);
    if (kept?.attempt === attempt) return kept;
    this.end(task, at);
    return this.#begin(task, attempt);
  }

  #begin(task: string, attempt: number): KeptLogs {
    const kept = new KeptLogs(attempt, this.#job.options.logs);
    this.#kept.set(task, kept);
    return kept;
  }

  end(task: string, at: number): void {
    const kept = this.#kept.get(task);
    if (!kept) return;
    this.#kept.delete(task);
    kept.timer?.();
    const progress = kept.lastProgress();
    if (progress) this.#stream.publish(progress, at);
    const rest = kept.rest();
    if (rest) this.#stream.publish({ type: 'task.log', task, attempt: kept.attempt, ...rest }, at);
    if (kept.isNoted) this.#job.recorder?.put(task, 'logs', NO_VALUE);
  }

  note(): void {
    for (const task of this.#kept.keys()) this.#noteRest(task);
  }

  /** Writes the last lines of an attempt that has not ended to the journal, in place of those written before. */
  #noteRest(task: string): void {
    const kept = this.#kept.get(task);
    if (!kept?.timer) return;
    kept.timer();
    kept.timer = undefined;
    const { omitted = 0, last = [] } = kept.rest() ?? {};
    const note: LogsNote = { attempt: kept.attempt, omitted, last };
    try {
      this.#job.recorder?.put(task, 'logs', encode(note));
      kept.isNoted = true;
    } catch (error) {
      // Data that is nested too deeply, or lines that are too long for one text, are kept in memory alone.
      if (!(error instanceof Unserialisable)) throw error;
    }
  }

  restore(task: string, note: LogsNote): void {
    this.#begin(task, note.attempt).restore(note);
  }
}

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
