import { Heap } from '../definition/heap.ts';

/** What of a job is left to do, task by task. Tasks are numbers, from 0. */
export type RestOfJob = {
  /** For each task, those that wait for it. */
  readonly downstream: readonly (readonly number[])[];
  /** Of ready tasks, the one with the lowest rank runs first. */
  readonly ranks: ArrayLike<number>;
  /** How long each task takes from start to end, in ms. */
  readonly estimates: ArrayLike<number>;
  /** For each task: `done`, the ms since it started, or undefined if it has not started. */
  readonly states: readonly ('done' | number | undefined)[];
  /** How many tasks run at once. */
  readonly maxConcurrency: number;
  /** The slots of each pool. Default: no pools. */
  readonly pools?: Readonly<Record<string, number>> | undefined;
  /** What a task takes while it runs. Default: one of `maxConcurrency`. */
  readonly needs?: ((task: number) => Needs) | undefined;
};

/** `free`: the task takes nothing. Else it takes one of `maxConcurrency`, and slots of the pools. */
export type Needs = 'free' | PoolNeed | readonly PoolNeed[] | undefined;

/** Default of `slots`: 1. */
export type PoolNeed = { readonly pool: string; readonly slots?: number | undefined };

/**
 * Returns how long the rest of a job takes, in ms, if each task takes as long as it is thought to: starts and ends all
 * tasks that are left, as the dispatcher would. A task that runs takes at least a fifth of its time so far.
 */
export const remainingMs = (rest: RestOfJob): number => {
  const { downstream, ranks, estimates, states, pools = {}, needs = () => undefined } = rest;
  const missing = new Uint32Array(states.length);
  for (const [task, state] of states.entries())
    if (state !== 'done') for (const next of downstream[task] ?? []) missing[next] = (missing[next] as number) + 1;

  const running = new Heap<Running>((a, b) => a.end - b.end);
  /** What waits, by the pools that it needs: of each queue the first waits until all of them have room. */
  const queues = new Map<string, Heap<number>>();
  const room = new Map(Object.entries(pools));
  let free = rest.maxConcurrency;
  let now = 0;

  const needsOf = (task: number): 'free' | readonly PoolNeed[] => {
    const need = needs(task) ?? [];
    return need === 'free' || Array.isArray(need) ? (need as 'free' | readonly PoolNeed[]) : [need as PoolNeed];
  };
  const take = (task: number, sign: 1 | -1): void => {
    const need = needsOf(task);
    if (need === 'free') return;
    free -= sign;
    for (const { pool, slots = 1 } of need) room.set(pool, (room.get(pool) ?? 1) - sign * slots);
  };
  const start = (task: number, elapsedMs = 0): void => {
    take(task, 1);
    running.push({ task, end: now + Math.max(elapsedMs * LEFT_OF_ELAPSED, (estimates[task] as number) - elapsedMs) });
  };
  const enqueue = (task: number): void => {
    const need = needsOf(task);
    if (need === 'free') {
      start(task);
      return;
    }
    const key = need.map(({ pool }) => pool).join();
    const queue = queues.get(key) ?? new Heap<number>((a, b) => (ranks[a] as number) - (ranks[b] as number));
    queues.set(key, queue);
    queue.push(task);
  };
  const hasRoom = (task: number): boolean => {
    const need = needsOf(task);
    return need === 'free' || need.every(({ pool, slots = 1 }) => (room.get(pool) ?? 1) >= slots);
  };
  /** Takes the first of all queues that has room, out of its queue. */
  const next = (): number | undefined => {
    if (free < 1) return undefined;
    let first: Heap<number> | undefined;
    for (const queue of queues.values()) {
      const task = queue.peek();
      if (task === undefined) continue;
      const best = first?.peek();
      if ((best === undefined || (ranks[task] as number) < (ranks[best] as number)) && hasRoom(task)) first = queue;
    }
    return first?.pop();
  };

  for (const [task, state] of states.entries()) if (typeof state === 'number') start(task, state);
  for (const [task, state] of states.entries()) if (state === undefined && missing[task] === 0) enqueue(task);
  for (;;) {
    for (let task = next(); task !== undefined; task = next()) start(task);
    const ended = running.pop();
    if (!ended) return now;
    now = ended.end;
    take(ended.task, -1);
    for (const one of downstream[ended.task] ?? []) {
      missing[one] = (missing[one] as number) - 1;
      if (missing[one] === 0 && states[one] === undefined) enqueue(one);
    }
  }
};

/** What a task that runs takes at least, as a part of how long it has run. */
const LEFT_OF_ELAPSED = 0.2;

type Running = { readonly task: number; readonly end: number };
