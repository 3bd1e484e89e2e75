import type { Observable } from 'rxjs';
import type { JobEvent, JobState } from '../events/event.ts';
import {
  cancelOptionProblems,
  restartOptionProblems,
  viewOptionProblems,
  waitOptionProblems,
} from './definition/check-options.ts';
import type {
  FinalContext,
  OutputNamed,
  PartialContext,
  TakenBy,
  TaskName,
  TaskPath,
  TaskType,
} from './definition/infer.ts';
import { throwIfInvalid } from './definition/option-rules.ts';
import type { LimitOptions, StartOptions } from './definition/options.ts';
import { indexIn } from './definition/plan.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import { CommandError, JobError, shownToCaller } from './errors/errors.ts';
import { type JobResult, resultOf } from './job-result.ts';
import type { JobRun } from './model/run.ts';
import type { JobHost, Started } from './recovery/create-run.ts';
import type { FoundHere } from './recovery/durability.ts';
import {
  type Preview,
  previewRerun,
  previewRetry,
  type RerunSelection,
  type RetrySelection,
} from './recovery/retry-plan.ts';
import { encodeOptions } from './recovery/stored-options.ts';
import { addTasks, removeTask } from './run/dynamic-tasks.ts';
import { outputOf } from './run/output.ts';
import { pauseJob, resumeJob, THE_PROGRAM } from './run/pause.ts';
import { requireLocal } from './run/remote.ts';
import { retryAll } from './run/retry-task.ts';
import { applyLimits, changedLimits, requireLimits } from './run/set-limits.ts';
import { cancelJob } from './run/shutdown.ts';
import { rerunJob, retryJob } from './start-job.ts';
import { TaskHandle } from './task-handle.ts';
import { onAbort } from './time/on-abort.ts';
import { criticalTasksOf } from './views/critical-path.ts';
import { dotOf } from './views/dot.ts';
import { type Explanation, explainAll, explainOne } from './views/explain.ts';
import { type FrontierItem, frontierOf } from './views/frontier.ts';
import { ganttOf } from './views/gantt.ts';
import type { JobView, ViewOptions } from './views/job-view.ts';
import { viewOfRun } from './views/live-view.ts';
import { mermaidOf } from './views/mermaid.ts';
import type { JobProgress } from './views/progress.ts';
import { viewOfJob } from './views/view-of.ts';
import { watchProgress } from './views/watch-progress.ts';

export type CancelOptions = {
  /** `abort` aborts running tasks, `drain` lets them finish. Either way only clean-up tasks start. Default `abort`. */
  readonly mode?: 'abort' | 'drain';
};

/** Returns another handle of a job, for a start that found it. @throws JournalError `JOB_KEY_CONFLICT` */
let anotherHandle: (found: FoundHere) => Job;

/** @internal Returns the run behind a handle, for what the handle does not show. */
export let runOf: (job: Pick<Job, 'id'>) => JobRun;

/** One execution of a definition. Awaiting a job yields its result, however it ends. */
export class Job<Input extends object = object, Tasks extends TaskType = never>
  implements
    PromiseLike<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>>,
    AsyncDisposable
{
  readonly #run: JobRun;
  readonly #host: JobHost;
  #result: Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> | undefined;

  #progress: Observable<JobProgress> | undefined;

  readonly #isAnother: boolean;

  static {
    anotherHandle = ({ existing, requireSameInput }) => {
      const job = existing as Job;
      requireSameInput(job.#run);
      return new Job(job.#run, job.#host, true);
    };
    runOf = (job) => (job as Job).#run;
  }

  /** @internal `isAnother`: whether the job has a handle already */
  constructor(run: JobRun, host: JobHost, isAnother = false) {
    this.#run = run;
    this.#host = host;
    this.#isAnother = isAnother;
    if (isAnother) return;
    if (run.recorder) run.recorder.handle = this;
    host.register?.(this, run);
  }

  get id(): string {
    return this.#run.id;
  }

  get name(): string {
    return this.#run.plan.name;
  }

  /**
   * Whether the call that returned this handle found the job, instead of beginning it: a start with a known `jobKey`, the
   * resumption of a stored job, a retry. `undefined` until an asynchronous journal has answered; known once `saved` has resolved.
   */
  get found(): boolean | undefined {
    return this.#isAnother || this.#run.found;
  }

  get state(): JobState {
    return this.#run.state;
  }

  /** The current context, read-only. */
  get ctx(): PartialContext<Input, Tasks> {
    return this.#run.context.at(this.#run.context.version) as PartialContext<Input, Tasks>;
  }

  /**
   * Events of the job from now on. A subscriber in the tick of the start receives all events; a subscriber after the
   * end receives only the terminal event. Completes, never errors.
   */
  get events$(): Observable<JobEvent> {
    return this.#run.events$;
  }

  /**
   * How far the job is: at once, then when that changes, at most once a second, by how long its tasks are thought to
   * take. Computed only while somebody subscribes. Completes with the job, never errors.
   */
  get progress$(): Observable<JobProgress> {
    this.#progress ??= watchProgress(this.#run);
    return this.#progress;
  }

  /**
   * Resolves to the result; never rejects because of what the job did. `signal` ends only the wait: the promise rejects
   * with the signal's reason, and the job continues.
   * @throws OptionError
   */
  result(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> {
    throwIfInvalid(`A call on job "${this.name}"`, waitOptionProblems(options));
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

  /**
   * Resolves to the context of the completed job.
   * @throws JobError if the job ended in any other state; JournalError if its end can't be stored
   */
  async orThrow(): Promise<FinalContext<Input, Tasks>> {
    const result = await this.result();
    if (result.state === 'completed') await this.saved();
    if (result.state === 'completed') return result.ctx;
    throw shownToCaller(result.error ?? notReadyError(this.#run));
  }

  /** Resolves to a task's output when the task has settled. @throws TaskError if not completed; UnknownTaskError */
  async output<Name extends TaskName<Tasks>>(task: Name): Promise<OutputNamed<Tasks, Name>> {
    const run = this.#run;
    const index = indexIn(run.plan, task);
    try {
      if (run.ended || (!run.over && run.tasks[index]?.endedAt !== undefined))
        return outputOf(run, index) as OutputNamed<Tasks, Name>;
      return (await new Promise<unknown>((resolve, reject) => {
        run.outputWaiters ??= new Map();
        run.outputWaiters.set(index, [...(run.outputWaiters.get(index) ?? []), { resolve, reject }]);
      })) as OutputNamed<Tasks, Name>;
    } catch (error) {
      throw shownToCaller(error);
    }
  }

  /** Returns a live handle of a task by path: `name`, `outer/inner` (nested) or `name[3]`. @throws UnknownTaskError */
  task<const Path extends TaskPath<TaskName<Tasks>>>(path: Path): TaskHandle<TakenBy<Tasks, Path>> {
    return new TaskHandle(this.#run, path);
  }

  /**
   * Resolves when all events so far are stored, and when a job that was found has its state; at once without a journal.
   * Rejects with JournalError on failure.
   */
  async saved(): Promise<void> {
    const { recorder, opened } = this.#run;
    if (opened) await opened;
    if (recorder) await new Promise<void>((resolve, reject) => recorder.afterCommit(resolve, reject));
  }

  /**
   * Pauses the job: running functions continue, nothing new starts. Paused time does not count towards the job's
   * timeout or a deadline. `explain` shows `by` as who paused the job.
   * @throws OptionError if `by` is empty or not a string
   * @throws CommandError `INVALID_STATE` if the job is over, is ending, or runs in another process
   */
  pause(by = THE_PROGRAM): void {
    requireLocal(this.#run, 'paused');
    this.#run.inContext(() => pauseJob(this.#run, by));
  }

  /** Resumes a paused job. @throws CommandError `INVALID_STATE` if the job runs in another process */
  resume(): void {
    requireLocal(this.#run, 'resumed');
    this.#run.inContext(() => resumeJob(this.#run));
  }

  /**
   * Changes limits of the job while it runs; what is left out stays, pools one by one. What may start now starts at once, in
   * the order of ever; what runs is never stopped for it. The job keeps its limits over a resume and a retry.
   * @throws OptionError for a pool that neither the job nor its engine has, or with fewer slots than a task takes
   * @throws CommandError `INVALID_STATE` if the job is over, or runs in another process
   */
  setLimits(limits: LimitOptions): void {
    const run = this.#run;
    requireLocal(run, 'given other limits');
    if (run.over)
      throw new CommandError('INVALID_STATE', `Job "${this.name}" is ${run.state}: its limits are of no use.`);
    requireLimits(`A call on job "${this.name}"`, limits, run);
    const changed = changedLimits(run.startOptions, limits);
    run.recorder?.put('', 'limits', encodeOptions(changed));
    run.inContext(() => applyLimits(run, changed));
  }

  /**
   * Retries tasks. A task that has failed, or has used up its retries, gets its full number of retries again.
   * While the job runs, a task can be retried if it is paused, if it waits for its next attempt (which then starts at
   * once), or if it has failed and no task has started because of the failure. Default: all failed tasks that can be
   * retried, and all tasks paused because their retries are used up. Returns this job.
   * When the job is over, it continues under its id; `retry` returns a new handle. The tasks and everything downstream
   * run again; with `downstream: false`, completed tasks downstream do not. Default: the tasks that failed without
   * `continueOnFailure`, were not ready or were cancelled.
   * @throws CommandError `INVALID_STATE`, UnknownTaskError, OptionError, JournalError
   */
  retry(
    tasks?: TaskPath<TaskName<Tasks>> | (RetrySelection<TaskPath<TaskName<Tasks>>> & StartOptions),
  ): Job<Input, Tasks> {
    const run = this.#run;
    requireLocal(run, 'retried');
    const options = typeof tasks === 'string' ? { tasks: [tasks] } : (tasks ?? {});
    const subject = `A retry of job "${this.name}"`;
    throwIfInvalid(subject, restartOptionProblems(options, 'retry'));
    if (run.over) {
      this.#host.requireOpen?.(subject);
      return new Job(retryJob(run, options, this.#host), this.#host);
    }
    if (options.tasks) for (const path of options.tasks) new TaskHandle(run, path).retry();
    else run.inContext(() => retryAll(run));
    return this;
  }

  /** Returns which tasks `retry` would run and keep. The job must be over. Changes nothing. @throws as `retry` */
  previewRetry(selection: RetrySelection<TaskPath<TaskName<Tasks>>> = {}): Preview {
    throwIfInvalid(`A retry of job "${this.name}"`, restartOptionProblems(selection, 'retry'));
    return previewRetry(this.#run, selection);
  }

  /**
   * Starts a new job with the tasks, input and results of this job, which must be over. Tasks in `from` and downstream
   * run again. Default: the tasks that failed without `continueOnFailure`, were not ready or were cancelled.
   * @throws CommandError `INVALID_STATE`, UnknownTaskError, OptionError, JournalError
   */
  rerun(options: RerunSelection<TaskPath<TaskName<Tasks>>> & StartOptions = {}): Job<Input, Tasks> {
    requireLocal(this.#run, 'run again');
    const subject = `A rerun of job "${this.name}"`;
    throwIfInvalid(subject, restartOptionProblems(options, 'rerun'));
    this.#host.requireOpen?.(subject);
    return new Job(rerunJob(this.#run, options, this.#host), this.#host);
  }

  /** Returns which tasks `rerun` would run, and which results it would reuse. Changes nothing. @throws as `rerun` */
  previewRerun(selection: RerunSelection<TaskPath<TaskName<Tasks>>> = {}): Preview {
    throwIfInvalid(`A rerun of job "${this.name}"`, restartOptionProblems(selection, 'rerun'));
    return previewRerun(this.#run, selection);
  }

  /** Explains why a task is not running; without `path`, each task that waits to run. @throws UnknownTaskError */
  explain(path?: TaskPath<TaskName<Tasks>>): readonly Explanation[] {
    return path === undefined ? explainAll(this.#run) : [explainOne(this.#run, path)];
  }

  /**
   * Returns the job with its tasks as plain JSON data: as it stands here, or as the events say that were read so far if
   * another process runs it. Changes nothing. @throws OptionError, UnknownTaskError
   */
  view(options: ViewOptions = {}): JobView {
    throwIfInvalid(`A call on job "${this.name}"`, viewOptionProblems(options));
    return viewOfRun(this.#run, options);
  }

  /**
   * Adds tasks to the running job, all or none. The tasks may depend on any task of the job and on one another.
   * @throws JobDefinitionError; CommandError `INVALID_STATE`
   */
  addTasks(tasks: readonly AnyTaskSpec[]): void {
    requireLocal(this.#run, 'changed');
    this.#run.inContext(() => addTasks(this.#run, tasks));
  }

  /**
   * Removes a task that has not started.
   * @throws UnknownTaskError; CommandError `INVALID_STATE`; JobDefinitionError if another task depends on it
   */
  removeTask(name: string): void {
    requireLocal(this.#run, 'changed');
    this.#run.inContext(() => removeTask(this.#run, name));
  }

  /** Returns, sorted by name, uncompleted tasks whose upstreams have all completed, and tasks failed or not ready. */
  frontier(): readonly FrontierItem[] {
    return frontierOf(viewOfJob(this.#run));
  }

  /** Renders the current state in Graphviz's DOT language, coloured by state; the critical path is thick, if times are known. */
  toDot(): string {
    return dotOf({ ...viewOfJob(this.#run), critical: criticalTasksOf(this.#run) });
  }

  /** Renders the current state as a Mermaid flowchart, coloured by state; the critical path is thick, if times are known. */
  toMermaid(): string {
    return mermaidOf({ ...viewOfJob(this.#run), critical: criticalTasksOf(this.#run) });
  }

  /** Renders when each task waited and ran, as a Mermaid Gantt chart. */
  toGantt(): string {
    return ganttOf(viewOfJob(this.#run));
  }

  /**
   * Cancels the job, at any time and repeatedly: only clean-up tasks start from now on; `drain` may be followed by
   * `abort`. A second `abort` ends clean-up, too. `reason` becomes the `cause` of the job's error. Resolves to the result.
   * @throws OptionError
   */
  cancel(
    reason?: unknown,
    options: CancelOptions = {},
  ): Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> {
    throwIfInvalid(`A call on job "${this.name}"`, cancelOptionProblems(options));
    const { mode = 'abort' } = options;
    if (this.#run.remote) this.#run.remote.cancel(reason, mode);
    else cancelJob(this.#run, mode, reason);
    return this.result();
  }

  /** Cancels the job, unless that has been done already, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#run.cancelMode === 'abort' ? this.result() : this.cancel());
  }
}

/** Returns the handle of a started job, or another handle of the existing job with the same key. @throws JournalError */
export const jobOf = (started: Started, host: JobHost): Job =>
  'existing' in started ? anotherHandle(started) : new Job(started.run, host);

const notReadyError = (run: JobRun): JobError => {
  const waiting = run.tasks
    .filter((task) => task?.state === 'notReady')
    .map((task) => `"${task?.definition.name}": ${task?.reason}`);
  const message = `Job "${run.plan.name}" is not ready: ${waiting.join('; ')}.`;
  return new JobError('JOB_NOT_READY', message, { jobName: run.plan.name, jobId: run.id });
};

const untilAborted = <Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    promise.then(resolve, reject).finally(onAbort(signal, reject));
  });
