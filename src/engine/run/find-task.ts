import type { FanOut, Plan, TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import { UnknownTaskError } from '../errors/errors.ts';
import { knownNames } from '../errors/suggest.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** A task found by its path. `job` is undefined if the enclosing nested job or fan-out has not begun. */
export type Found = {
  readonly job: JobRun | undefined;
  readonly index: number;
  readonly task: TaskRun | undefined;
  /** Undefined for an instance whose fan-out has not begun; if that runs nested jobs, what is known of it. */
  readonly definition: TaskDefinition | undefined;
};

/** Splits a path into steps, outermost first: `outer/name[3]` into `outer`, `/name` and `[3]`. */
export const stepsOf = (path: string): readonly string[] => String(path).split(/(?=[/[])/);

/** Finds a task by its path: `name`, `outer/inner`, `name[3]`, `outer/name[3]` … @throws UnknownTaskError */
export const findTask = (root: JobRun, path: string, [first = '', ...inner] = stepsOf(path)): Found => {
  let found = findIn(root, root.plan, first);
  let level = { plan: root.plan, prefix: '' };
  let prefix = first;
  for (const step of inner) {
    const { nested } = found?.definition ?? {};
    const child = found?.task?.child;
    if (!nested || step.startsWith('/') !== Boolean(nested.definition)) found = undefined;
    else if (nested.definition) {
      level = { plan: child?.plan ?? (nested.definition[PLAN] as Plan), prefix: `${prefix}/` };
      found = findIn(child, level.plan, step.slice(1));
    } else found = child ? findIn(child, child.plan, step) : futureInstance(step, nested.each);
    prefix += step;
  }
  if (found) return found;
  const known = [...level.plan.graph.indexOf.keys()].map((name) => level.prefix + name);
  throw new UnknownTaskError(root.plan.name, path, knownNames(path, known));
};

const findIn = (job: JobRun | undefined, plan: Plan, name: string): Found | undefined => {
  const index = plan.graph.indexOf.get(name);
  return index === undefined ? undefined : { job, index, task: job?.tasks[index], definition: plan.tasks[index] };
};

/** Returns an instance of a fan-out that has not begun. Whether the instance will exist is not known yet. */
const futureInstance = (step: string, each: FanOut['each']): Found | undefined => {
  const index = /^\[(0|[1-9]\d*)\]$/.exec(step)?.[1];
  if (index === undefined) return undefined;
  const definition = each?.nested && ({ ...each, name: step } as TaskDefinition);
  return { job: undefined, index: Number(index), task: undefined, definition };
};
