import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { type Journal, type JournalJob, NO_VALUE, type Note, type NoteKind } from '../durable/journal.ts';
import { eventOf, readStored } from '../durable/read-stored.ts';
import { decode, type StoredOutputs, storedOutputs } from '../durable/serialise.ts';
import { instanceErrorData, reviveTaskError, type TaskErrorData } from '../durable/task-error-data.ts';
import { isInnerPath, isInstancePath, parentPath } from '../durable/task-path.ts';
import { JournalError } from '../errors/errors.ts';
import { emptyRecord, type Growth, type JobRecord, recordEvent, type StoredTask } from '../model/job-record.ts';

/** A job's history: everything that a journal stores about it. */
export type JobHistory = {
  readonly job: JournalJob;
  readonly record: JobRecord;
  readonly input: object;
  /** The terminal event, if the job is over. */
  readonly last: JobEvent | undefined;
  readonly notes: readonly Note[];
  /** The `seq` of the event that last retried the job. */
  readonly retriedSeq: number | undefined;
  /** Returns the tasks added to and removed from the nested job of the task `path`; without path, the outermost job. */
  readonly growthInside: (path: string | undefined) => readonly Growth[];
  /** Returns the output of a completed task. */
  readonly output: (task: StoredTask) => unknown;
  /** Returns a note of a task, as JSON; undefined if there is none. */
  readonly noteText: (task: string, kind: NoteKind) => string | undefined;
  /** Returns a note of a task, decoded. */
  readonly note: <Value>(task: string, kind: NoteKind) => Value | undefined;
};

/** Reads a job's notes and events. With `untilSeq`, reads only events with a lower `seq`. @throws JournalError */
export const loadHistory = async (journal: Journal, job: JournalJob, untilSeq?: number): Promise<JobHistory> => {
  const [events, notes] = await Promise.all([journal.events(job.id, 0, untilSeq), journal.notes(job.id)]);
  const record = emptyRecord();
  let last: JobEvent | undefined;
  let retriedSeq: number | undefined;
  const innerTexts = new Map<number, { readonly text: string; readonly isItem: boolean }>();
  const itemErrors = new Map<number, TaskErrorData>();
  for (const stored of events) {
    const event = eventOf(stored, job.id);
    if (isRetry(event)) retriedSeq = event.seq;
    if (stored.output !== undefined && 'task' in event && isInnerPath(event.task))
      innerTexts.set(stored.seq, { text: stored.output, isItem: isInstancePath(event.task) });
    const itemError = instanceErrorData(event);
    if (itemError) itemErrors.set(stored.seq, itemError);
    // Outputs stay encoded until they are needed.
    recordEvent(record, stored.output === undefined ? event : ({ ...event, output: stored.output } as never));
    last = event;
  }
  if (record.lastSeq !== events.length - 1) {
    const message = `The journal has ${events.length} events of the job "${job.id}", and the last is number ${record.lastSeq}: some are missing.`;
    throw new JournalError('JOURNAL_CORRUPT', message, { jobId: job.id });
  }
  const growth = new Map<string | undefined, Growth[]>();
  for (const grown of record.growth) {
    const parent = parentPath(grown.task);
    const known = growth.get(parent);
    if (known) known.push(grown);
    else growth.set(parent, [grown]);
  }
  const present = notes.filter(({ value }) => value !== NO_VALUE);
  const texts = new Map(present.map(({ task, kind, value }) => [`${kind} ${task}`, value]));
  const noteText = (task: string, kind: NoteKind): string | undefined => texts.get(`${kind} ${task}`);
  /** What other outputs refer to, decoded once: an output is the same object as a part of what was collected. */
  const referred = new Map<number, unknown>();
  const outputs: StoredOutputs = storedOutputs({ journal, jobId: job.id }, (seq) => {
    if (referred.has(seq)) return referred.get(seq);
    const inner = innerTexts.get(seq);
    const error = itemErrors.get(seq);
    // An output that refers to itself finds nothing.
    referred.set(seq, undefined);
    if (inner) referred.set(seq, decode(inner.text, inner.isItem ? undefined : outputs));
    else if (error) referred.set(seq, reviveTaskError(error));
    return referred.get(seq);
  });
  return {
    job,
    record,
    input: readStored(job.id, 'its input', () => decode(job.input)) as object,
    notes,
    retriedSeq,
    growthInside: (path) => growth.get(path) ?? [],
    last: isTerminalJobState(record.state) ? last : undefined,
    output: ({ output, endedSeq }) => {
      if (output === undefined) return undefined;
      if (endedSeq !== undefined && referred.has(endedSeq)) return referred.get(endedSeq);
      return readStored(job.id, 'an output', () => decode(output as string, outputs));
    },
    noteText,
    note: <Value>(task: string, kind: NoteKind) => {
      const text = noteText(task, kind);
      if (text === undefined) return undefined;
      return readStored(job.id, `the note "${kind}" of task "${task}"`, () => decode(text, outputs)) as Value;
    },
  };
};

/** Whether a job was over when it was read from the journal. */
export const hasEnded = ({ state }: JournalJob): boolean => isTerminalJobState(state);

const isRetry = (event: JobEvent): boolean => event.type === 'job.transition' && isTerminalJobState(event.from);
