import type { Plan, TaskDefinition } from '../definition/plan.ts';
import type { Span } from '../model/attempt-spans.ts';
import { durationOf, type JobRun } from '../model/run.ts';
import type { TaskRecord } from '../model/task-record.ts';
import type { GraphView, TaskView } from './graph-view.ts';
import { taskNotes } from './task-notes.ts';

type Drawn = Pick<Plan, 'name' | 'tasks'>;

export const viewOfPlan = ({ name, tasks }: Drawn): GraphView => ({
  name,
  tasks: tasks.map((task): TaskView => ({ ...partsOf(task), notes: taskNotes(task) })),
});

/** Returns the view of a job from the records of its tasks, by name, as at `now`, in epoch ms. */
export const viewOfRecords = (
  { name, tasks }: Drawn,
  records: ReadonlyMap<string, TaskRecord<unknown>>,
  now: number,
): GraphView => ({
  name,
  now,
  tasks: tasks.map((task) => ({ ...partsOf(task), ...stateOf(records.get(task.name), () => now) })),
});

const partsOf = ({ name, kind, dependsOn }: TaskDefinition): TaskView => ({ name, kind: kind ?? 'task', dependsOn });

const stateOf = (task: TaskRecord<unknown> | undefined, now: () => number) => ({
  state: task?.state ?? ('unscheduled' as const),
  attempts: task?.attempts ?? 0,
  startedAt: task?.startedAt,
  durationMs: durationOf(task, now),
  reason: task?.reason,
  spans: spansOf(task),
});

export const viewOfJob = (job: JobRun): GraphView => ({
  name: job.plan.name,
  now: job.endedAt ?? job.clock.now(),
  tasks: job.plan.tasks.flatMap((definition, index): TaskView[] => {
    if (job.removed?.has(index)) return [];
    return [{ ...partsOf(definition), ...stateOf(job.tasks[index], job.clock.now) }];
  }),
});

/** Returns each wait in the queue, with the attempt that followed. */
const spansOf = (task: TaskRecord<unknown> | undefined): readonly Span[] => {
  if (task?.queuedAt === undefined) return [];
  const { spans = [], openSpan, queuedAt, startedAt, endedAt } = task;
  if (openSpan) return [...spans, { ...openSpan, endedAt }];
  return spans.length > 0 ? spans : [{ readyAt: queuedAt, startedAt, endedAt }];
};
