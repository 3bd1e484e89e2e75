import { type Observable, Subject } from 'rxjs';
import type { JobEvent } from '../events/event.ts';
import type { Logger } from '../events/logger.ts';
import { systemClock } from '../events/system-clock.ts';
import {
  againOptionProblems,
  closeOptionProblems,
  engineOptionProblems,
  recoverOptionProblems,
  startOptionProblems,
} from './definition/check-options.ts';
import type { TaskPath, TaskType } from './definition/infer.ts';
import type { StartOptions } from './definition/options.ts';
import { refuse, show } from './definition/rules.ts';
import { isDefinition, PLAN } from './definition/sealed.ts';
import { jobIdOf } from './durable/job-id.ts';
import type { Journal } from './durable/journal.ts';
import { JournalWriter } from './durable/journal-writer.ts';
import type {
  AnyContext,
  AnyJob,
  AnyTasks,
  CloseOptions,
  EngineOptions,
  OfDefinition,
  RecoverOptions,
  Recovery,
  TakeUpOptions,
} from './engine-options.ts';
import { CommandError, JournalError, OptionError } from './errors/errors.ts';
import { Job, jobOf } from './job.ts';
import type { JobDefinition, StartArguments } from './job-definition.ts';
import { Dispatcher } from './limits/dispatcher.ts';
import type { JobRun } from './model/run.ts';
import type { Home } from './recovery/create-run.ts';
import { endedRun, resumedRun, type Workshop } from './recovery/from-journal.ts';
import { leaveJob } from './recovery/leave-job.ts';
import { isHeld } from './recovery/read-back.ts';
import {
  type Preview,
  previewRerun,
  previewRetry,
  type RerunSelection,
  type RetrySelection,
} from './recovery/retry-plan.ts';
import { rerunJob, retryJob, startJob } from './start-job.ts';
import type { Clock } from './time/clock.ts';

/** Limits, a journal and a stream that many jobs share, and their common end. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  /** The jobs that are not over, by id. */
  readonly #live = new Map<string, { readonly job: Job; readonly run: JobRun }>();
  readonly #events = new Subject<JobEvent>();
  readonly #home: Home;
  #closed = false;
  #closing: Promise<void> | undefined;
  #closesBy: 'drain' | 'abort' = 'drain';
  readonly #underWay = new Set<Promise<unknown>>();

  /** @internal */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#dispatcher = new Dispatcher(this.#clock, 'the engine', options);
    this.#home = {
      dispatcher: this.#dispatcher,
      enrol: (handle, run) => this.#enrol(handle as Job, run),
      requireOpen: (subject) => this.#requireOpen(subject),
    };
  }

  /** Everything that happens to its jobs from now on. Completes when the engine has closed. */
  get events$(): Observable<JobEvent> {
    return this.#events.asObservable();
  }

  /** The jobs that are not over, in the order of their start. */
  get jobs(): readonly Job[] {
    return [...this.#live.values()].map(({ job }) => job);
  }

  /** Whether it takes no more jobs. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A job that is not over, by its id. */
  job(id: string): Job | undefined {
    return this.#live.get(id)?.job;
  }

  /** How many slots of its concurrency and pools are taken. */
  get usage(): readonly { readonly name: string; readonly taken: number; readonly size: number }[] {
    return this.#dispatcher.top.usage();
  }

  /**
   * Starts a job within the limits of the engine. With a `jobKey` that has been used, the job that it stands for is
   * answered: one whose process died goes on. @throws CommandError `ENGINE_CLOSED` @throws OptionError
   * @throws SchemaError of the input @throws JournalError
   */
  start<Input extends object, Tasks extends TaskType, Given extends object>(
    definition: JobDefinition<Input, Tasks, Given>,
    ...[input, options]: StartArguments<Given>
  ): Job<Input, Tasks> {
    const subject = requireDefinition(definition);
    this.#requireOpen(subject);
    refuse(subject, startOptionProblems(input, options));
    const known = options?.jobKey === undefined ? undefined : this.job(jobIdOf(definition.name, options.jobKey));
    if (known) return known as unknown as Job<Input, Tasks>;
    this.#refuseTaken(subject, options);
    const { journal = this.#options.journal, ...others } = options ?? {};
    const all = { ...this.#startOptions(others), journal };
    return jobOf(startJob(definition[PLAN], input, all, this.#home), this.#home) as unknown as Job<Input, Tasks>;
  }

  /**
   * Lets a job of the journal go on whose process died: what had completed is not run again, what ran is. One that is over
   * is answered as it ended; one that runs in this process, as it is. The job is wrapped, since a promise of a job would
   * give its result. Its first event comes in a later turn of the event loop.
   * @throws JournalError `JOB_NOT_FOUND`, `JOB_LEASED` while another process runs it, `UNKNOWN_DEFINITION`, `DEFINITION_CHANGED`
   * @throws CommandError `ENGINE_CLOSED` @throws OptionError
   */
  async resume<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions & OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    const subject = subjectOf('resumption', jobId);
    this.#requireOpen(subject);
    refuse(subject, againOptionProblems(options, 'resume'));
    const { definition, changed, added, ...others } = options;
    const journal = this.#journal(others);
    const writer = JournalWriter.of(journal);
    type Typed = Job<Input, Tasks>;
    const live = this.job(jobId) ?? writer.recorderOf(jobId)?.handle;
    if (live) return { job: live as Typed };
    const underWay = writer.resuming.get(jobId) as Promise<{ readonly job: Typed }> | undefined;
    if (underWay) return underWay;
    const order = { definition, changed, added, options: this.#startOptions(others) };
    const resumption = this.#doing(
      resumedRun(this.#workshop, journal, jobId, order).then((run) => ({ job: new Job(run, this.#home) })),
    );
    writer.resuming.set(jobId, resumption);
    return resumption.finally(() => writer.resuming.delete(jobId)) as unknown as Promise<{ readonly job: Typed }>;
  }

  /**
   * Resumes all jobs of the journal that are not over and that no process runs. Call it when the program starts.
   * @throws CommandError `ENGINE_CLOSED` @throws OptionError @throws JournalError where the jobs can't be listed
   */
  async recover(options: RecoverOptions = {}): Promise<Recovery> {
    this.#requireOpen('The recovery');
    refuse('The recovery', recoverOptionProblems(options));
    const journal = this.#journal({});
    const left = await journal.jobs({ states: ['idle', 'running', 'paused'] });
    const resumed: AnyJob[] = [];
    const refused: Recovery['refused'][number][] = [];
    // The oldest first, as they were started.
    for (const kept of left.toReversed()) {
      if (this.#closed) break;
      if (this.#live.has(kept.id) || JournalWriter.of(journal).recorderOf(kept.id) || isHeld(kept, journal)) continue;
      try {
        const { job } = await this.resume(kept.id, options);
        resumed.push(job);
      } catch (error) {
        // Another process was quicker.
        if (error instanceof JournalError && error.code === 'JOB_LEASED') continue;
        refused.push({ jobId: kept.id, jobName: kept.name, error: error as Error });
      }
    }
    return { resumed, refused };
  }

  /**
   * Tries tasks of a job again that is over, by default what failed, was not ready or was cancelled, with all that depends
   * on it: the job goes on under its id. @throws CommandError `INVALID_STATE` @throws UnknownTaskError and as `resume`
   */
  async retry<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions & RetrySelection<TaskPath<Tasks>> & OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    const subject = subjectOf('retry', jobId);
    this.#requireOpen(subject);
    refuse(subject, againOptionProblems(options, 'retry'));
    const { definition, changed, added, tasks, downstream, ...others } = options;
    const { run, journal } = await this.#doing(this.#ended(jobId, { definition, changed, added, ...others }));
    this.#requireOpen(subject);
    return {
      job: new Job(
        retryJob(run, { tasks, downstream, ...this.#startOptions(others), journal }, this.#home),
        this.#home,
      ),
    };
  }

  /** What `retry` would run and keep; nothing is changed. @throws as `retry` */
  async previewRetry(jobId: string, options: TakeUpOptions & RetrySelection = {}): Promise<Preview> {
    refuse(subjectOf('retry', jobId), againOptionProblems(options, 'retry'));
    const { run } = await this.#ended(jobId, options);
    return previewRetry(run, options);
  }

  /**
   * Starts another job that takes over the results of one that is over, but those of `from` and of all that depends on it.
   * @throws CommandError `INVALID_STATE` @throws UnknownTaskError and as `resume`
   */
  async rerun<Input extends object = AnyContext, Tasks extends TaskType = AnyTasks, Given extends object = Input>(
    jobId: string,
    options: TakeUpOptions &
      RerunSelection<TaskPath<Tasks>> &
      Pick<StartOptions, 'jobId' | 'metadata'> &
      OfDefinition<Input, Tasks, Given> = {},
  ): Promise<{ readonly job: Job<Input, Tasks> }> {
    const subject = subjectOf('rerun', jobId);
    this.#requireOpen(subject);
    refuse(subject, againOptionProblems(options, 'rerun'));
    const { definition, changed, added, from, ...others } = options;
    const { run, journal } = await this.#doing(this.#ended(jobId, { definition, changed, added, ...others }));
    this.#requireOpen(subject);
    return {
      job: new Job<Input, Tasks>(
        rerunJob(run, { from, ...this.#startOptions(others), journal }, this.#home),
        this.#home,
      ),
    };
  }

  /** What `rerun` would run, and whose results it would take over; nothing is changed. @throws as `rerun` */
  async previewRerun(jobId: string, options: TakeUpOptions & RerunSelection = {}): Promise<Preview> {
    refuse(subjectOf('rerun', jobId), againOptionProblems(options, 'rerun'));
    const { run } = await this.#ended(jobId, options);
    return previewRerun(run, options);
  }

  /**
   * Takes no more jobs, ends those that there are, and resolves when they are over. A job with a journal is not cancelled but
   * left: what runs finishes or, with `abort`, is told to stop, and the job can be resumed. Called again it hastens: `abort`
   * may follow `drain`. @throws OptionError
   */
  close(options: CloseOptions = {}): Promise<void> {
    refuse('A call on the engine', closeOptionProblems(options));
    const { mode = 'drain', graceMs } = options;
    this.#closed = true;
    if (mode === 'abort') this.#closesBy = mode;
    const jobs = [...this.#live.values()];
    for (const job of jobs) this.#end(job, mode);
    const ended = this.#allEnded();
    if (mode === 'drain' && graceMs !== undefined && jobs.length > 0) {
      const callOff = this.#clock.setTimer(() => {
        for (const job of jobs) this.#end(job, 'abort');
      }, graceMs);
      ended.then(callOff);
    }
    this.#closing ??= ended.then(() => this.#events.complete());
    return this.#closing;
  }

  /** Aborts all jobs and waits for their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ mode: 'abort' });
  }

  /** Resolves when all jobs are over, those too that were being taken up as the engine closed. */
  async #allEnded(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#live.values()].map((live) => this.#end(live, this.#closesBy)));
  }

  /** Something that starts a job when it has read the journal: the engine has not closed before. */
  #doing<Value>(work: Promise<Value>): Promise<Value> {
    this.#underWay.add(work);
    const done = (): void => void this.#underWay.delete(work);
    work.then(done, done);
    return work;
  }

  async #end({ job, run }: { readonly job: Job; readonly run: JobRun }, mode: 'drain' | 'abort'): Promise<void> {
    if (run.recorder && !run.ended) await leaveJob(run, mode, CLOSING);
    else await job.cancel(CLOSING, { mode });
    await job;
  }

  #enrol(job: Job, run: JobRun): void {
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
    const { logger, clock, random } = this.#options;
    return { ...options, logger: options.logger ?? logger, clock, random: options.random ?? random };
  }

  get #workshop(): Workshop {
    return { home: this.#home, definitions: this.#options.definitions ?? [] };
  }

  /** A job that is over, as the journal holds it. @throws JournalError @throws CommandError */
  async #ended(
    jobId: string,
    { definition, changed, added, clock, journal }: TakeUpOptions,
  ): Promise<{ readonly run: JobRun; readonly journal: Journal }> {
    const from = this.#journal({ journal });
    const order = { definition, changed, added, options: this.#startOptions({ clock, logger: SILENT }) };
    return { run: await endedRun(this.#workshop, from, jobId, order), journal: from };
  }

  /** @throws OptionError */
  #journal({ journal = this.#options.journal }: Pick<StartOptions, 'journal'>): Journal {
    if (!journal) {
      const message = 'The engine has no journal: hand one to createEngine, such as sqliteJournal(file).';
      refuse('A call on the engine', [{ code: 'INVALID_OPTION', message, tasks: [], option: 'journal' }]);
    }
    return journal as Journal;
  }

  #requireOpen(subject: string): void {
    if (this.closed) throw new CommandError('ENGINE_CLOSED', `${subject} was refused: the engine has been closed.`);
  }

  #refuseTaken(subject: string, options: StartOptions | undefined): void {
    const problem = (option: string, message: string): void =>
      refuse(subject, [{ code: 'INVALID_OPTION', message, tasks: [], option }]);
    const id = options?.jobId;
    if (id !== undefined && this.#live.has(id))
      problem('jobId', `A job with the id "${id}" is running already. Leave out jobId for one of its own.`);
    if (options?.clock && options.clock !== this.#clock)
      problem('clock', "A job of an engine runs by the engine's clock: hand the clock to createEngine.");
  }
}

const CLOSING = 'the engine is closing';

/** What is asked, in words. @throws OptionError of an id that is none */
const subjectOf = (what: string, jobId: unknown): string => {
  if (typeof jobId === 'string' && jobId !== '') return `The ${what} of job "${jobId}"`;
  const message = `The job is ${show(jobId)}: expected the id of a job, as text.`;
  const problem = { code: 'INVALID_OPTION', message, tasks: [], option: 'jobId' } as const;
  throw new OptionError(`The ${what} of a job`, [problem]);
};

/** Reading a job back is nothing that happens to it. */
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** @throws OptionError of what is no sealed definition */
const requireDefinition = (definition: unknown): string => {
  if (isDefinition(definition)) return `The start of job "${(definition as { readonly name: string }).name}"`;
  const message = `It was given ${show(definition)}: expected a sealed definition. Call .seal() on a builder first.`;
  throw new OptionError('A start of the engine', [
    { code: 'INVALID_OPTION', message, tasks: [], option: 'definition' },
  ]);
};

/** An engine: limits and a journal shared by many jobs. @throws OptionError */
export const createEngine = (options: EngineOptions = {}): Engine => {
  refuse('The engine', engineOptionProblems(options));
  return new Engine(options ?? {});
};
