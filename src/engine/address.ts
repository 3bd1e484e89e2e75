import { UnknownTaskError } from './errors.ts';
import type { JobRun } from './job-run.ts';
import { PLAN, type Plan, type TaskDefinition } from './plan.ts';
import { didYouMean } from './suggest.ts';
import type { TaskRun } from './task-run.ts';

/** Where a task is found: its job and its index there; no job yet where the task around it has not begun. */
export type Found = { readonly job: JobRun | undefined; readonly index: number; readonly task: TaskRun | undefined };

/**
 * Finds a task by its path: `name`, `outer/inner`, `name[3]`, `outer/name[3]/inner` …
 * @throws UnknownTaskError
 */
export const find = (root: JobRun, path: string): Found => {
  const { plan } = root;
  const steps = plan.graph.indexOf.has(path) ? [path] : stepsOf(path);
  let job: JobRun | undefined = root;
  let known: Plan | undefined = plan;
  let found: Found = { job, index: -1, task: undefined };
  for (const step of steps) {
    const index = indexOf(root, known, job, step, path);
    const task: TaskRun | undefined = job?.tasks[index];
    found = { job, index, task };
    const nested: TaskDefinition['nested'] = known?.tasks[index]?.nested;
    job = task?.child;
    known = job?.plan ?? (nested?.definition?.[PLAN] as Plan | undefined);
  }
  return found;
};

/** The segments of a path: names, and the `[3]` of instances. */
const stepsOf = (path: string): string[] =>
  String(path)
    .split('/')
    .flatMap((segment) => segment.split(/(?=\[\d+\]$)/));

const indexOf = (root: JobRun, plan: Plan | undefined, job: JobRun | undefined, step: string, path: string): number => {
  const index = plan?.graph.indexOf.get(step);
  if (index !== undefined) return index;
  if (!plan && !job && /^\[\d+\]$/.test(step)) return Number(step.slice(1, -1));
  throw new UnknownTaskError(root.plan.name, path, didYouMean(path, root.plan.graph.names));
};
