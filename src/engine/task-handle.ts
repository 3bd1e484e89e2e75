import type { LogLevel, TaskState } from '../events/event.ts';
import { SETTLED } from '../events/states.ts';
import type { NotReady } from './definition/directive.ts';
import { formatValue, refuseArgument } from './definition/option-rules.ts';
import { CommandError, type TaskError } from './errors/errors.ts';
import type { TaskResult } from './job-result.ts';
import {
  type ClaimOptions,
  claim,
  complete,
  failExternal,
  heartbeat,
  isRepeat,
  logExternal,
  notExternal,
  progressExternal,
  release,
  requireToken,
} from './kinds/external.ts';
import { durationOf, type JobRun, type TaskRun } from './model/run.ts';
import { errorToShow } from './model/task-record.ts';
import { replacePriority } from './run/dynamic-tasks.ts';
import { type Found, findTask, stepsOf } from './run/find-task.ts';
import { pauseTask, pauseWhenReady, resumeTask, THE_PROGRAM } from './run/pause.ts';
import { requireLocal } from './run/remote.ts';
import { retryTask } from './run/retry-task.ts';

/** The arguments of `complete`. The output is optional if the task may be completed with nothing. */
type CompleteArguments<Taken> = [Taken] extends [never]
  ? [never]
  : undefined extends Taken
    ? [output?: Taken | NotReady, token?: string | undefined]
    : [output: Taken | NotReady, token?: string | undefined];

/**
 * Live handle of one task: its properties return the current state, its methods control the task. `Taken` is what
 * completes it if it is external.
 */
export class TaskHandle<Taken = object | undefined> implements TaskResult {
  /** Path of the task: its name, `outer/inner` in a nested job, `name[3]` in a fan-out. */
  readonly name: string;
  readonly #run: JobRun;
  readonly #steps: readonly string[];

  /** @internal */
  constructor(run: JobRun, path: string) {
    this.name = path;
    this.#run = run;
    this.#steps = stepsOf(path);
    this.#found();
  }

  get state(): TaskState {
    return this.#task?.state ?? 'unscheduled';
  }

  /** Number of the current or last attempt, from 1; 0 before the first. */
  get attempt(): number {
    return this.attempts;
  }

  get attempts(): number {
    return this.#task?.attempts ?? 0;
  }

  get polls(): number {
    return this.#task?.polls ?? 0;
  }

  get startedAt(): number | undefined {
    return this.#task?.startedAt;
  }

  get durationMs(): number | undefined {
    return durationOf(this.#task, this.#run.clock.now);
  }

  /** Why the task did not complete; before the task has ended, why its last attempt failed. */
  get error(): TaskError | undefined {
    return this.#task && errorToShow(this.#task);
  }

  get reason(): string | undefined {
    return this.#task?.reason;
  }

  /** Number of results that arrived after their attempt had timed out or been cancelled, and were dropped. */
  get lateResults(): number {
    return this.#task?.lateResults ?? 0;
  }

  /** Whom an external task is for. */
  get owner(): string | undefined {
    return this.#found().definition?.external?.owner;
  }

  /** What whoever works on an external task has to know: frozen JSON. */
  get data(): unknown {
    return this.#found().definition?.external?.data;
  }

  /** Who works on an external task that has been claimed, or on an attempt that the engine's executor performs. */
  get worker(): string | undefined {
    const task = this.#task;
    return task?.attempt && task.worker;
  }

  /**
   * When the claim of an external task ends unless a heartbeat renews it, in epoch ms; undefined for a claim that lasts
   * without heartbeats, and while the task or its job is paused.
   */
  get leaseEndsAt(): number | undefined {
    return this.#task?.leaseEndsAt;
  }

  /**
   * Pauses a ready task, or any other task as soon as it is ready. External tasks, nested jobs and fan-outs can also be
   * paused while they run. `by` is who pauses the task; `token`, if given, must be the token of the current claim.
   * @throws CommandError; OptionError if `by` is empty or not a string
   */
  pause(by = THE_PROGRAM, token?: string): void {
    const { job, index, task } = this.#requireStarted('paused');
    if (task && token !== undefined) requireToken(task, token);
    if (task) job.inContext(() => pauseTask(task, by));
    else pauseWhenReady(job, index, by);
  }

  /** Resumes a paused task. @throws CommandError */
  resume(): void {
    const { job, index } = this.#requireStarted('resumed');
    job.inContext(() => resumeTask(job, index));
  }

  /** Retries a task that has failed, is paused or waits for its next attempt. @throws CommandError */
  retry(): void {
    const task = this.#requireRecord('tried again');
    task.job.inContext(() => retryTask(task));
  }

  /**
   * Gives the task another priority, any finite number: what waits is in the new order at once. That of a nested job or
   * fan-out counts for the tasks inside that have none of their own. It is kept over a resume and a retry of the job.
   * @throws CommandError `INVALID_STATE` if the task has ended; OptionError
   */
  setPriority(priority: number): void {
    const { job, index, task } = this.#requireStarted('given a priority');
    if (!Number.isFinite(priority)) {
      const message = `It was given ${formatValue(priority)}: expected a finite number.`;
      refuseArgument('setPriority', 'priority', message);
    }
    if (task && SETTLED.has(task.state)) {
      const message = `Task "${this.name}" can't be given a priority: it is ${task.state}.`;
      throw new CommandError('INVALID_STATE', message, this.name);
    }
    replacePriority(job, index, priority);
    job.recorder?.put(this.name, 'priority', JSON.stringify(priority));
    job.inContext(() => job.dispatcher.reorder());
  }

  /**
   * Claims a ready external task; returns a token for the attempt that starts. `leaseMs` is the longest time in ms
   * without a heartbeat; default: the task's `heartbeatTimeout`.
   * @throws CommandError; OptionError, also if `worker` is empty or not a string
   */
  claim(worker: string, options: ClaimOptions = {}): string {
    const task = this.#requireExternal('claimed');
    return task.job.inContext(() => claim(task, worker, options));
  }

  /** Reports that the worker still works on the task. @throws CommandError, `STALE_TOKEN` if the attempt is over */
  heartbeat(token?: string): void {
    const task = this.#requireExternal('kept alive');
    task.job.inContext(() => heartbeat(task, token));
  }

  /** Publishes the task's progress, from 0 to 1; counts as a heartbeat. @throws CommandError, OptionError */
  progress(fraction: number, message?: string, token?: string): void {
    const task = this.#requireExternal('reported on');
    task.job.inContext(() => progressExternal(task, fraction, message, token));
  }

  /** Publishes a `task.log` event; counts as a heartbeat. @throws CommandError; OptionError if the level is unknown */
  log(level: LogLevel, message: string, data?: unknown, token?: string): void {
    const task = this.#requireExternal('reported on');
    task.job.inContext(() => logExternal(task, level, message, data, token));
  }

  /**
   * Completes an external task, claimed or not. A refused output changes nothing, so the caller can try another one.
   * Whoever repeats it with the token and an equal output is answered as before.
   * With an asynchronous schema or a journal, returns a promise that resolves when the task is completed and stored.
   * @throws CommandError, SchemaError, SerialisationError, JournalError
   */
  complete(...[output, token]: CompleteArguments<Taken>): void | Promise<void> {
    const task = this.#requireExternal('completed', token);
    return task.job.inContext(() => complete(task, output, token));
  }

  /**
   * Fails the attempt. The task is retried if its options allow a retry. Whoever repeats it with the token and an equal
   * error is answered as before. With a journal, returns a promise that
   * resolves when the failure is stored.
   * @throws CommandError, JournalError
   */
  fail(error: unknown, token?: string): void | Promise<void> {
    const task = this.#requireExternal('failed', token);
    return task.job.inContext(() => failExternal(task, error, token));
  }

  /**
   * Returns a claimed task, as a worker does that shuts down: it is ready, and others may claim it. Uses up no retry,
   * and does not count towards `maxInterruptions`. With a journal, returns a promise that resolves when that is stored.
   * @throws CommandError, JournalError
   */
  release(token?: string, reason?: string): void | Promise<void> {
    const task = this.#requireExternal('released', token);
    return task.job.inContext(() => release(task, token, reason));
  }

  get #task(): TaskRun | undefined {
    return this.#found().task;
  }

  #found(): Found {
    return findTask(this.#run, this.name, this.#steps);
  }

  /**
   * Finds a task of a job that runs here. The job may be over if the token ended the task's last attempt.
   * @throws CommandError if the job is over or the outer task has not begun
   */
  #requireStarted(what: string, token?: string): Found & { readonly job: JobRun } {
    requireLocal(this.#run, what);
    const found = this.#found();
    const { job, task } = found;
    if (job && (!job.over || (task && isRepeat(task, token)))) return { ...found, job };
    const why = job ? `its job is ${job.state}` : 'the task around it has not begun';
    throw new CommandError('INVALID_STATE', `Task "${this.name}" can't be ${what}: ${why}.`, this.name);
  }

  /** Returns the record of a task, for an action that needs one. @throws CommandError if the task is unscheduled */
  #requireRecord(what: string, token?: string): TaskRun {
    const { task } = this.#requireStarted(what, token);
    if (task) return task;
    throw new CommandError('INVALID_STATE', `Task "${this.name}" can't be ${what}: it is unscheduled.`, this.name);
  }

  #requireExternal(what: string, token?: string): TaskRun {
    if (this.#found().definition?.kind !== 'external') throw notExternal(this.name);
    return this.#requireRecord(what, token);
  }
}
