import { type Observable, Subject } from 'rxjs';
import type { JobEvent } from '../events/event.ts';
import type { Logger } from '../events/logger.ts';
import { isTerminalJobState } from '../events/states.ts';
import { systemClock } from '../events/system-clock.ts';
import { underWayUntil } from '../events/under-way.ts';
import { CLEAN_UP_MS, type CloseMode, endLive, hasten, type Live } from './close-jobs.ts';
import {
  closeOptionProblems,
  descriptionProblems,
  engineOptionProblems,
  listOptionProblems,
  pruneOptionProblems,
  recoverOptionProblems,
  takeUpOptionProblems,
} from './definition/check-engine-options.ts';
import { startOptionProblems } from './definition/check-options.ts';
import type { TaskName, TaskPath, TaskType } from './definition/infer.ts';
import { formatValue, throwIfInvalid } from './definition/option-rules.ts';
import type { Description, LimitOptions, StartOptions } from './definition/options.ts';
import { isDefinition, PLAN } from './definition/sealed.ts';
import type { DamagedJob, Journal, JournalJob } from './durable/journal.ts';
import { JournalWriter } from './durable/journal-writer.ts';
import type {
  AnyContext,
  AnyTasks,
  CloseOptions,
  EngineOptions,
  ListOptions,
  OfDefinition,
  PruneOptions,
  RecoverOptions,
  Recovery,
  TakeUpOptions,
} from './engine-options.ts';
import { awaitedByCaller, CommandError, OptionError } from './errors/errors.ts';
import { optionProblem } from './errors/problem.ts';
import { type FoundJob, foundHere, foundInJournal, type JobPage, type JobSummary, summaryOf } from './found-job.ts';
import { Job, jobOf } from './job.ts';
import type { AnyDefinition, JobDefinition, StartArguments } from './job-definition.ts';
import { Dispatcher } from './limits/dispatcher.ts';
import type { JobRun } from './model/run.ts';
import type { JobHost } from './recovery/create-run.ts';
import { describeJob } from './recovery/describe-job.ts';
import { durability } from './recovery/durable.ts';
import { keepLooking } from './recovery/keep-looking.ts';
import { loadEndedRun, type ResumeContext, resumeStoredRun } from './recovery/load-job.ts';
import { isLeasedElsewhere } from './recovery/read-back.ts';
import { recoverJobs } from './recovery/recover-jobs.ts';
import { notOver, removeEnded, removeJob } from './recovery/remove-jobs.ts';
import {
  type Preview,
  previewRerun,
  previewRetry,
  type RerunSelection,
  type RetrySelection,
} from './recovery/retry-plan.ts';
import { createElsewhere } from './run/elsewhere.ts';
import { setEngineLimits } from './run/set-limits.ts';
import { rerunJob, retryJob, startJob } from './start-job.ts';
import type { Clock } from './time/clock.ts';
import { turnOf } from './time/turn.ts';
import { type LimitUsage, usageOf } from './views/limit-usage.ts';

/** Runs many jobs that share limits, a journal and a stream of events. `close` ends them all. */
export class Engine implements AsyncDisposable {
  #options: EngineOptions;
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  /** Jobs that are not over, by id. */
  readonly #live = new Map<string, Live>();
  readonly #events = new Subject<JobEvent>();
  readonly #host: JobHost;
  #closed = false;
  #closing: Promise<void> | undefined;
  #closeMode: CloseMode = 'drain';
  readonly #pendingWork = new Set<Promise<unknown>>();
  /** Stops the recovery that keeps looking. */
  #stopLooking = (): void => {};

  /** @internal */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const elsewhere = options.executor && createElsewhere(options.executor);
    this.#dispatcher = new Dispatcher(this.#clock, turnOf(this.#clock), 'the engine', options, elsewhere);
    this.#host = {
      dispatcher: this.#dispatcher,
      durability,
      register: (handle, run) => this.#register(handle as Job, run),
      requireOpen: (subject) => this.#requireOpen(subject),
      job: (id) => this.job(id),
    };
  }

  /** Events of all jobs of the engine from now on. Completes when the engine has closed. */
  get events$(): Observable<JobEvent> {
    return this.#events.asObservable();
  }

  /** Jobs that are not over, in the order of their start. */
  get jobs(): readonly Job[] {
    return [...this.#live.values()].map(({ job }) => job);
  }

  /** The definitions of stored jobs that `createEngine` was given as a list; empty if it was given a function. */
  get definitions(): readonly AnyDefinition[] {
    const { definitions = [] } = this.#options;
    return typeof definitions === 'function' ? [] : definitions;
  }

  /** Whether `close` has been called, so that no more jobs are accepted. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Returns the job with this id, if it is not over. */
  job(id: string): Job | undefined {
    return this.#live.get(id)?.job;
  }

  /** Slots of the engine's concurrency and of each of its pools with slots, and the tasks that wait for them. */
  get usage(): readonly LimitUsage[] {
    return usageOf(this.#dispatcher);
  }

  /**
   * Changes limits of the engine while its jobs run; what is left out stays, pools one by one. What may start now starts at
   * once, in the order of ever; what runs is never stopped for it. They are limits of this engine: no journal keeps them.
   * @throws OptionError for a pool that the engine does not have, or with fewer slots than a task of its jobs takes
   */
  setLimits(limits: LimitOptions): void {
    const runs = [...this.#live.values()].map(({ run }) => run);
    const changed = setEngineLimits(this.#dispatcher, this.#options, limits, runs);
    this.#options = { ...this.#options, ...changed };
  }

  /**
   * Starts a job within the engine's limits. If a job with the same `jobKey` exists, returns a handle of that job, and
   * resumes it if its process died.
   * @throws CommandError `ENGINE_CLOSED`, OptionError, SchemaError
   * @throws JournalError, SerialisationError if the job can't be stored; JournalError `JOB_KEY_CONFLICT` if the job with
   * the key was started with another input
   */
  start<Input extends object, Tasks extends TaskType, Given extends object>(
    definition: JobDefinition<Input, Tasks, Given>,
    ...[input, options]: StartArguments<Given>
  ): Job<Input, Tasks> {
    const subject = requireDefinition(definition);
    this.#requireOpen(subject);
    throwIfInvalid(subject, startOptionProblems(input, options));
    this.#requireUnusedId(subject, options);
    const { journal = this.#options.journal, ...others } = options ?? {};
    const all = { ...this.#startOptions(others), journal };
    return jobOf(startJob(definition[PLAN], input, all, this.#host), this.#host) as unknown as Job<Input, Tasks>;
  }

  /**
   * Resumes a stored job whose process died. Completed tasks are not run again; interrupted tasks are. A job that is
   * over, or runs in this process, is returned as it is. The job is wrapped in an object, because awaiting a job yields
   * its result. The first event comes in a later turn of the event loop.
   * @throws CommandError `ENGINE_CLOSED`, OptionError
   * @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED` (another process runs it), `UNKNOWN_DEFINITION`,
   * `DEFINITION_CHANGED`
   */
  async resume<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions & OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    const subject = subjectOf('resumption', jobId);
    this.#requireOpen(subject);
    throwIfInvalid(subject, takeUpOptionProblems(options, 'resume'));
    const { definition, changed, added, ...others } = options;
    const journal = this.#journal(others);
    const writer = JournalWriter.of(journal);
    type Typed = Job<Input, Tasks>;
    const live = this.job(jobId) ?? writer.recorderOf(jobId)?.handle;
    if (live) return { job: live as Typed };
    const underWay = writer.resuming.get(jobId) as Promise<{ readonly job: Typed }> | undefined;
    if (underWay) return await awaitedByCaller(underWay);
    const request = { definition, changed, added, options: this.#startOptions(others) };
    const resumption = this.#track(
      resumeStoredRun(this.#resumeContext, journal, jobId, request).then((run) => ({ job: new Job(run, this.#host) })),
    );
    writer.resuming.set(jobId, resumption);
    const done = (): void => void writer.resuming.delete(jobId);
    resumption.then(done, done);
    return (await awaitedByCaller(resumption)) as unknown as { readonly job: Typed };
  }

  /**
   * Resumes all unfinished jobs of the journal that no process runs, or those that `filter` selects. Call it when the
   * program starts. With `everyMs`, resolves after the first look and continues to look; jobs that it resumes later are
   * in `jobs` and `events$`, and what it can't resume is a warning of the process.
   * @throws CommandError `ENGINE_CLOSED`, OptionError; JournalError if the jobs can't be listed
   */
  async recover({ everyMs, ...options }: RecoverOptions = {}): Promise<Recovery> {
    this.#requireOpen('The recovery');
    throwIfInvalid('The recovery', recoverOptionProblems({ ...options, everyMs }));
    const recovery = await this.#recoverOnce(options);
    if (everyMs === undefined || this.#closed) return recovery;
    const look = () => this.#track(this.#recoverOnce(options).then(({ refused }) => refused));
    this.#stopLooking();
    this.#stopLooking = keepLooking(look, everyMs, this.#clock, recovery.refused);
    return recovery;
  }

  #recoverOnce({ filter, ...options }: RecoverOptions): Promise<Recovery> {
    const journal = this.#journal({});
    return recoverJobs(journal, {
      resume: (jobId) => this.resume(jobId, options),
      isOrphan: (stored) => this.#placeOf(stored, journal) === 'nowhere',
      isClosed: () => this.#closed,
      filter,
    });
  }

  /**
   * Returns a job with its tasks, as plain data: as it stands if it runs here, else as the journal has it. Needs no
   * definition. Returns `undefined` if there is no such job; without a journal, only jobs that are not over are known.
   * @throws OptionError, JournalError
   */
  async find(jobId: string): Promise<FoundJob | undefined> {
    subjectOf('search', jobId);
    const live = this.#live.get(jobId)?.run;
    const journal = live?.options.journal ?? this.#options.journal;
    const stored = await journal?.job(jobId);
    // A handle that follows another process does not know how its tasks stand.
    if (live && !live.remote) return foundHere(live, stored);
    return journal && stored && foundInJournal(journal, stored, this.#placeOf(stored, journal), this.#clock);
  }

  /**
   * Returns a page of the journal's jobs, the newest first. What happened in the last moments may not be stored yet.
   * @throws OptionError, JournalError
   */
  async list(options: ListOptions = {}): Promise<JobPage> {
    throwIfInvalid('The list', listOptionProblems(options));
    const journal = this.#journal({});
    const { name, limit = PAGE, ...filter } = options;
    const damaged: DamagedJob[] = [];
    const names = name === undefined ? undefined : [name];
    const found = await journal.jobs({ ...filter, names, limit: limit + 1 }, (job) => damaged.push(job));
    const jobs = found.slice(0, limit);
    return {
      jobs: jobs.map((job) => summaryOf(job, this.#placeOf(job, journal))),
      cursor: found.length > limit ? jobs.at(-1)?.cursor : undefined,
      damaged,
    };
  }

  /**
   * Replaces the labels or the metadata of a stored job, or both. It may run here or in another process, or be over.
   * Handles of it in other processes, and of when it was over, keep those that they know.
   * @throws OptionError, SerialisationError; JournalError `JOB_NOT_FOUND`
   */
  async describe(jobId: string, description: Description): Promise<void> {
    throwIfInvalid(subjectOf('description', jobId), descriptionProblems(description));
    const live = this.#live.get(jobId);
    const journal = this.#journal({ journal: live?.run.options.journal });
    // The journal may not have stored a job yet that has just been started.
    await live?.job.saved().catch(() => {});
    await describeJob(journal, jobId, description, live?.run);
  }

  /**
   * Removes a job that is over from the journal, or a job that is damaged.
   * @throws CommandError `INVALID_STATE` if the job is not over @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED`
   */
  async remove(jobId: string): Promise<void> {
    subjectOf('removal', jobId);
    const journal = this.#journal({});
    const live = this.job(jobId);
    if (live) throw notOver(live);
    await removeJob(journal, jobId);
  }

  /**
   * Removes jobs from the journal that ended more than `olderThanMs` ago, batch by batch; resolves to their number.
   * Keeps damaged jobs.
   * @throws OptionError, JournalError
   */
  async prune(options: PruneOptions): Promise<number> {
    throwIfInvalid('The pruning', pruneOptionProblems(options));
    const { olderThanMs, name, ...filter } = options;
    const names = name === undefined ? undefined : [name];
    return removeEnded(this.#journal({}), { ...filter, names, endedBefore: this.#clock.now() - olderThanMs });
  }

  /**
   * Retries tasks of a job that is over, and everything downstream of these tasks. The job continues under its id.
   * Default: the tasks that failed without `continueOnFailure`, were not ready or were cancelled.
   * @throws CommandError `INVALID_STATE` if the job is not over or has nothing to retry; UnknownTaskError; as `resume`
   */
  retry<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions & RetrySelection<TaskPath<TaskName<Tasks>>> & OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    return this.#restart('retry', jobId, options, retryJob);
  }

  /** Returns which tasks `retry` would run and keep. Changes nothing. @throws as `retry` */
  async previewRetry(jobId: string, options: TakeUpOptions & RetrySelection = {}): Promise<Preview> {
    throwIfInvalid(subjectOf('retry', jobId), takeUpOptionProblems(options, 'retry'));
    const { run } = await this.#loadEnded(jobId, options);
    return previewRetry(run, options);
  }

  /**
   * Starts a new job that reuses the results of a job that is over. The tasks in `from`, and all downstream, run again.
   * Default: the tasks that failed without `continueOnFailure`, were not ready or were cancelled.
   * @throws CommandError `INVALID_STATE` if the job is not over or has nothing to rerun; UnknownTaskError; as `resume`
   */
  rerun<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions &
      RerunSelection<TaskPath<TaskName<Tasks>>> &
      Pick<StartOptions, 'jobId' | 'metadata' | 'labels'> &
      OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    return this.#restart('rerun', jobId, options, rerunJob);
  }

  /** Returns which tasks `rerun` would run, and which results it would reuse. Changes nothing. @throws as `rerun` */
  async previewRerun(jobId: string, options: TakeUpOptions & RerunSelection = {}): Promise<Preview> {
    throwIfInvalid(subjectOf('rerun', jobId), takeUpOptionProblems(options, 'rerun'));
    const { run } = await this.#loadEnded(jobId, options);
    return previewRerun(run, options);
  }

  /**
   * Accepts no more jobs, ends the current ones, and resolves when all are over. A job without a journal is cancelled;
   * one with a journal can be resumed later, and its running tasks finish or, with `abort`, are aborted. Clean-up that
   * has not ended `graceMs` after an abort ends, too. A second call can turn a `drain` into an `abort`.
   * @throws OptionError
   */
  close(options: CloseOptions = {}): Promise<void> {
    throwIfInvalid('A call on the engine', closeOptionProblems(options));
    const { mode = 'drain', graceMs = mode === 'abort' ? CLEAN_UP_MS : undefined } = options;
    this.#closed = true;
    this.#stopLooking();
    if (mode === 'abort') this.#closeMode = mode;
    const jobs = [...this.#live.values()];
    for (const job of jobs) this.#end(job, mode);
    const ended = this.#allEnded();
    if (graceMs !== undefined && jobs.length > 0) ended.then(hasten(jobs, mode, graceMs, this.#clock));
    this.#closing ??= ended.then(() => {
      this.#dispatcher.elsewhere?.close();
      this.#events.complete();
    });
    return this.#closing;
  }

  /** Closes the engine with the mode `abort`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ mode: 'abort' });
  }

  /** Resolves when all jobs are over, including jobs that were still being loaded from the journal. */
  async #allEnded(): Promise<void> {
    while (this.#pendingWork.size > 0) await Promise.allSettled(this.#pendingWork);
    await Promise.all([...this.#live.values()].map((live) => this.#end(live, this.#closeMode)));
  }

  /** Tracks work that starts a job after reading the journal. `close` waits for such work. */
  #track<Value>(work: Promise<Value>): Promise<Value> {
    this.#pendingWork.add(work);
    const done = (): void => void this.#pendingWork.delete(work);
    work.then(done, done);
    return underWayUntil(work);
  }

  async #end(live: Live, mode: CloseMode): Promise<void> {
    await endLive(live, mode);
    await live.job;
  }

  #register(job: Job, run: JobRun): void {
    if (run.ended) return;
    this.#live.set(job.id, { job, run });
    job.events$.subscribe({
      next: (event) => this.#events.next(event),
      complete: () => {
        if (this.job(job.id) === job) this.#live.delete(job.id);
      },
    });
  }

  #startOptions(options: StartOptions): StartOptions {
    const { clock, logger, intercept, random } = this.#options;
    return {
      ...options,
      logger: options.logger ?? logger,
      intercept: options.intercept ?? intercept,
      clock,
      random: options.random ?? random,
    };
  }

  /** Loads a job that is over from the journal, and retries or reruns it with `start`. */
  async #restart<Input extends object, Tasks extends TaskType>(
    what: 'retry' | 'rerun',
    jobId: string,
    options: TakeUpOptions & Selection,
    start: (earlier: JobRun, options: StartOptions & Selection, host: JobHost) => JobRun,
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    const subject = subjectOf(what, jobId);
    this.#requireOpen(subject);
    throwIfInvalid(subject, takeUpOptionProblems(options, what));
    const { definition, changed, added, ...others } = options;
    const { run, journal } = await awaitedByCaller(this.#track(this.#loadEnded(jobId, options)));
    this.#requireOpen(subject);
    return { job: new Job(start(run, { ...this.#startOptions(others), journal }, this.#host), this.#host) };
  }

  get #resumeContext(): ResumeContext {
    return { host: this.#host, definitions: this.#options.definitions ?? [] };
  }

  /** Loads a job that is over from the journal. @throws JournalError @throws CommandError if the job is not over */
  async #loadEnded(
    jobId: string,
    { definition, changed, added, clock, journal }: TakeUpOptions,
  ): Promise<{ readonly run: JobRun; readonly journal: Journal }> {
    const from = this.#journal({ journal });
    const request = { definition, changed, added, options: this.#startOptions({ clock, logger: SILENT }) };
    return { run: await loadEndedRun(this.#resumeContext, from, jobId, request), journal: from };
  }

  /** Returns the given journal or, by default, the engine's. @throws OptionError if there is neither */
  #journal({ journal = this.#options.journal }: Pick<StartOptions, 'journal'>): Journal {
    if (!journal) {
      const message = 'The engine has no journal: hand one to createEngine, such as sqliteJournal(file).';
      throw new OptionError('A call on the engine', [optionProblem('journal', message)]);
    }
    return journal;
  }

  /** Returns which process runs a stored job. */
  #placeOf(stored: JournalJob, journal: Journal): JobSummary['runs'] {
    const live = this.#live.get(stored.id);
    if (live?.run.remote) return 'elsewhere';
    if (live || JournalWriter.of(journal).recorderOf(stored.id)) return 'here';
    return !isTerminalJobState(stored.state) && isLeasedElsewhere(stored, journal) ? 'elsewhere' : 'nowhere';
  }

  #requireOpen(subject: string): void {
    if (this.closed) throw new CommandError('ENGINE_CLOSED', `${subject} was refused: the engine has been closed.`);
  }

  #requireUnusedId(subject: string, options: StartOptions | undefined): void {
    const refuse = (option: string, message: string): never => {
      throw new OptionError(subject, [optionProblem(option, message)]);
    };
    const id = options?.jobId;
    if (id !== undefined && this.#live.has(id))
      refuse('jobId', `A job with the id "${id}" is running already. Leave out jobId for one of its own.`);
    if (options?.clock && options.clock !== this.#clock)
      refuse('clock', "A job of an engine runs by the engine's clock: hand the clock to createEngine.");
  }
}

type Selection = RetrySelection & RerunSelection & Pick<StartOptions, 'jobId' | 'metadata' | 'labels'>;

/** The default number of jobs of a page. */
const PAGE = 100;

/** Returns `The retry of job "a1"`, for messages. @throws OptionError if the id is no text or empty */
const subjectOf = (what: string, jobId: unknown): string => {
  if (typeof jobId === 'string' && jobId !== '') return `The ${what} of job "${jobId}"`;
  const message = `The job is ${formatValue(jobId)}: expected the id of a job, as text.`;
  throw new OptionError(`The ${what} of a job`, [optionProblem('jobId', message)]);
};

/** Logs nothing: loading a job from the journal is not an event of the job. */
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Returns the subject of messages about a start. @throws OptionError if the value is not a sealed definition */
const requireDefinition = (definition: unknown): string => {
  if (isDefinition(definition)) return `The start of job "${(definition as { readonly name: string }).name}"`;
  const message = `It was given ${formatValue(definition)}: expected a sealed definition. Call .seal() on a builder first.`;
  throw new OptionError('A start of the engine', [optionProblem('definition', message)]);
};

/** Creates an engine. Its jobs share its limits and its journal. @throws OptionError */
export const createEngine = (options: EngineOptions = {}): Engine => {
  throwIfInvalid('The engine', engineOptionProblems(options));
  return new Engine(options ?? {});
};
