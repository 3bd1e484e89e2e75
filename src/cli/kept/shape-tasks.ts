import type { TaskKind } from '../../engine/definition/options.ts';
import type { TriggerRule } from '../../engine/definition/trigger.ts';

/** What the shape of a definition tells of a task. */
export type ShapeTask = {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly continueOnFailure: boolean;
  readonly kind: TaskKind;
  readonly trigger: TriggerRule | undefined;
  readonly when: boolean;
  /** Those of the job that it runs, and the name of that. */
  readonly job?: { readonly name: string; readonly tasks: readonly ShapeTask[] } | undefined;
};

type Shape = readonly [name: string, tasks: readonly TaskShape[]];

type TaskShape = readonly [name: string, dependsOn: readonly string[], continueOnFailure: boolean, more?: More];

type More = { readonly kind?: TaskKind; readonly trigger?: TriggerRule; readonly when?: true; readonly job?: Shape };

/** The tasks of a shape, as `definition-shape.ts` writes it; undefined of what is none. */
export const shapeTasks = (text: string | undefined): readonly ShapeTask[] | undefined => {
  try {
    return tasksOf(JSON.parse(text ?? 'null') as Shape);
  } catch {
    return undefined;
  }
};

const tasksOf = ([, tasks]: Shape): readonly ShapeTask[] =>
  tasks.map(([name, [...dependsOn], continueOnFailure, { kind, trigger, when, job } = {}]) => ({
    name,
    dependsOn,
    continueOnFailure,
    kind: kind ?? (job ? 'job' : 'task'),
    trigger,
    when: when === true,
    job: job && { name: job[0], tasks: tasksOf(job) },
  }));

/** Whether a task, or one that it is within, is allowed to fail. */
export const isTolerated = (path: string, shape: readonly ShapeTask[] = []): boolean => {
  const [name = '', ...inner] = path.split('/');
  const task = shape.find((one) => one.name === name) ?? shape.find((one) => one.name === name.replace(INSTANCE, ''));
  if (!task) return false;
  return task.continueOnFailure || (inner.length > 0 && isTolerated(inner.join('/'), task.job?.tasks));
};

/** What tells an instance of a fan-out from the others: `name[3]`. */
export const INSTANCE = /\[(\d+)\]$/;

/** The tasks that clean up after all that do not: drawn, they would be waited for by everything. */
export const handlersIn = (
  shape: readonly ShapeTask[],
): { readonly handlers: readonly string[]; readonly others: readonly ShapeTask[] } => {
  const work = shape.filter(({ trigger }) => trigger !== 'always').map(({ name }) => name);
  const isHandler = ({ trigger, dependsOn }: ShapeTask): boolean => {
    const needs = new Set(dependsOn);
    return work.length > 0 && trigger === 'always' && work.every((name) => needs.has(name));
  };
  return {
    handlers: shape.filter(isHandler).map(({ name }) => name),
    others: shape.filter((task) => !isHandler(task)),
  };
};
