import type { ChangePolicy } from '../definition/definition-diff.ts';
import type { StartOptions } from '../definition/options.ts';
import type { Plan } from '../definition/plan.ts';
import { PLAN, type Sealed } from '../definition/sealed.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { CommandError, JournalError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { addedTasks } from '../run/dynamic-tasks.ts';
import { restoreEnded, resumeHere } from './acquire-job.ts';
import { recorderOf } from './create-record.ts';
import { createRun, type JobHost } from './create-run.ts';
import { type Definitions, findDefinition, requireNamed } from './find-definition.ts';
import { hasEnded, loadHistory } from './job-history.ts';
import { readBack } from './read-back.ts';
import { startOptionsOf } from './stored-options.ts';

/** What an engine needs to create runs of stored jobs. */
export type ResumeContext = { readonly host: JobHost; readonly definitions: Definitions };

/** The options for resuming or retrying one stored job. */
export type ResumeRequest = {
  readonly definition: Sealed | undefined;
  readonly changed: ChangePolicy | undefined;
  readonly added: readonly AnyTaskSpec[] | undefined;
  readonly options: StartOptions;
};

/** Resumes a job whose process died, or restores a job that is over. @throws JournalError @throws CommandError */
export const resumeStoredRun = async (
  context: ResumeContext,
  journal: Journal,
  jobId: string,
  request: ResumeRequest,
): Promise<JobRun> => {
  const stored = await loadStoredJob(journal, jobId);
  const definition = await definitionOf(context, stored, request);
  context.host.requireOpen?.(`The resumption of job "${jobId}"`);
  const run = createStoredRun(context, definition, journal, stored, request);
  run.found = true;
  // Nothing is written for a job that is over, so its recorder is not registered.
  const recorder = hasEnded(stored) ? (run.recorder as JobRecorder) : recorderOf(run);
  try {
    const added = addedTasks(run.plan.name, request.added ?? []);
    if (hasEnded(stored)) await readBack(run, recorder, journal, stored);
    else await resumeHere(run, recorder, journal, { changed: request.changed, added });
  } catch (error) {
    recorder.discard();
    throw error;
  }
  return run;
};

/** Restores a stored job that is over, in order to retry it. @throws JournalError @throws CommandError */
export const loadEndedRun = async (
  context: ResumeContext,
  journal: Journal,
  jobId: string,
  request: ResumeRequest,
): Promise<JobRun> => {
  const stored = await loadStoredJob(journal, jobId);
  const run = createStoredRun(context, await definitionOf(context, stored, request), journal, stored, request);
  if (!hasEnded(stored)) {
    const message = `Job "${stored.name}" ("${jobId}") is ${stored.state}: only a job that is over can be tried again. Resume it.`;
    throw new CommandError('INVALID_STATE', message);
  }
  const added = addedTasks(run.plan.name, request.added ?? []);
  await restoreEnded(run, journal, await loadHistory(journal, stored), { changed: request.changed, added });
  return run;
};

/** @throws JournalError `JOB_NOT_FOUND` */
const loadStoredJob = async (journal: Journal, jobId: string): Promise<JournalJob> => {
  const stored = await journal.job(jobId);
  if (stored) return stored;
  throw new JournalError('JOB_NOT_FOUND', `The journal holds no job "${jobId}".`, { jobId });
};

/** Returns the definition that was given, or the one that the engine knows. @throws JournalError; as `findDefinition` */
const definitionOf = async (
  { definitions }: ResumeContext,
  stored: JournalJob,
  { definition }: ResumeRequest,
): Promise<Sealed> => (definition ? requireNamed(stored, definition) : findDefinition(definitions, stored));

/** Creates a fresh run for a stored job. @throws JournalError */
const createStoredRun = (
  { host }: ResumeContext,
  definition: Sealed,
  journal: Journal,
  stored: JournalJob,
  { options }: ResumeRequest,
): JobRun => {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all = { ...startOptionsOf(stored), ...given, jobId: stored.id, journal };
  const run = createRun(definition[PLAN] as Plan, {}, all, host);
  run.givenLimits = given;
  return run;
};
