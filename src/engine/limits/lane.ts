import { Heap } from '../definition/heap.ts';
import { compareRanks } from '../definition/plan.ts';
import type { SlotLimit } from './limit.ts';
import type { QueuedTask } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';

type Task = QueuedTask<Lane>;

/** A queue of ready tasks that need the same limits. None overtakes the first, which waits until all have room. */
export class Lane {
  readonly limits: readonly (SlotLimit | RateLimit)[];
  readonly rated: boolean;
  listed = false;
  #queue = new Heap<Task>(compareTasks);
  #stale = 0;

  constructor(limits: readonly (SlotLimit | RateLimit)[]) {
    this.limits = limits;
    this.rated = limits.some(({ kind }) => kind === 'rateLimit');
  }

  push(task: Task): void {
    this.#queue.push(task);
  }

  pop(): Task | undefined {
    return this.#queue.pop();
  }

  /** Notes that a queued task no longer waits. Removes such entries when there are 64 and they are half the queue. */
  forget(): void {
    this.#stale++;
    if (this.#stale < 64 || 2 * this.#stale < this.#queue.size) return;
    this.#stale = 0;
    const waiting = this.#queue.items.filter(({ state }) => state === 'ready');
    this.#queue = new Heap<Task>(compareTasks);
    for (const task of waiting) this.#queue.push(task);
  }

  /**
   * Returns the task that runs next, and leaves it in the queue. On the way, drops the tasks that no longer wait or are
   * about to be paused, and moves those of a paused job to that job's own list.
   */
  peek(): Task | undefined {
    for (let task = this.#queue.peek(); task !== undefined; task = this.#queue.peek()) {
      const { job } = task;
      if (waits(task)) {
        if (!job.paused) return task;
        job.parked.push(task);
      }
      this.#queue.pop();
    }
    return undefined;
  }

  isOpen(task: Task, now: number): boolean {
    for (const limit of this.limits) {
      if (limit.kind === 'rateLimit' ? limit.freeAt() > now : !limit.hasRoom(task)) return false;
    }
    return true;
  }

  /** Returns the limits that block the task at this time (epoch ms). */
  obstacles(task: Task, now: number): (SlotLimit | RateLimit)[] {
    return this.limits.filter((limit) => (limit.kind === 'rateLimit' ? limit.freeAt() > now : !limit.hasRoom(task)));
  }

  /** Returns the waiting tasks, in no particular order, without those of paused jobs. */
  waiting(): Task[] {
    return this.#queue.items.filter((task) => waits(task) && !task.job.paused);
  }

  take(task: Task, now: number): void {
    for (const limit of this.limits) {
      if (limit.kind === 'rateLimit') limit.take(now);
      else limit.take(task);
    }
  }

  giveBack(task: Task): void {
    for (const limit of this.limits) if (limit.kind !== 'rateLimit') limit.giveBack(task);
  }
}

/** Returns whether a queued task may still run: clean-up tasks in an ending job, else all not about to be paused. */
const waits = (task: Task): boolean => {
  const { job, state, index } = task;
  if (state !== 'ready') return false;
  return job.ending ? task.definition.trigger === 'always' : !job.heldTasks?.has(index);
};

/**
 * Compares two tasks: negative if `a` runs first. Within a job its own order decides; between jobs priority, then the
 * longer chain, then the earlier start.
 */
export const compareTasks = (a: Task, b: Task): number => {
  const { job } = a;
  if (job === b.job) {
    return job.plan.grown && !job.options.sequential ? compareRanks(job.plan, a.index, b.index) : a.place - b.place;
  }
  return (
    priorityOf(b) - priorityOf(a) ||
    (b.job.plan.lengths[b.index] ?? 0) - (job.plan.lengths[a.index] ?? 0) ||
    job.rootOrder - b.job.rootOrder ||
    job.order - b.job.order
  );
};

/** Returns the priority; in a nested job, the default is that of the task that runs the job. */
const priorityOf = ({ definition, job }: Task): number => definition.priority ?? job.priority;
