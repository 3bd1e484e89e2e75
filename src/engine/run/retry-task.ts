import { reachable } from '../definition/graph.ts';
import { CommandError } from '../errors/errors.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { resumeTask } from './pause.ts';
import { evaluateTask } from './scheduling.ts';

/**
 * Retries a task that failed, is paused, or waits for its next attempt. All its retries are available again, and the
 * tasks skipped because of it are unscheduled again. @throws CommandError
 */
export const retryTask = (task: TaskRun): void => {
  const { job, state } = task;
  if (job.over || job.ending)
    throw refusal(task, `its job ${job.over ? `is ${job.state}: retry the job` : 'is ending'}`);
  if (state === 'failed') retryFailed(job, task);
  else if (state === 'retrying' || state === 'polling') job.commandTask(task, { type: 'task.schedule' });
  else if (state === 'paused') resumeTask(job, task.index);
  else throw refusal(task, `it is ${state}`);
};

/** Retries all tasks of a job, nested ones included, that failed or are paused because their retries are used up. */
export const retryAll = (job: JobRun): void => {
  const due = job.ending ? [] : retriable(job);
  if (due.length === 0) {
    const why = job.ending ? 'is ending' : 'has no failed or paused task to retry';
    throw new CommandError('INVALID_STATE', `Job "${job.plan.name}" ${why}.`);
  }
  for (const task of due) if (wantsRetry(task)) retryTask(task);
};

const retriable = (job: JobRun): readonly TaskRun[] =>
  job.tasks.flatMap((task) => {
    if (!task) return [];
    const inner = task.child && !task.child.over ? retriable(task.child) : [];
    return wantsRetry(task) ? [...inner, task] : inner;
  });

const wantsRetry = (task: TaskRun): boolean =>
  !task.job.over && (task.state === 'failed' ? !firstConsequence(task) : task.exhausted === true);

/** Returns the first downstream task that has started after this failure, if any: the failure can't be undone then. */
const firstConsequence = ({ job, index }: TaskRun): TaskRun | undefined =>
  reachable(index, job.plan.graph.downstream)
    .map((next) => job.tasks[next])
    .find((next) => next && next.state !== 'skipped' && next.state !== 'unscheduled');

const retryFailed = (job: JobRun, task: TaskRun): void => {
  const begun = firstConsequence(task);
  if (begun) throw refusal(task, `its failure has been acted on, "${begun.path}" is ${begun.state}`);
  const downstream = reachable(task.index, job.plan.graph.downstream);
  const conditionThrew = task.conditionError !== undefined;
  job.batch(() => {
    const skipped = downstream.map((index) => job.tasks[index]).filter((next) => next?.state === 'skipped');
    job.reopen(task);
    if (conditionThrew) reset(job, task);
    else job.commandTask(task, { type: 'task.retry' });
    for (const next of skipped as TaskRun[]) {
      job.reopen(next);
      reset(job, next);
    }
    // A condition that threw is evaluated again.
    for (const index of conditionThrew ? [task.index, ...downstream] : downstream) evaluateTask(job, index);
  });
};

const reset = (job: JobRun, task: TaskRun): void => {
  job.commandTask(task, { type: 'task.reset' });
  job.deactivate(task);
};

const refusal = (task: TaskRun, why: string): CommandError =>
  new CommandError('INVALID_STATE', `Task "${task.path}" can't be tried again: ${why}.`, task.path);
