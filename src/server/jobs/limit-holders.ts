import type { Engine } from '../../engine/engine.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import { UnknownTaskError } from '../../engine/errors/errors.ts';
import { runOf } from '../../engine/job.ts';
import type { Semaphore } from '../../engine/limits/semaphore.ts';
import type { TaskRun } from '../../engine/model/run.ts';
import { findTask } from '../../engine/run/find-task.ts';

/** A task that holds slots of a limit, or waits for them. `since`: in epoch ms. */
export type LimitedTask = { readonly jobId: string; readonly task: string; readonly since?: number | undefined };

/** How many tasks that hold slots are shown of a limit. */
const MOST_HOLDERS = 20;

/** Returns the limits that all jobs share, with the tasks that have held slots longest, and those that get the next. */
export const limitsOf = (engine: Engine) => {
  const holders = holdersIn(engine);
  return engine.usage.map((usage) => ({
    ...usage,
    free: Math.max(0, usage.size - usage.taken),
    holders: (holders.get(usage.name) ?? []).slice(0, MOST_HOLDERS).map(heldBy),
    next: usage.next.map((place): LimitedTask => ({ ...place, since: readySince(engine, place) })),
  }));
};

/** Returns the holders of the slots of each limit, by its name, in the order in which they got them. */
const holdersIn = ({ jobs }: Engine): ReadonlyMap<string, readonly TaskRun[]> => {
  // All jobs, nested ones too, take slots of the same limits. Without jobs nothing holds any.
  const [any] = jobs;
  const limits = any ? runOf(any).dispatcher.top.ownLimits : [];
  const semaphores = limits.filter((limit): limit is Semaphore => limit.kind !== 'rateLimit');
  return new Map(semaphores.map(({ name, holders }) => [name, holders as readonly TaskRun[]]));
};

const heldBy = ({ job, path, lastStartedAt, startedAt }: TaskRun): LimitedTask => ({
  jobId: job.id,
  task: path,
  since: lastStartedAt ?? startedAt,
});

/** Returns since when a task waits; undefined if it was removed meanwhile. */
const readySince = (engine: Engine, { jobId, task }: LimitedTask): number | undefined => {
  const job: AnyJob | undefined = engine.job(jobId);
  try {
    return job && findTask(runOf(job), task).task?.queuedAt;
  } catch (error) {
    if (error instanceof UnknownTaskError) return undefined;
    throw error;
  }
};
