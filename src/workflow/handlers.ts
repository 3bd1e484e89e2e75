import type { JobOutcome } from '../engine/definition/task-function.ts';
import type { Workflow, WorkflowTask } from './schema.ts';

export type HandledState = JobOutcome['state'];

export type Handler = {
  /** The handler as a task that depends on all tasks. An `always` handler also depends on other kinds of handlers. */
  readonly task: WorkflowTask;
  readonly states: readonly HandledState[];
};

/** Returns the handlers of a workflow as tasks that run after all others, each with the job states that it handles. */
export const handlersOf = ({ tasks, handlers }: Pick<Workflow, 'tasks' | 'handlers'>): readonly Handler[] => {
  // Depend on every task, not only on the last ones: the last ones may be skipped while other tasks still run.
  const work = tasks.map(({ name }) => name);
  const { success = [], failure = [], always = [] } = handlers ?? {};
  const both = [...success, ...failure].map(({ name }) => name);
  return [
    ...success.map((task) => ({ task: after(task, work), states: SUCCESS })),
    ...failure.map((task) => ({ task: after(task, work), states: FAILURE })),
    ...always.map((task) => ({ task: after(task, [...work, ...both]), states: EVERY })),
  ];
};

const SUCCESS: readonly HandledState[] = ['completed'];
const FAILURE: readonly HandledState[] = ['failed', 'timedOut'];
const EVERY: readonly HandledState[] = ['completed', 'failed', 'timedOut', 'cancelled', 'notReady'];

const after = (task: WorkflowTask, names: readonly string[]): WorkflowTask => ({
  ...task,
  dependencies: [...new Set([...names, ...task.dependencies])],
});
