import type { JobRun, TaskRun } from '../model/run.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';

/**
 * Applies the time limits around a task that have passed, the earliest first. Their timers could not fire if a function
 * blocked the event loop: what settles after a limit is late all the same.
 */
export const applyPassedLimits = (task: TaskRun): void => {
  const { attempt, deadlineTimer, claim } = task;
  if (attempt?.timer || deadlineTimer || claim) {
    fireInOrder([attempt?.timer, deadlineTimer, claim?.heartbeatTimer, ...timersAround(task.job)], task.job);
  } else {
    applyPassedJobLimits(task.job);
  }
};

/** Applies the time limits of a job, and of the tasks and jobs around it, that have passed. */
export const applyPassedJobLimits = (job: JobRun): void => {
  if (job.timer || job.parent) fireInOrder(timersAround(job), job);
};

const timersAround = (job: JobRun): (PausableTimer | undefined)[] => {
  const timers = [job.timer];
  for (let { parent } = job; parent; { parent } = parent.job)
    timers.push(parent.attempt?.timer, parent.deadlineTimer, parent.job.timer);
  return timers;
};

const fireInOrder = (timers: readonly (PausableTimer | undefined)[], { clock }: JobRun): void => {
  const set = timers.filter((timer) => timer?.dueAt !== undefined) as PausableTimer[];
  if (set.length === 0) return;
  const now = clock.now();
  const passed = set.map((timer) => ({ timer, dueAt: timer.dueAt as number })).filter(({ dueAt }) => dueAt < now);
  for (const { timer } of passed.sort((a, b) => a.dueAt - b.dueAt)) timer.fire();
};
