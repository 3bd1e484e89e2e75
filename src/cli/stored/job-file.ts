import { createHash } from 'node:crypto';
import type { JournalJob, Note, NoteKind, StoredEvent } from '../../engine/durable/journal.ts';
import type { JobState } from '../../events/event.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { isExact, MAYBE_INEXACT, numbersIn } from '../../executors/exact-json.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { SHOWN_STATES } from './shown-state.ts';

/** The format version that is written; also the latest version that can be read. */
const VERSION = 1;

/** The contents of a job's export file. */
export type ExportedJob = {
  readonly job: Omit<JournalJob, 'fence' | 'lease'>;
  readonly shape: string;
  readonly events: readonly StoredEvent[];
  readonly notes: readonly Note[];
};

/** Thrown when an export file is invalid. */
export class JobFileError extends Error {
  override readonly name = 'JobFileError';
  /** The number of the invalid line, counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

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

/** Reads a file that `jobLines` wrote. @throws JobFileError if it is invalid or incomplete */
export const readJobFile = async (chunks: AsyncIterable<Buffer | string>): Promise<ExportedJob> => {
  const hash = createHash('sha256');
  const events: StoredEvent[] = [];
  const notes: Note[] = [];
  let head: Pick<ExportedJob, 'job' | 'shape'> | undefined;
  let isWhole = false;
  let number = 0;
  for await (const text of linesOf(chunks)) {
    number++;
    const line = new Line(number, text);
    if (isWhole) line.fail('the file goes on after its end');
    if (!head) head = headOf(line);
    else if ('end' in line.value) {
      checkEnd(line, number - 1, hash.copy().digest('hex'));
      isWhole = true;
    } else if ('note' in line.value) notes.push(noteOf(line));
    else events.push(eventOf(line, events.length, head.job.id));
    hash.update(`${text}\n`);
  }
  if (!head) throw new JobFileError(1, 'the file is empty');
  if (!isWhole) throw new JobFileError(number, 'the file ends here, before its end: it was cut off');
  if (head.job.lastSeq !== events.length - 1) {
    throw new JobFileError(1, `the last event should be ${head.job.lastSeq}, but it is ${events.length - 1}`);
  }
  return { ...head, events, notes };
};

/** Returns the first number that would be another one in the journal. An export has numbers as JavaScript writes them. */
const changedNumber = (text: string): string | undefined => {
  for (const { written } of numbersIn(text))
    if (!isExact(written) && JSON.stringify(Number(written)) !== written) return written;
  return undefined;
};

/** A line, parsed as a JSON object. @throws JobFileError */
class Line {
  readonly number: number;
  readonly value: Readonly<Record<string, unknown>>;

  constructor(number: number, text: string) {
    this.number = number;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.fail('it is no whole line of JSON');
    }
    if (!isPlainObject(value)) this.fail('it is no JSON object');
    const changed = MAYBE_INEXACT.test(text) ? changedNumber(text) : undefined;
    if (changed !== undefined) this.fail(`the number ${changed} can't be kept exactly: JavaScript has no such number`);
    this.value = value;
  }

  fail(what: string): never {
    throw new JobFileError(this.number, what);
  }

  /** Returns a value of the line, or of a mapping in it. @throws JobFileError if it is missing or of another type */
  take<Value>(key: string, is: (value: unknown) => value is Value, within = this.value): Value {
    const value = within[key];
    if (!is(value)) this.fail(`"${key}" is ${value === undefined ? 'missing' : 'not what it should be'}`);
    return value;
  }

  json(key: string): string {
    return JSON.stringify(this.take(key, isThere));
  }
}

const headOf = (line: Line): Pick<ExportedJob, 'job' | 'shape'> => {
  if (line.value.tintype !== 'job') line.fail('it does not begin as the export of a job does');
  const version = line.take('version', isCount);
  if (version > VERSION) {
    line.fail(`it has version ${version}, but this program knows versions up to ${VERSION}. Update tintype`);
  }
  const job = line.take('job', isPlainObject);
  const state = line.take('state', isText, job) as JobState;
  if (!STATES.includes(state)) line.fail(`"${state}" is no state of a job`);
  return {
    job: {
      id: line.take('id', isText, job),
      name: line.take('name', isText, job),
      key: line.take('key', isTextOrNothing, job),
      createdAt: line.take('createdAt', isNumber, job),
      forkedFrom: line.take('forkedFrom', isTextOrNothing, job),
      fingerprint: line.take('fingerprint', isText, job),
      state,
      startedAt: line.take('startedAt', isNumberOrNothing, job),
      endedAt: line.take('endedAt', isNumberOrNothing, job),
      updatedAt: line.take('updatedAt', isNumber, job),
      lastSeq: line.take('lastSeq', isNumber, job),
      input: line.json('input'),
      options: line.json('options'),
      metadata: line.json('metadata'),
    },
    shape: line.json('shape'),
  };
};

const STATES: readonly string[] = SHOWN_STATES.filter((state) => state !== 'interrupted');

const eventOf = (line: Line, expected: number, jobId: string): StoredEvent => {
  const seq = line.take('seq', isCount);
  if (seq !== expected) line.fail(`event ${expected} was to come, but it is ${seq}`);
  const event = line.take('event', isPlainObject);
  if (event.seq !== seq || event.jobId !== jobId) line.fail('the event is that of another job, or stands elsewhere');
  const data = JSON.stringify(event);
  return 'output' in line.value ? { seq, data, output: line.json('output') } : { seq, data };
};

const noteOf = (line: Line): Note => {
  const kind = line.take('note', isText);
  if (!Object.hasOwn(NOTE_KINDS, kind)) line.fail(`"${kind}" is no kind of note that this program knows`);
  return { kind: kind as NoteKind, task: line.take('task', isText), value: line.json('value') };
};

const NOTE_KINDS: Readonly<Record<NoteKind, true>> = {
  checkpoint: true,
  items: true,
  input: true,
  branch: true,
  claim: true,
  held: true,
  again: true,
  stop: true,
};

const checkEnd = (line: Line, lines: number, sha256: string): void => {
  const end = line.take('end', isPlainObject);
  if (end.lines !== lines) line.fail(`${lines} lines came before its end, but there were ${end.lines}`);
  if (end.sha256 !== sha256) line.fail('what comes before it is not what was written');
};

const isThere = (value: unknown): value is string | number | boolean | object | null => value !== undefined;
const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrNothing = (value: unknown): value is string | undefined => value === undefined || isText(value);
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isNumberOrNothing = (value: unknown): value is number | undefined => value === undefined || isNumber(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Splits at line feeds only: JSON text may contain other line separators. */
async function* linesOf(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const chunk of chunks) {
    const [first = '', ...rest] = decoder.decode(Buffer.from(chunk), { stream: true }).split('\n');
    begun.push(first);
    for (const next of rest) {
      yield begun.join('');
      begun = [next];
    }
  }
  const last = begun.join('') + decoder.decode();
  if (last !== '') yield last;
}
