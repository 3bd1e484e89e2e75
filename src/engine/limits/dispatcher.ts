/* This folder decides which ready task runs next; it knows of a job only what `queued-task.ts` declares. `semaphore.ts`
 * is a semaphore, `rate-limit.ts` limits starts within a period, `limit-scope.ts` holds the limits of one engine or job,
 * `wait-queue.ts` is a queue of ready tasks that need the same limits. `dispatcher.ts` adds a ready task to its queue; when
 * slots may be free, it compares the first tasks of all queues and runs the first whose limits have room. Slots are
 * acquired and released as the running job records transitions. */

import type { Clock } from '../time/clock.ts';
import { hasLimits, type JobLimits, LimitScope } from './limit-scope.ts';
import type { QueuedTask as Queued } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';
import { compareTasks, WaitQueue } from './wait-queue.ts';

type TaskRun = Queued<WaitQueue>;

/** Gives slots to waiting tasks: those of one job and the jobs nested in it, or of all jobs of an engine. */
export class Dispatcher {
  readonly top: LimitScope;
  readonly #clock: Clock;
  /**
   * The queues in which tasks wait: first those whose tasks need a slot of the top level's concurrency, if it is
   * limited; then those of nested jobs and fan-outs, which need none.
   */
  readonly #queues: WaitQueue[] = [];
  #nestedQueues: WaitQueue[] | undefined;
  /** Queue of nested jobs and fan-outs in jobs that are not sequential; the tasks inside them take slots. */
  #unlimitedQueue: WaitQueue | undefined;
  /** Whether any task ever waited for a rate limit; the rate limits for which a timer is set. */
  #hasRateLimits = false;
  #timedLimits: Set<RateLimit> | undefined;
  #jobs = 0;

  constructor(clock: Clock, owner: string, options: JobLimits) {
    this.#clock = clock;
    this.top = new LimitScope(owner, options, undefined);
  }

  /** Returns the limits of a job below `parent`: `parent` itself if the job sets none. */
  scopeBelow(parent: LimitScope, owner: string, options: JobLimits): LimitScope {
    return hasLimits(options) ? new LimitScope(owner, options, parent) : parent;
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

  /** Runs waiting tasks in order, as far as the limits allow. */
  dispatch(): void {
    for (let task = this.#next(); task !== undefined; task = this.#next()) task.job.run(task);
  }

  #queueOf({ definition, job }: TaskRun): WaitQueue {
    if (!definition.nested) return job.limitScope.queueFor(definition.pool);
    this.#unlimitedQueue ??= new WaitQueue([]);
    return job.limitScope.sequentialQueue ?? this.#unlimitedQueue;
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

  /** Returns the queues whose tasks may run. With the top level full, as in a busy engine, they are few. */
  #openQueues(): readonly WaitQueue[] {
    const slotless = this.#nestedQueues ?? NO_QUEUES;
    if (this.top.isFull) return slotless;
    return slotless.length === 0 ? this.#queues : [...slotless, ...this.#queues];
  }

  #addToList(queue: WaitQueue, slotless: boolean): void {
    queue.isListed = true;
    if (!slotless) {
      this.#queues.push(queue);
      return;
    }
    this.#nestedQueues ??= [];
    this.#nestedQueues.push(queue);
  }

  #dropEmptyQueues(): void {
    for (const queues of [this.#queues, this.#nestedQueues ?? []]) {
      let kept = 0;
      for (const queue of queues) if (queue.isListed) queues[kept++] = queue;
      queues.length = kept;
    }
  }

  /**
   * Chooses the next task while tasks that need several slots wait. To keep those from starving, a task is skipped if
   * it uses a limit that blocks such a task which comes before it.
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

  /** Sets a timer for each rate limit that blocks a queue's first task, and cancels those no longer needed. */
  #armRateTimers(now: number): void {
    this.#timedLimits ??= new Set();
    const awaited = new Set<RateLimit>();
    for (const queue of this.#queues) {
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

const NO_QUEUES: readonly WaitQueue[] = Object.freeze([]);
