import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RestOfJob, remainingMs } from '../../../src/engine/views/remaining.ts';
import { type EstimatedTask, listSchedule } from '../../support/list-scheduler.ts';
import { realWorkflows, type TimedTask } from '../../support/real-workflows.ts';

/** What is left of tasks that are ordered by the number of their tasks in a row, as they stand at a time. */
const restAt = (
  tasks: readonly TimedTask[],
  starts: readonly number[],
  now: number,
  maxConcurrency: number,
): RestOfJob => ({
  downstream: tasks.map((_, at) => tasks.flatMap(({ upstreams }, next) => (upstreams.includes(at) ? [next] : []))),
  // Where every start is known, the order of the starts is an order of ranks.
  ranks: ranksOf(starts),
  estimates: tasks.map(({ ms }) => ms),
  states: tasks.map(({ ms }, at) => {
    const start = starts[at] as number;
    if (start + ms <= now && (ms > 0 || start < now)) return 'done';
    return start < now ? now - start : undefined;
  }),
  maxConcurrency,
});

const ranksOf = (starts: readonly number[]): readonly number[] => {
  const order = [...starts.keys()].sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b);
  const ranks: number[] = [];
  for (const [rank, task] of order.entries()) ranks[task] = rank;
  return ranks;
};

const endOf = (tasks: readonly TimedTask[], starts: readonly number[]): number =>
  Math.max(...tasks.map(({ ms }, at) => (starts[at] as number) + ms));

const job = (rest: Partial<RestOfJob> & Pick<RestOfJob, 'estimates'>): RestOfJob => ({
  downstream: rest.estimates && Array.from(rest.estimates, () => []),
  ranks: Array.from(rest.estimates, (_, at) => at),
  states: Array.from(rest.estimates, () => undefined),
  maxConcurrency: Number.POSITIVE_INFINITY,
  ...rest,
});

describe('the time that is left of a job', () => {
  test.each(realWorkflows())('is the truth where the durations are known: $name', ({ tasks }) => {
    for (const workers of [2, 8]) {
      const starts = listSchedule(tasks, workers);
      const end = endOf(tasks, starts);
      expect(remainingMs(restAt(tasks, starts, 0, workers))).toBe(end);
    }
  });

  const graph = fc
    .array(fc.record({ ms: fc.integer({ min: 1, max: 50 }), needs: fc.array(fc.nat(100), { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 25,
    })
    .map((drafts) =>
      drafts.map(
        ({ ms, needs }, at): EstimatedTask => ({
          ms,
          upstreams: at === 0 ? [] : [...new Set(needs.map((need) => need % at))],
        }),
      ),
    );

  test('of any graph, from its start on, and a little later of tasks that have just begun', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: 1, max: 5 }), (tasks, workers) => {
        const starts = listSchedule(tasks, workers);
        const end = endOf(tasks, starts);
        expect(remainingMs(restAt(tasks, starts, 0, workers))).toBe(end);
        expect(remainingMs(restAt(tasks, starts, 0.5, workers))).toBeCloseTo(end - 0.5);
        expect(remainingMs(restAt(tasks, starts, end, workers))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('is that of the longest path, or of the work that the workers share', () => {
    const estimates = [10, 20, 30];
    expect(remainingMs(job({ estimates }))).toBe(30);
    expect(remainingMs(job({ estimates, maxConcurrency: 1 }))).toBe(60);
    expect(remainingMs(job({ estimates, downstream: [[1], [2], []] }))).toBe(60);
    expect(remainingMs(job({ estimates: [] }))).toBe(0);
  });

  test('counts what runs for what it has left: a fifth of its time so far at least', () => {
    expect(remainingMs(job({ estimates: [100], states: [30] }))).toBe(70);
    expect(remainingMs(job({ estimates: [100], states: [500] }))).toBe(100);
    expect(remainingMs(job({ estimates: [100, 40], states: ['done', undefined], downstream: [[1], []] }))).toBe(40);
  });

  test('heeds pools and their slots, and tasks that take nothing', () => {
    const estimates = [10, 20, 30];
    const inPool = (slots: number) => ({ pools: { db: 2 }, needs: () => ({ pool: 'db', slots }) });
    expect(remainingMs(job({ estimates, ...inPool(2) }))).toBe(60);
    expect(remainingMs(job({ estimates, ...inPool(1) }))).toBe(40);
    expect(remainingMs(job({ estimates, maxConcurrency: 1, needs: () => 'free' }))).toBe(30);
    const mixed = (task: number) => (task < 2 ? { pool: 'db', slots: 2 } : undefined);
    expect(remainingMs(job({ estimates, pools: { db: 2 }, needs: mixed, maxConcurrency: 2 }))).toBe(30);
    // A task that no pool has room for, now or ever, keeps the others from nothing.
    expect(remainingMs(job({ estimates, pools: { db: 1 }, needs: mixed }))).toBe(30);
  });

  test('compares tasks about as often as a sort would, however many there are', () => {
    const comparisonsOf = (count: number): number => {
      let reads = 0;
      const ranks = Array.from({ length: count }, (_, at) => (at * 7_919) % count);
      const counted = new Proxy(ranks, {
        get: (target, key) => {
          reads++;
          return Reflect.get(target, key);
        },
      });
      const estimates = Array.from({ length: count }, (_, at) => 1 + (at % 7));
      const downstream = estimates.map((_, at) => (at + count / 2 < count ? [at + count / 2] : []));
      expect(remainingMs(job({ estimates, ranks: counted, downstream, maxConcurrency: 50 }))).toBeGreaterThan(0);
      return reads / 2;
    };
    for (const count of [200, 2_000, 20_000]) expect(comparisonsOf(count)).toBeLessThan(3 * count * Math.log2(count));
  });
});
