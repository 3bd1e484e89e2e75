import { resolve } from 'node:path';
import { warnOfOthers } from '../attend/beside-others.ts';
import { repeatableArgs } from '../attend/repeatable-options.ts';
import { withoutUndefined } from '../attend/stored-workflow.ts';
import { watchJob } from '../attend/watch-job.ts';
import { type ContinueOptions, leavingOf, prepareJob, withStoredJob } from '../attend/with-stored-job.ts';
import { jobLabel } from '../stored/job-command.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { counted } from '../terminal/counted.ts';
import type { CliIo } from '../terminal/io.ts';
import { printPreview } from './print-preview.ts';
import { namingOption, requireOver } from './retry.ts';
import {
  AS_RUN,
  actionAnywhere,
  type DefineCommand,
  JOB_NAMES,
  namesOf,
  WATCH_OPTIONS,
  withContinueOptions,
  withJob,
} from './shared-options.ts';

/** Defines `tintype rerun`. */
export const define: DefineCommand = (command, context) => {
  withJob(command.optionsGroup('What runs:'), HELP)
    .option('--from <tasks>', 'from these tasks on, with commas between (default: what did not complete)', namesOf)
    .option('--dry-run', 'print what would run and what would be taken over, and run nothing');
  withContinueOptions(command).action(
    actionAnywhere(context, (io, options, job) => rerunJob(job, options, io), {
      options: [...WATCH_OPTIONS, 'from', 'dryRun', 'changed'],
      work: async (server, io, options, job) =>
        (await import('./repeat-remote.ts')).rerunRemote(job, options, server, io),
    }),
  );
};

const HELP = `
Examples:
  tintype rerun last --from transform --dry-run
  tintype rerun 3f2a --from transform

${JOB_NAMES}
The new job takes over the results of all other tasks but those that depend on
these. ${AS_RUN}
`;

export type RerunOptions = ContinueOptions & {
  /** Paths of the tasks to start from. */
  readonly from?: readonly string[];
  readonly dryRun?: boolean;
};

/** Starts a new job that takes over results of an ended one. Resolves to the exit code of the new job. */
export const rerunJob = (name: string, options: RerunOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored, journal, err } = context;
    requireOver(stored, options, 'run again');
    const { engine, loaded, start, ...about } = await prepareJob(context, options);
    const { from, db, json, events, onSignal } = options;
    const { changed } = start;
    const preview = await engine.previewRerun(stored.id, { from, changed }).catch(namingOption('--from'));
    if (options.dryRun) return printPreview(await readStoredJob(journal, stored), preview, options, context);
    await warnOfOthers(context, loaded, options);
    const { workers, grace, timeout, onFailure } = options;
    const file = options.file === undefined ? undefined : resolve(options.file);
    const changes = withoutUndefined({ file, workers, grace, timeout, onFailure });
    const metadata = { ...JSON.parse(stored.metadata), ...changes };
    const { job: ended } = await engine.resume(stored.id, start);
    const job = ended.rerun({ from, metadata });
    if (!options.quiet) {
      const results = counted(preview.keeps.length, 'result');
      err.line(`${err.sanitize(jobLabel(job))} takes over ${results} of ${err.sanitize(jobLabel(stored))}.`);
    }
    const location = { db, args: repeatableArgs({ onSignal, json, events }) };
    const leaving = leavingOf(context, engine, { id: job.id, metadata: JSON.stringify(metadata) }, location);
    return watchJob(job, { ...about, loaded, context, location, leaving });
  });
