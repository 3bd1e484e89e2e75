import type { JournalJob } from '../../engine/durable/journal.ts';
import { CommandError } from '../../engine/errors/errors.ts';
import type { RetrySelection } from '../../engine/recovery/retry-plan.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { attendJob } from '../attend/attend-job.ts';
import { howToGoOn } from '../attend/resume-hint.ts';
import { atKeptJob, keptBy, type TakeUpOptions, takeUp } from '../attend/take-up.ts';
import { runningText } from '../kept/holder-text.ts';
import { jobLabel, type Kept } from '../kept/job-command.ts';
import { readKeptJob } from '../kept/kept-job.ts';
import { shownState } from '../kept/shown-state.ts';
import type { CliIo } from '../terminal/io.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { printPreview } from './print-preview.ts';
import { AS_RUN, JOB_NAMES } from './shared-help.ts';
import { action, asStarted, asTold, type DefineCommand, namesOf, onJob, onJournal } from './shared-options.ts';

/** Defines `tintype retry`. */
export const define: DefineCommand = (command, context) => {
  onJob(onJournal(command.addHelpText('after', HELP)))
    .option('--task <tasks>', 'these tasks, with commas between (default: what did not complete)', namesOf)
    .option('--no-downstream', 'leave alone what completed after them')
    .option('--dry-run', 'print what would run and what would be kept, and run nothing');
  asTold(asStarted(command)).action(action(context, (io, options, job) => retryJob(job, options, io)));
};

const HELP = `
Examples:
  tintype retry last --dry-run
  tintype retry 3f2a
  tintype retry 3f2a --task load,check --no-downstream

${JOB_NAMES}
The job goes on under its id, with all its retries anew. ${AS_RUN}
`;

export type RetryOptions = TakeUpOptions & {
  /** Paths of tasks. */
  readonly task?: readonly string[];
  readonly downstream: boolean;
  readonly dryRun?: boolean;
};

/** Tries tasks of a job again that is over. Resolves to the exit code of the job. */
export const retryJob = (name: string, options: RetryOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, journal } = desk;
    requireOver(kept, options, 'tried again');
    const { engine, loaded, start, ...about } = await takeUp(desk, options);
    const selection: RetrySelection = { tasks: options.task, downstream: options.downstream };
    const preview = await engine
      .previewRetry(kept.id, { ...selection, changed: start.changed })
      .catch(namingBy('--task'));
    if (options.dryRun) return printPreview(await readKeptJob(journal, kept), preview, options, desk);
    const past = await readKeptJob(journal, kept);
    // Retried here, and not by the engine, it has told nothing yet when somebody listens.
    const { job: ended } = await engine.resume(kept.id, start);
    const job = ended.retry(selection);
    return attendJob(job, {
      ...about,
      loaded,
      desk,
      kept: keptBy(options),
      past,
    });
  });

/** Tells, of a job without anything to run again, by which option that is named. */
export const namingBy =
  (option: string) =>
  (error: unknown): never => {
    if (!(error instanceof CommandError)) throw error;
    throw new UsageError(
      error.message.replace('Name the tasks that are to run again.', `Name what is to run again: ${option} TASKS`),
    );
  };

/** @throws UsageError of a job that is not over */
export const requireOver = (job: JournalJob, { db, file }: Kept, what: string): void => {
  if (isTerminalJobState(job.state)) return;
  const why =
    shownState(job, Date.now()) === 'interrupted'
      ? `it is interrupted. It has to go on first: ${howToGoOn(job, { db, file })}`
      : runningText(job, { db });
  throw new UsageError(`${jobLabel(job)} can't be ${what}: ${why}`);
};
