import { idOf, nodeOf } from '../../engine/views/dot.ts';
import type { GraphView } from '../../engine/views/graph-view.ts';
import { nodeAt } from '../../engine/views/mermaid.ts';
import { viewOfPlan } from '../../engine/views/view-of.ts';

/**
 * Returns the view of a definition. `handlers`: the names of the tasks that are handlers of a workflow, each with when it
 * runs. That is noted instead of its trigger and condition, which say the same.
 */
export const viewWithHandlers = (
  { name, tasks }: Parameters<typeof viewOfPlan>[0],
  handlers: ReadonlyMap<string, string>,
): GraphView => {
  const drawn = tasks.map((task) =>
    handlers.has(task.name) ? { ...task, trigger: undefined, when: undefined } : task,
  );
  const view = viewOfPlan({ name, tasks: drawn });
  const noted = view.tasks.map((task) => {
    const runs = handlers.get(task.name);
    return runs === undefined ? task : { ...task, notes: [runs, ...(task.notes ?? [])] };
  });
  return markHandlers({ ...view, tasks: noted }, handlers);
};

/** Marks the tasks of a view that are handlers, for them to be drawn apart, without edges from all other tasks. */
export const markHandlers = (view: GraphView, handlers: Pick<ReadonlySet<string>, 'has'>): GraphView => ({
  ...view,
  tasks: view.tasks.map((task) => {
    if (!handlers.has(task.name)) return task;
    return { ...task, handler: true, dependsOn: task.dependsOn.filter((name) => handlers.has(name)) };
  }),
});

/** Returns lines of DOT that draw the handlers in a frame below all other tasks, for which they wait. */
export const dotHandlers = ({ tasks }: GraphView): readonly string[] => {
  const handlers = tasks.filter(({ handler }) => handler);
  if (handlers.length === 0) return [];
  const needed = new Set(tasks.filter(({ handler }) => !handler).flatMap(({ dependsOn }) => dependsOn));
  const last = tasks.filter(({ name, handler }) => !handler && !needed.has(name));
  const first = handlers.filter(({ dependsOn }) => dependsOn.length === 0);
  return [
    '\tsubgraph "cluster_handlers" {',
    '\t\tlabel = "handlers"',
    '\t\tstyle = "dashed"',
    ...handlers.map((handler) => `\t${nodeOf(handler)}`),
    '\t}',
    ...last.flatMap((from) => first.map((to) => `\t${idOf(from.name)} -> ${idOf(to.name)} [style=invis]`)),
  ];
};

/** Returns lines of Mermaid that draw the handlers in a frame. */
export const mermaidHandlers = ({ tasks }: GraphView): readonly string[] => {
  const lines = tasks.flatMap((task, index) => (task.handler ? nodeAt(task, index) : []));
  return lines.length === 0 ? [] : ['subgraph handlers', ...lines, 'end'];
};
