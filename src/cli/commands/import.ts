import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Journal } from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { newId } from '../../events/system-clock.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { metadataOf } from '../attend/stored-workflow.ts';
import { type ExportedJob, JobFileError, MAX_PROBLEMS, readJobFile } from '../stored/job-file.ts';
import { openJournal } from '../stored/journal-file.ts';
import { namedPlaces, placesText } from '../stored/named-places.ts';
import { withErrorReporting } from '../stored/with-journal.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, withDbOption } from './shared-options.ts';

/** Defines `tintype import`. */
export const define: DefineCommand = (command, context) =>
  withDbOption(command, HELP)
    .argument('[file]', 'the file; - or none is the standard input')
    .action(action(context, (io, options, file) => importJob(file, options, io)));

const HELP = `
Examples:
  tintype import job.ndjson
  tintype import --db copy.db < job.ndjson

A job is taken in whole or not at all. One that was not over can be resumed here. What
it names, such as its workflow file or hosts in its params, is printed, and used only
with --trust.
`;

export type ImportOptions = { readonly db: string };

/** Imports an exported job into a journal, completely or not at all. Resolves to the exit code. */
export const importJob = (file: string | undefined, { db }: ImportOptions, io: CliIo): Promise<number> =>
  withErrorReporting(io, async (out) => {
    const { filed, named } = marked(await read(file, io));
    const journal = openJournal(db, { create: true });
    try {
      await keep(journal, filed);
    } finally {
      await journal.close();
    }
    const { id, name, state } = filed.job;
    const events = counted(filed.events.length, 'event');
    out.line(`Imported ${out.sanitize(id)} (${out.sanitize(name)}, ${state}): ${events}.`);
    if (named !== '')
      out.line(out.sanitize(`It names ${named}. resume, retry and rerun use what it names only with --trust.`));
    if (!isTerminalJobState(state)) out.line(resumeHint([filed.job], { db }, out));
    return EXIT.completed;
  });

/** Notes in the metadata of a job what it names, so that nobody uses that without a word. */
const marked = (filed: ExportedJob): { readonly filed: ExportedJob; readonly named: string } => {
  const { job, notes, events } = filed;
  const outputs = events.flatMap(({ output }) => output ?? []);
  const places = namedPlaces(metadataOf(job).file, [
    job.metadata,
    job.input,
    ...outputs,
    ...notes.map(({ value }) => value),
  ]);
  const named = placesText(places);
  if (named === '') return { filed, named };
  const metadata = JSON.stringify({ ...(JSON.parse(job.metadata) as object), imported: places });
  return { filed: { ...filed, job: { ...job, metadata } }, named };
};

/** Reads and checks the export file. @throws UsageError */
const read = async (file: string | undefined, io: CliIo): Promise<ExportedJob> => {
  const isStdin = file === undefined || file === '-';
  const shown = isStdin ? 'the standard input' : file;
  try {
    return await readJobFile(isStdin ? standardInput(io) : createReadStream(file));
  } catch (error) {
    if (error instanceof JobFileError) {
      const lines = error.problems.map(
        ({ line, message, code }) => `line ${line} of ${shown} is wrong: ${message}. (${code})`,
      );
      const more =
        lines.length < MAX_PROBLEMS ? [] : [`It is not read any further: ${MAX_PROBLEMS} faults are enough.`];
      throw new UsageError(`Nothing was imported: ${[...lines, ...more].join('\n')}`);
    }
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new UsageError(`Nothing was imported: ${shown} can't be read: ${(error as Error).message}.`);
  }
};

/** Returns the standard input. @throws UsageError if it is a terminal, or there is none */
const standardInput = ({ stdin }: CliIo): Readable => {
  const stream = stdin?.();
  if (stream && !('isTTY' in stream && stream.isTTY)) return stream;
  throw new UsageError('No file is named. Example: tintype import job.ndjson');
};

/** Stores the job. @throws UsageError if the journal already has it, or another with its key @throws JournalError */
const keep = async (
  journal: Journal & { readonly file: string },
  { job, shape, events, notes }: ExportedJob,
): Promise<void> => {
  const { state, startedAt, endedAt, updatedAt, lastSeq: _, ...begin } = job;
  const lease = { owner: newId(), ...thisProcess() };
  const creates = { job: { ...begin, shape }, lease };
  const batch = { jobId: job.id, fence: 1, at: updatedAt, creates, events, notes, state, startedAt, endedAt };
  const [lost] = await journal.append([{ ...batch, release: true }]);
  if (lost === undefined) return;
  const isThere = (await journal.job(job.id)) !== undefined;
  const rival = isThere ? undefined : (await journal.jobs({ names: [job.name] })).find(({ key }) => key === job.key);
  const which = rival ? `${rival.id}, which has the same key "${job.key}",` : job.id;
  throw new UsageError(`Nothing was imported: ${journal.file} holds the job ${which} already.`);
};
