import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import type { StartOptions } from '../definition/options.ts';
import type { Plan } from '../definition/plan.ts';
import { jobIdOf } from '../durable/job-id.ts';
import type { Journal } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { redactOf } from '../durable/redaction.ts';
import { encodeInput, requireSameInput } from './create-record.ts';
import type { Durability } from './durability.ts';
import { decodeOptions } from './stored-options.ts';

/** Looks for the job that has a key. `Durability` has the docs. */
export const findByKey: Durability['findByKey'] = (plan, { jobKey, input, journal }, handleOf) => {
  const jobId = jobIdOf(plan.name, jobKey);
  const keptInput = inputToKeep(plan, input, journal);
  const existing = handleOf?.(jobId) ?? (journal && JournalWriter.of(journal).recorderOf(jobId)?.handle);
  return existing
    ? { existing, requireSameInput: (run) => requireSameInput(run, keptInput, run.keptInput) }
    : { jobId, keptInput, options: storedStartOptions(journal, jobId) };
};

/**
 * Returns the JSON of what is kept of an input. Without a journal, returns undefined for an input that can't be encoded.
 * @throws SerialisationError
 */
const inputToKeep = (plan: Plan, input: object, journal: Journal | undefined): string | undefined => {
  try {
    return encodeInput(plan, journal ? redactOf(plan.options)(input) : input);
  } catch (error) {
    if (journal) throw error;
    return undefined;
  }
};

/** Returns the options with which the job was first started, if the journal returns the job synchronously. */
const storedStartOptions = (journal: Journal | undefined, jobId: string): StartOptions => {
  const stored = journal?.job(jobId);
  ignoreRejection(stored);
  return stored && !isThenable(stored) ? decodeOptions(stored.options) : {};
};
