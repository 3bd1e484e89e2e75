import type { LimitOptions, PoolOption } from '../definition/options.ts';
import type { ExecutorLimit } from './executor-limit.ts';
import { RateLimit } from './rate-limit.ts';
import { Semaphore } from './semaphore.ts';
import { WaitQueue } from './wait-queue.ts';

type Limit = Semaphore | RateLimit;

export type JobLimits = LimitOptions & {
  readonly sequential?: boolean | undefined;
  /** Whether the limits bound the nested jobs that the tasks run, as a whole: what is inside takes no slots of them. */
  readonly boundsNested?: boolean | undefined;
};

/**
 * The limits of one engine or job. An attempt takes a slot of its own job and of each level above. If its task names a
 * pool, it also takes slots of that pool on each level that has the pool.
 */
export class LimitScope {
  readonly #owner: string;
  readonly #now: (() => number) | undefined;
  #parent: LimitScope | undefined;
  readonly #sequentialLimit: Semaphore | undefined;
  #limits: readonly Limit[] = NO_LIMITS;
  #pools: ReadonlyMap<string, readonly Limit[]> = NO_POOLS;
  #unpooledQueue: WaitQueue | undefined;
  #pooledQueues: Map<string, WaitQueue> | undefined;
  /** The queues of tasks that workers perform, by the limit of these and by pool. */
  #placedQueues: Map<ExecutorLimit, Map<string | undefined, WaitQueue>> | undefined;
  #placedNestedQueues: Map<ExecutorLimit, WaitQueue> | undefined;
  /** The queue of nested jobs and fan-outs that wait for a slot: the single one of a sequential job, or those that bound them. */
  readonly #nestedQueue: WaitQueue | undefined;
  #inner: LimitScope;

  /** `now`: the time by which the limits count how long their slots are taken. Default: they don't. */
  constructor(owner: string, options: JobLimits, inherited: LimitScope | undefined, now?: () => number) {
    this.#owner = owner;
    this.#now = now;
    this.#parent = inherited;
    this.#sequentialLimit = options.sequential ? new Semaphore('concurrency', owner, 1) : undefined;
    this.set(options);
    const forNested = options.boundsNested ? [...this.#limits] : [];
    if (this.#sequentialLimit) forNested.unshift(this.#sequentialLimit);
    this.#nestedQueue = forNested.length > 0 ? new WaitQueue(forNested) : undefined;
    this.#inner = (options.boundsNested && inherited) || this;
  }

  /** Sets the limits of this level: who holds slots keeps them. After a change, `Dispatcher.relimit` applies them. */
  set(options: LimitOptions): void {
    const before = this.#pools;
    this.#limits = limitsOf(this.#owner, options, this.#limits, this.#now);
    const { pools } = options;
    if (pools)
      this.#pools = new Map(
        Object.entries(pools).map(([name, pool]) => [
          name,
          poolLimits(name, this.#owner, pool, before.get(name), this.#now),
        ]),
      );
  }

  /** Puts another level in place of `before`, if that is the one above this level. */
  replaceParent(before: LimitScope, parent: LimitScope): void {
    if (this.#parent === before) this.#parent = parent;
    if (this.#inner === before) this.#inner = parent;
  }

  /** The limits that apply inside the nested jobs of this level. */
  get inner(): LimitScope {
    return this.#inner;
  }

  /** Forgets the queues, whose limits have changed. */
  forgetQueues(): void {
    this.#unpooledQueue = undefined;
    this.#pooledQueues = undefined;
    this.#placedQueues = undefined;
  }

  /** Returns the queue of tasks with this pool. `place`: the limit of the workers that perform them, if workers do. */
  queueFor(pool: string | undefined, place?: ExecutorLimit | null): WaitQueue {
    if (place) return this.#placedQueue(pool, place);
    const known = pool === undefined ? this.#unpooledQueue : this.#pooledQueues?.get(pool);
    if (known) return known;
    const queue = new WaitQueue(this.#allLimitsFor(pool));
    if (pool === undefined) {
      this.#unpooledQueue = queue;
      return queue;
    }
    this.#pooledQueues ??= new Map();
    this.#pooledQueues.set(pool, queue);
    return queue;
  }

  #placedQueue(pool: string | undefined, place: ExecutorLimit): WaitQueue {
    this.#placedQueues ??= new Map();
    const queues = this.#placedQueues.get(place) ?? new Map<string | undefined, WaitQueue>();
    this.#placedQueues.set(place, queues);
    // The workers are asked last, since the answer is not the engine's own.
    const queue = queues.get(pool) ?? new WaitQueue([...this.#allLimitsFor(pool), place]);
    queues.set(pool, queue);
    return queue;
  }

  /** Returns the queue of nested jobs and fan-outs that wait for a slot of this level; undefined if it has none for them. */
  nestedQueueFor(place: ExecutorLimit | null): WaitQueue | undefined {
    if (!place || !this.#nestedQueue) return this.#nestedQueue;
    this.#placedNestedQueues ??= new Map();
    const queue = this.#placedNestedQueues.get(place) ?? new WaitQueue([...this.#nestedQueue.limits, place]);
    this.#placedNestedQueues.set(place, queue);
    return queue;
  }

  #allLimitsFor(pool: string | undefined): readonly Limit[] {
    const limits = this.#limitsFor(pool);
    return this.#sequentialLimit ? [this.#sequentialLimit, ...limits] : limits;
  }

  /** Returns whether all slots of this level's `maxConcurrency` are taken. */
  get isFull(): boolean {
    const [first] = this.#limits;
    return first?.kind === 'concurrency' && first.taken >= first.size;
  }

  /** Returns a pool's smallest size on this level and all levels above; undefined if no level has the pool. */
  poolSize(name: string): number | undefined {
    const own = this.#pools.get(name);
    const inherited = this.#parent?.poolSize(name);
    if (own === undefined) return inherited;
    const sizes = own.map((limit) => (limit.kind === 'rateLimit' ? Number.POSITIVE_INFINITY : limit.size));
    return Math.min(...sizes, inherited ?? Number.POSITIVE_INFINITY);
  }

  poolNames(): readonly string[] {
    return [...new Set([...this.#pools.keys(), ...(this.#parent?.poolNames() ?? [])])];
  }

  /** All limits of this level. */
  get ownLimits(): readonly Limit[] {
    return [...this.#limits, ...[...this.#pools.values()].flat()];
  }

  #limitsFor(pool: string | undefined): readonly Limit[] {
    const own = pool === undefined ? this.#limits : [...this.#limits, ...(this.#pools.get(pool) ?? [])];
    return this.#parent ? [...own, ...this.#parent.#limitsFor(pool)] : own;
  }
}

const NO_LIMITS: readonly Limit[] = [];

const NO_POOLS: ReadonlyMap<string, readonly Limit[]> = new Map();

/** `before`: the limits so far, whose holders and starts count. */
const limitsOf = (
  owner: string,
  { maxConcurrency, rateLimit }: LimitOptions,
  before: readonly Limit[],
  now: (() => number) | undefined,
): readonly Limit[] => {
  if (maxConcurrency === undefined && !rateLimit) return NO_LIMITS;
  const limits: Limit[] = [];
  if (isBounded(maxConcurrency)) limits.push(semaphore('concurrency', owner, maxConcurrency, before, now));
  if (rateLimit) limits.push(rate(owner, rateLimit.limit, rateLimit.periodMs, before));
  return limits;
};

const poolLimits = (
  name: string,
  owner: string,
  pool: PoolOption,
  before: readonly Limit[] = NO_LIMITS,
  now: (() => number) | undefined,
): readonly Limit[] => {
  const { slots, limit, periodMs }: Exclude<PoolOption, number> = typeof pool === 'number' ? { slots: pool } : pool;
  const label = `pool "${name}" of ${owner}`;
  const limits: Limit[] = [];
  if (isBounded(slots)) limits.push(semaphore('pool', label, slots, before, now));
  if (limit !== undefined && periodMs !== undefined) limits.push(rate(label, limit, periodMs, before));
  return limits;
};

const semaphore = (
  kind: Semaphore['kind'],
  name: string,
  size: number,
  before: readonly Limit[],
  now: (() => number) | undefined,
): Semaphore => {
  const known = before.find((limit): limit is Semaphore => limit.kind === kind);
  if (!known) return new Semaphore(kind, name, size, now);
  known.size = size;
  return known;
};

const rate = (name: string, limit: number, periodMs: number, before: readonly Limit[]): RateLimit => {
  const known = before.find((other): other is RateLimit => other.kind === 'rateLimit');
  if (known && known.limit === limit && known.periodMs === periodMs) return known;
  return new RateLimit(name, limit, periodMs, known);
};

const isBounded = (count: number | undefined): count is number =>
  count !== undefined && count !== Number.POSITIVE_INFINITY;

export const hasLimits = ({ maxConcurrency, rateLimit, pools, sequential }: JobLimits): boolean =>
  sequential === true || isBounded(maxConcurrency) || rateLimit !== undefined || pools !== undefined;
