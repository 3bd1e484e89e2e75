import { resolve } from 'node:path';
import { attendJob } from '../attend/attend-job.ts';
import { atKeptJob, type TakeUpOptions, takeUp } from '../attend/take-up.ts';
import { toldOptions } from '../attend/told-options.ts';
import { jobLabel } from '../kept/job-command.ts';
import { readKeptJob } from '../kept/kept-job.ts';
import type { CliIo } from '../terminal/io.ts';
import { printPreview } from './print-preview.ts';
import { namingBy, requireOver } from './retry.ts';
import { AS_RUN, JOB_NAMES } from './shared-help.ts';
import { action, asStarted, asTold, type DefineCommand, namesOf, onJob, onJournal } from './shared-options.ts';

/** Defines `tintype rerun`. */
export const define: DefineCommand = (command, context) => {
  onJob(onJournal(command.addHelpText('after', HELP)))
    .option('--from <tasks>', 'from these tasks on, with commas between (default: what did not complete)', namesOf)
    .option('--dry-run', 'print what would run and what would be taken over, and run nothing');
  asTold(asStarted(command)).action(action(context, (io, options, job) => rerunJob(job, options, io)));
};

const HELP = `
Examples:
  tintype rerun last --from transform --dry-run
  tintype rerun 3f2a --from transform

${JOB_NAMES}
The new job takes over the results of all other tasks but those that depend on
these. ${AS_RUN}
`;

export type RerunOptions = TakeUpOptions & {
  /** Paths of tasks. */
  readonly from?: readonly string[];
  readonly dryRun?: boolean;
};

/** Starts another job with the results of one that is over. Resolves to the exit code of the new one. */
export const rerunJob = (name: string, options: RerunOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, journal, err } = desk;
    requireOver(kept, options, 'run again');
    const { engine, loaded, start, ...about } = await takeUp(desk, options);
    const { from, db, json, events } = options;
    const preview = await engine.previewRerun(kept.id, { from, changed: start.changed }).catch(namingBy('--from'));
    if (options.dryRun) return printPreview(await readKeptJob(journal, kept), preview, options, desk);
    const metadata = {
      ...JSON.parse(kept.metadata),
      ...(options.file !== undefined && { file: resolve(options.file) }),
      ...(options.workers !== undefined && { workers: options.workers }),
      ...(options.grace !== undefined && { grace: options.grace }),
      ...(options.timeout !== undefined && { timeout: options.timeout }),
      ...(options.onFailure !== undefined && { onFailure: options.onFailure }),
    };
    const { job: ended } = await engine.resume(kept.id, start);
    const job = ended.rerun({ from, metadata });
    if (!options.quiet) {
      const count = preview.keeps.length;
      err.line(
        `${err.foreign(jobLabel(job))} takes over ${count === 1 ? '1 result' : `${count} results`} of ${err.foreign(jobLabel(kept))}.`,
      );
    }
    return attendJob(job, { ...about, loaded, desk, kept: { db, told: toldOptions({ json, events }) } });
  });
