import fc from 'fast-check';
import {
  type AnyTaskSpec,
  CommandError,
  createEngine,
  type Engine,
  type Job,
  type JobEvent,
  jobFrom,
  type LimitOptions,
  type PoolOption,
  type StartOptions,
  type TaskScope,
} from 'tintype';
import { seededRandom, type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

/** `FC_SEED=… npx vitest run test/engine/limits/invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** What an attempt does: how long it takes, and how it ends. `hang` never ends by itself. */
type Deed = { readonly ms: number; readonly end: 'succeed' | 'throw' | 'hang' };

type Leaf = {
  readonly kind: 'task' | 'sensor' | 'map';
  readonly needs: readonly number[];
  readonly deeds: readonly Deed[];
  /** How often a sensor says "not yet". */
  readonly polls: number;
  /** How many items a fan-out has, and its own limits. */
  readonly items: number;
  readonly concurrency: number | undefined;
  readonly rate: Rate | undefined;
  readonly pool: 'p' | 'q' | undefined;
  readonly slots: number;
  readonly priority: number;
  readonly maxRetries: number;
  readonly delayMs: number;
  readonly timeout: number | undefined;
  readonly deadline: number | undefined;
  readonly hears: boolean;
  readonly always: boolean;
};

type Nest = {
  readonly kind: 'job';
  readonly needs: readonly number[];
  readonly tasks: readonly Node[];
  readonly limits: LimitOptions;
  readonly maxRetries: number;
  readonly timeout: number | undefined;
  readonly priority: number;
};

type Node = Leaf | Nest;
type Rate = { readonly limit: number; readonly periodMs: number };

/** What somebody does to the job number `job` at a time. */
type Act = { readonly atMs: number; readonly job: number } & (
  | { readonly what: 'pause'; readonly forMs: number }
  | { readonly what: 'pauseTask'; readonly forMs: number; readonly task: number }
  | { readonly what: 'cancel'; readonly mode: 'abort' | 'drain' }
  | { readonly what: 'add'; readonly leaf: Leaf }
  | { readonly what: 'retry'; readonly task: number }
);

type Scene = {
  readonly engine: LimitOptions;
  readonly jobs: readonly {
    readonly tasks: readonly Node[];
    readonly options: StartOptions;
    readonly startMs: number;
  }[];
  readonly acts: readonly Act[];
  readonly close: { readonly atMs: number; readonly mode: 'abort' | 'drain'; readonly graceMs: number } | undefined;
  readonly seed: number;
};

const perhaps = <Value>(some: fc.Arbitrary<Value>, oneIn: number): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: some });

const rate: fc.Arbitrary<Rate> = fc.record({
  limit: fc.integer({ min: 1, max: 4 }),
  periodMs: fc.nat(18).map((n) => n + 2),
});

/** Three slots at least, so that every task fits. */
const pool: fc.Arbitrary<PoolOption> = fc.oneof(
  fc.integer({ min: 3, max: 5 }),
  fc.record({ slots: fc.integer({ min: 3, max: 5 }) }),
  fc.tuple(fc.integer({ min: 3, max: 4 }), rate).map(([slots, some]) => ({ slots, ...some })),
  rate,
);

const limits = (rated: boolean): fc.Arbitrary<LimitOptions> => {
  const size: fc.Arbitrary<PoolOption> = rated ? pool : fc.integer({ min: 3, max: 5 });
  return fc.record({
    maxConcurrency: fc.constantFrom(undefined, 1, 2, 3, 5),
    rateLimit: rated ? perhaps(rate, 8) : fc.constant(undefined),
    pools: fc
      .record({ p: perhaps(size, 2), q: perhaps(size, 2) })
      .map(
        (some) =>
          Object.fromEntries(Object.entries(some).filter(([, one]) => one !== undefined)) as Record<string, PoolOption>,
      ),
  });
};

const needs = fc.array(fc.nat(1_000), { maxLength: 2 });

const deed: fc.Arbitrary<Deed> = fc.record({
  ms: fc.nat(15),
  end: fc.constantFrom('succeed', 'succeed', 'succeed', 'succeed', 'throw', 'hang'),
} as const);

const leaf: fc.Arbitrary<Leaf> = fc.record({
  kind: fc.constantFrom('task', 'task', 'task', 'task', 'sensor', 'map'),
  needs,
  deeds: fc.array(deed, { minLength: 1, maxLength: 3 }),
  polls: fc.nat(3),
  items: fc.nat(4),
  concurrency: fc.constantFrom(undefined, undefined, 1, 2),
  rate: perhaps(rate, 4),
  pool: fc.constantFrom(undefined, 'p', 'p', 'q'),
  slots: fc.constantFrom(1, 1, 1, 2, 3),
  priority: fc.constantFrom(0, 0, 0, 1, -1),
  maxRetries: fc.constantFrom(0, 0, 1, 2),
  delayMs: fc.nat(9),
  timeout: perhaps(
    fc.nat(20).map((n) => n + 1),
    3,
  ),
  deadline: perhaps(
    fc.nat(60).map((n) => n + 1),
    8,
  ),
  hears: fc.boolean(),
  always: fc.nat(12).map((n) => n === 0),
} as const);

const node = (depth: number): fc.Arbitrary<Node> => {
  if (depth === 0) return leaf;
  const nest: fc.Arbitrary<Nest> = fc.record({
    kind: fc.constant('job'),
    needs,
    tasks: fc.array(node(depth - 1), { maxLength: 4 }),
    limits: limits(false),
    maxRetries: fc.constantFrom(0, 0, 1),
    timeout: perhaps(
      fc.nat(50).map((n) => n + 1),
      6,
    ),
    priority: fc.constantFrom(0, 0, 1),
  } as const);
  return fc.oneof({ weight: 6, arbitrary: leaf }, { weight: 1, arbitrary: nest });
};

const startOptions: fc.Arbitrary<StartOptions> = fc
  .tuple(
    limits(true),
    fc.record({
      sequential: fc.nat(9).map((n) => n === 0),
      onFailure: fc.constantFrom('continue', 'continue', 'abort', 'drain'),
      graceMs: fc.constantFrom(0, 0, 5),
      timeout: perhaps(
        fc.nat(150).map((n) => n + 1),
        8,
      ),
    } as const),
  )
  .map(([some, more]) => ({ ...some, ...more }));

const when = { atMs: fc.nat(90), job: fc.nat(9) };
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ ...when, what: fc.constant('pause'), forMs: fc.nat(30) } as const),
  fc.record({ ...when, what: fc.constant('pauseTask'), forMs: fc.nat(30), task: fc.nat(99) } as const),
  fc.record({ ...when, what: fc.constant('pauseTask'), forMs: fc.nat(30), task: fc.nat(99) } as const),
  fc.record({ ...when, what: fc.constant('cancel'), mode: fc.constantFrom('abort', 'drain') } as const),
  fc.record({ ...when, what: fc.constant('add'), leaf } as const),
  fc.record({ ...when, what: fc.constant('retry'), task: fc.nat(99) } as const),
);

/** Engines with one to four jobs, of which tasks fail, hang, poll, fan out and nest while somebody meddles. */
const scene: fc.Arbitrary<Scene> = fc.record({
  engine: fc.tuple(limits(true), pool, pool).map(([some, p, q]) => ({ ...some, pools: { p, q } })),
  jobs: fc.array(
    fc.record({
      tasks: fc.array(node(2), { minLength: 1, maxLength: 10, size: 'max' }),
      options: startOptions,
      startMs: fc.constantFrom(0, 0, 0, 20),
    }),
    { minLength: 1, maxLength: 4, size: 'max' },
  ),
  acts: fc.array(act, { maxLength: 6 }),
  close: perhaps(
    fc.record({ atMs: fc.nat(120), mode: fc.constantFrom('abort', 'drain'), graceMs: fc.nat(40) } as const),
    4,
  ),
  seed: fc.nat(),
});

/** A limit as this test understands it, and by which attempts it is used, as the events tell. */
type Limit = {
  readonly name: string;
  readonly of: 'engine' | 'job';
  readonly kind: 'slots' | 'rate';
  readonly size: number;
  readonly periodMs: number;
  /** The pool whose slots it counts; without one each attempt is one. */
  readonly pool: boolean;
  starts: number[];
};

/** A task that takes slots. */
type Place = {
  /** Whether it is a nested job or a fan-out, which takes but its turn in a sequential job. */
  readonly nests: boolean;
  readonly slots: number;
  /** None in a sequential job, where it does not count. */
  readonly priority: number | undefined;
  readonly limits: readonly Limit[];
};

type Level = { readonly always: readonly Limit[]; readonly pools: Readonly<Record<string, readonly Limit[]>> };

const limit = (
  of: Limit['of'],
  kind: Limit['kind'],
  name: string,
  size: number,
  periodMs = 0,
  pool = false,
): Limit => ({
  ...{ of, kind, name, size, periodMs, pool },
  starts: [],
});

const levelOf = (of: Limit['of'], owner: string, { maxConcurrency, rateLimit, pools = {} }: LimitOptions): Level => ({
  always: [
    ...(maxConcurrency === undefined ? [] : [limit(of, 'slots', owner, maxConcurrency)]),
    ...(rateLimit ? [limit(of, 'rate', owner, rateLimit.limit, rateLimit.periodMs)] : []),
  ],
  pools: Object.fromEntries(
    Object.entries(pools).map(([key, pool]) => {
      const { slots, limit: starts, periodMs } = typeof pool === 'number' ? { slots: pool } : pool;
      const name = `pool "${key}" of ${owner}`;
      return [
        key,
        [
          ...(slots === undefined ? [] : [limit(of, 'slots', name, slots, 0, true)]),
          ...(starts === undefined ? [] : [limit(of, 'rate', name, starts, periodMs)]),
        ],
      ];
    }),
  ),
});

const limitsAlong = (levels: readonly Level[], pool: string | undefined): Limit[] =>
  levels.flatMap(({ always, pools }) => [...always, ...((pool !== undefined && pools[pool]) || [])]);

const slotsOf = ({ slots }: Place, { pool }: Limit): number => (pool ? slots : 1);

class Watcher {
  readonly places = new Map<string, Place>();
  readonly sights = new Set<string>();
  readonly #limits: Limit[];
  /** The limits of each fan-out of its own. */
  readonly #own = new Map<string, Level>();
  readonly #states = new Map<string, string>();
  readonly #holds = new Set<string>();
  readonly #paused = new Set<string>();
  readonly #engine: Engine;
  readonly #clock: VirtualClock;

  constructor(engine: Engine, clock: VirtualClock, level: Level) {
    this.#engine = engine;
    this.#clock = clock;
    this.#limits = [...level.always, ...Object.values(level.pools).flat()];
  }

  /** Learns where the tasks of a job are, and what limits them. In a sequential one, those of each job take turns. */
  learn(nodes: readonly Node[], prefix: string, levels: readonly Level[], sequential: boolean): void {
    const turns = sequential ? [limit('job', 'slots', `the turns in "${prefix}"`, 1)] : [];
    for (const [at, task] of nodes.entries()) {
      const path = `${prefix}t${at}`;
      const nests = task.kind === 'job' || task.kind === 'map';
      const priority = sequential ? undefined : task.priority;
      if (nests) this.places.set(path, { nests, slots: 1, priority, limits: turns });
      if (task.kind === 'job') {
        const level = levelOf('job', `the task "${path}"`, task.limits);
        this.learn(task.tasks, `${path}/`, [...levels, level], sequential);
        continue;
      }
      const slots = task.pool === undefined ? 1 : task.slots;
      if (!nests) {
        this.places.set(path, { nests, slots, priority, limits: [...turns, ...limitsAlong(levels, task.pool)] });
        continue;
      }
      const { concurrency: maxConcurrency, rate: rateLimit } = task;
      const own = levelOf('job', `the task "${path}"`, { maxConcurrency, rateLimit });
      const among = sequential ? [limit('job', 'slots', `the turns in "${path}"`, 1)] : [];
      const limits = [...among, ...limitsAlong([...levels, own], task.pool)];
      this.#own.set(path, own);
      for (let item = 0; item < task.items; item++)
        this.places.set(`${path}[${item}]`, { nests: false, slots, priority, limits });
    }
  }

  see(event: JobEvent): void {
    for (const { name, taken, size } of this.#engine.usage)
      if (taken > size) throw new Error(`${taken} of ${size} slots of ${name} are taken.`);
    if (event.type === 'job.transition') {
      if (event.to === 'paused') this.#paused.add(event.jobId);
      else this.#paused.delete(event.jobId);
    }
    if (event.type !== 'task.transition') {
      this.sights.add(event.type === 'job.transition' ? `job ${event.to}` : event.type);
      return;
    }
    this.sights.add(`${event.from} -> ${event.to}`);
    const path = `${event.jobId}:${event.task}`;
    this.#states.set(path, event.to);
    // A nested job that is paused while it runs keeps its turn.
    if (event.to === 'running') this.#holds.add(path);
    else if (event.to !== 'paused') this.#holds.delete(path);
    if (event.to !== 'running') return;
    // A fan-out that is tried again begins a new window.
    for (const one of (event.from === 'ready' && this.#own.get(path)?.always) || []) one.starts = [];
    const place = this.places.get(path);
    for (const one of place?.limits ?? []) {
      if (one.kind === 'slots') {
        // Between jobs, events may come later than what they tell of; within one job they are in order.
        if (one.of === 'job' && this.#taken(one) > one.size)
          throw new Error(`"${path}" runs above ${one.name}, ${one.size}.`);
        continue;
      }
      one.starts.push(event.at);
      const before = one.starts.at(-1 - one.size);
      if (before !== undefined && event.at - before < one.periodMs)
        throw new Error(`"${path}" is start ${one.size + 1} of ${one.name} within ${event.at - before} ms.`);
    }
  }

  /** What must be so whenever nothing happens: the books balance, and nobody waits for what is free. */
  rest(): void {
    const usage = new Map(this.#engine.usage.map(({ name, taken }) => [name, taken]));
    for (const one of this.#limits) {
      if (one.kind !== 'slots') continue;
      const taken = this.#taken(one);
      if (taken !== usage.get(one.name))
        throw new Error(`By its events ${taken} slots of ${one.name} are taken, by the engine ${usage.get(one.name)}.`);
      if (taken > one.size) throw new Error(`${taken} of ${one.size} slots of ${one.name} are taken.`);
    }
    const waiting = [...this.#states].filter(([path, state]) => state === 'ready' && !this.#isPaused(path));
    for (const [path] of waiting) {
      const place = this.places.get(path);
      if (!place) throw new Error(`"${path}" waits, whatever it is.`);
      const full = place.limits.filter((one) => !this.#hasRoom(place, one));
      if (full.length > 0) {
        for (const { kind, pool } of full)
          this.sights.add(`waits for ${kind === 'rate' ? 'a rate' : pool ? 'a pool' : 'concurrency'}`);
        continue;
      }
      // Who fits waits only behind one that waits for more slots of the same pool.
      const larger = waiting.some(([other]) => other !== path && this.#isBehind(place, this.places.get(other)));
      if (!larger) throw new Error(`"${path}" waits at ${this.#clock.now()} ms, though all it needs is free.`);
      this.sights.add('waits behind a larger one');
    }
  }

  #isBehind(place: Place, other: Place | undefined): boolean {
    if (!other || other.slots === 1) return false;
    if (other.priority !== undefined && place.priority !== undefined && other.priority < place.priority) return false;
    const inTheWay = other.limits.filter((one) => !this.#hasRoom(other, one));
    return inTheWay.length > 0 && other.limits.some((one) => one.pool && place.limits.includes(one));
  }

  #hasRoom(place: Place, one: Limit): boolean {
    if (one.kind === 'slots') return this.#taken(one) + slotsOf(place, one) <= one.size;
    // The timer that looks again may be the one that is about to fire.
    const now = this.#clock.now();
    return one.starts.filter((at) => now - at <= one.periodMs).length < one.size;
  }

  #taken(one: Limit): number {
    let taken = 0;
    for (const [path, place] of this.places)
      if (this.#holds.has(path) && place.limits.includes(one)) taken += slotsOf(place, one);
    return taken;
  }

  /** Whether its job is paused, or a task around it. */
  #isPaused(path: string): boolean {
    const [jobId = '', task = ''] = path.split(':');
    if (this.#paused.has(jobId)) return true;
    const ends = [...task.matchAll(/[/[]/g)].map(({ index }) => index);
    return ends.some((end) => this.#states.get(`${jobId}:${task.slice(0, end)}`) === 'paused');
  }
}

/** A clock that calls back before each of its timers, when all that happened has settled. */
const watchedClock = (clock: VirtualClock, watch: () => void) => {
  let waiting = 0;
  return {
    pending: () => waiting,
    now: clock.now,
    setTimer: (callback: () => void, delayMs: number) => {
      waiting++;
      let done = false;
      const settle = (): void => {
        if (!done) waiting--;
        done = true;
      };
      const cancelTimer = clock.setTimer(() => {
        settle();
        watch();
        callback();
      }, delayMs);
      return () => {
        settle();
        cancelTimer();
      };
    },
  };
};

const specsOf = (nodes: readonly Node[], clock: VirtualClock, first = 0): AnyTaskSpec[] =>
  nodes.map((task, at): AnyTaskSpec => {
    const name = `t${first + at}`;
    const dependsOn = at === 0 ? [] : [...new Set(task.needs.map((need) => `t${first + (need % at)}`))];
    const { priority, maxRetries, timeout } = task;
    if (task.kind === 'job') {
      const definition = jobFrom('inner', specsOf(task.tasks, clock), task.limits);
      return { kind: 'job', name, dependsOn, definition, priority, maxRetries, timeout };
    }
    const { pool, slots, delayMs, deadline, always, polls, items, concurrency, rate: rateLimit } = task;
    const hangs = task.deeds.some(({ end }) => end === 'hang');
    const flow = {
      ...{ name, dependsOn, priority, maxRetries, deadline },
      retry: { delayMs },
      timeout: timeout ?? (hangs ? 25 : undefined),
      ...(pool !== undefined && { pool, slots }),
      ...(always && { trigger: 'always' as const }),
    };
    const run = (scope: TaskScope): Promise<unknown> => perform(task, clock, scope);
    if (task.kind === 'map')
      return {
        ...flow,
        kind: 'map',
        over: Array.from({ length: items }, (_, item) => item),
        each: run,
        concurrency,
        rateLimit,
      };
    if (task.kind === 'task') return { ...flow, run };
    let looks = 0;
    const check = async (scope: TaskScope): Promise<boolean> => {
      await run(scope);
      return ++looks > polls;
    };
    return { ...flow, kind: 'sensor', interval: delayMs, check };
  });

const perform = ({ deeds, hears }: Leaf, clock: VirtualClock, { attempt, signal }: TaskScope): Promise<unknown> => {
  const { ms, end } = deeds[Math.min(attempt, deeds.length) - 1] as Deed;
  return new Promise((resolve, reject) => {
    const finish = (): void => (end === 'throw' ? reject(new Error('it threw')) : resolve({}));
    const callOff = end === 'hang' ? () => {} : clock.setTimer(finish, ms);
    if (!hears) return;
    signal.addEventListener('abort', () => {
      callOff();
      reject(signal.reason);
    });
  });
};

/** Does what may be refused because of how things stand. */
const attempt = (act: () => void): void => {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
};

const play = async ({ engine: limits, jobs: specs, acts, close, seed }: Scene): Promise<ReadonlySet<string>> => {
  const clock = virtualClock(1_000);
  const watch = (): void => watcher.rest();
  const own = watchedClock(clock, watch);
  const engine = createEngine({ ...limits, clock: own, random: seededRandom(seed) });
  const top = levelOf('engine', 'the engine', limits);
  const watcher = new Watcher(engine, clock, top);
  const jobs: Job[] = [];
  const broken: unknown[] = [];
  const guard = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      broken.push(error);
    }
  };
  engine.events$.subscribe((event) => guard(() => watcher.see(event)));
  for (const [at, { tasks, options, startMs }] of specs.entries()) {
    const definition = jobFrom(`job${at}`, specsOf(tasks, clock));
    const start = (): void => {
      const jobId = `j${at}`;
      const level = levelOf('job', `the job "job${at}"`, options);
      watcher.learn(tasks, `${jobId}:`, [level, top], options.sequential === true);
      const job = engine.start(definition, {}, { ...options, jobId });
      jobs.push(job);
    };
    if (startMs === 0) start();
    else clock.setTimer(() => guard(() => attempt(start)), startMs);
  }
  let added = 1_000;
  for (const act of acts) {
    const meddle = (): void => {
      const at = act.job % specs.length;
      const job = engine.job(`j${at}`);
      if (!job) return;
      const paths = Object.keys(watcherNames(specs[at]?.tasks ?? [])).sort();
      if (act.what === 'cancel') void job.cancel('meddled', { mode: act.mode });
      else if (act.what === 'pause') {
        job.pause();
        clock.setTimer(() => job.resume(), act.forMs);
      } else if (act.what === 'add') {
        // It is limited as its neighbours are, apart from their pools.
        const [, beside] =
          [...watcher.places].find(
            ([path, { nests }]) => !nests && path.startsWith(`j${at}:`) && /^j\d+:t\d+$/.test(path),
          ) ?? [];
        if (!beside) return;
        const limits = beside.limits.filter(({ name }) => !name.startsWith('pool'));
        watcher.places.set(`j${at}:t${added}`, { nests: false, slots: 1, priority: undefined, limits });
        job.addTasks(specsOf([{ ...act.leaf, kind: 'task', pool: undefined }], clock, added++));
      } else {
        const path = paths[act.task % paths.length] as string;
        const task = job.task(path as never);
        if (act.what === 'retry') task.retry();
        else {
          task.pause();
          clock.setTimer(() => attempt(() => task.resume()), act.forMs);
        }
      }
    };
    clock.setTimer(() => guard(() => attempt(meddle)), act.atMs);
  }
  let closed = false;
  if (close) {
    const { atMs, mode, graceMs } = close;
    clock.setTimer(async () => {
      await engine.close({ mode, graceMs });
      closed = true;
    }, atMs);
  }
  await clock.runAll();
  watcher.rest();
  if (broken.length > 0) throw broken[0];
  for (const job of jobs)
    if (['idle', 'running', 'paused'].includes(job.state))
      throw new Error(`"${job.name}" hangs: ${JSON.stringify(job.explain())}`);
  expect(engine.jobs).toEqual([]);
  for (const { name, taken } of engine.usage) expect(`${name}: ${taken}`).toBe(`${name}: 0`);
  expect(own.pending()).toBe(0);
  if (close) expect(closed).toBe(true);
  return watcher.sights;
};

/** The tasks of a job and of those nested in it. */
const watcherNames = (nodes: readonly Node[], prefix = ''): Record<string, true> =>
  Object.assign(
    {},
    ...nodes.map((task, at) => ({
      [`${prefix}t${at}`]: true,
      ...(task.kind === 'job' && watcherNames(task.tasks, `${prefix}t${at}/`)),
    })),
  );

/** What the random engines must have shown between them, for the promises to mean something. */
const SIGHTS: readonly string[] = [
  ...['completed', 'failed', 'cancelled', 'timedOut', 'paused'].map((to) => `job ${to}`),
  ...['running -> retrying', 'running -> polling', 'running -> failed', 'running -> cancelled', 'ready -> cancelled'],
  ...['ready -> paused', 'running -> paused', 'paused -> ready', 'paused -> running', 'ready -> failed'],
  ...['retrying -> cancelled', 'polling -> ready', 'task.lateResult', 'task.added'],
  ...['waits for a rate', 'waits for a pool', 'waits for concurrency', 'waits behind a larger one'],
];

describe('of random engines whose tasks fail, hang, poll, nest and fan out while jobs are paused and cancelled', () => {
  test('no limit is ever passed, none leaks, nobody waits for what is free, and every job ends', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(scene, async (one) => {
        for (const sight of await play(one)) seen.add(sight);
      }),
      { numRuns: 500, ...seeded },
    );
    expect(SIGHTS.filter((sight) => !seen.has(sight))).toEqual([]);
  });
});

describe('found by such a run', () => {
  const inner = (work: () => Promise<void>): AnyTaskSpec[] => [
    { name: 'work', run: work },
    { name: 'clean', trigger: 'always', dependsOn: ['work'], run: work },
  ];

  test.for<[string, Partial<AnyTaskSpec>, StartOptions]>([
    ['within its grace', { deadline: 10 }, { graceMs: 30 }],
    ['during its clean-up', { deadline: 10 }, {}],
    ['within its grace', { timeout: 10 }, { graceMs: 30 }],
    ['during its clean-up', { timeout: 10 }, {}],
  ])('a nested job that is paused %s, after its %o, fails and lets the job end', async ([, options, more]) => {
    const clock = virtualClock();
    const work = (): Promise<void> => new Promise((resolve) => void clock.setTimer(() => resolve(), 25));
    const nested = {
      kind: 'job',
      name: 'nested',
      definition: jobFrom('inner', inner(work)),
      ...options,
    } as AnyTaskSpec;
    const job = jobFrom('job', [nested]).start({}, { clock, ...more });
    await clock.advance(12);
    attempt(() => job.task('nested').pause());
    await clock.advance(100);
    attempt(() => job.task('nested').resume());
    await clock.runAll();
    expect([job.state, job.task('nested').state]).toEqual(['failed', 'failed']);
  });
});
