import type { TaskKind } from '../../engine/definition/options.ts';
import type { TriggerRule } from '../../engine/definition/trigger.ts';

/** A task as the stored shape of a definition describes it. */
export type ShapeTask = {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly continueOnFailure: boolean;
  readonly kind: TaskKind;
  readonly trigger: TriggerRule | undefined;
  readonly when: boolean;
  /** Of a fan-out: the kind of each instance, if it does not just run a function. */
  readonly each?: 'job' | 'sensor' | undefined;
  /** The name and tasks of the nested job, if the task, or each of its instances, runs one. */
  readonly job?: { readonly name: string; readonly tasks: readonly ShapeTask[] } | undefined;
};

type Shape = readonly [name: string, tasks: readonly TaskShape[]];

type TaskShape = readonly [name: string, dependsOn: readonly string[], continueOnFailure: boolean, more?: More];

type More = {
  readonly kind?: TaskKind;
  readonly trigger?: TriggerRule;
  readonly when?: true;
  readonly each?: 'job' | 'sensor';
  readonly job?: Shape;
};

/** Parses a shape that `definition-shape.ts` wrote. Returns `undefined` if the text is not a shape. */
export const shapeTasks = (text: string | undefined): readonly ShapeTask[] | undefined => {
  try {
    return tasksOf(JSON.parse(text ?? 'null') as Shape);
  } catch {
    return undefined;
  }
};

const tasksOf = ([, tasks]: Shape): readonly ShapeTask[] =>
  tasks.map(([name, dependsOn, continueOnFailure, { kind, trigger, when, each, job } = {}]) => ({
    name: requireText(name),
    dependsOn: dependsOn.map(requireText),
    continueOnFailure,
    kind: kind ?? (job ? 'job' : 'task'),
    trigger,
    when: when === true,
    each,
    job: job && { name: requireText(job[0]), tasks: tasksOf(job) },
  }));

const requireText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  throw new TypeError('a name is no text');
};

/** Returns the tasks and the tasks of nested jobs, by path. Those inside a fan-out have the path of its instances: `name[]/inner`. */
export const tasksByPath = (tasks: readonly ShapeTask[], prefix = ''): ReadonlyMap<string, ShapeTask> =>
  new Map(
    tasks.flatMap((task) => [
      [prefix + task.name, task] as const,
      ...tasksByPath(task.job?.tasks ?? [], `${prefix}${task.name}${task.kind === 'map' ? '[]' : ''}/`),
    ]),
  );

/** Returns whether a task, or one that contains it, is allowed to fail. */
export const isTolerated = (path: string, shape: readonly ShapeTask[] = []): boolean => {
  const [name = '', ...inner] = path.split('/');
  const task = shape.find((one) => one.name === name) ?? shape.find((one) => one.name === name.replace(INSTANCE, ''));
  if (!task) return false;
  return task.continueOnFailure || (inner.length > 0 && isTolerated(inner.join('/'), task.job?.tasks));
};

/** Matches the number of a fan-out instance: `name[3]`. */
export const INSTANCE = /\[(\d+)\]$/;

/** Separates handlers from other tasks. Handlers have trigger `always` and wait for all tasks with other triggers. */
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
