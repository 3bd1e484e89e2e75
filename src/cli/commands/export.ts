import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Journal, JournalJob, Note } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { findJob } from '../stored/find-job.ts';
import { jobLines } from '../stored/job-file.ts';
import { isPartOf } from '../stored/journal-file.ts';
import { storedEvents } from '../stored/stored-job.ts';
import { withJournal } from '../stored/with-journal.ts';
import { writeAll } from '../stored/write-all.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, JOB_NAMES, withJob } from './shared-options.ts';

/** Defines `tintype export`. */
export const define: DefineCommand = (command, context) =>
  withJob(command, HELP)
    .option('-o, --output <file>', 'write to a file instead of stdout')
    .action(action(context, (io, options, job) => exportJob(job, options, io)));

const HELP = `
Examples:
  tintype export last -o job.ndjson
  tintype export last | ssh elsewhere tintype import

${JOB_NAMES}
`;

export type ExportOptions = { readonly db: string; readonly output?: string };

/** Writes everything that is stored about a job as lines of JSON. Resolves to the exit code. */
export const exportJob = (name: string, { db, output }: ExportOptions, io: CliIo): Promise<number> =>
  withJournal(
    db,
    io,
    async (context) => {
      const { journal, err } = context;
      const { job, notes } = await consistentSnapshot(journal, await findJob(journal, name));
      const shape = (await journal.shape(job.fingerprint)) ?? 'null';
      const { fence: _, lease: __, cursor: ___, ...rest } = job;
      const lines = jobLines({ job: rest, shape, notes }, storedEvents(journal, job.id, 0, job.lastSeq));
      if (output === undefined) return writeAll(lines, context, 'The job');
      if (isPartOf(journal.file, output)) throw new UsageError(`${output} is the database itself. Name another file.`);
      const file = createWriteStream(output, { mode: 0o600 });
      try {
        await once(file, 'open');
      } catch (error) {
        throw new UsageError(`The job can't be written to ${output}: ${(error as Error).message}.`);
      }
      try {
        await pipeline(Readable.from(lines), file);
        return EXIT.completed;
      } catch (error) {
        if (error instanceof JournalError) throw error;
        err.line(`error: The job can't be written to ${err.sanitize(output)}: ${(error as Error).message}.`);
        return EXIT.failed;
      }
    },
    { reads: true },
  );

/** Reads a job and its notes as of one moment: reads both again if another process wrote in between. */
const consistentSnapshot = async (
  journal: Journal,
  found: JournalJob,
): Promise<{ readonly job: JournalJob; readonly notes: readonly Note[] }> => {
  let job = found;
  for (;;) {
    const notes = await journal.notes(job.id);
    const now = (await journal.job(job.id)) ?? job;
    if (now.lastSeq === job.lastSeq && now.updatedAt === job.updatedAt) return { job, notes };
    job = now;
  }
};
