import type { Plan } from '../definition/plan.ts';
import type { Span } from '../model/attempt-spans.ts';
import { durationOf, type JobRun, type TaskRun } from '../model/run.ts';
import type { GraphView, TaskView } from './graph-view.ts';

export const viewOfPlan = ({ name, tasks }: Plan): GraphView => ({
  name,
  tasks: tasks.map(({ name, kind, dependsOn }): TaskView => ({ name, kind: kind ?? 'task', dependsOn })),
});

export const viewOfJob = (job: JobRun): GraphView => ({
  name: job.plan.name,
  now: job.endedAt ?? job.clock.now(),
  tasks: job.plan.tasks.flatMap((definition, index): TaskView[] => {
    if (job.removed?.has(index)) return [];
    const task = job.tasks[index];
    return [
      {
        name: definition.name,
        kind: definition.kind ?? 'task',
        dependsOn: definition.dependsOn,
        state: task?.state ?? 'unscheduled',
        attempts: task?.attempts ?? 0,
        startedAt: task?.startedAt,
        durationMs: durationOf(task, job.clock.now),
        reason: task?.reason,
        spans: spansOf(task),
      },
    ];
  }),
});

/** Returns each wait in the queue, with the attempt that followed. */
const spansOf = (task: TaskRun | undefined): readonly Span[] => {
  if (task?.queuedAt === undefined) return [];
  const { spans = [], openSpan, queuedAt, startedAt, endedAt } = task;
  if (openSpan) return [...spans, { ...openSpan, endedAt }];
  return spans.length > 0 ? spans : [{ readyAt: queuedAt, startedAt, endedAt }];
};
