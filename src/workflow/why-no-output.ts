import type { TaskOfType, Workflow, WorkflowTask } from './schema.ts';

/** Returns why there is nothing under a task's name in the context, as a sentence; `undefined` if no task has the name. */
export const whyNoOutput = (
  name: string,
  levels: readonly Pick<Workflow, 'tasks' | 'handlers'>[],
): string | undefined => {
  const all = levels.flatMap(({ tasks, handlers: { success = [], failure = [], always = [] } = {} }) =>
    [tasks, success, failure, always].flat(),
  );
  const task = all.find((one) => one.name === name);
  return task && `task "${name}" ${lackOf(task)}`;
};

const lackOf = (task: WorkflowTask): string => {
  const nothing = 'has put out nothing under its name.';
  if ('map' in task && task.map) return nothing;
  if (task.type === 'external' || ('output' in task && task.output === 'json')) return `${nothing} ${MERGED}`;
  if (!isCommand(task) || task.output !== undefined) return nothing;
  return `${nothing} Give it "output: text", or json or lines, if you mean what it prints. ${MERGED}`;
};

/** Whether what a task prints can be its output. */
const isCommand = (task: WorkflowTask): task is TaskOfType<'bash' | 'python' | 'node' | 'spark' | 'sensor'> =>
  ['bash', 'python', 'node', 'spark'].includes(task.type) || (task.type === 'sensor' && task.command !== undefined);

const MERGED = 'The keys of a mapping that it puts out stand in ctx themselves, such as ctx.rows.';
