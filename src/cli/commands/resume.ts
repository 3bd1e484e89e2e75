import { existsSync } from 'node:fs';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { warnOfOthers } from '../attend/beside-others.ts';
import { cancellingSignal } from '../attend/interrupts.ts';
import { nextCommand } from '../attend/next-command.ts';
import { originOf, unavailableReason } from '../attend/stored-workflow.ts';
import { watchJob } from '../attend/watch-job.ts';
import {
  type ContinueOptions,
  leavingOf,
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
import {
  AS_RUN,
  actionAnywhere,
  type DefineCommand,
  JOB_NAMES,
  WATCH_OPTIONS,
  withContinueOptions,
  withJob,
} from './shared-options.ts';

/** Defines `tintype resume`. */
export const define: DefineCommand = (command, context) => {
  withJob(command.optionsGroup('What runs:'), HELP);
  withContinueOptions(command).action(
    actionAnywhere(context, (io, options, job) => resumeJob(job, options, io), {
      options: [...WATCH_OPTIONS, 'changed'],
      work: async (server, io, options, job) =>
        (await import('./repeat-remote.ts')).resumeRemote(job, options, server, io),
    }),
  );
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

/** Resumes a job whose process died. Only reports a job that has ended. Resolves to the job's exit code. */
export const resumeJob = (name: string, options: ContinueOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored } = context;
    if (isTerminalJobState(stored.state)) return reportOver(context, options);
    requireInterrupted(stored, options);
    return resumeHere(context, options);
  });

/** Says how a job ended; with `--json`, prints its result. Resolves to the exit code of its end. */
export const reportOver = async (context: StoredJobContext, options: ContinueOptions): Promise<number> => {
  const { stored, err } = context;
  if (!options.quiet) err.line(err.sanitize(endedLine(stored, options)));
  return options.json ? resumeHere(context, options) : exitCodeOfEnded(context);
};

/** @throws UsageError if another process runs the job */
const requireInterrupted = (job: JournalJob, location: JobLocation): void => {
  if (shownState(job) === 'interrupted') return;
  throw new UsageError(`${jobLabel(job)} can't go on here: ${runningText(job, location)}`);
};

/** Options for a job that is resumed only to be cancelled. */
export type Cancellation = {
  readonly reason: string | undefined;
  /** Tells the user that the job is cancelled here; called after the workflow has been loaded. */
  readonly announce: () => void;
  /** A placeholder for the job's workflow, if that can't be loaded. */
  readonly loaded?: LoadedWorkflow | undefined;
};

/** Resumes a job in this process, or cancels it if `cancelled` is given. Resolves to the exit code. */
export const resumeHere = async (
  context: StoredJobContext,
  options: ContinueOptions,
  cancelled?: Cancellation,
): Promise<number> => {
  const { stored, journal, err } = context;
  // An ended job is only reported again, so changes of its workflow file don't matter.
  const isOver = isTerminalJobState(stored.state);
  const { engine, loaded, start, ...about } = await prepareJob(
    context,
    isOver ? { ...options, changed: 'force' } : options,
    cancelled?.loaded,
  );
  cancelled?.announce();
  if (!isOver && !cancelled) await warnOfOthers(context, loaded, options);
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
    // If the workflow can't be loaded, no command can retry the job.
    ...(isOver || cancelled?.loaded ? {} : { location: locationOf(options) }),
    ...(isOver || cancelled ? {} : { leaving: leavingOf(context, engine, stored, locationOf(options)) }),
    history: before,
    ...(cancelled && { cancel: () => void job.cancel(cancelled.reason && loaded.mask.text(cancelled.reason)) }),
  });
};

/** Returns a sentence that says that a job has ended and, unless it completed, how to retry it. */
export const endedLine = (job: JournalJob, { db, file, server }: JobLocation): string => {
  const more = job.state === 'completed' ? '' : ` To try it again: ${howToRetry(job, { db, file, server })}`;
  return `${jobLabel(job)} is over: it ${HOW[job.state] ?? job.state}.${more}`;
};

/** Returns how to retry a job: a command, with `--file` if its file is lost, or in the program that started it. */
const howToRetry = (job: JournalJob, { db, file, server }: JobLocation): string => {
  if (server) return jobCommand('retry', job.id, { db, server });
  const isNamed = file !== undefined && existsSync(file);
  if (isNamed || unavailableReason(job) === undefined)
    return jobCommand('retry', job.id, { db, file: isNamed ? file : undefined });
  return originOf(job) === 'program'
    ? 'engine.retry() in the program that started it'
    : jobCommand('retry', job.id, { db }, ['--file', 'FILE']);
};

const HOW: Readonly<Record<string, string>> = { ...STATE_WORDS, notReady: 'was not ready', cancelled: 'was cancelled' };

/** Returns an ended job's exit code, the same as the command that ran the job returned. */
const exitCodeOfEnded = async ({ stored, journal }: StoredJobContext): Promise<number> => {
  if (stored.state !== 'cancelled') return exitCodeOf(stored.state);
  const last = (await journal.events(stored.id, stored.lastSeq)).at(-1);
  const { reason } = (last ? eventOf(last, stored.id) : {}) as Extract<JobEvent, { readonly type: 'job.transition' }>;
  return exitCodeOf('cancelled', cancellingSignal(reason));
};
