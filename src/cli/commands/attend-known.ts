import { resolve } from 'node:path';
import type { DefinitionOptions } from '../../engine/definition/options.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { isTerminalJobState, UNFINISHED_STATES } from '../../events/states.ts';
import type { RunOptions } from '../attend/repeatable-options.ts';
import { howToResume } from '../attend/resume-hint.ts';
import type { RunContext } from '../attend/run-context.ts';
import { requireSameInput, type Taken } from '../attend/start-once.ts';
import { metadataOf, type RunMetadata } from '../attend/stored-workflow.ts';
import type { ContinueOptions, StoredJobContext } from '../attend/with-stored-job.ts';
import { holderText, jobCommand, jobLabel, runningText } from '../stored/job-command.ts';
import { shownState } from '../stored/shown-state.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import { pollJob } from './poll-job.ts';
import { reportOver, resumeHere } from './resume.ts';

type KnownContext = RunContext & Pick<StoredJobContext, 'journal'>;

/**
 * Attends to the job that a start found instead of beginning its own: the one with its key or, by `overlap: skip`, one
 * that is not over. Resolves to the exit code. @throws JournalError `JOB_KEY_CONFLICT`
 */
export const attendKnown = async (
  taken: Taken,
  context: KnownContext,
  options: RunOptions & { readonly db: string },
  { file }: RunMetadata,
  { computed }: DefinitionOptions,
): Promise<number> => {
  const { stored, wanted } = taken;
  if (wanted.key === undefined || stored.key !== wanted.key) return refuseOverlap(stored, context, options);
  requireSameInput(taken, computed);
  const { db, json, events, onSignal, logLevel, logFormat, verbose, quiet } = options;
  const hasMoved = file !== undefined && file !== resolve(metadataOf(stored).file ?? '');
  const shown = { db, json, events, onSignal, logLevel, logFormat, verbose, quiet, ...(hasMoved && { file }) };
  return attendJob({ ...context, stored }, shown as ContinueOptions, options.overlap !== 'skip');
};

/** Waits for a job while another process runs it, goes on with it if nobody does, and reports it once it is over. */
const attendJob = async (context: StoredJobContext, options: ContinueOptions, mayOverlap: boolean): Promise<number> => {
  const { stored, journal, err } = context;
  if (isTerminalJobState(stored.state)) return reportOver(context, options);
  if (!isInterrupted(stored)) {
    if (!options.quiet) err.line(err.sanitize(`${jobLabel(stored)} is waited for: ${runningText(stored, options)}`));
    let next: JournalJob | undefined;
    const exitCode = await pollJob(context, (job) => {
      if (!isTerminalJobState(job.state) && !isInterrupted(job)) return undefined;
      next = job;
      return EXIT.completed;
    });
    return next ? attendJob({ ...context, stored: next }, options, mayOverlap) : exitCode;
  }
  const unfinished = { names: [stored.name], states: UNFINISHED_STATES, limit: 2 };
  const other = mayOverlap ? undefined : (await journal.jobs(unfinished)).find(({ id }) => id !== stored.id);
  if (other) return refuseOverlap(other, context, options);
  try {
    return await resumeHere(context, options);
  } catch (error) {
    if (error instanceof UsageError) {
      throw new UsageError(`${error.message}\nThese are options of: ${jobCommand('resume', stored.id, options)}`);
    }
    // Another process was quicker.
    if (!(error instanceof JournalError && error.code === 'JOB_LEASED')) throw error;
    return attendJob({ ...context, stored: (await journal.job(stored.id)) ?? stored }, options, mayOverlap);
  }
};

const isInterrupted = (job: JournalJob): boolean => shownState(job) === 'interrupted';

/** Says in one line which job keeps another one of its name from being started. */
const refuseOverlap = (job: JournalJob, { err }: RunContext, { db }: { readonly db: string }): number => {
  const why = isInterrupted(job)
    ? `is interrupted, and waits to be resumed: ${howToResume(job, { db })}. ${jobCommand('cancel', job.id, { db })} gives it up.`
    : `is not over: ${holderText(job)} runs it.`;
  err.line(err.sanitize(`Not started (overlap: skip): ${jobLabel(job)} ${why}`));
  return EXIT.left;
};
