import type { Observable } from 'rxjs';
import type { JobEvent, JobState } from '../events/event.ts';
import { againOptionProblems, cancelOptionProblems, waitOptionProblems } from './definition/check-options.ts';
import type { FinalContext, OutputNamed, PartialContext, TaskName, TaskPath, TaskType } from './definition/infer.ts';
import type { StartOptions } from './definition/options.ts';
import { indexIn } from './definition/plan.ts';
import { refuse } from './definition/rules.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import { JobError } from './errors/errors.ts';
import { type JobResult, resultOf } from './job-result.ts';
import type { JobRun } from './model/run.ts';
import type { Home, Started } from './recovery/create-run.ts';
import {
  type Preview,
  previewRerun,
  previewRetry,
  type RerunSelection,
  type RetrySelection,
} from './recovery/retry-plan.ts';
import { requireHere } from './run/elsewhere.ts';
import { addTasks, removeTask } from './run/grow.ts';
import { outputOf } from './run/output.ts';
import { pauseJob, resumeJob, THE_PROGRAM } from './run/pause.ts';
import { retryAll } from './run/retry-task.ts';
import { cancelJob } from './run/stop.ts';
import { rerunJob, retryJob } from './start-job.ts';
import { TaskHandle } from './task-handle.ts';
import { dotOf } from './views/dot.ts';
import { type Explanation, explainAll, explainOne } from './views/explain.ts';
import { type FrontierItem, frontierOf } from './views/frontier.ts';
import { ganttOf } from './views/gantt.ts';
import { mermaidOf } from './views/mermaid.ts';
import { viewOfJob } from './views/view-of.ts';

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
  readonly #home: Home;
  #result: Promise<JobResult<FinalContext<Input, Tasks>, PartialContext<Input, Tasks>, TaskName<Tasks>>> | undefined;

  /** @internal */
  constructor(run: JobRun, home: Home) {
    this.#run = run;
    this.#home = home;
    if (run.recorder) run.recorder.handle = this;
    home.enrol?.(this, run);
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

  /** The context of the completed job. @throws JobError if it ended in any other state @throws JournalError if its end can't be kept */
  async orThrow(): Promise<FinalContext<Input, Tasks>> {
    const result = await this.result();
    if (result.state === 'completed') await this.saved();
    if (result.state === 'completed') return result.ctx;
    throw result.error ?? notReadyError(this.#run);
  }

  /** What one task put out, as soon as that task has settled. @throws TaskError @throws UnknownTaskError */
  async output<Name extends TaskName<Tasks>>(task: Name): Promise<OutputNamed<Tasks, Name>> {
    const run = this.#run;
    const index = indexIn(run.plan, task);
    if (run.ended || (!run.over && run.tasks[index]?.endedAt !== undefined))
      return outputOf(run, index) as OutputNamed<Tasks, Name>;
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
    requireHere(this.#run, 'paused');
    pauseJob(this.#run, by);
  }

  /** Lets a paused job go on. */
  resume(): void {
    requireHere(this.#run, 'resumed');
    resumeJob(this.#run);
  }

  /**
   * Tries tasks again, with all their retries anew. While the job runs: a task that has failed and on whose failure nothing
   * has acted yet, that is paused, or that waits for its next attempt (which then comes at once); without a task all that
   * have failed or are paused because their retries are used up. Answers this job.
   *
   * Once it is over: the job goes on, under its id, in the job that is answered, with what failed, was not ready or was
   * cancelled, or with the tasks chosen, and with all that depends on them; all else keeps its result.
   * @throws CommandError `INVALID_STATE` @throws UnknownTaskError @throws OptionError @throws JournalError
   */
  retry(tasks?: TaskPath<Tasks> | (RetrySelection<TaskPath<Tasks>> & StartOptions)): Job<Input, Tasks> {
    const run = this.#run;
    requireHere(run, 'retried');
    const options = typeof tasks === 'string' ? { tasks: [tasks] } : (tasks ?? {});
    const subject = `A retry of job "${this.name}"`;
    refuse(subject, againOptionProblems(options, 'retry', 'handle'));
    if (run.over) {
      this.#home.requireOpen?.(subject);
      return new Job(retryJob(run, options, this.#home), this.#home);
    }
    if (options.tasks) for (const path of options.tasks) new TaskHandle(run, path).retry();
    else retryAll(run);
    return this;
  }

  /** What `retry` of the job, which is over, would run and keep; nothing is changed. @throws as `retry` */
  previewRetry(selection: RetrySelection<TaskPath<Tasks>> = {}): Preview {
    refuse(`A retry of job "${this.name}"`, againOptionProblems(selection, 'retry', 'handle'));
    return previewRetry(this.#run, selection);
  }

  /**
   * Starts another job of the same tasks and input, which takes over the results of this one, that is over, but those of
   * `from` and of all that depends on it. @throws CommandError `INVALID_STATE` @throws UnknownTaskError @throws OptionError
   */
  rerun(options: RerunSelection<TaskPath<Tasks>> & StartOptions = {}): Job<Input, Tasks> {
    requireHere(this.#run, 'run again');
    const subject = `A rerun of job "${this.name}"`;
    refuse(subject, againOptionProblems(options, 'rerun', 'handle'));
    this.#home.requireOpen?.(subject);
    return new Job(rerunJob(this.#run, options, this.#home), this.#home);
  }

  /** What `rerun` of the job would run, and whose results it would take over; nothing is changed. @throws as `rerun` */
  previewRerun(selection: RerunSelection<TaskPath<Tasks>> = {}): Preview {
    refuse(`A rerun of job "${this.name}"`, againOptionProblems(selection, 'rerun', 'handle'));
    return previewRerun(this.#run, selection);
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
    requireHere(this.#run, 'changed');
    addTasks(this.#run, tasks);
  }

  /** Removes a task that has not started and on which no other depends. @throws CommandError @throws JobDefinitionError */
  removeTask(name: string): void {
    requireHere(this.#run, 'changed');
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
    const run = this.#run;
    if (run.elsewhere) run.elsewhere.cancel(reason, mode);
    else cancelJob(run, mode, reason);
    return this.result();
  }

  /** Cancels the job and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }
}

/** The handle of a job that was started. */
export const jobOf = ({ run, existing }: Started, home: Home): Job =>
  (existing as Job | undefined) ?? new Job(run as JobRun, home);

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
