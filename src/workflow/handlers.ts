import type { JobOutcome } from '../engine/definition/task-function.ts';
import type { Workflow, WorkflowTask } from './schema.ts';

export type HandledState = JobOutcome['state'];

export type Handler = {
  /** With what it waits for: all tasks, of those that `always` run also the other handlers. */
  readonly task: WorkflowTask;
  /** How the job ends when it runs. */
  readonly states: readonly HandledState[];
};

/** The handlers of a workflow as tasks that run once all else is over, on every way out. */
export const handlersOf = ({ tasks, handlers }: Pick<Workflow, 'tasks' | 'handlers'>): readonly Handler[] => {
  // Of all of them: a task on which none depends is skipped as soon as one task upstream fails, while others still run.
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
