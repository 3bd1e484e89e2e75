import { createHash } from 'node:crypto';
import type { JournalJob, Note, NoteKind, StoredEvent } from '../../engine/durable/journal.ts';
import { emptyRecord, recordEvent } from '../../engine/model/job-record.ts';
import type { JobEvent } from '../../events/event.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { isExact, MAYBE_INEXACT, numbersIn } from '../../executors/exact-json.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { FiledOutputs } from './filed-outputs.ts';
import { endLine, eventLine, jobLine, lineProblems, noteLine } from './job-file-schema.ts';
import { placeholderDefinition } from './shape-definition.ts';
import { shapeTasks } from './shape-tasks.ts';

/** The format version that is written; also the latest version that can be read. */
const VERSION = 1;

/** The contents of a job's export file. */
export type ExportedJob = {
  readonly job: Omit<JournalJob, 'fence' | 'lease' | 'cursor'>;
  readonly shape: string;
  readonly events: readonly StoredEvent[];
  readonly notes: readonly Note[];
};

/** Something that is wrong with an export file. */
export type JobFileProblem = {
  /** Counted from 1. */
  readonly line: number;
  readonly code: 'IMPORT_INVALID' | 'IMPORT_TOO_DEEP' | 'IMPORT_TOO_LONG';
  readonly message: string;
};

/** Thrown when an export file is invalid, with all that is wrong, up to `MAX_PROBLEMS`. */
export class JobFileError extends Error {
  override readonly name = 'JobFileError';
  readonly problems: readonly JobFileProblem[];

  constructor(problems: readonly JobFileProblem[]) {
    super(problems.map(({ line, message }) => `line ${line}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** The limits of an export file. More problems are not looked for; what is larger or deeper is not read. */
export const MAX_PROBLEMS = 100;
export const MAX_LINE_BYTES = 256 * 1024 * 1024;
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;
/** Levels of lists and mappings in a line. */
export const MAX_DEPTH = 2_500;

/** Yields a job as lines of JSON: the job, its events, its notes, and an end with the SHA-256 of the lines before. */
export async function* jobLines(
  { job, shape, notes }: Omit<ExportedJob, 'events'>,
  events: AsyncIterable<StoredEvent>,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let lines = 0;
  const line = (json: string): string => {
    const text = `${inertJson(json)}\n`;
    lines++;
    hash.update(text);
    return text;
  };
  yield line(headLine(job, shape));
  for await (const { seq, data, output } of events)
    yield line(`{"seq":${seq},"event":${data}${output === undefined ? '' : `,"output":${output}`}}`);
  for (const { task, kind, value } of notes)
    yield line(`{"note":${JSON.stringify(kind)},"task":${JSON.stringify(task)},"value":${value}}`);
  yield `${JSON.stringify({ end: { lines, sha256: hash.digest('hex') } })}\n`;
}

/** Returns the first line. The journal stores input, options, metadata and shape as JSON text, which is not changed. */
const headLine = ({ input, options, metadata, ...job }: ExportedJob['job'], shape: string): string => {
  const texts = { input, options, metadata, shape };
  const parts = Object.entries(texts).map(([key, text]) => `${JSON.stringify(key)}:${text}`);
  return `{"tintype":"job","version":${VERSION},"job":${JSON.stringify(job)},${parts.join(',')}}`;
};

/** Reads a file that `jobLines` wrote. @throws JobFileError with all that is wrong, if anything is */
export const readJobFile = async (
  chunks: AsyncIterable<Buffer | string>,
  limits: Limits = { lineBytes: MAX_LINE_BYTES, fileBytes: MAX_FILE_BYTES },
): Promise<ExportedJob> => {
  const reader = new JobFileReader();
  try {
    for await (const text of linesOf(chunks, limits)) {
      reader.read(text);
      if (reader.problems.length >= MAX_PROBLEMS) break;
    }
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    reader.stop(error.message);
  }
  return reader.result();
};

/** The longest line and file that are read, in bytes. */
type Limits = { readonly lineBytes: number; readonly fileBytes: number };

type Json = Readonly<Record<string, unknown>>;

/** Reads a file line by line, and collects what is wrong. */
class JobFileReader {
  readonly problems: JobFileProblem[] = [];
  readonly #hash = createHash('sha256');
  readonly #events: StoredEvent[] = [];
  readonly #notes: Note[] = [];
  readonly #record = emptyRecord();
  readonly #outputs = new FiledOutputs();
  #head: Json | undefined;
  #number = 0;
  #lastSeq = -1;
  #isOver = false;
  #isWhole = false;

  /** Adds a problem of the line that is read. */
  fail(message: string, code: JobFileProblem['code'] = 'IMPORT_INVALID', line = this.#number): void {
    this.problems.push({ line, code, message });
  }

  /** Adds the problem of the next line, which is not read, and neither is what comes after it. */
  stop(message: string): void {
    this.#isOver = true;
    this.fail(message, 'IMPORT_TOO_LONG', this.#number + 1);
  }

  read(text: string): void {
    this.#number++;
    const value = this.#isWhole ? undefined : this.#parsed(text);
    if (this.#isWhole) this.fail('the file goes on after its end');
    else if (value && this.#number === 1) this.#readHead(value);
    else if (value && 'end' in value) this.#readEnd(value);
    else if (value && 'note' in value) this.#readNote(value);
    else if (value) this.#readEvent(value);
    this.#hash.update(`${text}\n`);
  }

  result(): ExportedJob {
    const job = this.#head?.job as ExportedJob['job'] | undefined;
    const { problems } = this;
    if (this.#number === 0 && !this.#isOver) this.fail('the file is empty', 'IMPORT_INVALID', 1);
    else if (
      !this.#isWhole &&
      !this.#isOver &&
      problems.length < MAX_PROBLEMS &&
      problems.at(-1)?.line !== this.#number
    )
      this.fail('the file ends here, before its end: it was cut off');
    if (job && this.#isWhole) this.#compareEnd(job);
    if (problems.length > 0 || !this.#head || !job) throw new JobFileError(problems);
    const { input, options, metadata, shape } = this.#head;
    const texts = { input: jsonOf(input), options: jsonOf(options), metadata: jsonOf(metadata) };
    return { job: { ...job, ...texts }, shape: jsonOf(shape), events: this.#events, notes: this.#notes };
  }

  #parsed(text: string): Json | undefined {
    if (depthOf(text) > MAX_DEPTH) {
      this.fail(`it is nested more than ${MAX_DEPTH} levels deep`, 'IMPORT_TOO_DEEP');
      return undefined;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.fail('it is no whole line of JSON');
      return undefined;
    }
    const changed = MAYBE_INEXACT.test(text) ? changedNumber(text) : undefined;
    if (changed !== undefined) this.fail(`the number ${changed} can't be kept exactly: JavaScript has no such number`);
    if (isPlainObject(value)) return value;
    this.fail('it is no JSON object');
    return undefined;
  }

  /** Returns whether the line is as its schema says. */
  #matches(schema: Parameters<typeof lineProblems>[0], value: Json): boolean {
    const problems = lineProblems(schema, value);
    for (const { message } of problems) this.fail(message);
    return problems.length === 0;
  }

  #readHead(value: Json): void {
    const { tintype, version } = value;
    if (tintype !== 'job') this.fail('it does not begin as the export of a job does');
    else if (typeof version === 'number' && version > VERSION)
      this.fail(`it has version ${version}, but this program knows versions up to ${VERSION}. Update tintype`);
    else if (this.#matches(jobLine, value)) this.#acceptHead(value);
  }

  #acceptHead(value: Json): void {
    this.#head = value;
    const { name, fingerprint } = value.job as ExportedJob['job'];
    const shape = jsonOf(value.shape);
    // A fingerprint stands for its shape also in other jobs of the database.
    if (SHA256.test(fingerprint) && createHash('sha256').update(shape).digest('hex') !== fingerprint)
      this.fail('"job.fingerprint" is not that of "shape"');
    try {
      placeholderDefinition(name, shapeTasks(shape) ?? []);
    } catch (error) {
      this.fail(`"shape" is no definition: ${(error as Error).message}`);
    }
  }

  #readEvent(value: Json): void {
    const { seq, event, output } = value;
    if (!this.#matches(eventLine, value)) {
      if (isCount(seq)) this.#lastSeq = seq;
      return;
    }
    if (seq !== this.#lastSeq + 1) this.fail(`event ${this.#lastSeq + 1} was to come, but it is ${seq}`);
    this.#lastSeq = seq as number;
    const { seq: itsSeq, jobId } = event as JobEvent;
    const id = (this.#head?.job as ExportedJob['job'] | undefined)?.id ?? jobId;
    if (itsSeq !== seq || jobId !== id) this.fail('the event is that of another job, or stands elsewhere');
    try {
      recordEvent(this.#record, event as JobEvent);
    } catch (error) {
      this.fail(`the event does not follow from those before it: ${(error as Error).message}`);
    }
    const problem = this.problems.length === 0 && this.#outputs.add(event as JobEvent, output);
    if (problem) this.fail(problem);
    this.#events.push({
      seq: seq as number,
      data: jsonOf(event),
      ...(output !== undefined && { output: jsonOf(output) }),
    });
  }

  #readNote(value: Json): void {
    if (!this.#matches(noteLine, value)) return;
    const { note, task } = value as { readonly note: NoteKind; readonly task: string };
    const problem = this.problems.length === 0 && this.#outputs.problemIn(value.value);
    if (problem) this.fail(problem);
    this.#notes.push({ kind: note, task, value: jsonOf(value.value) });
  }

  #readEnd(value: Json): void {
    this.#isWhole = true;
    if (!this.#matches(endLine, value)) return;
    const { lines, sha256 } = value.end as { readonly lines: number; readonly sha256: string };
    if (lines !== this.#number - 1) this.fail(`${this.#number - 1} lines came before its end, but there were ${lines}`);
    if (sha256 !== this.#hash.copy().digest('hex')) this.fail('what comes before it is not what was written');
  }

  /** Compares what the first line says of the end with the events. */
  #compareEnd({ lastSeq, state }: ExportedJob['job']): void {
    if (lastSeq !== this.#lastSeq)
      this.fail(`the last event should be ${lastSeq}, but it is ${this.#lastSeq}`, 'IMPORT_INVALID', 1);
    else if (this.problems.length === 0 && state !== this.#record.state)
      this.fail(`"job.state" is "${state}", but its events end "${this.#record.state}"`, 'IMPORT_INVALID', 1);
  }
}

/** Returns the first number that would be another one in the journal. An export has numbers as JavaScript writes them. */
const changedNumber = (text: string): string | undefined => {
  for (const { written } of numbersIn(text))
    if (!isExact(written) && JSON.stringify(Number(written)) !== written) return written;
  return undefined;
};

const SHA256 = /^[0-9a-f]{64}$/;

const jsonOf = (value: unknown): string => JSON.stringify(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Returns how many levels of lists and mappings a text of JSON has. */
const depthOf = (text: string): number => {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) isInString = true;
    else if (code === BRACKET || code === BRACE) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (code === BRACKET_END || code === BRACE_END) depth--;
  }
  return deepest;
};

const [QUOTE, BACKSLASH, BRACKET, BRACKET_END, BRACE, BRACE_END] = [34, 92, 91, 93, 123, 125];

/** Thrown for a line or a file that is too long to be read. */
class TooLong extends Error {}

/** Splits at line feeds only: JSON text may contain other line separators. @throws TooLong */
async function* linesOf(
  chunks: AsyncIterable<Buffer | string>,
  { lineBytes, fileBytes }: Limits,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  let bytes = 0;
  let total = 0;
  for await (const chunk of chunks) {
    const [first = '', ...rest] = decoder.decode(Buffer.from(chunk), { stream: true }).split('\n');
    total += chunk.length;
    bytes += chunk.length;
    begun.push(first);
    for (const next of rest) {
      yield begun.join('');
      begun = [next];
      bytes = next.length;
    }
    if (bytes > lineBytes) throw new TooLong(`it is longer than ${lineBytes / MIB} MiB`);
    if (total > fileBytes) throw new TooLong(`the file is longer than ${fileBytes / MIB} MiB`);
  }
  const last = begun.join('') + decoder.decode();
  if (last !== '') yield last;
}

const MIB = 1024 * 1024;
