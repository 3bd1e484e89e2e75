import type { JobEvent } from '../../events/event.ts';
import { jsonSafeOutput } from '../../events/json-safe.ts';
import type { StoredEvent } from './journal.ts';
import type { OutputSource } from './output-parts.ts';
import { eventOf, readStored } from './read-stored.ts';
import {
  decode,
  isPlainText,
  storedError,
  storedOutputs,
  storedValue,
  visitReferences,
  withOutputs,
} from './serialise.ts';
import { instanceErrorData, reviveTaskError } from './task-error-data.ts';
import { isInnerPath, isInstancePath } from './task-path.ts';

/**
 * Returns a function that reads the events of a job, from the first on: each with its output in stored form, JSON as
 * `serialise.ts` writes it, with what it refers to. @throws JournalError `JOURNAL_CORRUPT`
 */
export const eventReader = (source: OutputSource): ((event: StoredEvent) => JobEvent) => {
  const innerOutputs = new Map<number, unknown>();
  const outputs = storedOutputs(source, (seq) => innerOutputs.get(seq), storedValue);
  return (stored) => {
    const { jobId } = source;
    const event = eventOf(stored, jobId);
    const { seq, output: text } = stored;
    const itemError = instanceErrorData(event);
    if (itemError) innerOutputs.set(seq, storedError(itemError));
    if (text === undefined) return event;
    const output: unknown = readStored(jobId, `the output of event ${seq}`, () => JSON.parse(text));
    const path = 'task' in event ? event.task : '';
    const whole = isInstancePath(path) ? output : withOutputs(output, outputs.at);
    if (isInnerPath(path)) innerOutputs.set(seq, whole);
    return { ...event, output: whole } as JobEvent;
  };
};

/**
 * Reads one event as plain JSON data, its output with dates as text and errors without stacks. Reads from the journal what the output refers to.
 * @throws JournalError `JOURNAL_CORRUPT`
 */
export const readPlainEvent = async (source: OutputSource, stored: StoredEvent): Promise<JobEvent> => {
  const event = eventOf(stored, source.jobId);
  return stored.output === undefined
    ? event
    : ({ ...event, output: jsonSafeOutput(await outputOf(source, event, stored.output, new Map())) } as JobEvent);
};

/** Decodes an output. `known`: what outputs have referred to so far, by `seq`. */
const outputOf = async (
  source: OutputSource,
  event: JobEvent,
  text: string,
  known: Map<number, unknown>,
): Promise<unknown> => {
  const { jobId } = source;
  const read = <Value>(make: () => Value): Value => readStored(jobId, `the output of event ${event.seq}`, make);
  if (isPlainText(text)) return read(() => JSON.parse(text));
  // An item's output may hold what looks like a reference, but never is one.
  if ('task' in event && isInstancePath(event.task)) return read(() => decode(text));
  const wanted = new Set<number>();
  read(() => visitReferences(JSON.parse(text), ({ seq }) => known.has(seq) || wanted.add(seq)));
  await readReferred(source, [...wanted], known);
  return read(() =>
    decode(
      text,
      storedOutputs(source, (seq) => known.get(seq)),
    ),
  );
};

/** Reads the outputs, or errors, of some events of a job. */
const readReferred = async (
  source: OutputSource,
  seqs: readonly number[],
  known: Map<number, unknown>,
): Promise<void> => {
  const wanted = [...seqs].sort((a, b) => a - b);
  const last = wanted.at(-1) ?? -1;
  for (let at = 0; at < wanted.length; ) {
    const from = wanted[at] as number;
    const page = await source.journal.events(source.jobId, from, Math.min(PAGE, last - from + 1));
    for (; at < wanted.length && (wanted[at] as number) < from + PAGE; at++) {
      const seq = wanted[at] as number;
      // What refers to itself finds nothing.
      known.set(seq, undefined);
      const stored = page[seq - from];
      if (!stored) continue;
      const event = eventOf(stored, source.jobId);
      const error = instanceErrorData(event);
      if (error) known.set(seq, reviveTaskError(error));
      else if (stored.output !== undefined) known.set(seq, await outputOf(source, event, stored.output, known));
    }
  }
};

const PAGE = 500;
