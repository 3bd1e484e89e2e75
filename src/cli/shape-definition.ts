import type { JobDefinition } from '../engine/definition.ts';
import type { JobRecord } from '../engine/durable/job-record.ts';
import { parentPath } from '../engine/durable/job-record.ts';
import { jobFrom } from '../engine/job-from.ts';
import type { AnyTaskSpec } from '../engine/task-spec.ts';
import { growthOf } from './kept-job.ts';
import type { ShapeTask } from './shape-tasks.ts';

/** A definition that has the shape of a job that was kept, with the tasks that it was given while it ran. It can be drawn, not run. */
export const shapeDefinition = (name: string, shape: readonly ShapeTask[], record: JobRecord): JobDefinition => {
  const { added, removed } = growthOf(record);
  const grown = [...added]
    .filter(([task]) => parentPath(task) === undefined && !shape.some((known) => known.name === task))
    .map(([task, dependsOn]) => ({ ...PLAIN, name: task, dependsOn }));
  const tasks = [...shape, ...grown].filter((task) => !removed.has(task.name));
  return definitionOf(name, tasks);
};

const PLAIN = { continueOnFailure: false, kind: 'task', trigger: undefined, when: false } as const;

const definitionOf = (name: string, tasks: readonly ShapeTask[]): JobDefinition => {
  const names = new Set(tasks.map((task) => task.name));
  return jobFrom(
    name,
    tasks.map((task) => specOf({ ...task, dependsOn: task.dependsOn.filter((need) => names.has(need)) })),
  ) as unknown as JobDefinition;
};

const specOf = ({ name, dependsOn, continueOnFailure, kind, trigger, when, job }: ShapeTask): AnyTaskSpec => {
  const common = { name, dependsOn, continueOnFailure, trigger, ...(when && { when: () => true }) };
  switch (kind) {
    case 'task':
      return { ...common, run: nothing };
    case 'sensor':
      return { ...common, kind, check: nothing };
    case 'external':
      return { ...common, kind };
    case 'map':
      return { ...common, kind, over: [], each: nothing };
    case 'job':
      return { ...common, kind, definition: definitionOf(job?.name ?? name, job?.tasks ?? []) };
  }
};

const nothing = (): void => {};
