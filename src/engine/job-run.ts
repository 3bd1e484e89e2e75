import { freeze } from 'immer';
import type { Observable } from 'rxjs';
import { type Actor, createActor } from 'xstate';
import type { JobEvent, JobFact, JobState, JobTransition, TaskState } from '../events/event.ts';
import { EventStream, isTerminalJobState, type Reactor, type TransitionDetails } from '../events/event-stream.ts';
import { newId, systemClock, systemRandom } from '../events/system-clock.ts';
import { type JobCommand, jobLogic } from '../machines/job.ts';
import type { RetryPolicy } from '../machines/retry.ts';
import { type TaskCommand, taskLogic } from '../machines/task.ts';
import { Attempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import { ContextStore } from './context.ts';
import type { JobError, TaskError } from './errors.ts';
import { shieldedInspect } from './inspect.ts';
import { MinHeap } from './min-heap.ts';
import type { StartOptions } from './options.ts';
import type { OutputWaiter } from './output.ts';
import type { Plan, TaskDefinition } from './plan.ts';
import type { Stop } from './stop.ts';
import type { TaskRun } from './task-run.ts';

/**
 * One execution of a plan: the records of the tasks, their actors and the stream, with the two ways to command an actor.
 * It decides nothing: the machines say what may happen, the reactions what to do about what has.
 */
export class JobRun {
  readonly id: string;
  readonly plan: Plan;
  readonly options: StartOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly #stream: EventStream<TaskRun>;
  readonly context: ContextStore;
  /** By declaration order; a task to which nothing has happened yet has no record. */
  readonly tasks: (TaskRun | undefined)[];
  /** Tasks that have an actor: neither unscheduled nor settled. */
  readonly active = new Set<TaskRun>();
  /** For each task, how many upstreams have yet to end well. */
  readonly missing: number[];
  /** Attempts under way; each holds a slot. */
  running = 0;
  /** Tasks settled, and how many of them failed without leave or were not ready. */
  settled = 0;
  failed = 0;
  notReady = 0;
  /** Final task failures in time order. */
  readonly errors: TaskError[] = [];
  state: JobState = 'idle';
  /** Set once the job is to end before all its tasks have. */
  stop: Stop | undefined;
  /** Calls off the job's own timers: its time limit, the grace of aborted attempts. */
  cancelTimeout: (() => void) | undefined;
  cancelGrace: (() => void) | undefined;
  unlinkSignal: (() => void) | undefined;
  error: JobError | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Who waits for the output of a task. */
  waiting: Map<number, OutputWaiter[]> | undefined;
  /** Resolves when the job is over. */
  readonly done: Promise<void>;
  #finish: () => void = () => {};
  readonly #actor: Actor<typeof jobLogic>;
  readonly #ready = new MinHeap();
  readonly #order: readonly number[];
  readonly #places: Uint32Array;
  readonly #retry: RetryPolicy;

  constructor(plan: Plan, input: object, startOptions: StartOptions, react: (job: JobRun) => Reactor<TaskRun>) {
    const options: StartOptions = { ...plan.options, ...given(startOptions) };
    this.plan = plan;
    this.options = options;
    this.id = options.jobId ?? newId();
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.#stream = new EventStream(this.id, plan.name, react(this));
    this.context = new ContextStore(this.frozen(input));
    this.tasks = new Array(plan.tasks.length);
    this.missing = plan.upstreamCounts.slice();
    this.#order = options.sequential ? plan.order : plan.ranked;
    this.#places = options.sequential ? plan.positions : plan.ranks;
    this.#retry = { ...options.retry, maxRetries: options.maxRetries ?? 0 };
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#actor = createActor(jobLogic, {
      id: this.id,
      ...(options.inspect && { inspect: shieldedInspect(options.inspect) }),
    });
    this.#actor.start();
  }

  get limit(): number {
    return this.options.sequential ? 1 : (this.options.maxConcurrency ?? Number.POSITIVE_INFINITY);
  }

  get events$(): Observable<JobEvent> {
    return this.#stream.events$;
  }

  /** Delivers all that `commands` make happen after the last of them. */
  together(commands: () => void): void {
    this.#stream.together(commands);
  }

  /** Publishes what is no transition. */
  publish(fact: JobFact): void {
    this.#stream.publish(fact, this.clock.now());
  }

  get over(): boolean {
    return isTerminalJobState(this.state);
  }

  frozen<Value extends object>(value: Value): Value {
    if (this.options.freeze === false) return value;
    // immer takes what is frozen at its top for frozen throughout.
    if (Object.isFrozen(value)) for (const part of Object.values(value)) freeze(part, true);
    return freeze(value, true);
  }

  /** Sends the job a command; publishes the transition it makes, if it makes one. */
  commandJob(command: JobCommand, details?: Pick<JobTransition, 'reason' | 'error'>): boolean {
    const from = this.state;
    this.#actor.send(command);
    const to = this.#actor.getSnapshot().value;
    if (to === from) return false;
    this.state = to;
    const at = this.clock.now();
    if (to === 'running') this.startedAt ??= at;
    if (this.over) {
      this.endedAt = at;
      this.#actor.stop();
      this.#finish();
    }
    this.#stream.publishJobTransition(from, to, at, details);
    return true;
  }

  /** Sends a task a command; records and publishes the transition it makes, if it makes one. */
  commandTask(task: TaskRun, command: TaskCommand, details?: TransitionDetails): boolean {
    const { actor, state: from } = task;
    if (!actor) return false;
    actor.send(command);
    const { value: to, context } = actor.getSnapshot();
    if (to === from) return false;
    task.state = to;
    task.attempts = context.attempt;
    if (details?.reason !== undefined) task.reason = details.reason;
    const at = this.clock.now();
    this.#record(task, from, to, at);
    this.#stream.publishTransition(task, task.definition.name, from, to, context.attempt, at, details);
    return true;
  }

  /** The record of a task, with an actor of its own. */
  wake(index: number): TaskRun {
    const definition = this.plan.tasks[index] as TaskDefinition;
    const retry = this.#retryOf(definition);
    const actor = createActor(taskLogic, {
      parent: this.#actor,
      id: definition.name,
      input: { task: definition.name, retry },
    });
    actor.start();
    const task: TaskRun = {
      index,
      definition,
      retry,
      actor,
      state: 'unscheduled',
      attempts: 0,
      attempt: undefined,
      readyAt: undefined,
      startedAt: undefined,
      endedAt: undefined,
      error: undefined,
      lastError: undefined,
      backoffMs: 0,
      reason: undefined,
      output: undefined,
      lateResults: 0,
      cancelBackoff: undefined,
      cancelDeadline: undefined,
    };
    this.tasks[index] = task;
    this.active.add(task);
    return task;
  }

  /** Takes the task that comes first among those that are ready. */
  nextReady(): TaskRun | undefined {
    for (let place = this.#ready.pop(); place !== undefined; place = this.#ready.pop()) {
      const task = this.tasks[this.#order[place] as number];
      if (task?.state === 'ready') return task;
    }
    return undefined;
  }

  /** Sorts tasks by which goes first when all are ready. */
  sortByPlace(indexes: number[]): number[] {
    const places = this.#places;
    return indexes.length > 1 ? indexes.sort((a, b) => (places[a] as number) - (places[b] as number)) : indexes;
  }

  #record(task: TaskRun, from: TaskState, to: TaskState, at: number): void {
    if (from === 'running') this.#endAttempt(task);
    if (to === 'running') {
      this.running++;
      task.attempt = new Attempt(task.attempts, this.context.version);
      task.startedAt ??= at;
    } else if (to === 'ready') {
      this.#ready.push(this.#places[task.index] as number);
      task.readyAt ??= at;
    } else if (SETTLED.has(to)) {
      this.#settle(task, to, at);
    }
  }

  #endAttempt(task: TaskRun): void {
    this.running--;
    if (!task.attempt) return;
    task.attempt.phase = 'over';
    task.attempt.cancelTimeout?.();
    task.attempt = undefined;
  }

  #settle(task: TaskRun, to: TaskState, at: number): void {
    task.endedAt = at;
    this.settled++;
    if (to === 'notReady') this.notReady++;
    if (to === 'failed' && task.error) {
      this.errors.push(task.error);
      if (!task.error.tolerated) this.failed++;
    }
    this.active.delete(task);
    this.#release(task);
  }

  /**
   * Stops the actor of a settled task with the event by which XState itself stops a child: it takes the actor out of the
   * system. `stopChild` in the job machine comes to the same, but clones the job's snapshot for each task.
   */
  #release(task: TaskRun): void {
    task.actor?.send(STOP);
    task.actor = undefined;
  }

  #retryOf({ maxRetries, retry }: TaskDefinition): RetryPolicy {
    if (maxRetries === undefined && retry === undefined) return this.#retry;
    return { ...(retry ?? this.options.retry), maxRetries: maxRetries ?? this.#retry.maxRetries };
  }
}

/** XState's own event, which its types do not name. */
const STOP = { type: 'xstate.stop' } as unknown as TaskCommand;

const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** The options that were given a value: `undefined` means the default, or what the definition says. */
const given = (options: StartOptions): StartOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
