import { shallowErrorData } from '../../events/error-data.ts';
import { TaskError } from '../errors.ts';
import type { JobRun } from '../job-run.ts';
import type { TaskRun } from '../task-run.ts';
import type { Reaction } from './reaction.ts';

/**
 * Readiness: a task is scheduled when the last of its upstreams has ended well, and skipped as soon as one has not.
 * All that become ready in one go are published as `ready` before the first of them runs.
 */
export const schedule: Reaction = {
  onJob: (job, { from, to }) => {
    if (from !== 'idle' || to !== 'running' || job.stop) return;
    scheduleAll(job, job.plan.roots.slice());
  },

  onTask: (job, task, { to }) => {
    if (job.stop) return;
    if (to === 'completed' || (to === 'failed' && task.error?.tolerated)) scheduleDownstream(job, task);
    else if (to === 'failed' || to === 'notReady' || to === 'skipped') skipDownstream(job, task);
  },
};

const scheduleDownstream = (job: JobRun, { index }: TaskRun): void => {
  const free: number[] = [];
  for (const next of job.plan.graph.downstream[index] ?? []) {
    const missing = (job.missing[next] ?? 0) - 1;
    job.missing[next] = missing;
    if (missing === 0 && !job.tasks[next]) free.push(next);
  }
  scheduleAll(job, free);
};

const scheduleAll = (job: JobRun, indexes: number[]): void => {
  for (const index of job.sortByPlace(indexes)) job.commandTask(job.wake(index), { type: 'task.schedule' });
};

const skipDownstream = (job: JobRun, upstream: TaskRun): void => {
  for (const next of job.plan.graph.downstream[upstream.index] ?? []) {
    if (job.tasks[next]) continue;
    const task = job.wake(next);
    const reason = skipReason(upstream);
    task.error = upstream.error && upstreamFailed(task, upstream, upstream.error);
    const details = task.error ? { reason, error: shallowErrorData(task.error) } : { reason };
    job.commandTask(task, { type: 'task.skip', reason }, details);
  }
};

const skipReason = ({ state, reason }: TaskRun): string =>
  state === 'failed' ? 'upstreamFailed' : state === 'notReady' ? 'upstreamNotReady' : (reason ?? 'upstreamSkipped');

const upstreamFailed = (task: TaskRun, upstream: TaskRun, cause: TaskError): TaskError => {
  const { name } = task.definition;
  const message = `Task "${name}" was skipped, because "${upstream.definition.name}" upstream of it ${upstream.state === 'failed' ? 'failed' : 'was skipped'}.`;
  return new TaskError('UPSTREAM_FAILED', message, { taskName: name, attempt: 0, cause });
};
