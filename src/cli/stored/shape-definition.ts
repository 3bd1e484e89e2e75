import type { AnyTaskSpec } from '../../engine/definition/task-spec.ts';
import { parentPath } from '../../engine/durable/task-path.ts';
import { TintypeError } from '../../engine/errors/errors.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import { jobFrom } from '../../engine/job-from.ts';
import type { JobRecord } from '../../engine/model/job-record.ts';
import type { ShapeTask } from './shape-tasks.ts';
import { growthOf } from './stored-job.ts';

/** Returns a definition for drawing: a stored job's shape, with the tasks added while the job ran. It can't be run. */
export const shapeDefinition = (name: string, shape: readonly ShapeTask[], record: JobRecord): JobDefinition => {
  const { added, removed } = growthOf(record);
  const grown = [...added]
    .filter(([task]) => parentPath(task) === undefined && !shape.some((known) => known.name === task))
    .map(([task, dependsOn]) => ({ ...PLAIN, name: task, dependsOn }));
  const tasks = [...shape, ...grown].filter((task) => !removed.has(task.name));
  return definitionOf(name, tasks);
};

/** Returns a definition without functions, to cancel a job whose own can't be loaded. @throws JobDefinitionError */
export const placeholderDefinition = (name: string, shape: readonly ShapeTask[]): JobDefinition =>
  definitionOf(name, shape, {
    run: () => {
      throw new LostTaskError('It did not run: what it does is not known here.');
    },
    when: () => false,
  });

/** The error of a task whose function is not known in this process. */
export class LostTaskError extends TintypeError {
  override readonly name = 'LostTaskError';
  readonly code = 'TASK_LOST';
}

type Functions = { readonly run: () => void; readonly when: () => boolean };

const PLAIN = { continueOnFailure: false, kind: 'task', trigger: undefined, when: false } as const;

const definitionOf = (name: string, tasks: readonly ShapeTask[], functions: Functions = IDLE): JobDefinition => {
  const names = new Set(tasks.map((task) => task.name));
  return jobFrom(
    name,
    tasks.map((task) => specOf({ ...task, dependsOn: task.dependsOn.filter((need) => names.has(need)) }, functions)),
  ) as unknown as JobDefinition;
};

const specOf = (task: ShapeTask, functions: Functions): AnyTaskSpec => {
  const { name, dependsOn, continueOnFailure, kind, trigger, when, each } = task;
  const { run } = functions;
  const common = { name, dependsOn, continueOnFailure, trigger, ...(when && { when: functions.when }) };
  switch (kind) {
    case 'task':
      return { ...common, run };
    case 'sensor':
      return { ...common, kind, check: run };
    case 'external':
      return { ...common, kind };
    case 'map':
      if (each === 'job') return { ...common, kind: each, over: [], definition: jobOf(task, functions) };
      if (each === 'sensor') return { ...common, kind: each, over: [], check: run };
      return { ...common, kind, over: [], each: run };
    case 'job':
      return { ...common, kind, definition: jobOf(task, functions) };
  }
};

const jobOf = ({ name, job }: ShapeTask, functions: Functions): JobDefinition =>
  definitionOf(job?.name ?? name, job?.tasks ?? [], functions);

const IDLE: Functions = { run: () => {}, when: () => true };
