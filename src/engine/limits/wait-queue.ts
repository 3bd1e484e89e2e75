import { Heap } from '../definition/heap.ts';
import { compareRanks } from '../definition/plan.ts';
import type { ExecutorLimit } from './executor-limit.ts';
import type { QueuedTask } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Semaphore } from './semaphore.ts';

type Task = QueuedTask<WaitQueue>;

/** A limit that an attempt needs room in. */
export type Limit = Semaphore | RateLimit | ExecutorLimit;

/** A queue of ready tasks that need the same limits. The first waits until all limits have room; none overtakes it. */
export class WaitQueue {
  readonly limits: readonly Limit[];
  readonly hasRateLimit: boolean;
  isListed = false;
  #heap = new Heap<Task>(compareTasks);
  #stale = 0;

  constructor(limits: readonly Limit[]) {
    this.limits = limits;
    this.hasRateLimit = limits.some(({ kind }) => kind === 'rateLimit');
  }

  push(task: Task): void {
    this.#heap.push(task);
  }

  pop(): Task | undefined {
    return this.#heap.pop();
  }

  /** Counts a queued task that no longer waits. Removes such tasks when there are 64 and they fill half the queue. */
  markStale(): void {
    this.#stale++;
    if (this.#stale >= 64 && 2 * this.#stale >= this.#heap.size) this.reorder();
  }

  /** Sorts the waiting tasks again, because the order between them has changed; drops those that no longer wait. */
  reorder(): void {
    for (const task of this.takeAll()) this.#heap.push(task);
  }

  /** Empties the queue; returns the tasks that waited. */
  takeAll(): readonly Task[] {
    const waiting = this.#heap.items.filter(({ state }) => state === 'ready');
    this.#heap = new Heap<Task>(compareTasks);
    this.#stale = 0;
    return waiting;
  }

  /**
   * Returns the first task that may run, without removing it. Removes tasks before it that no longer wait or are to be
   * paused, and moves tasks of a paused job to the job's `waitingForResume`.
   */
  peek(): Task | undefined {
    for (let task = this.#heap.peek(); task !== undefined; task = this.#heap.peek()) {
      const { job } = task;
      if (isWaiting(task)) {
        if (!job.paused) return task;
        job.waitingForResume.push(task);
      }
      this.#heap.pop();
    }
    return undefined;
  }

  canRun(task: Task, now: number): boolean {
    for (const limit of this.limits) {
      if (limit.kind === 'rateLimit' ? limit.nextAllowedAt() > now : !limit.hasCapacity(task)) return false;
    }
    return true;
  }

  /** Returns the limits that block the task at `now` (ms of the dispatcher's clock). */
  blockedBy(task: Task, now: number): Limit[] {
    return this.limits.filter((limit) =>
      limit.kind === 'rateLimit' ? limit.nextAllowedAt() > now : !limit.hasCapacity(task),
    );
  }

  /** Returns the waiting tasks in no particular order, except tasks of paused jobs. */
  waiting(): Task[] {
    return this.#heap.items.filter((task) => isWaiting(task) && !task.job.paused);
  }

  acquire(task: Task, now: number): void {
    for (const limit of this.limits) if (limit.kind === 'rateLimit') limit.acquire(now);
    this.hold(task);
  }

  /** Counts the slots of a task that runs already. */
  hold(task: Task): void {
    for (const limit of this.limits) if (limit.kind !== 'rateLimit') limit.acquire(task);
  }

  release(task: Task): void {
    for (const limit of this.limits) if (limit.kind !== 'rateLimit') limit.release(task);
  }
}

/** Returns whether a queued task may run: in an ending job, only clean-up; otherwise, any task not to be paused. */
const isWaiting = (task: Task): boolean => {
  const { job, state, index } = task;
  if (state !== 'ready') return false;
  return job.ending ? task.definition.trigger === 'always' : !job.pauseRequests?.has(index);
};

/**
 * Compares two tasks: negative if `a` runs first. Within a job, rank decides; between jobs, priority, then the longer
 * chain, then the earlier job.
 */
export const compareTasks = (a: Task, b: Task): number => {
  const { job } = a;
  if (job === b.job) {
    if (!job.plan.grown || job.options.sequential) return a.rank - b.rank;
    return compareRanks(job.plan, a.index, b.index, job.isFanOut ? job.priority : 0);
  }
  return (
    priorityOf(b) - priorityOf(a) ||
    chainOf(b) - chainOf(a) ||
    job.rootOrder - b.job.rootOrder ||
    job.order - b.job.order
  );
};

/** Returns the length of the chain that starts with a task, in tasks: those of a job with estimates count by their weight. */
const chainOf = ({ job: { plan, tail }, index }: Task): number =>
  (plan.lengths[index] ?? 0) / (plan.otherMs ?? 1) + tail;

/** Returns the priority of a task. Default in a nested job: the priority of the task that runs the job. */
const priorityOf = ({ definition, job }: Task): number => definition.priority ?? job.priority;
