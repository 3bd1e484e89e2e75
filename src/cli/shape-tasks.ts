import type { TriggerRule } from '../engine/trigger.ts';
import type { TaskKind } from '../engine/views/graph-view.ts';

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
