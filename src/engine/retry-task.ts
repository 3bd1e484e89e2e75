import { CommandError } from './errors.ts';
import { appraise } from './flow.ts';
import { reachable } from './graph.ts';
import type { JobRun } from './job-run.ts';
import { goOnWith } from './pause.ts';
import type { TaskRun } from './task-run.ts';

/**
 * Tries a task again: one that has failed, that is paused, or that waits for its next attempt. It has all its retries
 * anew. What was skipped because of it is unscheduled again. @throws CommandError
 */
export const retryTask = (task: TaskRun): void => {
  const { job, state } = task;
  if (job.over || job.stop) {
    const what = job.over ? `is ${job.state}: start it anew` : 'is ending';
    throw refusal(task, `its job ${what}`);
  }
  if (state === 'failed') {
    retryFailed(job, task);
  } else if (state === 'retrying' || state === 'polling') {
    job.commandTask(task, { type: 'task.schedule' });
  } else if (state === 'paused') {
    job.heldTasks?.delete(task.index);
    task.pausedBy = undefined;
    job.commandTask(task, task.attempt ? { type: 'task.resume' } : { type: 'task.retry' });
    if (!job.paused) goOnWith(task);
  } else {
    throw refusal(task, `it is ${state}`);
  }
};

/** Every task of a job that has failed, or that is paused because its retries are used up. */
export const retryAll = (job: JobRun): void => {
  const due = job.tasks.filter((task): task is TaskRun => task !== undefined && wantsRetry(task));
  if (due.length === 0 || job.over || job.stop) {
    const why = job.over ? `is ${job.state}: start it anew` : job.stop ? 'is ending' : 'has no failed or paused task';
    throw new CommandError('INVALID_STATE', `Job "${job.plan.name}" ${why}.`);
  }
  for (const task of due) if (wantsRetry(task)) retryTask(task);
};

const wantsRetry = (task: TaskRun): boolean =>
  task.state === 'failed' || (task.state === 'paused' && task.lastError !== undefined && !task.attempt);

const retryFailed = (job: JobRun, task: TaskRun): void => {
  const downstream = reachable(task.index, job.plan.graph.downstream);
  const begun = downstream
    .map((index) => job.tasks[index])
    .find((next) => next && next.state !== 'skipped' && next.state !== 'unscheduled');
  if (begun) throw refusal(task, `its failure has been acted on, "${begun.path}" is ${begun.state}`);
  job.together(() => {
    const skipped = downstream.map((index) => job.tasks[index]).filter((next) => next?.state === 'skipped');
    job.revive(task);
    job.commandTask(task, { type: 'task.retry' });
    for (const next of skipped as TaskRun[]) {
      job.revive(next);
      job.commandTask(next, { type: 'task.reset' });
      job.release(next);
    }
    for (const index of downstream) appraise(job, index);
  });
};

const refusal = (task: TaskRun, why: string): CommandError =>
  new CommandError('INVALID_STATE', `Task "${task.path}" can't be tried again: ${why}.`, task.path);
