import type { JobModel } from './job-model.ts';

/**
 * The critical path, as everywhere in tintype: the longest by the time of its tasks. What is over counts as it was
 * measured, what runs as long as it has run. The rest counts as the median of what is over, as does what runs if that is
 * longer; each task counts the same where nothing is over. Within nested jobs and maps, the same.
 */
export const criticalPath = (model: JobModel): ReadonlySet<number> => {
  const path = new Set<number>();
  const follow = (indices: readonly number[]): void => {
    if (indices.length === 0) return;
    const { after } = pathsOf(model, indices);
    const longest = (among: readonly number[]): number | undefined =>
      among.reduce<number | undefined>(
        (best, one) => (best === undefined || (after.get(one) ?? -1) > (after.get(best) ?? -1) ? one : best),
        undefined,
      );
    const firsts = indices.filter((one) => model.upstream(one).length === 0);
    for (let at = longest(firsts); at !== undefined; at = longest(model.downstream(at))) {
      path.add(at);
      follow(model.inside(at));
    }
  };
  follow(model.inside(-1));
  return path;
};

/**
 * How much longer a task could have taken without a longer critical path, in ms, in its own job and those around it.
 * Undefined for what has not ended, or never ran.
 */
export const slackOf = (model: JobModel, index: number): number | undefined => {
  if ((model.table.endAt[index] as number) < 0 || (model.table.startAt[index] as number) < 0) return undefined;
  const around = model.parent(index);
  const { before, after, weight, length } = pathsOf(model, model.inside(around));
  const through = (before.get(index) as number) + (after.get(index) as number) - weight(index);
  return length - through + (around < 0 ? 0 : (slackOf(model, around) ?? 0));
};

type Paths = {
  /** The longest path that ends with a task, and the longest that begins with it. */
  readonly before: ReadonlyMap<number, number>;
  readonly after: ReadonlyMap<number, number>;
  readonly weight: (index: number) => number;
  /** The length of the critical path. */
  readonly length: number;
};

const pathsOf = (model: JobModel, indices: readonly number[]): Paths => {
  const weight = weightIn(model, indices);
  const missing = new Map(indices.map((one) => [one, model.upstream(one).length]));
  const order = indices.filter((one) => missing.get(one) === 0);
  for (const one of order)
    for (const next of model.downstream(one)) {
      const left = (missing.get(next) as number) - 1;
      missing.set(next, left);
      if (left === 0) order.push(next);
    }
  const lengths = (from: readonly number[], edges: (index: number) => readonly number[]): Map<number, number> => {
    const found = new Map<number, number>();
    for (const one of from)
      found.set(one, edges(one).reduce((most, next) => Math.max(most, found.get(next) ?? 0), 0) + weight(one));
    return found;
  };
  const before = lengths(order, (one) => model.upstream(one));
  const after = lengths([...order].reverse(), (one) => model.downstream(one));
  return { before, after, weight, length: [...after.values()].reduce((a, b) => Math.max(a, b), 0) };
};

/** How long tasks take, in ms. */
const weightIn = (model: JobModel, indices: readonly number[]): ((index: number) => number) => {
  const { startAt, endAt } = model.table;
  const tookMs = (one: number): number | undefined => {
    const start = startAt[one] as number;
    const end = endAt[one] as number;
    return start < 0 ? undefined : (end < 0 ? model.now : end) - start;
  };
  const isOver = (one: number): boolean => (endAt[one] as number) >= 0 || model.isRemoved(one);
  const measured = indices.flatMap((one) => (isOver(one) ? (tookMs(one) ?? []) : [])).sort((a, b) => a - b);
  const other = measured[measured.length >> 1] ?? 1;
  return (one) => (isOver(one) ? (tookMs(one) ?? 0) : measured.length === 0 ? 1 : Math.max(tookMs(one) ?? 0, other));
};
