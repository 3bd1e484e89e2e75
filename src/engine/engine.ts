import { type Observable, Subject } from 'rxjs';
import type { JobEvent } from '../events/event.ts';
import type { Logger } from '../events/logger.ts';
import { systemClock } from '../events/system-clock.ts';
import { closeOptionProblems, engineOptionProblems, startOptionProblems } from './check-options.ts';
import type { Clock } from './clock.ts';
import type { JobDefinition, StartArguments } from './definition.ts';
import { CommandError, OptionError } from './errors.ts';
import type { TaskType } from './infer.ts';
import { type Job, startJob } from './job.ts';
import { Dispatcher } from './limits/dispatcher.ts';
import type { LimitOptions, StartOptions } from './options.ts';
import { isDefinition, PLAN } from './plan.ts';
import { refuse, show } from './rules.ts';

export type EngineOptions = LimitOptions & {
  /** Told of every event of every job that has no logger of its own. */
  readonly logger?: Logger | undefined;
  /** Default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
};

export type CloseOptions = {
  /** `drain`: what runs finishes, nothing starts. `abort`: what runs is told to stop. Default `drain`. */
  readonly mode?: 'drain' | 'abort' | undefined;
  /** How long that may take in ms; then a drain becomes an abort. Default no limit. */
  readonly graceMs?: number | undefined;
};

/** Limits and a stream that many jobs share, and their common end. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  readonly #jobs = new Map<string, Job>();
  readonly #events = new Subject<JobEvent>();
  #closed = false;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#dispatcher = new Dispatcher(this.#clock, 'the engine', options);
  }

  /** Everything that happens to its jobs from now on. Completes when the engine has closed. */
  get events$(): Observable<JobEvent> {
    return this.#events.asObservable();
  }

  /** The jobs that are not over, in the order of their start. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  /** Whether it takes no more jobs. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A job that is not over, by its id. */
  job(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** How many slots of its concurrency and pools are taken. */
  get usage(): readonly { readonly name: string; readonly taken: number; readonly size: number }[] {
    return this.#dispatcher.top.usage();
  }

  /**
   * Starts a job within the limits of the engine. @throws CommandError `ENGINE_CLOSED` @throws OptionError
   * @throws SchemaError of the input
   */
  start<Input extends object, Tasks extends TaskType, Given extends object>(
    definition: JobDefinition<Input, Tasks, Given>,
    ...[input, options]: StartArguments<Given>
  ): Job<Input, Tasks> {
    const subject = requireDefinition(definition);
    if (this.closed) throw new CommandError('ENGINE_CLOSED', `${subject} was refused: the engine has been closed.`);
    refuse(subject, startOptionProblems(input, options));
    this.#refuseTaken(subject, options);
    const { logger, clock, random } = this.#options;
    const all: StartOptions = {
      ...options,
      logger: options?.logger ?? logger,
      clock,
      random: options?.random ?? random,
    };
    const job = startJob<Input, Tasks>(definition[PLAN], input, all, { dispatcher: this.#dispatcher });
    this.#jobs.set(job.id, job as unknown as Job);
    job.events$.subscribe({
      next: (event) => this.#events.next(event),
      complete: () => this.#jobs.delete(job.id),
    });
    return job;
  }

  /**
   * Takes no more jobs, ends those that there are, and resolves when they are over. Called again it hastens: `abort` may
   * follow `drain`. @throws OptionError
   */
  close(options: CloseOptions = {}): Promise<void> {
    refuse('A call on the engine', closeOptionProblems(options));
    const { mode = 'drain', graceMs } = options;
    this.#closed = true;
    const jobs = this.jobs;
    const ended = Promise.all(jobs.map((job) => job.cancel('the engine is closing', { mode }).then(() => {})));
    if (mode === 'drain' && graceMs !== undefined && jobs.length > 0) {
      const callOff = this.#clock.setTimer(() => {
        for (const job of jobs) job.cancel('the engine is closing');
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

  #refuseTaken(subject: string, options: StartOptions | undefined): void {
    const problem = (option: string, message: string): void =>
      refuse(subject, [{ code: 'INVALID_OPTION', message, tasks: [], option }]);
    const id = options?.jobId;
    if (id !== undefined && this.#jobs.has(id))
      problem('jobId', `A job with the id "${id}" is running already. Leave out jobId for one of its own.`);
    if (options?.clock && options.clock !== this.#clock)
      problem('clock', "A job of an engine runs by the engine's clock: hand the clock to createEngine.");
  }
}

/** @throws OptionError of what is no sealed definition */
const requireDefinition = (definition: unknown): string => {
  if (isDefinition(definition)) return `The start of job "${(definition as { readonly name: string }).name}"`;
  const message = `It was given ${show(definition)}: expected a sealed definition. Call .seal() on a builder first.`;
  throw new OptionError('A start of the engine', [
    { code: 'INVALID_OPTION', message, tasks: [], option: 'definition' },
  ]);
};

/** An engine: limits shared by many jobs. @throws OptionError */
export const createEngine = (options: EngineOptions = {}): Engine => {
  refuse('The engine', engineOptionProblems(options));
  return new Engine(options ?? {});
};
