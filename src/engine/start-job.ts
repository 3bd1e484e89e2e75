import { logTo } from '../events/logger.ts';
import { newId } from '../events/system-clock.ts';
import { ignore, isThenable } from '../events/thenable.ts';
import { startOptionProblems } from './check-options.ts';
import { checkedInput } from './check-schema.ts';
import { jobIdOf } from './durable/job-id.ts';
import { JobRecorder } from './durable/job-recorder.ts';
import { JournalWriter } from './durable/journal-writer.ts';
import { optionsOf } from './durable/kept-options.ts';
import { connect, orNothing, reacquire, recordFork, recordJob } from './durable/record-job.ts';
import { CommandError, JournalError } from './errors.ts';
import type { Job } from './job.ts';
import { JobRun, type Surroundings } from './job-run.ts';
import type { Journal } from './journal.ts';
import type { StartOptions } from './options.ts';
import { beginJob } from './pause.ts';
import type { Plan } from './plan.ts';
import { poolProblems } from './pool-problems.ts';
import { reactor } from './react.ts';
import { forkOf, inputOf, reopen } from './retry-job.ts';
import type { RerunSelection, RetrySelection } from './retry-plan.ts';
import { refuse } from './rules.ts';
import { stopJob } from './stop.ts';

/** Where jobs are started: what they share with others, and who is told of each. */
export type Home = Pick<Surroundings, 'dispatcher'> & {
  readonly enrol?: (job: Job, run: JobRun) => void;
  /** @throws CommandError where nothing is started any more */
  readonly requireOpen?: (subject: string) => void;
};

/** A job that was started, or the one that its key stands for already. */
export type Started =
  | { readonly run: JobRun; readonly existing?: undefined }
  | { readonly run?: undefined; readonly existing: Job };

/**
 * Starts a job in a later microtask, so that who subscribes until then misses nothing.
 * @throws OptionError @throws SchemaError @throws JournalError
 */
export const startJob = (plan: Plan, input: unknown, options: StartOptions | undefined, home: Home): Started => {
  const subject = `The start of job "${plan.name}"`;
  refuse(subject, startOptionProblems(input, options));
  const { journal, jobKey } = options ?? {};
  const jobId = jobKey === undefined ? options?.jobId : jobIdOf(plan.name, jobKey);
  const existing = journal && jobKey !== undefined && JournalWriter.of(journal).recorderOf(jobId as string)?.handle;
  if (existing) return { existing: existing as Job };
  const given = checkedInput(plan.options.input, (input ?? {}) as object, plan.name);
  const run = createRun(
    plan,
    given,
    { ...options, ...(jobKey !== undefined && firstOptions(journal, jobId)), jobId },
    home,
  );
  if (journal) recordJob(run, journal, given, jobId === undefined, () => begin(run));
  else queueMicrotask(() => begin(run));
  return { run };
};

/** What the first start with a key was told, where the journal answers at once. */
const firstOptions = (journal: Journal | undefined, jobId: string | undefined): StartOptions => {
  const kept = jobId === undefined ? undefined : journal?.job(jobId);
  ignore(kept);
  return kept && !isThenable(kept) ? optionsOf(kept.options) : {};
};

/** A job to which nothing has happened, with what writes its events and its logger. @throws OptionError */
export const createRun = (plan: Plan, input: object, options: StartOptions, { dispatcher }: Home): JobRun => {
  const { journal } = options;
  const jobId = options.jobId ?? newId();
  const recorder = journal && new JobRecorder(jobId, JournalWriter.of(journal));
  const run = new JobRun(plan, input, { ...options, jobId }, reactor, { ...(dispatcher && { dispatcher }), recorder });
  if (plan.pooled) refuse(`The start of job "${plan.name}"`, poolProblems(plan.tasks, run.level));
  connect(run);
  if (run.options.logger) run.events$.subscribe(logTo(run.options.logger));
  return run;
};

const begin = (run: JobRun, start: () => void = () => beginJob(run)): void => {
  const { signal } = run.options;
  if (signal?.aborted) stopJob(run, { to: 'cancelled', mode: 'abort', cause: signal.reason });
  else if (!run.over) start();
};

/** Lets a job that is over go on, under its id. @throws UnknownTaskError @throws CommandError @throws JournalError */
export const retryJob = (
  earlier: JobRun,
  { tasks, downstream, ...options }: RetrySelection & StartOptions,
  home: Home,
): JobRun => {
  const all = againOptions(earlier, options);
  const { journal } = all;
  if (earlier.stop?.interrupted) throw notOver(earlier);
  const busy = journal && JournalWriter.of(journal).recorderOf(earlier.id);
  if (busy && busy !== earlier.recorder) throw atWork(earlier);
  const run = createRun(earlier.plan, inputOf(earlier), all, home);
  const goOn = orNothing(run.recorder, () => reopen(run, earlier, { tasks, downstream }));
  run.sleepUntil(goOn);
  if (journal) onceSaved(earlier, run, () => reacquire(run, journal, earlier.nextSeq, () => run.wakeLater()));
  else run.wakeLater();
  return run;
};

/** Goes on once the end of the earlier job is in the journal: at once, mostly. */
const onceSaved = ({ recorder }: JobRun, run: JobRun, goOn: () => void): void => {
  if (!recorder || recorder.isSaved) {
    goOn();
    return;
  }
  const fail = (error: unknown): void => run.recorder?.fail(error);
  recorder.whenSaved(() => {
    try {
      goOn();
    } catch (error) {
      fail(error);
    }
  }, fail);
};

const notOver = ({ id, plan }: JobRun): CommandError =>
  new CommandError(
    'INVALID_STATE',
    `Job "${plan.name}" ("${id}") was left before its end was in the journal, so there is nothing to try again: resume it, engine.resume("${id}").`,
  );

const atWork = ({ id, plan }: JobRun): JournalError =>
  new JournalError('JOB_LEASED', `Job "${plan.name}" ("${id}") is being tried again already.`, { jobId: id });

/** Starts another job that begins with the results of one that is over. @throws UnknownTaskError @throws CommandError @throws JournalError */
export const rerunJob = (earlier: JobRun, { from, ...options }: RerunSelection & StartOptions, home: Home): JobRun => {
  const input = inputOf(earlier);
  const jobId = options.jobId ?? newId();
  const run = createRun(earlier.plan.sealed ?? earlier.plan, input, { ...againOptions(earlier, options), jobId }, home);
  const { journal } = run.options;
  const start = orNothing(run.recorder, () => forkOf(run, earlier, { from }));
  run.sleepUntil(() => begin(run, start));
  if (journal) recordFork(run, journal, input, earlier.id);
  run.wakeLater();
  return run;
};

/** What the earlier job was started with, but what was meant for that alone. */
const againOptions = (earlier: JobRun, options: StartOptions): StartOptions => {
  const { jobKey: _, metadata, ...before } = earlier.startOptions;
  return { ...before, metadata, signal: undefined, ...options };
};
