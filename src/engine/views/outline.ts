import type { TaskKind } from '../definition/options.ts';
import { type Plan, planInside } from '../definition/plan.ts';
import type { TriggerRule } from '../definition/trigger.ts';
import { compareNames, type DefinedTask } from './job-view.ts';

/**
 * A task of a definition, for the view of a job. `inside`: the tasks of a nested job; `each`: of each item of a fan-out.
 * `trigger`: known from a shape.
 */
export type Outline = DefinedTask & {
  readonly inside: readonly Outline[] | undefined;
  readonly each?: Pick<Outline, 'kind' | 'inside'> | undefined;
  readonly trigger?: TriggerRule | undefined;
};

/** An outline with the position of the task in its plan. */
export type PlannedOutline = Outline & { readonly index: number };

/** Returns the tasks of a plan, by name. Computed once, and again if tasks have been added to the plan. */
export const outlineOf = (plan: Plan): readonly PlannedOutline[] => {
  const known = OUTLINES.get(plan);
  if (known?.length === plan.tasks.length) return known;
  const outline = plan.tasks
    .map(({ name, kind, dependsOn, nested, external }, index): PlannedOutline => {
      const plan = planInside({ nested });
      const inside = plan && outlineOf(plan);
      const { owner, data } = external ?? {};
      const layers = layered(inside, nested?.each?.kind);
      return { name, kind: kind ?? 'task', dependsOn: sorted(dependsOn), ...layers, owner, data, index };
    })
    .sort(byName);
  OUTLINES.set(plan, outline);
  return outline;
};

/** Returns what stands in a task: the tasks of a nested job, or for a fan-out what each instance is. */
const layered = (
  inside: readonly Outline[] | undefined,
  each: TaskKind | undefined,
): Pick<Outline, 'inside' | 'each'> =>
  each === undefined ? { inside } : { inside: undefined, each: { kind: each, inside } };

const OUTLINES = new WeakMap<Plan, readonly PlannedOutline[]>();

/** Returns the tasks in the shape of a definition, by name; none if the text is no shape. */
export const outlineIn = (shape: string | undefined): readonly Outline[] => {
  try {
    return outlineOfShape(JSON.parse(shape ?? 'null') as Shape);
  } catch {
    return [];
  }
};

type Shape = readonly [name: string, tasks: readonly ShapeTask[]];
type ShapeTask = readonly [
  name: string,
  dependsOn: readonly string[],
  continueOnFailure: boolean,
  more?: {
    readonly kind?: TaskKind;
    readonly trigger?: TriggerRule;
    readonly each?: TaskKind;
    readonly job?: Shape;
  },
];

const outlineOfShape = ([, tasks]: Shape): readonly Outline[] =>
  tasks
    .map(([name, dependsOn, _, { kind, trigger, each, job } = {}]): Outline => {
      const inside = job && outlineOfShape(job);
      const layers = layered(inside, each);
      return { name: String(name), kind: kind ?? 'task', trigger, dependsOn: sorted(dependsOn), ...layers };
    })
    .sort(byName);

export const byName = (a: Outline, b: Outline): number => compareNames(a.name, b.name);

/** Frozen, since views share it. */
export const sorted = (names: readonly string[]): readonly string[] => Object.freeze([...names].sort());
