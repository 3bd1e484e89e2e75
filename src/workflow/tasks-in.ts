import type { TaskOfType, Workflow, WorkflowTask } from './schema.ts';

type Listed = readonly (readonly [path: readonly PropertyKey[], task: WorkflowTask])[];

/** Returns the tasks and handlers of a workflow, or of a job that stands in it, each with its path. */
export const listedTasks = ({
  tasks = [],
  handlers = {},
}: Pick<Workflow, 'tasks' | 'handlers'> | TaskOfType<'job'>): Listed => [
  ...tasks.map((task, index) => [['tasks', index], task] as const),
  ...(['success', 'failure', 'always'] as const).flatMap((when) =>
    (handlers[when] ?? []).map((task, index) => [['handlers', when, index], task] as const),
  ),
];

/** Returns all tasks and handlers of a file, also those of jobs that stand in it, each with its path. */
export const tasksIn = (level: Parameters<typeof listedTasks>[0]): Listed =>
  listedTasks(level).flatMap(([path, task]) => [
    [path, task] as const,
    ...(task.type === 'job' ? tasksIn(task).map(([inner, one]) => [[...path, ...inner], one] as const) : []),
  ]);
