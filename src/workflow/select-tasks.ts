import { TintypeError } from '../engine/errors/errors.ts';
import { didYouMean } from '../engine/errors/suggest.ts';
import type { Workflow, WorkflowTask } from './schema.ts';
import { tasksIn } from './tasks-in.ts';

/** Tasks by name: `build` alone, `+build` with all its upstream, `build+` with all its downstream, `+build+` both. */
export type Selection = {
  /** The tasks to include. Default: all tasks. */
  readonly only?: readonly string[] | undefined;
  /** The tasks to leave out of those included. Default: no tasks. */
  readonly skip?: readonly string[] | undefined;
};

/** Thrown when a selection names a task that does not exist. */
export class SelectionError extends TintypeError {
  override readonly name = 'SelectionError';
  readonly code = 'UNKNOWN_TASK';
}

/**
 * Returns the workflow with only the selected tasks and the handlers. Replaces a dependency on a task that is left out
 * by that task's nearest selected upstreams, so the order stays the same. @throws SelectionError if a name is unknown
 */
export const selectTasks = (workflow: Workflow, { only = [], skip = [] }: Selection = {}): Workflow => {
  if (only.length === 0 && skip.length === 0) return workflow;
  const { tasks } = workflow;
  const chosen = only.length === 0 ? new Set(tasks.map(({ name }) => name)) : matching(tasks, only);
  for (const name of matching(tasks, skip)) chosen.delete(name);
  const upstream = nearestSelectedUpstreams(tasks, chosen);
  return {
    ...workflow,
    tasks: tasks
      .filter(({ name }) => chosen.has(name))
      .map((task) => ({ ...task, dependencies: [...(upstream.get(task.name) ?? [])] })),
    ...(workflow.handlers ? { handlers: handlersWithout(workflow.handlers, tasks, upstream, chosen) } : {}),
  };
};

const matching = (tasks: readonly WorkflowTask[], patterns: readonly string[]): Set<string> => {
  const names = new Set(tasks.map(({ name }) => name));
  const needs = new Map(tasks.map(({ name, dependencies }) => [name, dependencies]));
  const neededBy = new Map<string, string[]>();
  for (const { name, dependencies } of tasks) {
    for (const need of dependencies) neededBy.set(need, [...(neededBy.get(need) ?? []), name]);
  }
  const found = new Set<string>();
  for (const pattern of patterns) {
    // A task's name may itself begin or end with a plus.
    const [, before, name = '', behind] = names.has(pattern)
      ? ['', '', pattern, '']
      : (/^(\+?)(.*?)(\+?)$/s.exec(pattern) ?? []);
    if (!names.has(name)) throw unknownTask(name, [...names], tasks);
    found.add(name);
    if (before) collectReachable(name, needs, found);
    if (behind) collectReachable(name, neededBy, found);
  }
  return found;
};

const unknownTask = (name: string, names: readonly string[], tasks: readonly WorkflowTask[]): SelectionError => {
  const inner = name.slice(name.lastIndexOf('/') + 1);
  const around = tasks.find((task) => task.type === 'job' && tasksIn(task).some(([, one]) => one.name === inner));
  if (around) {
    return new SelectionError(
      `There is no task "${name}". "${inner}" stands in the job "${around.name}", which is chosen as a whole: ${around.name}.`,
    );
  }
  const list = names.length > 20 ? `${names.slice(0, 20).join(', ')}, …` : names.join(', ');
  return new SelectionError(`There is no task "${name}".${didYouMean(name, names) || ` There are ${list}.`}`);
};

/** Adds to `found` all tasks that the edges reach from `from`. */
const collectReachable = (from: string, edges: ReadonlyMap<string, readonly string[]>, found: Set<string>): void => {
  const waiting = [from];
  const seen = new Set(waiting);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const next of edges.get(name) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      found.add(next);
      waiting.push(next);
    }
  }
};

/** Returns each task's nearest selected upstreams, searching upwards through tasks that are not selected. */
const nearestSelectedUpstreams = (
  tasks: readonly WorkflowTask[],
  chosen: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> => {
  const needs = new Map(tasks.map(({ name, dependencies }) => [name, dependencies]));
  const known = new Map<string, ReadonlySet<string>>();
  for (const { name: start } of tasks) {
    const stack = [start];
    for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
      const open = known.has(name)
        ? []
        : (needs.get(name) ?? []).filter((need) => !chosen.has(need) && !known.has(need));
      if (open.length > 0) {
        stack.push(...open);
        continue;
      }
      if (!known.has(name)) {
        const found = (needs.get(name) ?? []).flatMap((need) =>
          chosen.has(need) ? [need] : [...(known.get(need) ?? [])],
        );
        known.set(name, new Set(found));
      }
      stack.pop();
    }
  }
  return known;
};

type Handlers = NonNullable<Workflow['handlers']>;

/** Returns the handlers. A dependency on a task left out is replaced by that task's nearest selected upstreams. */
const handlersWithout = (
  handlers: Handlers,
  tasks: readonly WorkflowTask[],
  upstream: ReadonlyMap<string, ReadonlySet<string>>,
  chosen: ReadonlySet<string>,
): Handlers => {
  const all = new Set(tasks.map(({ name }) => name));
  const kept = (need: string): readonly string[] =>
    all.has(need) && !chosen.has(need) ? [...(upstream.get(need) ?? [])] : [need];
  const lists = Object.entries(handlers).map(([when, list]) => [
    when,
    list?.map((task) => ({ ...task, dependencies: [...new Set(task.dependencies.flatMap(kept))] })),
  ]);
  return Object.fromEntries(lists);
};
