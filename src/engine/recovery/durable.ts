import { formatValue } from '../definition/option-rules.ts';
import { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal } from '../durable/journal.ts';
import { JournalWriter } from '../durable/journal-writer.ts';
import { OptionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';
import { JobLogs } from '../run/kept-logs.ts';
import { connect, createForkRecord, createRecord, reopenRecord } from './create-record.ts';
import { DURABILITY, type Durability } from './durability.ts';
import { findByKey } from './find-by-key.ts';

/** The durability port as engines have it. */
export const durability: Durability = {
  keepers: (jobId, journal) => ({
    recorder: new JobRecorder(jobId, JournalWriter.of(journal)),
    keepLogs: (job, stream) => new JobLogs(job, stream),
  }),
  connect,
  findByKey,
  create: createRecord,
  createFork: createForkRecord,
  reopen: reopenRecord,
};

/**
 * Makes a journal of your own keep the jobs that start without an engine too, and returns it:
 * `definition.start(input, { journal: durable(mine) })`. Such a start has the code that keeps jobs from its journal, as a
 * property that `{ ...journal }` copies, so that a program without a journal has none of it in its bundle. Engines have
 * it; `memoryJournal` and `sqliteJournal` are durable.
 * @throws OptionError if the journal is frozen
 */
export const durable = <Kept extends Journal>(journal: Kept): Kept => {
  if (Object.isExtensible(journal)) return Object.assign(journal, { [DURABILITY]: durability });
  const message = `It was given ${formatValue(journal)}: expected a journal that is not frozen. Hand over durable({ ...journal }), or freeze what durable returns.`;
  throw new OptionError('durable', [optionProblem('journal', message)]);
};
