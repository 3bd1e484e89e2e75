import { Heap } from '../definition/heap.ts';
import { comparePlaces } from '../definition/plan.ts';
import type { SlotLimit } from './limit.ts';
import type { QueuedTask } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';

type Task = QueuedTask<Lane>;

/** Ready tasks that take slots of the same limits, the first to run on top. Who is on top waits for all it needs: nobody passes it. */
export class Lane {
  readonly limits: readonly (SlotLimit | RateLimit)[];
  /** Whether a rate is among them. */
  readonly rated: boolean;
  /** Whether the dispatcher looks here. */
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

  /** A task that waits here no longer. What is left of such tasks is cleared away once it is the larger part. */
  forget(): void {
    this.#stale++;
    if (this.#stale < 64 || 2 * this.#stale < this.#queue.size) return;
    this.#stale = 0;
    const waiting = this.#queue.items.filter(({ state }) => state === 'ready');
    this.#queue = new Heap<Task>(compareTasks);
    for (const task of waiting) this.#queue.push(task);
  }

  /** Who runs next. Tasks that no longer wait, or are about to be paused, are dropped on the way; those of a paused job step aside. */
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

  /** Whether a task may run at this time. */
  isOpen(task: Task, now: number): boolean {
    for (const limit of this.limits) {
      if (limit.kind === 'rateLimit' ? limit.freeAt() > now : !limit.hasRoom(task)) return false;
    }
    return true;
  }

  /** What keeps a task from running at this time. */
  obstacles(task: Task, now: number): (SlotLimit | RateLimit)[] {
    return this.limits.filter((limit) => (limit.kind === 'rateLimit' ? limit.freeAt() > now : !limit.hasRoom(task)));
  }

  /** Who waits, in no particular order. */
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

/** Whether a task still wants to run: it is not about to be paused, nor does its job end before. */
const waits = (task: Task): boolean => {
  const { job, state, index } = task;
  if (state !== 'ready') return false;
  return job.ending ? task.definition.trigger === 'always' : !job.heldTasks?.has(index);
};

/** Within a job by its own order; between jobs by priority, then the longer chain, then whose job came first. */
export const compareTasks = (a: Task, b: Task): number => {
  const { job } = a;
  if (job === b.job) {
    return job.plan.grown && !job.options.sequential ? comparePlaces(job.plan, a.index, b.index) : a.place - b.place;
  }
  return (
    priorityOf(b) - priorityOf(a) ||
    (b.job.plan.lengths[b.index] ?? 0) - (job.plan.lengths[a.index] ?? 0) ||
    job.rootOrder - b.job.rootOrder ||
    job.order - b.job.order
  );
};

/** A task of a nested job that says nothing has the priority of the task around it. */
const priorityOf = ({ definition, job }: Task): number => definition.priority ?? job.priority;
