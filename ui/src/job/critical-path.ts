import type { JobModel } from './job-model.ts';

/** When a task ended, or now if it runs; -1 if it has not begun. In ms since the start of the job. */
const endOf = (model: JobModel, index: number): number => {
  const end = model.table.endAt[index] as number;
  if (end >= 0) return end;
  return (model.table.startAt[index] as number) >= 0 ? model.now : -1;
};

const latest = (model: JobModel, indices: readonly number[]): number => {
  let best = -1;
  let bestEnd = -1;
  for (const index of indices) {
    const end = endOf(model, index);
    if (end > bestEnd) [best, bestEnd] = [index, end];
  }
  return best;
};

/**
 * The tasks that decided when the job is where it is: from the one that ended last back to the start, each the latest
 * of those that the next one waited for. Within nested jobs and maps, the same.
 */
export const criticalPath = (model: JobModel): ReadonlySet<number> => {
  const path = new Set<number>();
  const follow = (indices: readonly number[]): void => {
    for (let at = latest(model, indices); at >= 0; at = latest(model, model.upstream(at))) {
      if (path.has(at)) return;
      path.add(at);
      follow(model.inside(at));
    }
  };
  follow(model.inside(-1));
  return path;
};

/**
 * How much longer a task could have taken without the job ending later, by the measured times, in ms: the least of what
 * its downstreams waited for others, over all ways to the end. Undefined for what has not ended, or never ran.
 */
export const slackOf = (model: JobModel, index: number): number | undefined => {
  if ((model.table.endAt[index] as number) < 0 || !hasRun(model, index)) return undefined;
  const known = new Map<number, number>();
  const todo: number[] = [index];
  while (todo.length > 0) {
    const at = todo[todo.length - 1] as number;
    const down = model.downstream(at).filter((one) => hasRun(model, one));
    const missing = down.filter((one) => !known.has(one));
    if (missing.length > 0) {
      for (const one of missing) todo.push(one);
      continue;
    }
    todo.pop();
    known.set(at, ownSlack(model, at, down, known));
  }
  const around = model.parent(index);
  const own = known.get(index) as number;
  return around < 0 ? own : own + (slackOf(model, around) ?? 0);
};

const hasRun = (model: JobModel, index: number): boolean => (model.table.startAt[index] as number) >= 0;

const ownSlack = (
  model: JobModel,
  index: number,
  down: readonly number[],
  known: ReadonlyMap<number, number>,
): number => {
  const end = endOf(model, index);
  if (down.length === 0) {
    const around = model.parent(index);
    const last = model.inside(around).reduce((most, one) => Math.max(most, endOf(model, one)), end);
    return Math.max(0, last - end);
  }
  return down.reduce((least, one) => {
    const ready = model.table.readyAt[one] as number;
    return Math.min(least, Math.max(0, (ready < 0 ? end : ready) - end) + (known.get(one) as number));
  }, Number.POSITIVE_INFINITY);
};
