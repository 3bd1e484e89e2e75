import { mayRetry } from '../machines/retry.ts';
import { CommandError } from './errors.ts';
import type { JobRun } from './job-run.ts';
import type { TaskRun } from './task-run.ts';

/** Pauses a job: nothing new starts in it or in the jobs nested in it, and its time limits stand still. */
export const pauseJob = (job: JobRun, by: string): void => {
  if (job.over || job.stop)
    throw new CommandError(
      'INVALID_STATE',
      `Job "${job.plan.name}" is ${job.over ? job.state : 'ending'}: only a running job can be paused.`,
    );
  if (job.state === 'idle')
    throw new CommandError(
      'INVALID_STATE',
      `Job "${job.plan.name}" has not begun: pause it once it runs, in a later microtask.`,
    );
  if (job.state === 'paused') return;
  job.pausedBy = by;
  job.commandJob({ type: 'job.pause' }, { reason: by });
  holdTimers(job);
};

/** Lets a paused job go on. */
export const resumeJob = (job: JobRun): void => {
  if (job.state !== 'paused') return;
  job.pausedBy = undefined;
  job.commandJob({ type: 'job.resume' });
  if (!job.paused) goOn(job);
};

/** Holds a task that has not started, or an external one or a nested job that has. @throws CommandError */
export const pauseTask = (task: TaskRun, by: string): void => {
  const { job, definition } = task;
  if (task.state === 'paused') return;
  if (task.state === 'ready') {
    task.pausedBy = by;
    job.commandTask(task, { type: 'task.pause' }, { reason: by });
    task.deadlineTimer?.pause();
    return;
  }
  if (task.state !== 'running') {
    holdTask(job, task.index, by);
    return;
  }
  if (definition.kind !== 'external' && !(definition.nested && task.child)) {
    const message = `Task "${task.path}" is running, and a running function can't be paused. Pause it before it starts, or pause the job.`;
    throw new CommandError('NOT_PAUSABLE', message, task.path);
  }
  task.pausedBy = by;
  job.commandTask(task, { type: 'task.pause' }, { reason: by });
  holdTimersOf(task);
};

/** Pauses a task as soon as it is ready. */
export const holdTask = (job: JobRun, index: number, by: string): void => {
  job.heldTasks ??= new Map();
  job.heldTasks.set(index, by);
};

/** Lets a paused task go on. */
export const resumeTask = (job: JobRun, index: number): void => {
  const task = job.tasks[index];
  job.heldTasks?.delete(index);
  if (task?.state !== 'paused') return;
  task.pausedBy = undefined;
  job.commandTask(task, { type: isExhausted(task) ? 'task.retry' : 'task.resume' });
  if (!job.paused) goOnWith(task);
};

/** Whether its retries are used up: to go on, it has to be given more. */
export const isExhausted = ({ attempt, attempts, forgiven = 0, retry }: TaskRun): boolean =>
  !attempt && attempts > forgiven && !mayRetry(retry, attempts - forgiven);

/** A job that is being stopped is paused no more, nor is its clean-up. */
export const liftPauses = (job: JobRun): void => {
  resumeJob(job);
  for (const index of job.plan.cleanUps) resumeTask(job, index);
};

const holdTimers = (job: JobRun): void => {
  job.timer?.pause();
  for (const task of job.active) holdTimersOf(task);
};

/** What a function does goes on, and so does its time limit. */
const holdTimersOf = (task: TaskRun): void => {
  task.deadlineTimer?.pause();
  task.claim?.heartbeatTimer?.pause();
  if (task.definition.kind === 'external' || task.definition.nested) task.attempt?.timer?.pause();
  if (task.child) holdTimers(task.child);
};

const goOn = (job: JobRun): void => {
  job.timer?.resume();
  for (const task of job.parked.splice(0)) if (task.state === 'ready') job.dispatcher.laneOf(task).push(task);
  for (const task of job.active) if (task.state !== 'paused') goOnWith(task);
  job.dispatcher.dispatch();
};

/** Lets the time limits of a task run again, and what is nested in it. */
export const goOnWith = (task: TaskRun): void => {
  task.deadlineTimer?.resume();
  task.claim?.heartbeatTimer?.resume();
  task.attempt?.timer?.resume();
  if (task.child && !task.child.over && task.child.state !== 'paused') goOn(task.child);
};
