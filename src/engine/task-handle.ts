import type { LogLevel, TaskState } from '../events/event.ts';
import { CommandError, type TaskError } from './errors/errors.ts';
import type { TaskResult } from './job-result.ts';
import {
  type ClaimOptions,
  claim,
  complete,
  failExternal,
  heartbeat,
  logExternal,
  notExternal,
  progressExternal,
  requireToken,
} from './kinds/external.ts';
import type { JobRun } from './model/run.ts';
import { durationOf, type TaskRun } from './model/run.ts';
import { type Found, find } from './run/address.ts';
import { requireHere } from './run/elsewhere.ts';
import { holdTask, pauseTask, resumeTask, THE_PROGRAM } from './run/pause.ts';
import { retryTask } from './run/retry-task.ts';

/** How one task of a job stands, each property answering for the moment it is read; and what can be done about it. */
export class TaskHandle implements TaskResult {
  /** Its path: its name, `outer/inner` in a nested job, `name[3]` in a fan-out. */
  readonly name: string;
  readonly #run: JobRun;

  /** @internal */
  constructor(run: JobRun, path: string) {
    this.name = path;
    this.#run = run;
    this.#found();
  }

  get state(): TaskState {
    return this.#task?.state ?? 'unscheduled';
  }

  /** The attempt that runs or ran last, from 1; 0 before the first. */
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

  /** Why it failed, or why its last attempt did if it is being tried again. */
  get error(): TaskError | undefined {
    const task = this.#task;
    return task?.error ?? (task?.state === 'completed' ? undefined : task?.lastError);
  }

  get reason(): string | undefined {
    return this.#task?.reason;
  }

  /** How many results came after their attempt had timed out or been cancelled, and were dropped. */
  get lateResults(): number {
    return this.#task?.lateResults ?? 0;
  }

  /** Who works on it, of an external task that is claimed. */
  get owner(): string | undefined {
    const task = this.#task;
    return task?.attempt && task.claim?.owner;
  }

  /**
   * Holds a task that has not started; it goes on with `resume`. An external task, a nested job and a fan-out can be
   * paused while they run, a function can't. `by` says who does it. @throws CommandError
   */
  pause(by = THE_PROGRAM, token?: string): void {
    const { job, index, task } = this.#begun('paused');
    if (task && token !== undefined) requireToken(task, token);
    if (task) pauseTask(task, by);
    else holdTask(job, index, by);
  }

  /** Lets a paused task go on. @throws CommandError */
  resume(): void {
    const { job, index } = this.#begun('resumed');
    resumeTask(job, index);
  }

  /** Tries a failed or paused task again, as `job.retry(task)` does. @throws CommandError */
  retry(): void {
    retryTask(this.#known('tried again'));
  }

  /**
   * Takes an external task that is ready. The token tells this attempt from later ones; `leaseMs` is how long it may go
   * without a heartbeat, by default the task's `heartbeatTimeout`. @throws CommandError @throws OptionError
   */
  claim(owner: string, options: ClaimOptions = {}): string {
    return claim(this.#external('claimed'), owner, options);
  }

  /** Tells that whoever claimed it is at work. @throws CommandError `STALE_TOKEN` */
  heartbeat(token?: string): void {
    heartbeat(this.#external('kept alive'), token);
  }

  /** How far it is, from 0 to 1; counts as a heartbeat. @throws CommandError @throws RangeError */
  progress(fraction: number, message?: string, token?: string): void {
    progressExternal(this.#external('reported on'), fraction, message, token);
  }

  /** A `task.log` event; counts as a heartbeat. @throws CommandError */
  log(level: LogLevel, message: string, data?: unknown, token?: string): void {
    logExternal(this.#external('reported on'), level, message, data, token);
  }

  /**
   * Completes an external task, claimed or not. An output that is refused changes nothing: it may be given again. Where the
   * task's schema answers later, so does this; where the job has a journal it resolves once the completion is kept.
   * @throws CommandError @throws SchemaError @throws TypeError @throws SerialisationError @throws JournalError
   */
  complete(output?: object, token?: string): void | Promise<void> {
    return complete(this.#external('completed'), output, token);
  }

  /** Fails the attempt of an external task, which is then tried again as its retries allow. @throws CommandError */
  fail(error: unknown, token?: string): void | Promise<void> {
    return failExternal(this.#external('failed'), error, token);
  }

  get #task(): TaskRun | undefined {
    return this.#found().task;
  }

  #found(): Found {
    return find(this.#run, this.name);
  }

  #begun(what: string): { readonly job: JobRun; readonly index: number; readonly task: TaskRun | undefined } {
    requireHere(this.#run, what);
    const { job, index, task } = this.#found();
    if (job && !job.over) return { job, index, task };
    const why = job ? `its job is ${job.state}` : 'the task around it has not begun';
    throw new CommandError('INVALID_STATE', `Task "${this.name}" can't be ${what}: ${why}.`, this.name);
  }

  /** A task about which something is to be done that takes a record of it. */
  #known(what: string): TaskRun {
    const { task } = this.#begun(what);
    if (task) return task;
    throw new CommandError('INVALID_STATE', `Task "${this.name}" can't be ${what}: it is unscheduled.`, this.name);
  }

  #external(what: string): TaskRun {
    if (this.#found().definition?.kind !== 'external') throw notExternal(this.name);
    return this.#known(what);
  }
}
