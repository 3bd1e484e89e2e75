import { ignoreRejection, isThenable } from '../events/thenable.ts';
import { startOptionProblems } from './definition/check-options.ts';
import { checkedInput } from './definition/check-schema.ts';
import { throwIfInvalid } from './definition/option-rules.ts';
import type { StartOptions } from './definition/options.ts';
import type { Plan } from './definition/plan.ts';
import { jobIdOf } from './durable/job-id.ts';
import type { Journal } from './durable/journal.ts';
import { JournalWriter } from './durable/journal-writer.ts';
import { redactOf } from './durable/redaction.ts';
import { CommandError, JournalError } from './errors/errors.ts';
import { optionProblem, type Problem } from './errors/problem.ts';
import type { JobRun } from './model/run.ts';
import { createForkRecord, createRecord, discardOnError, encodeInput, reacquire } from './recovery/create-record.ts';
import { begin, createRun, type JobHost, type Started } from './recovery/create-run.ts';
import { orderByHistory } from './recovery/order-by-history.ts';
import { forkJob, reopenJob } from './recovery/retry-job.ts';
import type { RerunSelection, RetrySelection } from './recovery/retry-plan.ts';
import { decodeOptions } from './recovery/stored-options.ts';

/**
 * Starts a job in a later microtask, so that a subscriber of the current tick receives all events. If a job with the
 * same key runs in this process, returns the handle of that job.
 * @throws OptionError, SchemaError, JournalError, SerialisationError
 */
export const startJob = (plan: Plan, input: unknown, options: StartOptions | undefined, host: JobHost): Started => {
  const subject = `The start of job "${plan.name}"`;
  throwIfInvalid(subject, [...startOptionProblems(input, options), ...keyProblems(options, host)]);
  const { journal, jobKey } = options ?? {};
  const jobId = jobKey === undefined ? options?.jobId : jobIdOf(plan.name, jobKey);
  const given = checkedInput(plan.options.input, (input ?? {}) as object, plan.name);
  const keptInput = jobKey === undefined ? undefined : inputToKeep(plan, given, journal);
  const existing = jobKey === undefined ? undefined : handleOf(jobId as string, journal, host);
  if (existing) return { existing, keptInput };
  const all = { ...options, ...(jobKey !== undefined && storedStartOptions(journal, jobId)), jobId };
  const run = createRun(plan, given, all, host);
  if (jobKey !== undefined) run.keptInput = keptInput;
  if (journal) createRecord(run, journal, given, jobId === undefined, () => begin(run));
  else queueMicrotask(() => (run.turn.mustWait() ? run.turn.putOff(() => begin(run)) : begin(run)));
  return { run };
};

/** Returns a problem if a key can't make the start idempotent, since nothing knows of earlier starts. */
const keyProblems = (options: StartOptions | undefined, { register }: JobHost): Problem[] => {
  if (options?.jobKey === undefined || options.journal || register) return [];
  const message =
    'The start has a jobKey, but neither a journal nor an engine that knows of earlier starts with it. Give it a journal, start the job with engine.start(definition, input, { jobKey }), or use jobId.';
  return [optionProblem('jobKey', message)];
};

/** Returns the handle of a job that runs in this process. */
const handleOf = (jobId: string, journal: Journal | undefined, host: JobHost): object | undefined =>
  host.job?.(jobId) ?? (journal && JournalWriter.of(journal).recorderOf(jobId)?.handle);

/**
 * Returns the JSON of what is kept of an input. Without a journal, returns undefined for an input that can't be encoded.
 * @throws SerialisationError
 */
const inputToKeep = (plan: Plan, input: object, journal: Journal | undefined): string | undefined => {
  try {
    return encodeInput(plan, journal ? redactOf(plan.options)(input) : input);
  } catch (error) {
    if (journal) throw error;
    return undefined;
  }
};

/** Returns the options with which the job was first started, if the journal returns the job synchronously. */
const storedStartOptions = (journal: Journal | undefined, jobId: string | undefined): StartOptions => {
  const stored = jobId === undefined ? undefined : journal?.job(jobId);
  ignoreRejection(stored);
  return stored && !isThenable(stored) ? decodeOptions(stored.options) : {};
};

/** Retries tasks of a job that is over, under its id. @throws UnknownTaskError, CommandError, JournalError */
export const retryJob = (
  earlier: JobRun,
  { tasks, downstream, ...options }: RetrySelection & StartOptions,
  host: JobHost,
): JobRun => {
  const all = inheritedOptions(earlier, options);
  const { journal } = all;
  if (earlier.stop?.interrupted) throw notOver(earlier);
  const busy = journal && JournalWriter.of(journal).recorderOf(earlier.id);
  if (busy && busy !== earlier.recorder) throw alreadyRetrying(earlier);
  const run = createRun(earlier.plan, earlier.context.at(0), all, host);
  run.found = true;
  run.keptInput = earlier.keptInput;
  const start = discardOnError(run.recorder, () => reopenJob(run, earlier, { tasks, downstream }));
  run.defer(start);
  if (journal) onceCommitted(earlier, run, () => reacquire(run, journal, earlier.nextSeq, () => run.startSoon()));
  else run.startSoon();
  return run;
};

/** Calls `start` when the end of the earlier job has been stored, which is usually the case already. */
const onceCommitted = ({ recorder }: JobRun, run: JobRun, start: () => void): void => {
  if (!recorder || recorder.isCommitted) {
    start();
    return;
  }
  const fail = (error: unknown): void => run.recorder?.fail(error);
  recorder.afterCommit(() => {
    try {
      start();
    } catch (error) {
      fail(error);
    }
  }, fail);
};

const notOver = ({ id, plan }: JobRun): CommandError => {
  const message = `Job "${plan.name}" ("${id}") was left before its end was in the journal, so there is nothing to try again. Resume it.`;
  return new CommandError('INVALID_STATE', message);
};

const alreadyRetrying = ({ id, plan }: JobRun): JournalError =>
  new JournalError('JOB_LEASED', `Job "${plan.name}" ("${id}") is being tried again already.`, { jobId: id });

/** Starts a new job that reuses results of a job that is over. @throws UnknownTaskError, CommandError, JournalError */
export const rerunJob = (
  earlier: JobRun,
  { from, ...options }: RerunSelection & StartOptions,
  host: JobHost,
): JobRun => {
  const input = earlier.context.at(0);
  const all = { ...inheritedOptions(earlier, options), jobId: options.jobId };
  const run = createRun(earlier.plan.sealed ?? earlier.plan, input, all, host);
  const { journal } = run.options;
  const start = discardOnError(run.recorder, () => forkJob(run, earlier, { from }));
  run.defer(() => begin(run, start));
  if (journal) {
    createForkRecord(run, journal, input, earlier.id);
    orderByHistory(run, journal, (keep) => run.startSoon(keep));
  } else run.startSoon();
  return run;
};

/** Returns the options of the earlier job, overridden by `options`. The key and the signal are not inherited. */
const inheritedOptions = (earlier: JobRun, options: StartOptions): StartOptions => {
  const { jobKey: _, metadata, ...before } = earlier.startOptions;
  return { ...before, metadata, signal: undefined, ...options };
};
