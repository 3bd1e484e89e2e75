import type { TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import { formatValue, refuseArgument } from '../definition/option-rules.ts';
import { NO_VALUE } from '../durable/journal.ts';
import { CommandError } from '../errors/errors.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** The default of who pauses a job or task. */
export const THE_PROGRAM = 'the program';

/** Pauses a job: nothing new starts in it or in jobs nested in it, and their time limits pause. @throws CommandError */
export const pauseJob = (job: JobRun, by: string): void => {
  requireName(by);
  if (job.over || job.stop)
    throw new CommandError(
      'INVALID_STATE',
      `Job "${job.plan.name}" is ${job.over ? job.state : 'ending'}: only a running job can be paused.`,
    );
  if (job.state === 'paused') return;
  job.pausedBy = by;
  if (job.state !== 'idle') enterPause(job);
};

/** Starts a job; pauses it at once if that was requested before. */
export const beginJob = (job: JobRun): void =>
  job.batch(() => {
    job.commandJob({ type: 'job.start' });
    if (job.pausedBy !== undefined) enterPause(job);
  });

const enterPause = (job: JobRun): void => {
  const reason = job.pausedBy;
  pauseTimers(job);
  job.commandJob({ type: 'job.pause' }, reason === undefined ? {} : { reason });
  job.dispatcher.dispatch();
};

/** Resumes a paused job. */
export const resumeJob = (job: JobRun): void => {
  job.pausedBy = undefined;
  if (job.state !== 'paused') return;
  job.commandJob({ type: 'job.resume' });
  if (!job.paused) continueJob(job);
};

/** Pauses a task that has not started, or that is external, a nested job or a fan-out. @throws CommandError */
export const pauseTask = (task: TaskRun, by: string): void => {
  requireName(by);
  const { job, definition, state } = task;
  if (state === 'paused') return;
  if (SETTLED.has(state)) {
    const message = `Task "${task.path}" can't be paused: it is ${state}.`;
    throw new CommandError('INVALID_STATE', message, task.path);
  }
  if (state !== 'ready' && state !== 'running') {
    pauseWhenReady(job, task.index, by);
    return;
  }
  if (state === 'running' && definition.kind !== 'external' && !definition.nested) {
    const message = `Task "${task.path}" is running, and a running function can't be paused. Pause it before it starts, or pause the job.`;
    throw new CommandError('NOT_PAUSABLE', message, task.path);
  }
  pauseTimersOf(task);
  job.commandTask(task, { type: 'task.pause' }, { reason: by });
};

/** Pauses a task as soon as it is ready. */
export const pauseWhenReady = (job: JobRun, index: number, by: string): void => {
  requireName(by);
  job.pauseRequests ??= new Map();
  job.pauseRequests.set(index, by);
  savePauseRequest(job, index, by);
};

const savePauseRequest = (job: JobRun, index: number, by: string | undefined): void => {
  const text = by === undefined ? NO_VALUE : JSON.stringify(by);
  job.recorder?.put(job.pathOf(job.plan.graph.names[index] as string), 'held', text);
};

/** Resumes a paused task. If its retries were used up, all are available again. */
export const resumeTask = (job: JobRun, index: number): void => {
  const task = job.tasks[index];
  const wasRequested = job.pauseRequests?.delete(index);
  if (wasRequested) savePauseRequest(job, index, undefined);
  if (task?.state === 'ready' && wasRequested) {
    if (task.queue) job.dispatcher.enqueue(task);
    job.dispatcher.dispatch();
  }
  if (task?.state !== 'paused') return;
  job.commandTask(task, { type: task.exhausted ? 'task.retry' : 'task.resume' });
  if (!job.paused && (task.state as TaskState) !== 'paused') continueTask(task);
};

/** Resumes the timers and queues of a stopping job, and its paused clean-up, so that both can finish. */
export const releaseCleanUps = (job: JobRun): void => {
  continueJob(job);
  for (const index of job.plan.cleanUps) resumeTask(job, index);
};

const requireName = (by: unknown): void => {
  if (typeof by === 'string' && by !== '') return;
  refuseArgument('pause', 'by', `It was given ${formatValue(by)}: expected who does it, as text.`);
};

const pauseTimers = (job: JobRun): void => {
  job.timer?.pause();
  for (const task of job.active) pauseTimersOf(task);
};

/** Pauses the timers of a task. A running function continues, and so does its time limit. */
const pauseTimersOf = (task: TaskRun): void => {
  task.deadlineTimer?.pause();
  task.claim?.heartbeatTimer?.pause();
  if (task.definition.kind === 'external' || task.definition.nested) task.attempt?.timer?.pause();
  if (task.child) pauseTimers(task.child);
};

const continueJob = (job: JobRun): void => {
  job.timer?.resume();
  for (const task of job.waitingForResume.splice(0)) job.dispatcher.enqueue(task);
  for (const task of job.active) if (task.state !== 'paused') continueTask(task);
  job.dispatcher.dispatch();
};

/** Resumes a task's timers and nested job. If the nested job ended during the pause, applies its outcome. */
const continueTask = (task: TaskRun): void => {
  const { attempt, child } = task;
  task.deadlineTimer?.resume();
  task.claim?.heartbeatTimer?.resume();
  attempt?.timer?.resume();
  if (child && !child.over) continueJob(child);
  const { deferredEnd } = attempt ?? {};
  if (attempt && deferredEnd) {
    delete attempt.deferredEnd;
    deferredEnd();
  }
};
