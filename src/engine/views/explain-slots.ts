import { isoText } from '../../events/iso-text.ts';
import type { ExecutorLimit } from '../limits/executor-limit.ts';
import type { RateLimit } from '../limits/rate-limit.ts';
import type { Semaphore } from '../limits/semaphore.ts';
import { compareTasks, type WaitQueue } from '../limits/wait-queue.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** Why a ready task has no slot: a pool, a job's or engine's concurrency, workers without room, or a rate limit. */
export type SlotReason =
  | {
      readonly kind: 'pool' | 'concurrency';
      readonly text: string;
      /** Name of the limit, such as `pool "db" of the engine`. */
      readonly limit: string;
      /** Number of slots: in total, in use, and needed by this task. */
      readonly size: number;
      readonly taken: number;
      readonly wanted: number;
      /** Paths of the tasks that hold the slots, with the job's id if they belong to another job. */
      readonly holders: readonly string[];
      /** Number of tasks that run before this one. */
      readonly ahead: number;
      /** Paths of the first five tasks that run before this one. */
      readonly before: readonly string[];
    }
  | {
      readonly kind: 'worker';
      readonly text: string;
      /** The tags that a worker must have; empty if any will do. */
      readonly tags: readonly string[];
      /** Number of slots of the workers with these tags: in total, and in use. */
      readonly size: number;
      readonly taken: number;
      /** As of a pool: the number of tasks that run before this one, and the paths of the first five. */
      readonly ahead: number;
      readonly before: readonly string[];
    }
  /** `until` is when the next start is allowed, in epoch ms. */
  | { readonly kind: 'rateLimit'; readonly text: string; readonly limit: string; readonly until: number };

export type SlotReasons = (task: TaskRun) => readonly SlotReason[];

/** The tasks of a queue in the order in which they run, and the position of each task. */
type Order = { readonly waiting: readonly TaskRun[]; readonly places: ReadonlyMap<TaskRun, number> };

/** Returns a function that returns a task's reasons. Caches the sorted queues and the names of slot holders. */
export const slotReasons = (job: JobRun): SlotReasons => {
  const orders = new Map<WaitQueue, Order>();
  const holders = new Map<Semaphore, readonly string[]>();
  const named = (task: TaskRun): string => (task.job.id === job.id ? task.path : `${task.path} (job ${task.job.id})`);

  const orderOf = (queue: WaitQueue): Order => {
    const known = orders.get(queue);
    if (known) return known;
    const waiting = [...new Set(queue.waiting() as TaskRun[])].sort(compareTasks);
    const order = { waiting, places: new Map(waiting.map((task, place) => [task, place])) };
    orders.set(queue, order);
    return order;
  };

  const holdersOf = (limit: Semaphore): readonly string[] => {
    const known = holders.get(limit);
    if (known) return known;
    const names = (limit.holders as readonly TaskRun[]).map(named);
    holders.set(limit, names);
    return names;
  };

  return (task) => {
    const { queue } = task;
    if (!queue) return [];
    const now = job.dispatcher.now();
    const { waiting, places } = orderOf(queue);
    const ahead = places.get(task) ?? 0;
    const before = waiting.slice(0, Math.min(ahead, 5)).map(named);
    const own = queue.blockedBy(task, now);
    const head = queue.peek();
    // If no limit blocks the task itself, it waits for the first task of its queue: report what blocks the first task.
    const limits = own.length > 0 || !head || head === task ? own : queue.blockedBy(head, now);
    return limits.map((limit) => {
      if (limit.kind === 'worker') return workerReason(limit, ahead, before);
      return limit.kind === 'rateLimit'
        ? rateReason(limit, job.clock.now() + limit.nextAllowedAt() - now, ahead, before)
        : slotReason(limit, task, holdersOf(limit), ahead, before);
    });
  };
};

const rateReason = (limit: RateLimit, until: number, ahead: number, before: readonly string[]): SlotReason => {
  const rate = `${limit.limit} ${limit.limit === 1 ? 'start' : 'starts'} in ${limit.periodMs} ms`;
  const text = `the rate of ${limit.name} is used up, ${rate}: the next may start at ${isoText(until)}${queueText(ahead, before)}`;
  return { kind: 'rateLimit', text, limit: limit.name, until };
};

const slotReason = (
  limit: Semaphore,
  task: TaskRun,
  holders: readonly string[],
  ahead: number,
  before: readonly string[],
): SlotReason => {
  const { kind, size, taken, name } = limit;
  const wanted = limit.slotsOf(task);
  const what = kind === 'pool' ? name : `the concurrency of ${name}`;
  const state = taken >= size ? 'is full' : 'has too few free';
  const wants = wanted > 1 ? `, and it wants ${wanted}` : '';
  const text = `${what} ${state}: ${taken}/${size} held by ${listed(holders)}${wants}${queueText(ahead, before)}`;
  return { kind, text, limit: name, size, taken, wanted, holders, ahead, before };
};

const workerReason = ({ tags, room }: ExecutorLimit, ahead: number, before: readonly string[]): SlotReason => {
  const { size, taken } = room;
  const tagged = tags.length === 0 ? '' : ` with ${tags.length === 1 ? 'tag' : 'tags'} ${tags.join(', ')}`;
  const many = size === 1 ? 'the only slot' : `all ${size} slots`;
  const state = size === 0 ? `no worker${tagged}` : `${many} of workers${tagged} ${size === 1 ? 'is' : 'are'} taken`;
  return { kind: 'worker', text: state + queueText(ahead, before), tags, size, taken, ahead, before };
};

const queueText = (ahead: number, before: readonly string[]): string => {
  if (ahead === 0) return '';
  const more = ahead > before.length ? ` and ${ahead - before.length} more` : '';
  return `; ${before.join(', ')}${more} ${ahead === 1 ? 'comes' : 'come'} first`;
};

export const listed = (names: readonly string[]): string => {
  if (names.length === 0) return 'nobody';
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
};
