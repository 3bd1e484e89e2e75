import type { Observable } from 'rxjs';
import type { JobEvent, JobState } from '../events/event.ts';
import { logTo } from '../events/logger.ts';
import { cancelOptionProblems, waitOptionProblems } from './check-options.ts';
import { JobError, OptionError } from './errors.ts';
import type { FinalContext, OutputNamed, PartialContext, TaskName, TaskType } from './infer.ts';
import type { JobResult } from './job-result.ts';
import { resultOf } from './job-result.ts';
import { JobRun } from './job-run.ts';
import type { StartOptions } from './options.ts';
import { outputOf } from './output.ts';
import { indexIn, type Plan } from './plan.ts';
import type { Problem } from './problem.ts';
import { reactor } from './react.ts';
import { stopJob } from './stop.ts';
import { TaskHandle } from './task-handle.ts';

export type CancelOptions = {
  /** `abort` aborts what runs; `drain` lets it finish. Nothing starts in either. Default `abort`. */
  readonly mode?: 'abort' | 'drain';
};

/** One execution of a definition. Awaiting it gives the result, whatever became of the job. */
export class Job<Input extends object = object, Tasks extends TaskType = never>
  implements
    PromiseLike<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>>,
    AsyncDisposable
{
  readonly #run: JobRun;
  #result: Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> | undefined;

  /** @internal */
  constructor(run: JobRun) {
    this.#run = run;
  }

  get id(): string {
    return this.#run.id;
  }

  get name(): string {
    return this.#run.plan.name;
  }

  get state(): JobState {
    return this.#run.state;
  }

  /** The context as it is now, frozen. */
  get ctx(): PartialContext<Input, Tasks> {
    return this.#run.context.at(this.#run.context.version) as PartialContext<Input, Tasks>;
  }

  /**
   * Everything that happens to the job. Hot: who subscribes in the tick of the start misses nothing, who comes later hears
   * what is left, who comes after the end is handed the terminal event. Completes, never errors.
   */
  get events$(): Observable<JobEvent> {
    return this.#run.events$;
  }

  /**
   * How the job ended; never rejects for what the job did. A `signal` ends the waiting alone: the promise then rejects
   * with the signal's reason and the job goes on. @throws OptionError
   */
  result(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> {
    refuse(this.name, waitOptionProblems(options));
    this.#result ??= this.#run.done.then(
      () => resultOf(this.#run) as JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>,
    );
    return options.signal ? untilAborted(this.#result, options.signal) : this.#result;
  }

  then<
    Fulfilled = JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>,
    Rejected = never,
  >(
    onFulfilled?:
      | ((
          result: JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>,
        ) => Fulfilled | PromiseLike<Fulfilled>)
      | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.result().then(onFulfilled, onRejected);
  }

  /** The context of the completed job. @throws JobError if it ended in any other state */
  async orThrow(): Promise<FinalContext<Input, Tasks>> {
    const result = await this.result();
    if (result.state === 'completed') return result.ctx;
    throw result.error ?? notReadyError(this.#run);
  }

  /** What one task put out, as soon as that task has settled. @throws TaskError @throws UnknownTaskError */
  async output<Name extends TaskName<Tasks>>(task: Name): Promise<OutputNamed<Tasks, Name>> {
    const run = this.#run;
    const index = indexIn(run.plan, task);
    if (run.over || run.tasks[index]?.endedAt !== undefined) return outputOf(run, index) as OutputNamed<Tasks, Name>;
    return new Promise((resolve, reject) => {
      const waiter = { resolve: resolve as (output: unknown) => void, reject };
      run.waiting ??= new Map();
      run.waiting.set(index, [...(run.waiting.get(index) ?? []), waiter]);
    });
  }

  /** How one task stands, now and whenever it is asked. @throws UnknownTaskError */
  task(name: TaskName<Tasks>): TaskHandle {
    return new TaskHandle(this.#run, indexIn(this.#run.plan, name));
  }

  /**
   * Ends the job: no task starts any more. Safe at any time and any number of times; `drain` may be followed by `abort`.
   * `reason` becomes the cause of the job's error. Answers the result. @throws OptionError
   */
  cancel(
    reason?: unknown,
    options: CancelOptions = {},
  ): Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> {
    refuse(this.name, cancelOptionProblems(options));
    const { mode = 'abort' } = options;
    stopJob(this.#run, reason === undefined ? { to: 'cancelled', mode } : { to: 'cancelled', mode, cause: reason });
    return this.result();
  }

  /** Cancels the job and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }
}

const refuse = (jobName: string, [first, ...rest]: readonly Problem[]): void => {
  if (first) throw new OptionError(`A call on job "${jobName}"`, [first, ...rest]);
};

/** Starts a job in a later microtask, so that who subscribes until then misses nothing. */
export const createJob = <Input extends object, Tasks extends TaskType>(
  plan: Plan,
  input: object,
  options: StartOptions,
): Job<Input, Tasks> => {
  const run = new JobRun(plan, input, options, reactor);
  if (options.logger) run.events$.subscribe(logTo(options.logger));
  queueMicrotask(() => begin(run));
  return new Job(run);
};

const begin = (run: JobRun): void => {
  const { signal } = run.options;
  if (signal?.aborted) stopJob(run, { to: 'cancelled', mode: 'abort', cause: signal.reason });
  else if (!run.over) run.commandJob({ type: 'job.start' });
};

const notReadyError = (run: JobRun): JobError => {
  const waiting = run.tasks
    .filter((task) => task?.state === 'notReady')
    .map((task) => `"${task?.definition.name}": ${task?.reason}`);
  const message = `Job "${run.plan.name}" is not ready: ${waiting.join('; ')}.`;
  return new JobError('JOB_NOT_READY', message, { jobName: run.plan.name, jobId: run.id });
};

const untilAborted = <Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
