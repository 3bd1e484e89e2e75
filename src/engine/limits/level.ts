import type { LimitOptions, PoolOption } from '../definition/options.ts';
import { Lane } from './lane.ts';
import { SlotLimit } from './limit.ts';
import { RateLimit } from './rate-limit.ts';

type Limit = SlotLimit | RateLimit;

export type JobLimits = LimitOptions & { readonly sequential?: boolean | undefined };

/**
 * The limits of one engine or job. An attempt takes a slot of its job's limits, of those on the levels above, and of
 * its pool on each level that has a pool of that name.
 */
export class Level {
  readonly #above: Level | undefined;
  readonly #turn: SlotLimit | undefined;
  readonly #limits: readonly Limit[];
  readonly #pools: ReadonlyMap<string, readonly Limit[]>;
  #poolless: Lane | undefined;
  #lanes: Map<string, Lane> | undefined;
  /** In a sequential job, the queue of nested jobs and fan-outs: they wait for its single slot, but no other limit. */
  readonly turns: Lane | undefined;

  constructor(owner: string, options: JobLimits, above: Level | undefined) {
    this.#above = above;
    this.#turn = options.sequential ? new SlotLimit('concurrency', owner, 1) : undefined;
    this.#limits = limitsOf(owner, options);
    const { pools } = options;
    this.#pools = pools
      ? new Map(Object.entries(pools).map(([name, pool]) => [name, poolLimits(name, owner, pool)]))
      : NO_POOLS;
    this.turns = this.#turn && new Lane([this.#turn]);
  }

  lane(pool: string | undefined): Lane {
    const known = pool === undefined ? this.#poolless : this.#lanes?.get(pool);
    if (known) return known;
    const limits = this.#limitsFor(pool);
    const lane = new Lane(this.#turn ? [this.#turn, ...limits] : limits);
    if (pool === undefined) {
      this.#poolless = lane;
      return lane;
    }
    this.#lanes ??= new Map();
    this.#lanes.set(pool, lane);
    return lane;
  }

  /** Returns whether all slots of this level's `maxConcurrency` are taken. */
  get isFull(): boolean {
    const [first] = this.#limits;
    return first?.kind === 'concurrency' && first.taken === first.size;
  }

  /** Returns the smallest size of a pool on this level and those above, if any of them has it. */
  poolSize(name: string): number | undefined {
    const own = this.#pools.get(name);
    const above = this.#above?.poolSize(name);
    if (own === undefined) return above;
    const sizes = own.map((limit) => (limit.kind === 'rateLimit' ? Number.POSITIVE_INFINITY : limit.size));
    return Math.min(...sizes, above ?? Number.POSITIVE_INFINITY);
  }

  poolNames(): readonly string[] {
    return [...new Set([...this.#pools.keys(), ...(this.#above?.poolNames() ?? [])])];
  }

  /** Returns the size and the taken slots of each limit of this level, without rate limits. */
  usage(): readonly { readonly name: string; readonly taken: number; readonly size: number }[] {
    return [...this.#limits, ...[...this.#pools.values()].flat()]
      .filter((limit) => limit.kind !== 'rateLimit')
      .map(({ name, taken, size }) => ({ name, taken, size }));
  }

  #limitsFor(pool: string | undefined): readonly Limit[] {
    const own = pool === undefined ? this.#limits : [...this.#limits, ...(this.#pools.get(pool) ?? [])];
    return this.#above ? [...own, ...this.#above.#limitsFor(pool)] : own;
  }
}

const NO_LIMITS: readonly Limit[] = [];

const NO_POOLS: ReadonlyMap<string, readonly Limit[]> = new Map();

const limitsOf = (owner: string, { maxConcurrency, rateLimit }: LimitOptions): readonly Limit[] => {
  if (maxConcurrency === undefined && !rateLimit) return NO_LIMITS;
  const limits: Limit[] = [];
  if (isLimit(maxConcurrency)) limits.push(new SlotLimit('concurrency', owner, maxConcurrency));
  if (rateLimit) limits.push(new RateLimit(owner, rateLimit.limit, rateLimit.periodMs));
  return limits;
};

const poolLimits = (name: string, owner: string, pool: PoolOption): readonly Limit[] => {
  const { slots, limit, periodMs }: Exclude<PoolOption, number> = typeof pool === 'number' ? { slots: pool } : pool;
  const called = `pool "${name}" of ${owner}`;
  const limits: Limit[] = [];
  if (isLimit(slots)) limits.push(new SlotLimit('pool', called, slots));
  if (limit !== undefined && periodMs !== undefined) limits.push(new RateLimit(called, limit, periodMs));
  return limits;
};

const isLimit = (count: number | undefined): count is number =>
  count !== undefined && count !== Number.POSITIVE_INFINITY;

export const limitsAnything = ({ maxConcurrency, rateLimit, pools, sequential }: JobLimits): boolean =>
  sequential === true || isLimit(maxConcurrency) || rateLimit !== undefined || pools !== undefined;
