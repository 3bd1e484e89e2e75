import type { Observable } from 'rxjs';
import type { JobEvent, JobState } from '../events/event.ts';
import { logTo } from '../events/logger.ts';
import { newId } from '../events/system-clock.ts';
import { cancelOptionProblems, startOptionProblems, waitOptionProblems } from './check-options.ts';
import { checkedInput } from './check-schema.ts';
import { JobRecorder } from './durable/job-recorder.ts';
import { JournalWriter } from './durable/journal-writer.ts';
import { recordJob } from './durable/record-job.ts';
import { JobError } from './errors.ts';
import { type Explanation, explainAll, explainOne } from './explain.ts';
import { addTasks, removeTask } from './grow.ts';
import type { FinalContext, OutputNamed, PartialContext, TaskName, TaskPath, TaskType } from './infer.ts';
import type { JobResult } from './job-result.ts';
import { resultOf } from './job-result.ts';
import { JobRun, type Surroundings } from './job-run.ts';
import type { StartOptions } from './options.ts';
import { outputOf } from './output.ts';
import { beginJob, pauseJob, resumeJob, THE_PROGRAM } from './pause.ts';
import { indexIn, type Plan } from './plan.ts';
import { poolProblems } from './pool-problems.ts';
import { reactor } from './react.ts';
import { retryAll } from './retry-task.ts';
import { refuse } from './rules.ts';
import { stopJob } from './stop.ts';
import { TaskHandle } from './task-handle.ts';
import type { AnyTaskSpec } from './task-spec.ts';
import { viewOfJob } from './view-of.ts';
import { dotOf } from './views/dot.ts';
import { type FrontierItem, frontierOf } from './views/frontier.ts';
import { ganttOf } from './views/gantt.ts';
import { mermaidOf } from './views/mermaid.ts';

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
    refuse(`A call on job "${this.name}"`, waitOptionProblems(options));
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

  /**
   * How one task stands, now and whenever it is asked, and what can be done about it. A task of a nested job is
   * `outer/inner`, an instance of a fan-out `name[3]`. @throws UnknownTaskError
   */
  task(path: TaskPath<Tasks>): TaskHandle {
    return new TaskHandle(this.#run, path);
  }

  /** Resolves once all that has happened so far is in the journal; at once where there is none. @throws JournalError */
  saved(): Promise<void> {
    const { recorder } = this.#run;
    return recorder ? new Promise((resolve, reject) => recorder.whenSaved(resolve, reject)) : Promise.resolve();
  }

  /**
   * Nothing new starts; what runs goes on. Paused time counts towards no job timeout and no deadline. `by` says who does
   * it, for `explain`. @throws CommandError `INVALID_STATE`
   */
  pause(by = THE_PROGRAM): void {
    pauseJob(this.#run, by);
  }

  /** Lets a paused job go on. */
  resume(): void {
    resumeJob(this.#run);
  }

  /**
   * Tries a task again, with all its retries anew: one that has failed and on whose failure nothing has acted yet, that
   * is paused, or that waits for its next attempt (which then comes at once). Without a task: all that have failed or are
   * paused because their retries are used up. @throws CommandError `INVALID_STATE` @throws UnknownTaskError
   */
  retry(path?: TaskPath<Tasks>): void {
    if (path === undefined) retryAll(this.#run);
    else new TaskHandle(this.#run, path).retry();
  }

  /** Why tasks are not running: each that has not ended, or the one asked for. @throws UnknownTaskError */
  explain(path?: TaskPath<Tasks>): readonly Explanation[] {
    return path === undefined ? explainAll(this.#run) : [explainOne(this.#run, path)];
  }

  /**
   * Adds tasks to the job while it runs. They may depend on any of its tasks and on one another, and are checked as a
   * definition is, all before any of them is added. @throws JobDefinitionError @throws CommandError `INVALID_STATE`
   */
  addTasks(tasks: readonly AnyTaskSpec[]): void {
    addTasks(this.#run, tasks);
  }

  /** Removes a task that has not started and on which no other depends. @throws CommandError @throws JobDefinitionError */
  removeTask(name: string): void {
    removeTask(this.#run, name);
  }

  /** What has not completed although all its upstreams have, by name. */
  frontier(): readonly FrontierItem[] {
    return frontierOf(viewOfJob(this.#run));
  }

  /** The job as it stands, in Graphviz's DOT: coloured by state. */
  toDot(): string {
    return dotOf(viewOfJob(this.#run));
  }

  /** The job as it stands, as a Mermaid flowchart: coloured by state. */
  toMermaid(): string {
    return mermaidOf(viewOfJob(this.#run));
  }

  /** When each task waited and ran, as a Mermaid gantt chart. */
  toGantt(): string {
    return ganttOf(viewOfJob(this.#run));
  }

  /**
   * Ends the job: no task starts any more. Safe at any time and any number of times; `drain` may be followed by `abort`.
   * `reason` becomes the cause of the job's error. Answers the result. @throws OptionError
   */
  cancel(
    reason?: unknown,
    options: CancelOptions = {},
  ): Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> {
    refuse(`A call on job "${this.name}"`, cancelOptionProblems(options));
    const { mode = 'abort' } = options;
    stopJob(this.#run, reason === undefined ? { to: 'cancelled', mode } : { to: 'cancelled', mode, cause: reason });
    return this.result();
  }

  /** Cancels the job and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }
}

/**
 * Starts a job in a later microtask, so that who subscribes until then misses nothing.
 * @throws OptionError @throws SchemaError
 */
export const startJob = <Input extends object, Tasks extends TaskType>(
  plan: Plan,
  input: unknown,
  options: StartOptions | undefined,
  surroundings: Surroundings = {},
): Job<Input, Tasks> => {
  const subject = `The start of job "${plan.name}"`;
  refuse(subject, startOptionProblems(input, options));
  const given = checkedInput(plan.options.input, (input ?? {}) as object, plan.name);
  const { journal } = options ?? {};
  const recorder = journal && new JobRecorder(options?.jobId ?? newId(), JournalWriter.of(journal));
  const all = recorder ? { ...options, jobId: recorder.jobId } : (options ?? {});
  const run = new JobRun(plan, given, all, reactor, { ...surroundings, recorder });
  if (plan.pooled) refuse(subject, poolProblems(plan.tasks, run.level));
  if (run.options.logger) run.events$.subscribe(logTo(run.options.logger));
  if (journal && recorder) recordJob(run, recorder, journal, given, () => begin(run));
  else queueMicrotask(() => begin(run));
  return new Job(run);
};

const begin = (run: JobRun): void => {
  const { signal } = run.options;
  if (signal?.aborted) stopJob(run, { to: 'cancelled', mode: 'abort', cause: signal.reason });
  else if (!run.over) beginJob(run);
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
