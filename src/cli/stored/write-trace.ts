import { randomUUID } from 'node:crypto';
import { createWriteStream, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { storedTrace, type TraceFormat } from '../../telemetry/stored-trace.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { JobSource } from './job-source.ts';
import { isPartOf } from './journal-file.ts';
import { shownState } from './shown-state.ts';
import type { JournalContext } from './with-journal.ts';
import { writeAll } from './write-all.ts';

/** Writes the trace file of a job to stdout, at the reader's pace. Resolves to the exit code. */
export const printTrace = (context: JournalContext<JobSource>, job: JournalJob, format: TraceFormat): Promise<number> =>
  writeAll(traceOf(context.journal, job, format), context, 'The trace');

/**
 * Writes the trace file of a job, for its owner alone. The file appears, or is replaced, once it is complete.
 * @throws UsageError if it can't be written, JournalError
 */
export const writeTrace = async (
  { journal }: JournalContext<JobSource>,
  job: JournalJob,
  file: string,
  format: TraceFormat,
): Promise<void> => {
  if (isPartOf(journal.file, file)) throw new UsageError(`${file} is the database itself. Name another file.`);
  const known = statSync(file, { throwIfNoEntry: false });
  // A pipe or a device is written as it is; behind a link, the file is replaced, not the link.
  const target = known ? realpathSync(file) : file;
  const part = known && !known.isFile() ? target : `${target}.${randomUUID()}.part`;
  try {
    await pipeline(Readable.from(traceOf(journal, job, format)), createWriteStream(part, { mode: 0o600 }));
    if (part !== target) renameSync(part, target);
  } catch (error) {
    if (part !== target) rmSync(part, { force: true });
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new UsageError(`The trace can't be written to ${file}: ${(error as Error).message}.`);
  }
};

async function* traceOf(source: JobSource, job: JournalJob, format: TraceFormat): AsyncGenerator<string, void, void> {
  if (source.trace) return yield await source.trace(job.id, format);
  const now = Date.now();
  const until = job.endedAt ?? (shownState(job) === 'interrupted' ? job.updatedAt : now);
  const shape = () => source.shape(job.fingerprint, job.id);
  yield* storedTrace({ events: (...page) => source.events(...page), shape }, job, format, until);
}
