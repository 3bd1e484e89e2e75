import { existsSync } from 'node:fs';
import { eventOf, type JournalJob } from '../../engine/durable/journal.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { cancellingSignal } from '../attend/interrupts.ts';
import { nextCommand } from '../attend/next-command.ts';
import { originOf, unavailableReason } from '../attend/stored-workflow.ts';
import { watchJob } from '../attend/watch-job.ts';
import {
  type ContinueOptions,
  locationOf,
  prepareJob,
  type StoredJobContext,
  withStoredJob,
} from '../attend/with-stored-job.ts';
import { type JobLocation, jobCommand, jobLabel, runningText } from '../stored/job-command.ts';
import { shownState } from '../stored/shown-state.ts';
import { completedOf, readStoredJob } from '../stored/stored-job.ts';
import { counted } from '../terminal/counted.ts';
import { exitCodeOf, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { STATE_WORDS } from '../terminal/state-style.ts';
import { AS_RUN, action, type DefineCommand, JOB_NAMES, withContinueOptions, withJob } from './shared-options.ts';

/** Defines `tintype resume`. */
export const define: DefineCommand = (command, context) => {
  withJob(command, HELP);
  withContinueOptions(command).action(action(context, (io, options, job) => resumeJob(job, options, io)));
};

const HELP = `
Examples:
  tintype resume last
  tintype resume 3f2a -w 8 --json > result.json

${JOB_NAMES}
Tasks that completed are not run again; what ran when the process died is. A job
that is over is left alone: the exit code tells how it ended. What is not said
here is as it was when the job was started; --events holds what happens from now
on. ${AS_RUN}
`;

/** Goes on with a job whose process died. Resolves to the exit code of the job. */
export const resumeJob = (name: string, options: ContinueOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored, err } = context;
    if (isTerminalJobState(stored.state)) {
      if (!options.quiet) err.line(err.sanitize(endedLine(stored, options)));
      if (!options.json) return exitCodeOfEnded(context);
    } else requireInterrupted(stored, options);
    return resumeHere(context, options);
  });

/** @throws UsageError of a job that another process runs */
const requireInterrupted = (job: JournalJob, location: JobLocation): void => {
  if (shownState(job, Date.now()) === 'interrupted') return;
  throw new UsageError(`${jobLabel(job)} can't go on here: ${runningText(job, location)}`);
};

/** How a job is cancelled that is taken up for that alone. */
export type Cancellation = {
  readonly reason: string | undefined;
  /** Says that it is, once it can be. */
  readonly announce: () => void;
  /** What stands in for its workflow, if that is lost. */
  readonly loaded?: LoadedWorkflow | undefined;
};

/** Lets it go on here, or be cancelled. */
export const resumeHere = async (
  context: StoredJobContext,
  options: ContinueOptions,
  cancelled?: Cancellation,
): Promise<number> => {
  const { stored, journal, err } = context;
  // What is but told again may have changed.
  const isOver = isTerminalJobState(stored.state);
  const { engine, loaded, start, ...about } = await prepareJob(
    context,
    isOver ? { ...options, changed: 'force' } : options,
    cancelled?.loaded,
  );
  cancelled?.announce();
  const before = await readStoredJob(journal, stored);
  const { completed, total } = completedOf(before);
  const { job } = await engine.resume(stored.id, start);
  if (!options.quiet && !isOver && !cancelled) {
    const tasks = counted(total, 'task');
    err.line(`${err.sanitize(jobLabel(stored))} goes on, with ${completed} of ${tasks} completed.`);
  }
  return watchJob(job, {
    ...about,
    loaded,
    context,
    ...(isOver ? { repeat: (result) => nextCommand(result, locationOf(options), err) } : {}),
    // What is lost no command can try again.
    ...(isOver || cancelled?.loaded ? {} : { location: locationOf(options) }),
    history: before,
    ...(cancelled && { cancel: () => void job.cancel(cancelled.reason && loaded.mask.text(cancelled.reason)) }),
  });
};

/** That a job is over, and what can be done about it. */
export const endedLine = (job: JournalJob, { db, file }: JobLocation): string => {
  const more = job.state === 'completed' ? '' : ` To try it again: ${howToRetry(job, { db, file })}`;
  return `${jobLabel(job)} is over: it ${HOW[job.state] ?? job.state}.${more}`;
};

/** What was lost has to be named, and the tasks of a program are there alone. */
const howToRetry = (job: JournalJob, { db, file }: JobLocation): string => {
  const isNamed = file !== undefined && existsSync(file);
  if (isNamed || unavailableReason(job) === undefined)
    return jobCommand('retry', job.id, { db, file: isNamed ? file : undefined });
  return originOf(job) === 'program'
    ? 'engine.retry() in the program that started it'
    : jobCommand('retry', job.id, { db }, ['--file', 'FILE']);
};

const HOW: Readonly<Record<string, string>> = { ...STATE_WORDS, notReady: 'was not ready', cancelled: 'was cancelled' };

/** As the command that ran it answered. */
const exitCodeOfEnded = async ({ stored, journal }: StoredJobContext): Promise<number> => {
  if (stored.state !== 'cancelled') return exitCodeOf(stored.state);
  const last = (await journal.events(stored.id, stored.lastSeq)).at(-1);
  const { reason } = (last ? eventOf(last) : {}) as Extract<JobEvent, { readonly type: 'job.transition' }>;
  return exitCodeOf('cancelled', cancellingSignal(reason));
};
