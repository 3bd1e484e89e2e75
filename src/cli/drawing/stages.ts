import type { JobDefinition } from '../../engine/job-definition.ts';

/** Groups tasks into stages. Each task is in the first stage after all of its upstreams. */
export const stagesOf = (
  definition: JobDefinition,
  without: ReadonlySet<string> = new Set(),
): readonly (readonly string[])[] => {
  const needs = new Map(definition.tasks.map(({ name, dependsOn }) => [name, dependsOn]));
  const stageOf = new Map<string, number>();
  const stages: string[][] = [];
  for (const name of definition.topologicalOrder()) {
    if (without.has(name)) continue;
    const stage = (needs.get(name) ?? []).reduce((latest, need) => Math.max(latest, (stageOf.get(need) ?? 0) + 1), 0);
    stageOf.set(name, stage);
    stages[stage] ??= [];
    stages[stage].push(name);
  }
  return stages;
};
