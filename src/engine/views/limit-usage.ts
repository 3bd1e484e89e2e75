import type { Dispatcher } from '../limits/dispatcher.ts';
import type { Semaphore } from '../limits/semaphore.ts';
import { compareTasks } from '../limits/wait-queue.ts';
import type { TaskRun } from '../model/run.ts';

/** The slots of a limit, and the tasks that wait for it. */
export type LimitUsage = {
  /** Name of the limit, such as `pool "db" of the engine`. */
  readonly name: string;
  /** Number of slots: in use, and in total. */
  readonly taken: number;
  readonly size: number;
  /** For how long slots have been taken so far, in ms, summed over the slots: of 2 slots that are always taken, 2 each ms. */
  readonly busyMs: number;
  /** Number of ready tasks that wait for this limit. Those of paused jobs don't. */
  readonly waiting: number;
  /** The first 20 of them, in the order in which they run; `task` is a path. */
  readonly next: readonly { readonly jobId: string; readonly task: string }[];
};

const MOST_NEXT = 20;

/** Returns the usage of the engine's concurrency and of its pools with slots. Looks at the waiting tasks alone. */
export const usageOf = (dispatcher: Dispatcher): readonly LimitUsage[] =>
  dispatcher.top.ownLimits
    .filter((limit) => limit.kind !== 'rateLimit')
    .map((limit) => {
      const { name, taken, size, busyMs } = limit;
      const waiting = waitingFor(limit, dispatcher);
      const next = firstOf(waiting, MOST_NEXT).map(({ job, path }) => ({ jobId: job.id, task: path }));
      return { name, taken, size, busyMs, waiting: waiting.size, next };
    });

/**
 * Returns the tasks that wait for a limit, in no particular order: those of the queues whose first task it blocks, since
 * none overtakes the first.
 */
const waitingFor = (limit: Semaphore, dispatcher: Dispatcher): ReadonlySet<TaskRun> => {
  const now = dispatcher.now();
  const waiting = new Set<TaskRun>();
  for (const queue of dispatcher.queues) {
    if (!queue.limits.includes(limit)) continue;
    const first = queue.peek();
    if (first && queue.blockedBy(first, now).includes(limit))
      for (const task of queue.waiting()) waiting.add(task as TaskRun);
  }
  return waiting;
};

/** Returns the first `count` tasks in order, without sorting all of them. */
const firstOf = (tasks: Iterable<TaskRun>, count: number): readonly TaskRun[] => {
  const first: TaskRun[] = [];
  for (const task of tasks) {
    const last = first.length < count ? undefined : first.at(-1);
    if (last && compareTasks(last, task) <= 0) continue;
    if (last) first.pop();
    const place = first.findIndex((other) => compareTasks(task, other) < 0);
    first.splice(place === -1 ? first.length : place, 0, task);
  }
  return first;
};
