import { type Plan, planInside, type TaskDefinition } from '../definition/plan.ts';
import type { Problem } from '../errors/problem.ts';
import { didYouMean } from '../errors/suggest.ts';
import type { LimitScope } from '../limits/limit-scope.ts';

export type Pools = Pick<LimitScope, 'poolSize' | 'poolNames'>;

/** Finds tasks, nested ones included, that use an unknown pool or more slots than their pool has. */
export const poolProblems = (tasks: readonly TaskDefinition[], pools: Pools, prefix = ''): Problem[] =>
  tasks.flatMap((task) => {
    const { name, pool, slots = 1, kind } = task;
    const path = prefix + name;
    const inside = planInside(task);
    if (inside) {
      const { tasks: inner, options } = inside;
      return poolProblems(inner, withPools(pools, options.pools), `${path}${kind === 'map' ? '[]' : ''}/`);
    }
    if (pool === undefined) return [];
    const size = pools.poolSize(pool);
    const problem = (option: string, message: string): Problem[] => [
      { code: 'INVALID_OPTION', message, tasks: [path], option },
    ];
    if (size === undefined) {
      const known = pools.poolNames();
      const hint =
        didYouMean(pool, known) || (known.length > 0 ? ` Known are ${known.join(', ')}.` : ' There are none.');
      return problem(
        'pool',
        `Task "${path}" takes slots of pool "${pool}", which neither the job nor its engine has.${hint}`,
      );
    }
    if (slots <= size) return [];
    return problem(
      'slots',
      `Task "${path}" takes ${slots} slots of pool "${pool}", which has ${size}: it could never run.`,
    );
  });

export const NO_POOLS: Pools = { poolNames: () => [], poolSize: () => undefined };

/** Combines the pools of a nested job with those of the enclosing jobs: of two sizes, the smaller applies. */
export const withPools = (parent: Pools, own: Plan['options']['pools'] = {}): Pools => ({
  poolNames: () => [...new Set([...Object.keys(own), ...parent.poolNames()])],
  poolSize: (name) => {
    const outer = parent.poolSize(name);
    const pool = Object.hasOwn(own, name) ? own[name] : undefined;
    if (pool === undefined) return outer;
    const size = typeof pool === 'number' ? pool : (pool.slots ?? Number.POSITIVE_INFINITY);
    return Math.min(size, outer ?? Number.POSITIVE_INFINITY);
  },
});
