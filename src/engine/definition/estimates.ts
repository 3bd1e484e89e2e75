import { type Plan, planInside, type TaskDefinition, weighed } from './plan.ts';

/** What is known of how long the tasks of a job take. Jobs nested in it share it. */
export type Estimates = {
  readonly history: History;
  /** What a task weighs of which nothing is known, in ms. */
  readonly otherMs: number;
};

/** Medians of earlier runs in ms, by the path of the task in its job, with `[]` for all items of a fan-out. */
export type History = ReadonlyMap<string, number>;

export const NO_HISTORY: History = new Map();

/** Returns the path under which durations of a task are kept: one for all items of a fan-out. */
export const historyPath = (path: string): string => path.replace(/\[\d+\]/g, '[]');

/**
 * Returns a plan that is ordered by estimates: those of its tasks, else those from earlier runs, else `otherMs`, by
 * default the median of the others. Returns the plan itself if nothing is known. `within`: the path of the enclosing task.
 */
export const estimated = (plan: Plan, history = NO_HISTORY, within = '', otherMs?: number): Plan => {
  const known = plan.tasks.map((task) => estimateOf(task, history, within));
  const other = otherMs ?? medianOf(known.filter((ms) => ms !== undefined && ms > 0) as number[]);
  return other === undefined
    ? plan
    : weighed(
        plan,
        Float64Array.from(known, (ms) => ms ?? other),
        other,
      );
};

/**
 * Returns how long a task takes, in ms; of a fan-out, one item. Undefined if nothing is known. Earlier runs count as
 * `leastMs` at least: shorter times vary by chance, and so would the order.
 */
export const estimateOf = (
  { name, estimate, instance, nested }: TaskDefinition,
  history: History,
  within: string,
  leastMs = LEAST_MS,
): number | undefined => {
  if (estimate !== undefined) return estimate;
  const path = within + (instance ? '[]' : name) + (nested && 'over' in nested ? '[]' : '');
  const known = history.get(path);
  if (known !== undefined) return Math.max(known, leastMs);
  const sealed = planInside({ nested });
  if (!sealed) return undefined;
  const inner = history.size > 0 ? estimated(sealed, history, `${path}/`) : sealed;
  return inner.otherMs === undefined ? undefined : Array.from(inner.lengths).reduce((a, b) => Math.max(a, b));
};

/** The shortest time in ms that earlier runs count as. */
export const LEAST_MS = 1_000;

/** Returns the median; that of an even number of values is the mean of the two in the middle. */
export const medianOf = (values: readonly number[]): number | undefined => {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length / 2;
  return half > 0 ? ((sorted[Math.ceil(half) - 1] as number) + (sorted[Math.floor(half)] as number)) / 2 : undefined;
};
