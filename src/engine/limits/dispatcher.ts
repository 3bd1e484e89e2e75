/* This folder decides which ready task runs next. It knows only the part of a job that `queued-task.ts` declares.
 * `semaphore.ts` is a semaphore; `rate-limit.ts` limits starts within a period; `executor-limit.ts` is the room of an
 * executor's workers; `limit-scope.ts` holds the limits of
 * one engine or job; `wait-queue.ts` is a queue of ready tasks that need the same limits. When slots may be free,
 * `dispatcher.ts` compares the first tasks of all queues and runs the first one whose limits have room. Slots are
 * acquired and released as the running job records transitions. */

import { inNextTurn } from '../../events/under-way.ts';
import type { Clock } from '../time/clock.ts';
import { type SteadyClock, steady } from '../time/steady-clock.ts';
import type { Turn } from '../time/turn.ts';
import type { Elsewhere, ExecutorLimit } from './executor-limit.ts';
import { hasLimits, type JobLimits, LimitScope } from './limit-scope.ts';
import type { QueuedTask as Queued } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';
import { compareTasks, WaitQueue } from './wait-queue.ts';

type TaskRun = Queued<WaitQueue>;

/** Assigns slots to the waiting tasks of one job and its nested jobs, or of all jobs of an engine. */
export class Dispatcher {
  readonly top: LimitScope;
  /** Performs the attempts that the engine's executor takes. */
  readonly elsewhere: Elsewhere | undefined;
  readonly #clock: SteadyClock;
  readonly #turn: Turn;
  /** Whether the next tasks run in a later turn. */
  #putOff = false;
  /** Queues of tasks that count towards `maxConcurrency`. */
  /** The queues of tasks that are ready. */
  readonly queues: WaitQueue[] = [];
  /** Queues of nested jobs and fan-outs, which do not count towards `maxConcurrency`. */
  #nestedQueues: WaitQueue[] | undefined;
  /** Queue of nested jobs and fan-outs in jobs that are not sequential. Only the tasks inside them take slots. */
  #unlimitedQueue: WaitQueue | undefined;
  /** Queues of fan-outs whose `over` workers call, in jobs that are not sequential. */
  #placedNestedQueues: Map<ExecutorLimit, WaitQueue> | undefined;
  /** Whether a look at the waiting tasks is due, since workers have more room. */
  #looksAgain = false;
  /** Whether any task ever waited for a rate limit. */
  #hasRateLimits = false;
  /** Rate limits for which a timer is set. */
  #timedLimits: Set<RateLimit> | undefined;
  #jobs = 0;

  constructor(clock: Clock, turn: Turn, owner: string, options: JobLimits, elsewhere?: Elsewhere) {
    this.#clock = steady(clock);
    this.#turn = turn;
    this.top = new LimitScope(owner, options, undefined, this.#clock.now);
    this.elsewhere = elsewhere;
    elsewhere?.onRoom(() => this.#lookSoon());
  }

  /**
   * Looks at the waiting tasks in the next turn: once, however often workers say that they have more room, and after the
   * answers of this turn, which may make tasks ready that come first.
   */
  #lookSoon(): void {
    if (this.#looksAgain) return;
    this.#looksAgain = true;
    inNextTurn(() => {
      this.#looksAgain = false;
      this.dispatch();
    });
  }

  /** Returns the limits of a job below `parent`; if the job sets no limits, `parent` itself. */
  scopeBelow(parent: LimitScope, owner: string, options: JobLimits): LimitScope {
    return hasLimits(options) ? new LimitScope(owner, options, parent) : parent;
  }

  /** Returns the time by which rate limits are kept, in ms. That of a job may differ: its clock began later. */
  now(): number {
    return this.#clock.now();
  }

  nextJob(): number {
    return this.#jobs++;
  }

  enqueue(task: TaskRun): void {
    task.queue ??= this.#queueOf(task);
    task.queue.push(task);
    if (!task.queue.isListed) this.#addToList(task.queue, task.definition.nested !== undefined);
    this.#hasRateLimits ||= task.queue.hasRateLimit;
  }

  /**
   * Applies the changed limits of jobs, and of all jobs nested in them: what waits is put into queues again, what runs
   * counts in the new limits, and what may start now does.
   */
  relimit(jobs: readonly LimitedJob[]): void {
    const waiting = new Set([...this.queues, ...(this.#nestedQueues ?? [])].flatMap((queue) => queue.takeAll()));
    for (const { limitScope } of jobs) limitScope.forgetQueues();
    for (const task of jobs.flatMap(({ active }) => [...active])) {
      if (!task.queue) continue;
      task.queue = task.attempt ? this.#queueOf(task) : undefined;
      task.queue?.hold(task);
    }
    for (const task of waiting) this.enqueue(task);
    this.dispatch();
  }

  /** Sorts all waiting tasks again, because the order between them has changed, and runs the first ones. */
  reorder(): void {
    for (const queue of [...this.queues, ...(this.#nestedQueues ?? [])]) queue.reorder();
    this.dispatch();
  }

  /** Runs waiting tasks in order, as far as the limits and the turn allow. */
  dispatch(): void {
    if (this.#putOff) return;
    for (let task = this.#next(); task !== undefined; task = this.#next()) {
      task.job.run(task);
      if (!this.#turn.isOver()) continue;
      this.#putOff = true;
      this.#turn.putOff(() => {
        this.#putOff = false;
        this.dispatch();
      });
      return;
    }
  }

  #queueOf(task: TaskRun): WaitQueue {
    const { definition, job } = task;
    const place = this.elsewhere ? placeOf(task, this.elsewhere) : null;
    if (!definition.nested) return job.limitScope.queueFor(definition.pool, place);
    return job.limitScope.nestedQueueFor(place) ?? this.#unlimitedQueueFor(place);
  }

  #unlimitedQueueFor(place: ExecutorLimit | null): WaitQueue {
    if (!place) {
      this.#unlimitedQueue ??= new WaitQueue([]);
      return this.#unlimitedQueue;
    }
    this.#placedNestedQueues ??= new Map();
    const queue = this.#placedNestedQueues.get(place) ?? new WaitQueue([place]);
    this.#placedNestedQueues.set(place, queue);
    return queue;
  }

  #next(): TaskRun | undefined {
    const now = this.#hasRateLimits ? this.#clock.now() : 0;
    let best: TaskRun | undefined;
    let large: TaskRun[] | undefined;
    let emptied = false;
    for (const queue of this.#openQueues()) {
      const task = queue.peek();
      if (!task) {
        queue.isListed = false;
        emptied = true;
        continue;
      }
      if (!queue.canRun(task, now)) {
        if ((task.definition.slots ?? 1) > 1) large = [...(large ?? []), task];
      } else if (!best || compareTasks(task, best) < 0) {
        best = task;
      }
    }
    if (emptied) this.#dropEmptyQueues();
    if (best && large) best = this.#nextWithoutStarvation(large, now);
    if (best) best.queue?.pop();
    else if (this.#hasRateLimits) this.#armRateTimers(now);
    return best;
  }

  /** Returns the queues whose tasks may run. If `top` is full, only nested jobs and fan-outs may run. */
  #openQueues(): readonly WaitQueue[] {
    const slotless = this.#nestedQueues ?? NO_QUEUES;
    if (this.top.isFull) return slotless;
    return slotless.length === 0 ? this.queues : [...slotless, ...this.queues];
  }

  #addToList(queue: WaitQueue, slotless: boolean): void {
    queue.isListed = true;
    if (!slotless) {
      this.queues.push(queue);
      return;
    }
    this.#nestedQueues ??= [];
    this.#nestedQueues.push(queue);
  }

  #dropEmptyQueues(): void {
    for (const queues of [this.queues, this.#nestedQueues ?? []]) {
      let kept = 0;
      for (const queue of queues) if (queue.isListed) queues[kept++] = queue;
      queues.length = kept;
    }
  }

  /**
   * Chooses the next task while tasks that need several slots wait. To prevent their starvation, skips any task that
   * comes after such a task and uses a limit that blocks it.
   */
  #nextWithoutStarvation(large: readonly TaskRun[], now: number): TaskRun | undefined {
    const open = [...this.#openQueues()]
      .map((queue) => queue.peek())
      .filter((task): task is TaskRun => task?.queue?.canRun(task, now) === true)
      .sort(compareTasks);
    return open.find((task) =>
      large.every((other) => {
        if (compareTasks(task, other) < 0) return true;
        return !other.queue?.blockedBy(other, now).some((limit) => task.queue?.limits.includes(limit));
      }),
    );
  }

  /** Sets a timer for each rate limit that blocks the first task of a queue. Cancels timers no longer needed. */
  #armRateTimers(now: number): void {
    this.#timedLimits ??= new Set();
    const awaited = new Set<RateLimit>();
    for (const queue of [...(this.#nestedQueues ?? NO_QUEUES), ...this.queues]) {
      const task = queue.peek();
      for (const limit of task ? queue.blockedBy(task, now) : []) if (limit.kind === 'rateLimit') awaited.add(limit);
    }
    for (const limit of this.#timedLimits) if (!awaited.has(limit)) this.#disarm(limit);
    for (const limit of awaited) if (!this.#timedLimits.has(limit)) this.#arm(limit, now);
  }

  #arm(limit: RateLimit, now: number): void {
    this.#timedLimits?.add(limit);
    const lookAgain = (): void => {
      this.#timedLimits?.delete(limit);
      this.dispatch();
    };
    limit.cancelTimer = this.#clock.setTimer(lookAgain, Math.max(0, limit.nextAllowedAt() - now));
  }

  #disarm(limit: RateLimit): void {
    this.#timedLimits?.delete(limit);
    limit.cancelTimer?.();
  }
}

/** Returns who performs the attempts of a task. Once decided, it stays: a change of limits asks again for queues alone. */
const placeOf = (task: TaskRun, elsewhere: Elsewhere): ExecutorLimit | null => {
  if (task.place !== undefined) return task.place;
  if (task.run || task.conditionError) return null;
  task.place = elsewhere.place(task);
  return task.place;
};

/** The part of a job that a change of limits uses. `active`: its tasks that wait or run. */
type LimitedJob = { readonly limitScope: LimitScope; readonly active: Iterable<TaskRun> };

const NO_QUEUES: readonly WaitQueue[] = Object.freeze([]);
