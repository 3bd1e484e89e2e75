/* This folder has the records of a job, without the actions on them. `run.ts`: a running job and its tasks.
 * `attempt.ts`: one attempt. `context.ts`: the merged context. `stopping.ts`: how a job ends early. `task-record.ts`:
 * the part of a task's record that follows from its events, with past attempts as in `attempt-spans.ts`.
 * `job-record.ts`: a job's record, rebuilt from stored events. `durations.ts`: how long its tasks took. `notes.ts`: the types of stored notes. */
import type { Observable, Subject as RxSubject } from 'rxjs';
import type { Actor } from 'xstate';
import type { JobEvent, JobFact, JobState, JobTransition, TaskLog, TaskProgress } from '../../events/event.ts';
import type { Delivery, EventStream } from '../../events/event-stream.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { newId, systemClock, systemRandom } from '../../events/system-clock.ts';
import { type JobCommand, type JobSnapshot, jobSnapshot } from '../../machines/job.ts';
import type { RetryPolicy } from '../../machines/retry.ts';
import { initialTaskSnapshot, type TaskCommand, type taskLogic } from '../../machines/task.ts';
import { type Estimates, estimated, type History, historyPath, NO_HISTORY } from '../definition/estimates.ts';
import type { Intercept } from '../definition/intercept.ts';
import { mergedOptions } from '../definition/merged-options.ts';
import type { Description, LimitOptions, StartOptions } from '../definition/options.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';
import type { TaskFunction } from '../definition/task-function.ts';
import type { KeptTrace } from '../definition/trace.ts';
import type { OutcomeCounts } from '../definition/trigger.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { JobError, TaskError } from '../errors/errors.ts';
import { Dispatcher } from '../limits/dispatcher.ts';
import type { ExecutorLimit } from '../limits/executor-limit.ts';
import type { LimitScope } from '../limits/limit-scope.ts';
import type { WaitQueue } from '../limits/wait-queue.ts';
import type { Clock } from '../time/clock.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';
import { type SteadyClock, steady } from '../time/steady-clock.ts';
import { type Turn, turnOf } from '../time/turn.ts';
import type { Attempt } from './attempt.ts';
import { ContextStore } from './context.ts';
import { deepFreeze } from './deep-freeze.ts';
import type { JobRecord } from './job-record.ts';
import type { LogsNote } from './logs-note.ts';
import type { CleanUp, Stop } from './stopping.ts';
import { TaskRecord } from './task-record.ts';

/** Returns the ms from a task's first attempt to its end, or to now; at least 0, even if the clock was set back. */
export const durationOf = (task: TaskRecord<unknown> | undefined, now: () => number): number | undefined =>
  task?.startedAt === undefined ? undefined : Math.max(0, (task.endedAt ?? now()) - task.startedAt);

/** A task in a running job: its record, and what it holds while it runs. Created on the first change to the task. */
export class TaskRun extends TaskRecord<TaskError, object> {
  declare readonly job: JobRun;
  declare readonly index: number;
  /** Replaced when the task gets another priority. */
  declare definition: TaskDefinition;
  /** The task's name in events: in a nested job or fan-out, it begins with the path of the enclosing task. */
  declare readonly path: string;
  /** The task's rank in its job: of the ready tasks, the one with the lowest rank runs first. */
  declare readonly rank: number;
  declare readonly retry: RetryPolicy;
  /** Unset after the task has settled. */
  declare actor: Actor<typeof taskLogic> | undefined;
  /** The current attempt. */
  declare attempt: Attempt | undefined;
  /** The queue in which the task waits for slots; set when the task is first queued. */
  declare queue: WaitQueue | undefined;
  /** Whether the task's outcome has been counted for its downstream tasks. */
  declare counted: boolean;
  /** The first version of the context that contains the task's output. */
  declare version: number;
  // The fields below stay absent until they are set, to save memory: most tasks never have them.
  /** What the task's condition threw. The task then fails when it runs. */
  declare conditionError?: { readonly thrown: unknown } | undefined;
  /** The limit of the workers that perform the attempts; null if the engine does. Absent without an executor. */
  declare place?: ExecutorLimit | null;
  /** What performs the attempts, in place of the definition's function. */
  declare run?: TaskFunction;
  /** Whether the task's condition has been evaluated, or its lookup has begun. */
  declare conditionEvaluated?: boolean;
  /** For a branch: the indexes of the direct downstream tasks that the branch did not pick. */
  declare branchesNotTaken?: ReadonlySet<number> | undefined;
  /** For an external task: its last claim. The claim holds while its attempt lasts. */
  declare claim?: Claim;
  /** `child`: the child job of the current or last attempt. `previousChild`: of the attempt before. */
  declare child?: JobRun;
  declare previousChild?: JobRun;
  /** Set by a resume if its items or input lack what the journal did not keep of them. */
  declare redacted?: boolean;
  /** Paths to run again inside a nested job or fan-out that is retried; other completed results inside are reused. */
  declare pathsToRerun?: ReadonlySet<string>;
  /** For a task in a nested job or fan-out whose output is long, or that failed: the `seq` of the event that stores it. */
  declare storedSeq?: number | undefined;
  /** Whether an earlier end of the job has kept how long the task took. */
  declare measured?: boolean;
  /** The JSON of the task's last checkpoint. */
  declare checkpoint?: string | undefined;
  /** Cancels the timer that ends the task's backoff or starts its next check. */
  declare cancelBackoff?: (() => void) | undefined;
  declare deadlineTimer?: PausableTimer | undefined;

  constructor(job: JobRun, index: number, definition: TaskDefinition, retry: RetryPolicy) {
    super(initialTaskSnapshot(retry.maxRetries));
    this.job = job;
    this.index = index;
    this.definition = definition;
    this.path = job.pathOf(definition.name);
    this.rank = (job.options.sequential ? job.plan.positions : job.plan.ranks)[index] as number;
    this.retry = retry;
    this.actor = undefined;
    this.attempt = undefined;
    this.queue = undefined;
    this.counted = false;
    this.version = 0;
  }

  /** When the claim of an external task ends without a heartbeat, in epoch ms; undefined if it does not end, or is paused. */
  get leaseEndsAt(): number | undefined {
    return this.claim?.heartbeatTimer?.dueAt;
  }
}

/** The details of a task's transition event, besides its states. `text` is the JSON of the output, for the journal. */
export type TransitionDetails = {
  readonly reason?: string | undefined;
  readonly error?: TaskError | undefined;
  readonly output?: object | undefined;
  readonly text?: string | undefined;
  readonly dueAt?: number | undefined;
  readonly worker?: string | undefined;
};

/** Who works on an attempt of an external task. `leaseMs`: how long the claim lasts without a heartbeat, in ms. */
export type Claim = {
  readonly worker: string;
  readonly token: string;
  readonly leaseMs: number | undefined;
  /** Number of the attempt. */
  readonly attempt: number;
  heartbeatTimer: PausableTimer | undefined;
};

/** Whether a task is clean-up: it runs even if its job fails, times out or is cancelled. */
export const isCleanUp = ({ definition }: TaskRun): boolean => definition.trigger === 'always';

/** Whether the job goes on if a task fails now. */
export const isTolerated = ({ definition, job }: TaskRun): boolean =>
  definition.continueOnFailure === true && job.errors.length < job.maxFailures;

/** Whether a stop of its job ends a task: all tasks but clean-up; clean-up if that ends, too, or is interrupted. */
export const isStopped = ({ job: { stop }, definition }: TaskRun): boolean =>
  stop !== undefined && (definition.trigger !== 'always' || stop.endsCleanUp === true || stop.interrupted === true);

/** Returns the length of the chain behind a task, in tasks. */
const tailOf = ({ job: { plan, tail }, index }: TaskRun): number =>
  plan.weights && plan.otherMs
    ? tail + ((plan.lengths[index] as number) - (plan.weights[index] as number)) / plan.otherMs
    : tail;

/** A caller that waits for a task's output. */
export type OutputWaiter = { readonly resolve: (output: unknown) => void; readonly reject: (error: unknown) => void };

/** A job that another process runs. `record`: what its events said so far; undefined until it is known who runs it. */
export type Remote = {
  readonly cancel: (cause: unknown, mode: 'abort' | 'drain') => void;
  readonly record?: JobRecord | undefined;
};

/** What an event is about: a job or a task. */
export type Subject = JobRun | TaskRun;

/** Publishes what tasks log and report, with the limits of what the journal keeps of it. Times are in epoch ms. */
export type LogKeeper = {
  readonly line: (line: TaskLog, at: number) => void;
  readonly progress: (report: TaskProgress, at: number) => void;
  /** Publishes what was held back of an attempt that has ended. */
  readonly end: (task: string, at: number) => void;
  /** Writes what is held back to the journal. */
  readonly note: () => void;
  /** Continues the log of an attempt whose last lines an earlier process noted. */
  readonly restore: (task: string, note: LogsNote) => void;
};

/** The stream that a `LogKeeper` publishes to. */
export type LogStream = Pick<EventStream<Subject>, 'publish' | 'publishUnkept'>;

/** What a run is created with, besides its plan, input and options. */
export type RunEnvironment = {
  /** The task that the job is nested in. */
  readonly parent?: TaskRun;
  /** The engine's dispatcher, which assigns slots. Default: a dispatcher of the job's own. */
  readonly dispatcher?: Dispatcher;
  /** Whether the tasks are a fan-out's instances, which read the outer context and merge nothing. Default false. */
  readonly isFanOut?: boolean;
  /** Writes the job's events to a journal. */
  readonly recorder?: JobRecorder | undefined;
  /** Decides what the journal keeps of the logs. Default: every line is published as it comes. */
  readonly keepLogs?: ((job: JobRun, stream: LogStream) => LogKeeper) | undefined;
  /** Receives the deliveries of the job's stream. Without this subject, no reactions run. */
  readonly deliveries?: RxSubject<Delivery<Subject>>;
};

/**
 * One execution of a plan: its state, and the commands that change it, which `LiveRun` implements. It decides nothing:
 * the machines decide what may happen, and reactions what to do when something has happened.
 */
export abstract class JobRun {
  readonly id: string;
  /** Shared by all jobs of a definition, until a task is added or removed: then the job gets its own copy. */
  plan: Plan;
  ownsPlan = false;
  options: StartOptions;
  /** The options given at the start, without the definition's options. */
  startOptions: StartOptions;
  /** The limits with which a stored job is taken up: they come before those that the journal kept. */
  givenLimits: LimitOptions | undefined;
  readonly clock: SteadyClock;
  /** Divides the work of the job into turns of the event loop. */
  readonly turn: Turn;
  readonly random: () => number;
  /** The task that this job is nested in. */
  readonly parent: TaskRun | undefined;
  readonly isFanOut: boolean;
  readonly dispatcher: Dispatcher;
  /** Whether the dispatcher is an engine's. */
  readonly sharesDispatcher: boolean;
  /** The limits of the job's tasks. */
  limitScope: LimitScope;
  /** `order`: the job's number among all jobs of the dispatcher. `rootOrder`: the number of its outermost job. */
  readonly order: number;
  readonly rootOrder: number;
  /** What is known of how long tasks take; undefined if nothing is. */
  estimates: Estimates | undefined;
  /** The length of the chain behind the task that the job is nested in, in tasks; 0 without estimates. */
  readonly tail: number;
  context: ContextStore;
  readonly recorder: JobRecorder | undefined;
  /** The option; one for a job and all jobs nested in it. */
  readonly intercept: Intercept | undefined;
  /** What the interceptor last returned for the job, and how often the job was continued until then. */
  kept: KeptTrace | undefined;
  /** In declaration order. A task has no record until its first change. */
  readonly tasks: (TaskRun | undefined)[];
  /** Tasks that have an actor: neither unscheduled nor settled. */
  readonly active = new Set<TaskRun>();
  /** For each task, the number of upstreams not done yet. Done: completed, or failed with `continueOnFailure`. */
  readonly pendingUpstreams: number[];
  /** For tasks with a trigger rule other than the default, the outcomes of their upstreams so far. */
  outcomeCounts: Map<number, OutcomeCounts> | undefined;
  /** Tasks removed from the running job. */
  removed: Set<number> | undefined;
  /** Tasks to pause when they become ready, each with who requested its pause. */
  pauseRequests: Map<number, string> | undefined;
  /** Ready tasks that are not in the queue because the job is paused. */
  readonly waitingForResume: TaskRun[] = [];
  /**
   * Whether the call that made this run found its job, instead of beginning it; undefined until the journal has answered.
   */
  found: boolean | undefined = false;
  /** Resolves when the journal has answered, and a found job has been restored, resumed or followed up to now. */
  opened: Promise<void> | undefined;
  /** For a job with a key: the JSON of what is kept of its input. */
  keptInput: string | undefined;
  /** Set while the job is handed off to another process: nothing new starts. */
  leaving = false;
  /** Resumes a restored job at once; unset when it has resumed. */
  startNow: (() => void) | undefined;
  /** Set when another process runs the job; cancel requests are forwarded to it. */
  remote: Remote | undefined;
  /** Who paused the job, in words. If set before the start, the job pauses as soon as it starts. */
  pausedBy: string | undefined;
  /** How many sweeps of the job are under way. The job does not end before they have. */
  sweeps = 0;
  /** Of a fan-out, how many failures of its instances are tolerated, if those are. */
  maxFailures = Number.POSITIVE_INFINITY;
  /** Numbers of tasks: `settled` in any way, `failed` without `continueOnFailure`, `notReady`. */
  settled = 0;
  failed = 0;
  notReady = 0;
  /** Final task failures in time order. */
  errors: TaskError[] = [];
  /** The machine's snapshot after the last transition. */
  snapshot: JobSnapshot = jobSnapshot('idle');
  /** `stop`: set when the job ends before all its tasks have settled. `cleanUp`: the clean-up not started yet. */
  stop: Stop | undefined;
  cleanUp: CleanUp | undefined;
  /** The strongest mode in which somebody cancelled the job; unset if it is stopped for another reason. */
  cancelMode: Stop['mode'] | undefined;
  /** The timer of the job's time limit. */
  timer: PausableTimer | undefined;
  /** Cancel the grace periods of aborted attempts, and of aborted clean-up. */
  cancelGrace: (() => void) | undefined;
  cancelCleanUpGrace: (() => void) | undefined;
  unlinkSignal: (() => void) | undefined;
  error: JobError | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Callers that wait for the output of a task. */
  outputWaiters: Map<number, OutputWaiter[]> | undefined;
  /** Called synchronously when the job ends. */
  onEnd: (() => void) | undefined;
  readonly #freezes: boolean;

  constructor(
    plan: Plan,
    input: object,
    startOptions: StartOptions,
    { parent, dispatcher, isFanOut = false, recorder }: RunEnvironment,
  ) {
    const options: StartOptions = mergedOptions(plan.options, startOptions);
    const outer = parent?.job;
    this.options = options;
    this.startOptions = startOptions;
    this.parent = parent;
    this.isFanOut = isFanOut;
    this.estimates = outer
      ? outer.estimates
      : plan.otherMs === undefined
        ? undefined
        : { history: NO_HISTORY, otherMs: plan.otherMs };
    this.plan = outer ? this.#estimated(plan) : plan;
    this.tail = parent && this.estimates ? tailOf(parent) : 0;
    this.id = outer?.id ?? options.jobId ?? newId();
    this.turn = outer?.turn ?? turnOf(options.clock ?? systemClock);
    this.clock = outer?.clock ?? steady(options.clock ? this.#contextual(options.clock) : systemClock, this.turn);
    this.random = outer?.random ?? options.random ?? systemRandom;
    this.#freezes = (outer ? outer.#freezes : true) && options.freeze !== false;
    this.recorder = outer ? outer.recorder : recorder;
    this.intercept = outer ? outer.intercept : options.intercept;
    this.context = outer && isFanOut ? outer.context : new ContextStore(this.frozen(input));
    this.tasks = new Array(plan.tasks.length);
    this.pendingUpstreams = plan.upstreamCounts.slice();
    const owner = parent ? `the task "${parent.path}"` : `the job "${plan.name}"`;
    const shared = outer?.dispatcher ?? dispatcher;
    this.sharesDispatcher = outer ? outer.sharesDispatcher : dispatcher !== undefined;
    this.dispatcher = shared ?? new Dispatcher(this.clock, this.turn, owner, options);
    const boundsNested = isFanOut && plan.tasks[0]?.nested !== undefined;
    const limits = boundsNested ? { ...options, boundsNested } : options;
    this.limitScope = shared
      ? shared.scopeBelow(outer?.limitScope.inner ?? shared.top, owner, limits)
      : this.dispatcher.top;
    this.order = this.dispatcher.nextJob();
    this.rootOrder = outer?.rootOrder ?? this.order;
  }

  /** Orders the tasks of a job that has not begun by how long they took in earlier runs. */
  estimateBy(history: History): void {
    const plan = estimated(this.plan, history);
    if (plan.otherMs === undefined) return;
    this.estimates = { history, otherMs: plan.otherMs };
    this.plan = { ...plan, sealed: this.plan };
  }

  #estimated(plan: Plan): Plan {
    const { estimates } = this;
    if (!estimates) return plan;
    const { history, otherMs } = estimates;
    return { ...estimated(plan, history, historyPath(this.pathOf('')), otherMs), sealed: plan };
  }

  /** A clock whose timers call back in the context of the job: only those of the system keep it by themselves. */
  #contextual(clock: Clock): Clock {
    const setTimer: Clock['setTimer'] = (callback, delayMs) => clock.setTimer(() => this.inContext(callback), delayMs);
    const { monotonicNow } = clock;
    return Object.create(clock, {
      now: { value: () => clock.now() },
      setTimer: { value: setTimer },
      ...(monotonicNow && { monotonicNow: { value: () => monotonicNow.call(clock) } }),
    });
  }

  /** The priority of tasks that have none of their own. */
  get priority(): number {
    return this.parent ? (this.parent.definition.priority ?? this.parent.job.priority) : 0;
  }

  get state(): JobState {
    return this.snapshot.value;
  }

  get over(): boolean {
    return isTerminalJobState(this.state);
  }

  /** Whether the job is over, and no retry of it is about to begin. */
  get ended(): boolean {
    return this.over && !this.startNow;
  }

  /** Whether this job or an enclosing one is paused or leaving. False while the job ends: clean-up must continue. */
  get paused(): boolean {
    if (this.isLeaving) return true;
    if (this.ending) return false;
    return (
      this.state === 'paused' ||
      (this.parent !== undefined && (this.parent.state === 'paused' || this.parent.job.paused))
    );
  }

  /** Whether this job or an enclosing one is ending early. A job nested in clean-up ignores the enclosing one. */
  get ending(): boolean {
    if (this.stop) return true;
    const { parent } = this;
    return parent !== undefined && parent.definition.trigger !== 'always' && parent.job.ending;
  }

  /** Whether this job or an enclosing one is being handed off to another process. */
  get isLeaving(): boolean {
    return this.leaving || (this.parent?.job.isLeaving ?? false);
  }

  /** The number of tasks. */
  get size(): number {
    return this.plan.tasks.length - (this.removed?.size ?? 0);
  }

  /** Returns the name that events use for a task of this job. */
  pathOf(name: string): string {
    const { parent } = this;
    if (!parent) return name;
    return this.isFanOut ? parent.path + name : `${parent.path}/${name}`;
  }

  /** Adds a settled task to the numbers of tasks and to `errors`. */
  count({ state, error }: TaskRun): void {
    this.settled++;
    if (state === 'notReady') this.notReady++;
    if (state !== 'failed' || !error) return;
    this.errors.push(error);
    if (!error.tolerated) this.failed++;
  }

  /** Replaces the labels and metadata, which were changed in the journal. */
  describe(description: Description): void {
    this.options = { ...this.options, ...description };
    this.startOptions = { ...this.startOptions, ...description };
  }

  /** Freezes an object, unless the job does not freeze, and returns the value. */
  frozen<Value>(value: Value): Value {
    if (!this.#freezes || typeof value !== 'object' || value === null) return value;
    // Of an object that is itself frozen, the parts may not be.
    if (Object.isFrozen(value)) for (const part of Object.values(value)) deepFreeze(part);
    return deepFreeze(value);
  }

  abstract readonly events$: Observable<JobEvent>;
  abstract readonly nextSeq: number;
  /** Resolves when the job is over, and its end is committed to the journal. */
  abstract readonly done: Promise<void>;
  /** Restores the job's state from a journal or an earlier run. Call it on a fresh job only. */
  abstract restoreState(state: JobState, input?: object): void;
  /** Overrides the start options with the stored options of an existing job. Concurrency limits stay unchanged. */
  abstract useStoredOptions(stored: StartOptions): void;
  /** Sets the position of the next event. `last` is the terminal event of a job that is over. */
  abstract continueAt(nextSeq: number, last?: JobEvent): void;
  /** Sets `startNow`, which resumes the restored job. */
  abstract defer(start: () => void): void;
  /**
   * Calls `first`, then resumes a restored job, in a later turn of the event loop, so that the caller can subscribe to its
   * events first.
   */
  abstract startSoon(first?: () => void): void;
  /** Resolves `done` and completes the stream of a job that is not resumed in this process. */
  abstract close(): void;
  /** Publishes an event of a job that another process runs. */
  abstract forward(event: JobEvent): void;
  /**
   * Calls back in the async context (`AsyncLocalStorage`) in which the job was started or resumed. What commands a job
   * from elsewhere goes through it: other jobs, timers, the journal, whoever holds a handle.
   */
  abstract inContext<Value>(call: () => Value): Value;
  /** Runs `commands`, and delivers the events that they cause only after the last command. */
  abstract batch(commands: () => void): void;
  /**
   * Calls `command` for each item, then `done`, in one batch. A sweep of many items continues in later turns of the
   * event loop: what happens to the job in between does not wait for it, but no event is delivered.
   */
  abstract sweep<Item>(items: readonly Item[], command: (item: Item) => void, done?: () => void): void;
  /**
   * Asks for something when all events so far are committed, and calls `then` with the answer: undefined if there is
   * none. The job does not end before.
   */
  abstract waitFor<Answer>(ask: () => Promise<Answer>, then: (answer: Answer | undefined) => void): void;
  /** Publishes an event that is not a transition. */
  abstract publish(fact: JobFact): void;
  /** Publishes a line of a task's log. The journal keeps only so many of an attempt. */
  abstract publishLog(line: TaskLog): void;
  /** Publishes a report of progress. The journal keeps only so many of an attempt, within the limits of its log. */
  abstract publishProgress(task: TaskRun, report: TaskProgress): void;
  /** Writes the last lines of the attempts that have not ended to the journal. */
  abstract noteLogs(): void;
  /** Continues the log of an attempt whose last lines an earlier process noted. */
  abstract restoreLogs(task: string, note: LogsNote): void;
  /** Sends the job a command, and publishes the transition. Returns whether the state changed. */
  abstract commandJob(command: JobCommand, details?: Pick<JobTransition, 'reason' | 'error'>): boolean;
  /** Sends a task a command; records and publishes the transition. Returns whether the state changed. */
  abstract commandTask(task: TaskRun, command: TaskCommand, details?: TransitionDetails): boolean;
  /** Resolves `done` when the end has been committed. */
  abstract finish(): void;
  /** Calls back when all events so far are committed; at once without a journal; never if the journal fails. */
  abstract afterCommit(onCommitted: () => void): void;
  /** Returns the record of a task, with an actor if the task is unscheduled. */
  abstract activate(index: number): TaskRun;
  /** Returns the record of a task; creates it if necessary. */
  abstract taskAt(index: number): TaskRun;
  /** Starts an actor, which continues from the task's snapshot. */
  abstract startActor(task: TaskRun): void;
  /** Starts an actor for a settled task, so that the task can start over. */
  abstract reopen(task: TaskRun): void;
  /** Stops the actor of a task that is unscheduled again. */
  abstract deactivate(task: TaskRun): void;
  /** Runs a ready task whose slots are free. */
  abstract run(task: unknown): void;
}
