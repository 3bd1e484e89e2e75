import type { JournalJob } from '../../engine/durable/journal.ts';
import { CommandError } from '../../engine/errors/errors.ts';
import type { RetrySelection } from '../../engine/recovery/retry-plan.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { warnOfOthers } from '../attend/beside-others.ts';
import { howToResume } from '../attend/resume-hint.ts';
import { watchJob } from '../attend/watch-job.ts';
import { type ContinueOptions, leavingOf, locationOf, prepareJob, withStoredJob } from '../attend/with-stored-job.ts';
import { type JobLocation, jobLabel, runningText } from '../stored/job-command.ts';
import { shownState } from '../stored/shown-state.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { printPreview } from './print-preview.ts';
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

/** Defines `tintype retry`. */
export const define: DefineCommand = (command, context) => {
  withJob(command.optionsGroup('What runs:'), HELP)
    .option('--task <tasks>', 'these tasks, with commas between (default: what did not complete)', namesOf)
    .option('--no-downstream', 'leave alone what completed after them')
    .option('--dry-run', 'print what would run and what would be kept, and run nothing');
  withContinueOptions(command).action(
    actionAnywhere(context, (io, options, job) => retryJob(job, options, io), {
      options: [...WATCH_OPTIONS, 'task', 'downstream', 'dryRun', 'changed'],
      work: async (server, io, options, job) =>
        (await import('./repeat-remote.ts')).retryRemote(job, options, server, io),
    }),
  );
};

const HELP = `
Examples:
  tintype retry last --dry-run
  tintype retry 3f2a
  tintype retry 3f2a --task load,check --no-downstream

${JOB_NAMES}
The job goes on under its id, with all its retries anew. ${AS_RUN}
`;

export type RetryOptions = ContinueOptions & {
  /** Paths of the tasks to retry. */
  readonly task?: readonly string[];
  readonly downstream: boolean;
  readonly dryRun?: boolean;
};

/** Retries tasks of an ended job. Resolves to the job's exit code. */
export const retryJob = (name: string, options: RetryOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored, journal } = context;
    requireOver(stored, options, 'tried again');
    const { engine, loaded, start, ...about } = await prepareJob(context, options);
    const selection: RetrySelection = { tasks: options.task, downstream: options.downstream };
    const { changed } = start;
    const preview = await engine.previewRetry(stored.id, { ...selection, changed }).catch(namingOption('--task'));
    const history = await readStoredJob(journal, stored);
    if (options.dryRun) return printPreview(history, preview, options, context);
    await warnOfOthers(context, loaded, options);
    // Call `job.retry()`, not `engine.retry()`, so that `watchJob` subscribes before the first event.
    const { job: ended } = await engine.resume(stored.id, start);
    const job = ended.retry(selection);
    const location = locationOf(options);
    const leaving = leavingOf(context, engine, stored, location);
    return watchJob(job, { ...about, loaded, context, location, leaving, history });
  });

/** Returns an error handler. If there is nothing to run again, it throws an error that suggests to use `option`. */
export const namingOption =
  (option: string) =>
  (error: unknown): never => {
    if (!(error instanceof CommandError)) throw error;
    throw new UsageError(
      error.message.replace('Name the tasks that are to run again.', `Name what is to run again: ${option} TASKS`),
    );
  };

/** @throws UsageError if the job has not ended */
export const requireOver = (job: JournalJob, { db, file }: JobLocation, what: string): void => {
  if (isTerminalJobState(job.state)) return;
  const why =
    shownState(job) === 'interrupted'
      ? `it is interrupted. It has to go on first: ${howToResume(job, { db, file })}`
      : runningText(job, { db });
  throw new UsageError(`${jobLabel(job)} can't be ${what}: ${why}`);
};
