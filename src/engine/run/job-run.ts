/* This folder runs a job. `job-run.ts` has the job's actors and stream; the other files decide which commands the actors
 * get. `scheduling.ts` makes tasks ready or skips them. `perform-function.ts` calls a task function with its scope
 * (`scope.ts`, `task-log.ts`, `checkpoint.ts`; of logs a journal has what `kept-logs.ts` keeps), within the interceptor of
 * its job (`intercept.ts`), or has an executor perform the attempt (`elsewhere.ts`; `late-result.ts`). `passed-limits.ts` looks at the time limits, `attempt-result.ts` handles
 * the result, with `retry-decision.ts` and `conflict.ts`; `interruption.ts` bounds attempts without one. `dynamic-tasks.ts` adds and removes tasks (`pool-problems.ts` checks their pools). `shutdown.ts` stops a
 * job early, `clean-up.ts` starts clean-up, `end.ts` ends a job. `pause.ts`, `retry-task.ts`, `reuse.ts`, `find-task.ts`
 * and `output.ts` serve requests of the program; `remote.ts` rejects those that another process would have to serve. */
import { AsyncResource } from 'node:async_hooks';
import type { Observable } from 'rxjs';
import { type Actor, createActor } from 'xstate';
import { boundedErrorData, shallowErrorData } from '../../events/error-data.ts';
import type {
  JobEvent,
  JobFact,
  JobState,
  JobTransition,
  TaskLog,
  TaskProgress,
  TaskState,
} from '../../events/event.ts';
import { EventStream, type StampedTransition } from '../../events/event-stream.ts';
import { isolate } from '../../events/isolate.ts';
import { SETTLED } from '../../events/states.ts';
import { inNextTurn, underWayUntil } from '../../events/under-way.ts';
import { type JobCommand, jobLogic, jobSnapshot } from '../../machines/job.ts';
import type { RetryPolicy } from '../../machines/retry.ts';
import { stopChild } from '../../machines/stop-child.ts';
import { initialTaskSnapshot, type TaskCommand, taskLogic } from '../../machines/task.ts';
import { mergedOptions } from '../definition/merged-options.ts';
import type { Inspect, StartOptions } from '../definition/options.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';
import { isWorthReference } from '../durable/output-parts.ts';
import { Attempt } from '../model/attempt.ts';
import { boundedReason } from '../model/bounded-reason.ts';
import { ContextStore } from '../model/context.ts';
import { recordTimes } from '../model/job-record.ts';
import type { LogsNote } from '../model/logs-note.ts';
import {
  JobRun,
  type LogKeeper,
  type RunEnvironment,
  type Subject,
  TaskRun,
  type TransitionDetails,
} from '../model/run.ts';
import { recordProgress, recordTransition } from '../model/task-record.ts';

/** A running job, with actors and stream. Only `commandJob` and `commandTask` command actors. `JobRun` has the docs. */
export class LiveRun extends JobRun {
  readonly #stream: EventStream<Subject>;
  #actor: Actor<typeof jobLogic>;
  #retry: RetryPolicy;
  /** Holds the async context of the start; one for a job and all jobs nested in it. */
  readonly #context: AsyncResource;
  #done: Promise<void> | undefined;
  #finish: (() => void) | undefined;
  #finished = false;
  /** Decides what the journal keeps of logs; one for a job and all jobs nested in it. */
  readonly #logs: LogKeeper | undefined;

  constructor(plan: Plan, input: object, startOptions: StartOptions, environment: RunEnvironment = {}) {
    super(plan, input, startOptions, environment);
    this.#context = environment.parent
      ? (environment.parent.job as LiveRun).#context
      : new AsyncResource('tintype.job', { requireManualDestroy: true });
    const { parent, recorder, deliveries } = environment;
    const persist = recorder && ((event: JobEvent, text: string | undefined): void => recorder.record(event, text));
    this.#stream = parent
      ? (parent.job as LiveRun).#stream
      : new EventStream(this.id, plan.name, this.turn, deliveries, persist);
    this.#logs = parent ? (parent.job as LiveRun).#logs : environment.keepLogs?.(this, this.#stream);
    this.#retry = retryPolicyOf(this.options);
    this.#actor = this.#createActor();
  }

  restoreState(state: JobState, input?: object): void {
    if (this.parent) stopChild(this.#actor);
    else this.#actor.stop();
    this.snapshot = jobSnapshot(state);
    this.#actor = this.#createActor();
    if (input) this.context = new ContextStore(this.frozen(input));
  }

  useStoredOptions(stored: StartOptions): void {
    this.options = mergedOptions(this.plan.options, { ...this.startOptions, ...stored });
    this.#retry = retryPolicyOf(this.options);
  }

  continueAt(nextSeq: number, last?: JobEvent): void {
    this.#stream.continueAt(nextSeq, last);
    if (last) this.finish();
  }

  defer(start: () => void): void {
    this.startNow = () => {
      this.startNow = undefined;
      this.inContext(start);
    };
  }

  startSoon(first: () => void = () => {}): void {
    inNextTurn(() => {
      first();
      this.startNow?.();
    });
  }

  close(): void {
    this.startNow = undefined;
    this.finish();
    this.#stream.close();
  }

  get nextSeq(): number {
    return this.#stream.nextSeq;
  }

  forward(event: JobEvent): void {
    if (event.type === 'job.transition') this.snapshot = jobSnapshot(event.to);
    this.#stream.forward(event);
  }

  get events$(): Observable<JobEvent> {
    return this.#stream.events$;
  }

  get done(): Promise<void> {
    this.#done ??= this.#finished
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#finish = resolve;
        });
    return this.#done;
  }

  inContext<Value>(call: () => Value): Value {
    return this.#context.runInAsyncScope(call);
  }

  batch(commands: () => void): void {
    this.#stream.openBatch();
    try {
      commands();
    } finally {
      this.#stream.closeBatch();
    }
  }

  sweep<Item>(items: readonly Item[], command: (item: Item) => void, done?: () => void): void {
    this.sweeps++;
    this.#stream.openBatch();
    this.#sweepFrom(0, items, command, done);
  }

  #sweepFrom<Item>(first: number, items: readonly Item[], command: (item: Item) => void, done?: () => void): void {
    let next = first;
    let isOver = false;
    try {
      while (next < items.length && !isOver) {
        command(items[next++] as Item);
        isOver = next < items.length && this.turn.isOver();
      }
    } finally {
      if (!isOver) this.#endSweep(first > 0, done);
    }
    if (isOver) this.turn.putOff(() => this.#sweepFrom(next, items, command, done));
  }

  #endSweep(wasPutOff: boolean, done?: () => void): void {
    this.sweeps--;
    done?.();
    // The job may have been kept from its end.
    if (wasPutOff) this.#stream.notifyReactions(this, { type: 'job.transition', from: this.state, to: this.state });
    this.#stream.closeBatch();
  }

  waitFor<Answer>(ask: () => Promise<Answer>, then: (answer: Answer | undefined) => void): void {
    this.sweeps++;
    const committed = new Promise<void>((resolve, reject) => {
      if (this.recorder) this.recorder.afterCommit(resolve, reject);
      else resolve();
    });
    const end = (answer?: Answer): void =>
      this.inContext(() => {
        this.#stream.openBatch();
        this.#endSweep(true, () => then(answer));
      });
    underWayUntil(committed.then(() => this.inContext(ask))).then(end, () => end());
  }

  publish(fact: JobFact): void {
    this.#stream.publish(fact, this.clock.now());
  }

  publishLog(line: TaskLog): void {
    const at = this.clock.now();
    if (this.#logs) this.#logs.line(line, at);
    else this.#stream.publish(line, at);
  }

  publishProgress(task: TaskRun, report: TaskProgress): void {
    recordProgress(task, report);
    const at = this.clock.now();
    if (this.#logs) this.#logs.progress(report, at);
    else this.#stream.publish(report, at);
  }

  noteLogs(): void {
    this.#logs?.note();
  }

  restoreLogs(task: string, note: LogsNote): void {
    this.#logs?.restore(task, note);
  }

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
      if (this.parent) stopChild(this.#actor);
      else this.#actor.stop();
    }
    if (this.parent) this.#stream.notifyReactions(this, { type: 'job.transition', from, to });
    else this.#stream.publishJobTransition(this, from, to, at, boundedDetails(details));
    if (this.over) this.onEnd?.();
    return true;
  }

  finish(): void {
    const finish = (): void => {
      this.#finished = true;
      this.#finish?.();
    };
    if (this.parent || !this.recorder) finish();
    else this.recorder.afterCommit(finish, finish);
  }

  afterCommit(onCommitted: () => void): void {
    if (this.recorder) this.recorder.afterCommit(() => this.inContext(onCommitted));
    else onCommitted();
  }

  commandTask(task: TaskRun, command: TaskCommand, details?: TransitionDetails): boolean {
    const { actor, state: from } = task;
    if (!actor) return false;
    actor.send(command);
    const snapshot = actor.getSnapshot();
    const { value: to, context } = snapshot;
    if (to === from) return false;
    const at = this.clock.now();
    const attempt = to === 'polling' ? context.attempt + 1 : context.attempt;
    // The checks of a sensor count as one attempt.
    const hasEnded = from === 'running' && to !== 'polling' && !(to === 'paused' && context.resumesAs === 'running');
    if (this.#logs && (hasEnded || SETTLED.has(to))) this.#logs.end(task.path, at);
    const event = this.#stream.stampTransition(task.path, from, to, attempt, at);
    if (details) addDetails(event, details);
    if (from === 'ready' && to === 'running' && task.queuedAt !== undefined) event.readyAt = task.queuedAt;
    const owner = to === 'ready' ? task.definition.external?.owner : undefined;
    if (owner !== undefined) event.owner = owner;
    // Before the event is published: it may end this nested job or fan-out, which collects the results.
    if (this.parent && SETTLED.has(to)) task.storedSeq = isReferable(to, details) ? event.seq : undefined;
    recordTransition(task, event, snapshot, details?.error);
    if (from === 'ready' && to !== 'running') task.queue?.markStale();
    this.#updateResources(task, to, context.resumesAs === 'running');
    this.#stream.publishStamped(event, task, details?.text);
    return true;
  }

  run(task: TaskRun): void {
    // The task of another job may have freed the slots.
    if (task.place) this.inContext(() => this.#runElsewhere(task));
    else if (this.sharesDispatcher) this.inContext(() => this.commandTask(task, { type: 'task.run' }));
    else this.commandTask(task, { type: 'task.run' });
  }

  /** Runs a task that workers perform. Its slot comes first, since the event says whose it is. */
  #runElsewhere(task: TaskRun): void {
    task.place?.acquire(task);
    const worker = task.place?.workerOf(task);
    this.commandTask(task, { type: 'task.run' }, worker === undefined ? undefined : { worker });
  }

  activate(index: number): TaskRun {
    const task = this.taskAt(index);
    if (!task.actor && task.state === 'unscheduled') this.startActor(task);
    return task;
  }

  taskAt(index: number): TaskRun {
    const known = this.tasks[index];
    if (known) return known;
    const definition = this.plan.tasks[index] as TaskDefinition;
    const task = new TaskRun(this, index, definition, this.#retryPolicyOf(definition));
    this.tasks[index] = task;
    return task;
  }

  startActor(task: TaskRun): void {
    const { path, retry, snapshot } = task;
    const options = { parent: this.#actor, id: path, input: { task: path, retry } };
    // Leave out `snapshot` for a new task, which starts from the same one anyway: the option costs half a microsecond.
    const isNew = snapshot === initialTaskSnapshot(retry.maxRetries);
    task.actor = createActor(taskLogic, isNew ? options : { ...options, snapshot });
    task.actor.start();
    this.active.add(task);
  }

  reopen(task: TaskRun): void {
    if (!SETTLED.has(task.state)) return;
    this.startActor(task);
    this.settled--;
    if (task.state === 'notReady') this.notReady--;
    if (task.error && task.state === 'failed') {
      this.errors.splice(this.errors.indexOf(task.error), 1);
      if (!task.error.tolerated) this.failed--;
    }
    task.counted = false;
    task.branchesNotTaken = undefined;
  }

  deactivate(task: TaskRun): void {
    this.active.delete(task);
    stopChild(task.actor);
    task.actor = undefined;
    if (task.state !== 'unscheduled') return;
    if (task.attempts === 0) this.tasks[task.index] = undefined;
    task.conditionEvaluated = false;
    task.conditionError = undefined;
    task.version = 0;
  }

  /** Acquires what a task's new state needs (attempt, slots, place in the queue), releases what it no longer needs. */
  #updateResources(task: TaskRun, to: TaskState, holdsAttempt: boolean): void {
    const { attempt } = task;
    if (attempt && to !== 'running' && !(to === 'paused' && holdsAttempt)) endAttempt(task, attempt);
    if (to === 'running') {
      if (attempt) return;
      task.attempt = new Attempt(task.attempts, this.#version());
      if (task.child) {
        task.previousChild = task.child;
        delete task.child;
      }
      task.queue?.acquire(task, task.queue.hasRateLimit ? this.dispatcher.now() : 0);
    } else if (to === 'ready') {
      // A task whose condition threw must run in order to fail, even if it is external.
      if (task.definition.kind !== 'external' || task.conditionError) this.dispatcher.enqueue(task);
    } else if (SETTLED.has(to)) {
      this.#settle(task);
    }
  }

  #version(): number {
    return this.isFanOut ? (this.parent?.attempt?.version ?? 0) : this.context.version;
  }

  #settle(task: TaskRun): void {
    this.count(task);
    this.active.delete(task);
    stopChild(task.actor);
    task.actor = undefined;
  }

  #createActor(): Actor<typeof jobLogic> {
    const { inspect } = this.options;
    const snapshot = this.state === 'idle' ? {} : { snapshot: this.snapshot };
    const actor = this.parent
      ? createActor(jobLogic, { id: this.parent.path, parent: (this.parent.job as LiveRun).#actor, ...snapshot })
      : createActor(jobLogic, { id: this.id, ...(inspect && { inspect: isolatedInspect(inspect) }), ...snapshot });
    actor.start();
    return actor;
  }

  #retryPolicyOf({ maxRetries, retry }: TaskDefinition): RetryPolicy {
    if (maxRetries === undefined && retry === undefined) return this.#retry;
    return { ...(retry ?? this.options.retry), maxRetries: maxRetries ?? this.#retry.maxRetries };
  }
}

/** Wraps an inspection callback so that its errors can't harm the job. */
const isolatedInspect = (inspect: Inspect): ((event: { readonly type: string }) => void) => {
  const isolated = isolate('The inspector of a job');
  return (event) => isolated(() => (typeof inspect === 'function' ? inspect(event) : inspect.next?.(event)));
};

const retryPolicyOf = ({ retry, maxRetries = 0 }: StartOptions): RetryPolicy => ({ ...retry, maxRetries });

/** Whether the event of a task stores a result that the output of its nested job or fan-out can refer to. */
const isReferable = (to: TaskState, details: TransitionDetails | undefined): boolean =>
  to === 'failed' || (details?.text !== undefined && isWorthReference(details.text));

const endAttempt = (task: TaskRun, attempt: Attempt): void => {
  task.queue?.release(task);
  task.attempt = undefined;
  attempt.phase = 'over';
  attempt.timer?.cancel();
  task.claim?.heartbeatTimer?.cancel();
};

const boundedDetails = (details: Pick<JobTransition, 'reason' | 'error'> | undefined) =>
  details?.reason === undefined ? details : { ...details, reason: boundedReason(details.reason) };

/** Adds details to an event. Leaves out the causes of a skipped task's error: the events of its upstreams have them. */
const addDetails = (event: StampedTransition, { reason, error, output, dueAt, worker }: TransitionDetails): void => {
  if (reason !== undefined) event.reason = boundedReason(reason);
  if (error) event.error = event.to === 'skipped' ? shallowErrorData(error) : boundedErrorData(error);
  if (error?.tolerated && event.to === 'failed') event.tolerated = true;
  if (output !== undefined) event.output = output;
  if (dueAt !== undefined && Number.isFinite(dueAt)) event.dueAt = dueAt;
  if (worker !== undefined) event.worker = worker;
};
