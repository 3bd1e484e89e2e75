import { setImmediate } from 'node:timers';
import { freeze } from 'immer';
import type { Observable } from 'rxjs';
import { type Actor, createActor } from 'xstate';
import { errorData, shallowErrorData } from '../../events/error-data.ts';
import type { JobEvent, JobFact, JobState, JobTransition, TaskState } from '../../events/event.ts';
import { type Delivery, EventStream, type StampedTransition } from '../../events/event-stream.ts';
import { isTerminalJobState, SETTLED } from '../../events/states.ts';
import { newId, systemClock, systemRandom } from '../../events/system-clock.ts';
import { type JobCommand, jobLogic, jobSnapshot } from '../../machines/job.ts';
import type { RetryPolicy } from '../../machines/retry.ts';
import { type TaskCommand, taskLogic, untouchedTask } from '../../machines/task.ts';
import { mergedOptions } from '../definition/merged-options.ts';
import type { JobOptions, StartOptions } from '../definition/options.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';
import type { Tally } from '../definition/trigger.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { JobError, TaskError } from '../errors/errors.ts';
import { Dispatcher } from '../limits/dispatcher.ts';
import type { Level } from '../limits/level.ts';
import { Attempt } from '../model/attempt.ts';
import { ContextStore } from '../model/context.ts';
import { recordTimes } from '../model/job-record.ts';
import { type JobRun, type OutputWaiter, TaskRun, type TransitionDetails } from '../model/run.ts';
import type { CleanUp, Stop } from '../model/stopping.ts';
import { recordTransition } from '../model/task-record.ts';
import type { Clock } from '../time/clock.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';
import { shieldedInspect } from './inspect.ts';

/** What an event can be about, as the reactions are told. */
export type Subject = JobRun | TaskRun;

/** What a job is started within. */
export type Surroundings = {
  /** The task that the job is nested in. */
  readonly parent?: TaskRun;
  /** The engine's, which hands out the slots. */
  readonly dispatcher?: Dispatcher;
  /** Whether its tasks are the instances of a fan-out: they read what its task reads, and merge nothing. */
  readonly instances?: boolean;
  /** Writes its events to a journal. */
  readonly recorder?: JobRecorder | undefined;
};

/**
 * One execution of a plan: the records of the tasks, their actors and the stream, with the two ways to command an actor.
 * It decides nothing: the machines say what may happen, the reactions what to do about what has.
 */
export class LiveRun implements JobRun {
  readonly id: string;
  /** Grows when tasks are added to the running job: then it is its own. */
  plan: Plan;
  ownsPlan = false;
  options: StartOptions;
  /** What `start` alone was told. */
  readonly startOptions: StartOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** The task that this job is nested in. */
  readonly parent: TaskRun | undefined;
  readonly instances: boolean;
  readonly dispatcher: Dispatcher;
  /** The limits that hold for its tasks, and the place among the jobs that share them. */
  readonly level: Level;
  readonly order: number;
  /** That of the outermost job around it. */
  readonly rootOrder: number;
  /** What its tasks have for a priority that say nothing, beside those of other jobs. */
  readonly priority: number;
  readonly #stream: EventStream<Subject>;
  context: ContextStore;
  /** Writes what happens to a journal, if it has one. */
  readonly recorder: JobRecorder | undefined;
  /** By declaration order; a task to which nothing has happened yet has no record. */
  readonly tasks: (TaskRun | undefined)[];
  /** Tasks that have an actor: neither unscheduled nor settled. */
  readonly active = new Set<TaskRun>();
  /** For each task, how many upstreams have yet to end well. */
  readonly missing: number[];
  /** For tasks with a trigger rule of their own, what became of their upstreams so far. */
  tallies: Map<number, Tally> | undefined;
  /** Tasks taken out of the running job. */
  removed: Set<number> | undefined;
  /** Unscheduled or waiting tasks that are to be paused once they are ready, and by whom. */
  heldTasks: Map<number, string> | undefined;
  /** Ready tasks that a paused job keeps from the queue. */
  readonly parked: TaskRun[] = [];
  /** Set while it is being left to another process: nothing new starts. */
  leaving = false;
  /** Set until a job that was restored goes on: does so at once. */
  wakeUp: (() => void) | undefined;
  /** Set where another process runs it: what is asked of it goes there. */
  elsewhere: { readonly cancel: (cause: unknown, mode: 'abort' | 'drain') => void } | undefined;
  /** Who paused it, in words; before the start it is paused as it begins. */
  pausedBy: string | undefined;
  /** Tasks settled, and how many of them failed without leave or were not ready. */
  settled = 0;
  failed = 0;
  notReady = 0;
  /** Final task failures in time order. */
  errors: TaskError[] = [];
  /** The machine's snapshot after the last transition. */
  snapshot = jobSnapshot('idle');
  /** Set once the job is to end before all its tasks have; and what is then left to do. */
  stop: Stop | undefined;
  cleanUp: CleanUp | undefined;
  /** The job's own time limit. */
  timer: PausableTimer | undefined;
  /** Calls off the grace of aborted attempts. */
  cancelGrace: (() => void) | undefined;
  unlinkSignal: (() => void) | undefined;
  error: JobError | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Who waits for the output of a task. */
  waiting: Map<number, OutputWaiter[]> | undefined;
  /** Who is told, at once, that the job is over. */
  onOver: (() => void) | undefined;
  #actor: Actor<typeof jobLogic>;
  #retry: RetryPolicy;
  readonly #freezes: boolean;
  #done: Promise<void> | undefined;
  #finish: (() => void) | undefined;
  #finished = false;

  constructor(
    plan: Plan,
    input: object,
    startOptions: StartOptions,
    { parent, dispatcher, instances = false, recorder }: Surroundings = {},
  ) {
    const options: StartOptions = mergedOptions(plan.options, startOptions);
    this.plan = plan;
    this.options = options;
    this.startOptions = startOptions;
    this.parent = parent;
    this.instances = instances;
    const outer = parent?.job;
    this.id = outer?.id ?? options.jobId ?? newId();
    this.clock = outer?.clock ?? options.clock ?? systemClock;
    this.random = outer?.random ?? options.random ?? systemRandom;
    this.#freezes = (outer ? (outer as LiveRun).#freezes : true) && options.freeze !== false;
    this.recorder = outer ? outer.recorder : recorder;
    const keep = recorder && ((event: JobEvent, text: string | undefined): void => recorder.record(event, text));
    this.#stream = outer ? (outer as LiveRun).#stream : new EventStream(this.id, plan.name, keep);
    this.context = outer && instances ? outer.context : new ContextStore(this.frozen(input));
    this.tasks = new Array(plan.tasks.length);
    this.missing = plan.upstreamCounts.slice();
    this.#retry = retryOf(options);
    const owner = parent ? `the task "${parent.path}"` : `the job "${plan.name}"`;
    const shared = outer?.dispatcher ?? dispatcher;
    this.dispatcher = shared ?? new Dispatcher(this.clock, owner, options);
    this.level = shared ? shared.levelBelow(outer?.level ?? shared.top, owner, options) : this.dispatcher.top;
    this.order = this.dispatcher.nextJob();
    this.rootOrder = outer?.rootOrder ?? this.order;
    this.priority = outer ? (parent.definition.priority ?? outer.priority) : 0;
    this.#actor = this.#ownActor();
  }

  /** Makes a job to which nothing has happened what it was, in another process or before it was over. */
  adopt(state: JobState, input?: object): void {
    if (this.parent) this.#actor.send(STOP);
    else this.#actor.stop();
    this.snapshot = jobSnapshot(state);
    this.#actor = this.#ownActor();
    if (input) this.context = new ContextStore(this.frozen(input));
  }

  /** What the start said of a job that turns out to be there already is overruled by what its own start said; its limits stay. */
  adoptOptions(kept: JobOptions): void {
    this.options = mergedOptions(this.plan.options, { ...this.startOptions, ...kept });
    this.#retry = retryOf(this.options);
  }

  /** Its next event has this position. A job that is over has had its last one. */
  goOnFrom(nextSeq: number, last?: JobEvent): void {
    this.#stream.goOnFrom(nextSeq, last);
    if (last) this.finish();
  }

  /** A job that was restored goes on in a later turn of the event loop, so that who awaits its handle can subscribe first. */
  sleepUntil(goOn: () => void): void {
    this.wakeUp = () => {
      this.wakeUp = undefined;
      goOn();
    };
  }

  wakeLater(): void {
    setImmediate(() => this.wakeUp?.());
  }

  /** Ends the waiting for a job that will not go on here. */
  abandon(): void {
    this.wakeUp = undefined;
    this.finish();
    this.#stream.abandon();
  }

  get nextSeq(): number {
    return this.#stream.nextSeq;
  }

  /** Tells those who listen what happens to it in the process that runs it. */
  relay(event: JobEvent): void {
    if (event.type === 'job.transition') this.snapshot = jobSnapshot(event.to);
    this.#stream.relay(event);
  }

  get state(): JobState {
    return this.snapshot.value;
  }

  /** For the reactions: the events of this job and of the jobs nested in it. */
  get deliveries$(): Observable<Delivery<Subject>> {
    return this.#stream.deliveries$;
  }

  get events$(): Observable<JobEvent> {
    return this.#stream.events$;
  }

  /** Resolves when the job is over, and in the journal. */
  get done(): Promise<void> {
    this.#done ??= this.#finished
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#finish = resolve;
        });
    return this.#done;
  }

  /** Whether it, or a job around it, is paused. What is left to do in a job that is ending is not held up. */
  get paused(): boolean {
    if (this.isLeaving) return true;
    if (this.ending) return false;
    return (
      this.state === 'paused' ||
      (this.parent !== undefined && (this.parent.state === 'paused' || this.parent.job.paused))
    );
  }

  /** Whether it, or a job around it, is to end before all its tasks have. */
  get ending(): boolean {
    if (this.stop) return true;
    const { parent } = this;
    return parent !== undefined && parent.definition.trigger !== 'always' && parent.job.ending;
  }

  /** Whether it, with the jobs around it, is being left to another process. */
  get isLeaving(): boolean {
    return this.leaving || (this.parent?.job.isLeaving ?? false);
  }

  /** How many tasks it has. */
  get size(): number {
    return this.plan.tasks.length - (this.removed?.size ?? 0);
  }

  /** What a task of this job is called in the stream. */
  pathOf(name: string): string {
    const { parent } = this;
    if (!parent) return name;
    return this.instances ? parent.path + name : `${parent.path}/${name}`;
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

  /** Whether it is over, and not about to be tried again. */
  get ended(): boolean {
    return this.over && !this.wakeUp;
  }

  frozen<Value extends object>(value: Value): Value {
    if (!this.#freezes) return value;
    // immer takes what is frozen at its top for frozen throughout.
    if (Object.isFrozen(value)) for (const part of Object.values(value)) freeze(part, true);
    return freeze(value, true);
  }

  /** Sends the job a command; publishes the transition it makes, if it makes one. */
  commandJob(command: JobCommand, details?: Pick<JobTransition, 'reason' | 'error'>): boolean {
    const from = this.state;
    this.#actor.send(command);
    const snapshot = this.#actor.getSnapshot();
    const to = snapshot.value;
    if (to === from) return false;
    this.snapshot = snapshot;
    const at = this.clock.now();
    recordTimes(this, from, to, at);
    if (this.over) {
      if (this.parent) this.#actor.send(STOP);
      else this.#actor.stop();
    }
    if (this.parent) this.#stream.tell(this, { type: 'job.transition', from, to });
    else this.#stream.publishJobTransition(this, from, to, at, details);
    if (this.over) this.finish();
    if (this.over) this.onOver?.();
    return true;
  }

  /** Answers those who wait for the end, once it is in the journal. */
  finish(): void {
    const finish = (): void => {
      this.#finished = true;
      this.#finish?.();
    };
    if (this.parent || !this.recorder) finish();
    else this.recorder.whenSaved(finish, finish);
  }

  /** Calls back once all that has happened is in the journal; at once where there is none. Where the journal fails, never. */
  whenSaved(saved: () => void): void {
    if (this.recorder) this.recorder.whenSaved(saved);
    else saved();
  }

  /** Sends a task a command; records and publishes the transition it makes, if it makes one. */
  commandTask(task: TaskRun, command: TaskCommand, details?: TransitionDetails): boolean {
    const { actor, state: from } = task;
    if (!actor) return false;
    actor.send(command);
    const snapshot = actor.getSnapshot();
    const { value: to, context } = snapshot;
    if (to === from) return false;
    const at = this.clock.now();
    const attempt = to === 'polling' ? context.attempt + 1 : context.attempt;
    const event = this.#stream.stampTransition(task.path, from, to, attempt, at);
    if (details) describe(event, details);
    recordTransition(task, event, snapshot, details?.error);
    if (from === 'ready' && to !== 'running') task.lane?.forget();
    this.#handOver(task, to, context.held === 'running', at);
    this.#stream.publishStamped(event, task, details?.text);
    return true;
  }

  /** Runs a task whose turn it is. */
  run(task: TaskRun): void {
    this.commandTask(task, { type: 'task.run' });
  }

  /** The record of a task, with an actor of its own. */
  wake(index: number): TaskRun {
    const task = this.known(index);
    if (!task.actor && task.state === 'unscheduled') this.enliven(task);
    return task;
  }

  /** The record of a task. */
  known(index: number): TaskRun {
    const known = this.tasks[index];
    if (known) return known;
    const definition = this.plan.tasks[index] as TaskDefinition;
    const task = new TaskRun(this, index, definition, this.#retryOf(definition));
    this.tasks[index] = task;
    return task;
  }

  /** Gives a task an actor, which continues from the snapshot of the task. */
  enliven(task: TaskRun): void {
    const { path, retry, snapshot } = task;
    const options = { parent: this.#actor, id: path, input: { task: path, retry } };
    // A fourth option costs XState half a microsecond, and a new task starts from the same snapshot without it.
    const isNew = snapshot === untouchedTask(retry.maxRetries);
    task.actor = createActor(taskLogic, isNew ? options : { ...options, snapshot });
    task.actor.start();
    this.active.add(task);
  }

  /** Gives a task that has settled an actor again, so that it can go on from there. */
  revive(task: TaskRun): void {
    if (!SETTLED.has(task.state)) return;
    this.enliven(task);
    this.settled--;
    if (task.state === 'notReady') this.notReady--;
    if (task.error && task.state === 'failed') {
      this.errors.splice(this.errors.indexOf(task.error), 1);
      if (!task.error.tolerated) this.failed--;
    }
    task.counted = false;
    task.passedOver = undefined;
  }

  /** Lets go of a task that is unscheduled again. */
  release(task: TaskRun): void {
    this.active.delete(task);
    this.#stopActor(task);
    if (task.state !== 'unscheduled') return;
    if (task.attempts === 0) this.tasks[task.index] = undefined;
    task.asked = false;
    task.refusal = undefined;
    task.version = 0;
  }

  /** Acquires what the new state of a task needs (attempt, slots, a place in the queue) and releases what it no longer needs. */
  #handOver(task: TaskRun, to: TaskState, holdsAttempt: boolean, at: number): void {
    const { attempt } = task;
    if (attempt && to !== 'running' && !(to === 'paused' && holdsAttempt)) endAttempt(task, attempt);
    if (to === 'running') {
      if (attempt) return;
      task.attempt = new Attempt(task.attempts, this.#version());
      if (task.child) {
        task.earlier = task.child;
        delete task.child;
      }
      task.lane?.take(task, at);
    } else if (to === 'ready') {
      // One whose condition threw runs to fail, whoever would perform it.
      if (task.definition.kind !== 'external' || task.refusal) this.dispatcher.enqueue(task);
    } else if (SETTLED.has(to)) {
      this.#settle(task, to);
    }
  }

  #version(): number {
    return this.instances ? (this.parent?.attempt?.version ?? 0) : this.context.version;
  }

  #settle(task: TaskRun, to: TaskState): void {
    this.settled++;
    if (to === 'notReady') this.notReady++;
    if (to === 'failed' && task.error) {
      this.errors.push(task.error);
      if (!task.error.tolerated) this.failed++;
    }
    this.active.delete(task);
    this.#stopActor(task);
  }

  #ownActor(): Actor<typeof jobLogic> {
    const { inspect } = this.options;
    const snapshot = this.state === 'idle' ? {} : { snapshot: this.snapshot };
    const actor = this.parent
      ? createActor(jobLogic, { id: this.parent.path, parent: (this.parent.job as LiveRun).#actor, ...snapshot })
      : createActor(jobLogic, { id: this.id, ...(inspect && { inspect: shieldedInspect(inspect) }), ...snapshot });
    actor.start();
    return actor;
  }

  /**
   * Stops an actor with the event by which XState itself stops a child: it takes the actor out of the system. `stopChild`
   * in the job machine comes to the same, but clones the job's snapshot for each task.
   */
  #stopActor(task: TaskRun): void {
    task.actor?.send(STOP);
    task.actor = undefined;
  }

  #retryOf({ maxRetries, retry }: TaskDefinition): RetryPolicy {
    if (maxRetries === undefined && retry === undefined) return this.#retry;
    return { ...(retry ?? this.options.retry), maxRetries: maxRetries ?? this.#retry.maxRetries };
  }
}

const retryOf = ({ retry, maxRetries = 0 }: StartOptions): RetryPolicy => ({ ...retry, maxRetries });

const endAttempt = (task: TaskRun, attempt: Attempt): void => {
  task.lane?.giveBack(task);
  task.attempt = undefined;
  attempt.phase = 'over';
  attempt.timer?.cancel();
  task.claim?.heartbeatTimer?.cancel();
};

/** Adds the details to an event. A skipped task's error is written without its causes: the events of its upstreams have them. */
const describe = (event: StampedTransition, { reason, error, output, dueAt }: TransitionDetails): void => {
  if (reason !== undefined) event.reason = reason;
  if (error) event.error = event.to === 'skipped' ? shallowErrorData(error) : errorData(error);
  if (output !== undefined) event.output = output;
  if (dueAt !== undefined && Number.isFinite(dueAt)) event.dueAt = dueAt;
};

/** XState's own event, which its types do not name. */
const STOP = { type: 'xstate.stop' } as never;
