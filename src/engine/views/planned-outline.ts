import { buildGraph, sortGraph } from '../definition/graph.ts';
import { createPlan, type Plan, type TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import type { Outline } from './outline.ts';

/** Returns a plan of what is kept of a definition, to see how far a job is. It can't be run. */
export const planOfOutline = (name: string, outline: readonly Outline[]): Plan => {
  const tasks = outline.map(({ name, kind, trigger, dependsOn, inside, each }) => {
    const task = { name, kind: kind === 'task' ? undefined : kind, trigger, dependsOn, run: () => {} };
    const nested = inside
      ? nestedOf(name, inside)
      : kind === 'map' && {
          over: [],
          each: each && { kind: each.kind, nested: each.inside && nestedOf(name, each.inside) },
        };
    return (nested ? { ...task, nested } : task) as TaskDefinition;
  });
  const graph = buildGraph(tasks);
  return createPlan(name, tasks, {}, graph, sortGraph(graph).order);
};

const nestedOf = (name: string, inside: readonly Outline[]) => ({
  definition: { [PLAN]: planOfOutline(name, inside) },
});
