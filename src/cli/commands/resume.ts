import { existsSync } from 'node:fs';
import { eventOf, type JournalJob } from '../../engine/durable/journal.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { attendJob } from '../attend/attend-job.ts';
import { cancellingSignal } from '../attend/cancelling-signal.ts';
import { goOnCommand } from '../attend/go-on-command.ts';
import { lostBecause, originOf } from '../attend/kept-workflow.ts';
import { atKeptJob, type KeptDesk, keptBy, type TakeUpOptions, takeUp } from '../attend/take-up.ts';
import { runningText } from '../kept/holder-text.ts';
import { jobCommand, jobLabel, type Kept } from '../kept/job-command.ts';
import { completedOf, readKeptJob } from '../kept/kept-job.ts';
import { shownState } from '../kept/shown-state.ts';
import { exitCodeOf } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { STATE_WORDS } from '../terminal/state-style.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { AS_RUN, JOB_NAMES } from './shared-help.ts';
import { action, asStarted, asTold, type DefineCommand, onJob, onJournal } from './shared-options.ts';

/** Defines `tintype resume`. */
export const define: DefineCommand = (command, context) => {
  onJob(onJournal(command.addHelpText('after', HELP)));
  asTold(asStarted(command)).action(action(context, (io, options, job) => resumeJob(job, options, io)));
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
export const resumeJob = (name: string, options: TakeUpOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, err } = desk;
    if (isTerminalJobState(kept.state)) {
      if (!options.quiet) err.line(err.foreign(overLine(kept, options)));
      if (!options.json) return exitCodeOfEnded(desk);
    } else requireInterrupted(kept, options);
    return goOn(desk, options);
  });

/** @throws UsageError of a job that another process runs */
const requireInterrupted = (job: JournalJob, kept: Kept): void => {
  if (shownState(job, Date.now()) === 'interrupted') return;
  throw new UsageError(`${jobLabel(job)} can't go on here: ${runningText(job, kept)}`);
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
export const goOn = async (desk: KeptDesk, options: TakeUpOptions, cancelled?: Cancellation): Promise<number> => {
  const { kept, journal, err } = desk;
  // What is but told again may have changed.
  const isOver = isTerminalJobState(kept.state);
  const { engine, loaded, start, ...about } = await takeUp(
    desk,
    isOver ? { ...options, changed: 'force' } : options,
    cancelled?.loaded,
  );
  cancelled?.announce();
  const before = await readKeptJob(journal, kept);
  const { completed, total } = completedOf(before);
  const { job } = await engine.resume(kept.id, start);
  if (!options.quiet && !isOver && !cancelled) {
    err.line(
      `${err.foreign(jobLabel(kept))} goes on, with ${completed} of ${total} ${total === 1 ? 'task' : 'tasks'} completed.`,
    );
  }
  return attendJob(job, {
    ...about,
    loaded,
    desk,
    ...(isOver ? { repeat: (result) => goOnCommand(result, keptBy(options), err) } : {}),
    // What is lost no command can try again.
    ...(isOver || cancelled?.loaded ? {} : { kept: keptBy(options) }),
    past: before,
    ...(cancelled && { cancel: () => void job.cancel(cancelled.reason && loaded.mask.text(cancelled.reason)) }),
  });
};

/** That a job is over, and what can be done about it. */
export const overLine = (job: JournalJob, { db, file }: Kept): string => {
  const more = job.state === 'completed' ? '' : ` To try it again: ${howToRetry(job, { db, file })}`;
  return `${jobLabel(job)} is over: it ${HOW[job.state] ?? job.state}.${more}`;
};

/** What was lost has to be named, and the tasks of a program are there alone. */
const howToRetry = (job: JournalJob, { db, file }: Kept): string => {
  const isNamed = file !== undefined && existsSync(file);
  if (isNamed || lostBecause(job) === undefined)
    return jobCommand('retry', job.id, { db, file: isNamed ? file : undefined });
  return originOf(job) === 'program'
    ? 'engine.retry() in the program that started it'
    : jobCommand('retry', job.id, { db }, ['--file', 'FILE']);
};

const HOW: Readonly<Record<string, string>> = {
  ...STATE_WORDS,
  notReady: 'was not ready',
  cancelled: 'was cancelled',
};

/** As the command that ran it answered. */
const exitCodeOfEnded = async ({ kept, journal }: KeptDesk): Promise<number> => {
  if (kept.state !== 'cancelled') return exitCodeOf(kept.state);
  const last = (await journal.events(kept.id, kept.lastSeq)).at(-1);
  const { reason } = (last ? eventOf(last) : {}) as Extract<JobEvent, { readonly type: 'job.transition' }>;
  return exitCodeOf('cancelled', cancellingSignal(reason));
};
