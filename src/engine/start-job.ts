import { startOptionProblems } from './definition/check-options.ts';
import { checkedInput } from './definition/check-schema.ts';
import { throwIfInvalid } from './definition/option-rules.ts';
import type { StartOptions } from './definition/options.ts';
import type { Plan } from './definition/plan.ts';
import { CommandError } from './errors/errors.ts';
import { optionProblem, type Problem } from './errors/problem.ts';
import type { JobRun } from './model/run.ts';
import { begin, createRun, type JobHost, type Started } from './recovery/create-run.ts';
import { durabilityOf } from './recovery/durability.ts';
import { forkJob, reopenJob } from './recovery/retry-job.ts';
import type { RerunSelection, RetrySelection } from './recovery/retry-plan.ts';
import { interceptJob } from './run/intercept.ts';

/**
 * Starts a job in a later microtask, so that a subscriber of the current tick receives all events. If a job with the
 * same key runs in this process, returns the handle of that job.
 * @throws OptionError, SchemaError, JournalError, SerialisationError
 */
export const startJob = (plan: Plan, input: unknown, options: StartOptions | undefined, host: JobHost): Started => {
  const subject = `The start of job "${plan.name}"`;
  throwIfInvalid(subject, [...startOptionProblems(input, options), ...keyProblems(options, host)]);
  const { journal, jobKey, jobId } = options ?? {};
  const durability = durabilityOf(plan, journal, host);
  const given = checkedInput(plan.options.input, (input ?? {}) as object, plan.name);
  const keyed =
    jobKey === undefined ? undefined : durability?.findByKey(plan, { jobKey, input: given, journal }, host.job);
  if (keyed?.existing) return keyed;
  const run = createRun(plan, given, { ...options, ...keyed?.options, jobId: keyed?.jobId ?? jobId }, host);
  if (keyed) run.keptInput = keyed.keptInput;
  if (journal) durability?.create(run, journal, given, !keyed && jobId === undefined, () => begin(run));
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

/** Retries tasks of a job that is over, under its id. @throws UnknownTaskError, CommandError, JournalError */
export const retryJob = (
  earlier: JobRun,
  { tasks, downstream, ...options }: RetrySelection & StartOptions,
  host: JobHost,
): JobRun => {
  const all = inheritedOptions(earlier, options);
  const { journal } = all;
  if (earlier.stop?.interrupted) throw notOver(earlier);
  const run = createRun(earlier.plan, earlier.context.at(0), all, host);
  run.found = true;
  run.keptInput = earlier.keptInput;
  run.kept = earlier.kept;
  const restart = reopenJob(run, earlier, { tasks, downstream });
  run.defer(() => {
    interceptJob(run);
    restart();
  });
  if (journal) durabilityOf(run.plan, journal, host)?.reopen(run, journal, earlier);
  else run.startSoon();
  return run;
};

const notOver = ({ id, plan }: JobRun): CommandError => {
  const message = `Job "${plan.name}" ("${id}") was left before its end was in the journal, so there is nothing to try again. Resume it.`;
  return new CommandError('INVALID_STATE', message);
};

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
  const start = forkJob(run, earlier, { from });
  run.defer(() => begin(run, start));
  if (journal) durabilityOf(run.plan, journal, host)?.createFork(run, journal, input, earlier.id);
  else run.startSoon();
  return run;
};

/** Returns the options of the earlier job, overridden by `options`. The key and the signal are not inherited. */
const inheritedOptions = (earlier: JobRun, options: StartOptions): StartOptions => {
  const { jobKey: _, metadata, ...before } = earlier.startOptions;
  return { ...before, metadata, signal: undefined, ...options };
};
