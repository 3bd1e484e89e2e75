import { parentPath } from '../../engine/durable/task-path.ts';
import type { JobRecord, KeptTask } from '../../engine/model/job-record.ts';
import type { JobEvent, TaskState, TaskTransition } from '../../events/event.ts';

/**
 * What the live view has to hear of a job that goes on: since when it runs, and where its tasks stand; those left out start
 * over. Of what is nested it hears nothing.
 */
export const pastEvents = (
  { id, name }: { readonly id: string; readonly name: string },
  record: JobRecord,
  startingOver: ReadonlySet<string> = new Set(),
): readonly JobEvent[] => {
  const stamp = (at: number) => ({ jobId: id, jobName: name, seq: -1, at });
  const begun: JobEvent[] =
    record.startedAt === undefined
      ? []
      : [{ type: 'job.transition', from: 'idle', to: 'running', ...stamp(record.startedAt) }];
  const tasks = [...record.tasks].filter(([path]) => parentPath(path) === undefined && !startingOver.has(path));
  return [
    ...begun,
    ...tasks.flatMap(([path, task]) => stepsOf(path, task).map((step) => ({ ...step, ...stamp(step.at) }))),
  ];
};

/** The few transitions by which a task came where it is. */
const stepsOf = (path: string, task: KeptTask): readonly (TaskTransition & { readonly at: number })[] => {
  const { state, attempts: attempt, startedAt, firstReadyAt, endedAt, error, reason } = task;
  const step = (from: TaskState, to: TaskState, at: number | undefined, more: Partial<TaskTransition> = {}) =>
    at === undefined ? [] : [{ type: 'task.transition' as const, task: path, from, to, attempt, at, ...more }];
  if (endedAt === undefined) return step('unscheduled', 'ready', state === 'ready' ? firstReadyAt : undefined);
  return [
    ...step('unscheduled', 'running', startedAt),
    ...step(startedAt === undefined ? 'unscheduled' : 'running', state, endedAt, {
      ...(error && { error }),
      ...(reason !== undefined && { reason }),
    }),
  ];
};
