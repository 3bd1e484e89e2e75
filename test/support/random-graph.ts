import fc from 'fast-check';
import {
  type Job,
  type JobEvent,
  type JobResult,
  jobFrom,
  NonRetryableError,
  notReady,
  type RetryOptions,
  type StartOptions,
  skip,
  type TaskScope,
} from 'tintype';
import { seededRandom, type VirtualClock, virtualClock } from 'tintype/testing';

/** What one attempt does, after `ms` of the clock's time; 0 is at once. `hang` never ends by itself. */
export type Deed = {
  readonly kind: 'succeed' | 'throw' | 'giveUp' | 'notReady' | 'skip' | 'invalid' | 'hang';
  readonly ms: number;
};

export type RandomTask = {
  readonly name: string;
  readonly dependsOn: readonly string[];
  /** By attempt; the last goes on for ever. */
  readonly deeds: readonly Deed[];
  /** Whether it stops when its signal aborts; else it goes on, and its result comes late. */
  readonly hears: boolean;
  /** Keys that it writes beside one of its own; `undefined` puts out nothing. */
  readonly keys: readonly string[] | undefined;
  readonly timeout: number | undefined;
  readonly deadline: number | undefined;
  readonly maxRetries: number | undefined;
  readonly retry: RetryOptions | undefined;
  readonly continueOnFailure: boolean;
  readonly priority: number;
};

export type Cancel = { readonly mode: 'abort' | 'drain' } & (
  | { readonly atMs: number }
  | { readonly inTickOfStart: true }
  | { readonly inEvent: number }
);

export type RandomJob = {
  readonly tasks: readonly RandomTask[];
  readonly options: StartOptions;
  readonly cancel: Cancel | undefined;
  readonly seed: number;
};

/** A fact about one time that a task's function was entered. */
export type Entry = {
  readonly task: string;
  readonly attempt: number;
  readonly ctx: Readonly<Record<string, unknown>>;
  readonly deps: Readonly<Record<string, unknown>>;
  /** How many events had been published. */
  readonly after: number;
};

export type Played = {
  readonly events: readonly JobEvent[];
  readonly entries: readonly Entry[];
  readonly result: JobResult;
  readonly job: Job;
  /** What each task put out last, and what each threw last. */
  readonly outputs: ReadonlyMap<string, object | undefined>;
  readonly thrown: ReadonlyMap<string, unknown>;
  /** How many attempts of each task came to an end of their own, in time or not. */
  readonly brought: ReadonlyMap<string, number>;
  /** When the job was cancelled: how many events and entries there were, and the time. */
  readonly cancelled: { readonly events: number; readonly entries: number; readonly at: number } | undefined;
  readonly completions: number;
  /** Timers of the job that were still waiting when its stream completed. */
  readonly timersLeft: number;
};

export const INPUT = Object.freeze({ x: 'input', start: true });

/** Limits are odd and durations even, so that no two of one task fall together. */
const even = (most: number): fc.Arbitrary<number> => fc.nat(most).map((n) => 2 * n);
const odd = (most: number): fc.Arbitrary<number> => fc.nat(most).map((n) => 2 * n + 1);
const perhaps = <Value>(some: fc.Arbitrary<Value>, oneIn: number): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: some });

/** One deed in so many does not succeed. */
const deed = (troubleOneIn: number): fc.Arbitrary<Deed> =>
  fc.record({
    kind: perhaps(
      fc.constantFrom('throw', 'throw', 'throw', 'hang', 'notReady', 'skip', 'giveUp', 'invalid'),
      troubleOneIn,
    ).map((trouble) => trouble ?? 'succeed'),
    ms: fc.oneof(fc.constant(0), even(15)),
  });

const retry = fc.record({
  backoff: fc.constantFrom('none', 'fixed', 'linear', 'exponential'),
  delayMs: even(4),
  maxDelayMs: fc.constantFrom(6, 100),
  jitter: fc.constantFrom('none', 'full', 'equal'),
} as const);

const draft = (troubleOneIn: number) =>
  fc.record({
    /** Where it is declared. */
    place: fc.nat(1_000),
    needs: fc.array(fc.nat(1_000), { maxLength: 3 }),
    deeds: fc.array(deed(troubleOneIn), { minLength: 1, maxLength: 4 }),
    hears: fc.boolean(),
    keys: perhaps(fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 2 }), 2),
    timeout: perhaps(odd(15), 3),
    deadline: perhaps(odd(100), 12),
    maxRetries: perhaps(fc.nat(3), 2),
    retry: perhaps(retry, 2),
    continueOnFailure: fc.nat(3).map((n) => n === 0),
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  });
type Draft = ReturnType<typeof draft> extends fc.Arbitrary<infer Value> ? Value : never;

/** Tasks declared in any order, without a cycle. A task hangs only where a time limit ends it. */
const tasksOf = (drafts: readonly Draft[]): RandomTask[] =>
  drafts
    .map(({ place, needs, deeds, ...rest }, at) => ({
      place,
      task: {
        ...rest,
        name: `t${at}`,
        dependsOn: at === 0 ? [] : [...new Set(needs.map((need) => `t${need % at}`))],
        deeds: deeds.map((one) =>
          one.kind === 'hang' && rest.timeout === undefined ? { ...one, kind: 'throw' as const } : one,
        ),
      },
    }))
    .sort((a, b) => a.place - b.place)
    .map(({ task }) => task);

/** Some graphs are full of trouble, some are calm. */
const graph = (size: { readonly maxLength: number }): fc.Arbitrary<RandomTask[]> =>
  fc
    .constantFrom(3, 10, 100)
    .chain((troubleOneIn) => fc.array(draft(troubleOneIn), { minLength: 1, ...size, size: 'max' }))
    .map(tasksOf);

const options = fc.record({
  maxConcurrency: fc.constantFrom(undefined, Number.POSITIVE_INFINITY, 1, 2, 3, 5),
  sequential: fc.nat(9).map((n) => n === 0),
  onFailure: fc.constantFrom('abort', 'drain', 'continue', 'continue'),
  graceMs: fc.constantFrom(0, 0, 3, 21),
  timeout: perhaps(odd(100), 5),
  maxRetries: perhaps(fc.nat(2), 2),
  retry: perhaps(retry, 2),
} as const);

const mode = fc.constantFrom('abort', 'drain');

const calmCancel: fc.Arbitrary<Cancel> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ mode, atMs: fc.nat(80) }) },
  { weight: 1, arbitrary: fc.record({ mode, inTickOfStart: fc.constant(true as const) }) },
);

/** Jobs of 1 to 60 tasks that do anything, a third of them cancelled while nothing is being published. */
export const randomJob = (): fc.Arbitrary<RandomJob> =>
  fc.record({ tasks: graph({ maxLength: 60 }), options, cancel: perhaps(calmCancel, 3), seed: fc.nat() });

/** Jobs that are cancelled by one of their subscribers, within an event. */
export const jobCancelledInEvent = (how: Cancel['mode'], graceMs: number): fc.Arbitrary<RandomJob> =>
  fc.record({
    tasks: graph({ maxLength: 20 }),
    options: options.map((some) => ({ ...some, graceMs })),
    cancel: fc.record({ mode: fc.constant(how), inEvent: fc.nat(40) }),
    seed: fc.nat(),
  });

/** Jobs whose tasks all succeed, two of which differ in how long each task takes and in nothing else. */
export const twinJobs = (): fc.Arbitrary<readonly [RandomJob, RandomJob]> =>
  fc
    .record({
      tasks: graph({ maxLength: 20 }),
      times: fc.array(fc.tuple(even(10), even(10)), { minLength: 20, maxLength: 20 }),
      caps: fc.tuple(fc.constantFrom(1, 2, Number.POSITIVE_INFINITY), fc.constantFrom(1, 2, Number.POSITIVE_INFINITY)),
    })
    .map(({ tasks, times, caps }) => {
      const twin = (which: 0 | 1): RandomJob => ({
        tasks: tasks.map((task, at) => ({
          ...task,
          deeds: [{ kind: 'succeed', ms: times[at]?.[which] ?? 0 }],
          timeout: undefined,
          deadline: undefined,
        })),
        options: { maxConcurrency: caps[which] },
        cancel: undefined,
        seed: 0,
      });
      return [twin(0), twin(1)] as const;
    });

/** Runs a random job on a virtual clock, and writes down all that a user can see of it. */
export const play = async ({ tasks, options, cancel, seed }: RandomJob): Promise<Played> => {
  const clock = virtualClock(1_000);
  const events: JobEvent[] = [];
  const entries: Entry[] = [];
  const outputs = new Map<string, object | undefined>();
  const thrown = new Map<string, unknown>();
  const brought = new Map<string, number>();
  let cancelled: Played['cancelled'];
  let completions = 0;
  let timersLeft = 0;

  const settle = (task: RandomTask, scope: TaskScope, { kind }: Deed): unknown => {
    brought.set(task.name, (brought.get(task.name) ?? 0) + 1);
    if (scope.isActive() && scope.signal.aborted)
      throw new Error(`"${task.name}" is active, though its signal has aborted.`);
    if (kind === 'throw' || kind === 'giveUp') {
      const error = kind === 'throw' ? new Error(`${task.name} threw`) : new NonRetryableError(`${task.name} gave up`);
      if (scope.isActive()) thrown.set(task.name, error);
      throw error;
    }
    if (kind === 'notReady') return notReady(`${task.name} is not ready`);
    if (kind === 'skip') return skip(`${task.name} has nothing to do`);
    if (kind === 'invalid') return ['no', 'object'];
    const output = task.keys && Object.fromEntries([...task.keys, `of ${task.name}`].map((key) => [key, task.name]));
    if (scope.isActive()) outputs.set(task.name, output);
    return output;
  };

  const enter = (task: RandomTask, scope: TaskScope): unknown => {
    const { attempt, ctx, deps } = scope;
    entries.push({ task: task.name, attempt, ctx: { ...ctx }, deps, after: events.length });
    const deed = task.deeds[Math.min(attempt, task.deeds.length) - 1] as Deed;
    if (deed.ms === 0 && deed.kind !== 'hang') return settle(task, scope, deed);
    return new Promise((resolve, reject) => {
      let cancelTimer = (): void => {};
      if (deed.kind !== 'hang') {
        const answer = (): void => {
          try {
            resolve(settle(task, scope, deed));
          } catch (error) {
            reject(error);
          }
        };
        cancelTimer = clock.setTimer(answer, deed.ms);
      }
      if (!task.hears) return;
      scope.signal.addEventListener('abort', () => {
        cancelTimer();
        reject(scope.signal.reason);
      });
    });
  };

  const specs = tasks.map((task) => {
    const { deeds: _, hears: __, keys: ___, ...rest } = task;
    return { ...rest, run: (scope: TaskScope) => enter(task, scope) };
  });
  const own = watchedClock(clock, () => stalled(tasks, options, events));
  const definition = jobFrom('random', specs);
  let job: Job | undefined;
  const cancelNow = (): void => {
    if (!job || !['idle', 'running'].includes(job.state)) return;
    cancelled = { events: events.length, entries: entries.length, at: clock.now() };
    void job.cancel('enough', { mode: cancel?.mode ?? 'abort' });
  };
  if (cancel && 'atMs' in cancel) clock.setTimer(cancelNow, cancel.atMs);
  job = definition.start(INPUT, { ...options, clock: own.clock, random: seededRandom(seed) });
  job.events$.subscribe({
    next: (event) => {
      events.push(event);
      if (cancel && 'inEvent' in cancel && event.seq === cancel.inEvent) cancelNow();
    },
    complete: () => {
      completions++;
      timersLeft = own.pending();
    },
  });
  if (cancel && 'inTickOfStart' in cancel) cancelNow();
  await clock.runAll();
  if (job.state === 'idle' || job.state === 'running')
    throw new Error('The job hangs: no timer is left, and it goes on.');
  const result = (await job) as JobResult;
  await clock.runAll();
  return { events, entries, result, job, outputs, thrown, brought, cancelled, completions, timersLeft };
};

/** The clock that a job is given: before each of its timers `watch` looks at the job at rest. */
const watchedClock = (clock: VirtualClock, watch: () => void) => {
  const waiting = new Set<() => void>();
  return {
    pending: () => waiting.size,
    clock: {
      now: clock.now,
      setTimer: (callback: () => void, delayMs: number) => {
        const fire = (): void => {
          waiting.delete(fire);
          watch();
          callback();
        };
        waiting.add(fire);
        const cancelTimer = clock.setTimer(fire, delayMs);
        return () => {
          waiting.delete(fire);
          cancelTimer();
        };
      },
    },
  };
};

/** A task that waits for a slot while one is free has been forgotten. */
const stalled = (tasks: readonly RandomTask[], options: StartOptions, events: readonly JobEvent[]): void => {
  const states = new Map<string, string>();
  for (const event of events) if (event.type === 'task.transition') states.set(event.task, event.to);
  const all = [...states.values()];
  const running = all.filter((state) => state === 'running').length;
  const ready = tasks.filter(({ name }) => states.get(name) === 'ready');
  if (ready.length > 0 && running < capOf(options))
    throw new Error(`"${ready[0]?.name}" waits, though ${running} of ${capOf(options)} slots are taken.`);
};

export const capOf = ({ sequential, maxConcurrency }: StartOptions): number =>
  sequential ? 1 : (maxConcurrency ?? Number.POSITIVE_INFINITY);

/** Kahn's algorithm, the slow way: again and again the first declared of all that are free. */
export const topologicalOrder = (tasks: readonly RandomTask[]): RandomTask[] => {
  const order: RandomTask[] = [];
  const placed = new Set<string>();
  while (order.length < tasks.length) {
    const next = tasks.find(({ name, dependsOn }) => !placed.has(name) && dependsOn.every((need) => placed.has(need)));
    if (!next) throw new Error('The graph has a cycle.');
    order.push(next);
    placed.add(next.name);
  }
  return order;
};

/** Everything upstream of each task. */
export const ancestorsOf = (tasks: readonly RandomTask[]): ReadonlyMap<string, ReadonlySet<string>> => {
  const ancestors = new Map<string, ReadonlySet<string>>();
  for (const { name, dependsOn } of topologicalOrder(tasks)) {
    ancestors.set(name, new Set(dependsOn.flatMap((need) => [need, ...(ancestors.get(need) ?? [])])));
  }
  return ancestors;
};

/** Who goes first when all are ready: the order of the design. */
export const ranking = (tasks: readonly RandomTask[], options: StartOptions): readonly string[] => {
  const order = topologicalOrder(tasks);
  if (options.sequential) return order.map(({ name }) => name);
  const lengths = new Map<string, number>();
  for (const { name } of order.toReversed()) {
    const after = tasks.filter(({ dependsOn }) => dependsOn.includes(name));
    lengths.set(name, 1 + Math.max(0, ...after.map((task) => lengths.get(task.name) ?? 0)));
  }
  const length = ({ name }: RandomTask): number => lengths.get(name) ?? 0;
  return [...tasks].sort((a, b) => b.priority - a.priority || length(b) - length(a)).map(({ name }) => name);
};

/** The input and the outputs of these tasks, merged in topological order. */
export const mergeOf = (
  tasks: readonly RandomTask[],
  completed: ReadonlyMap<string, object | undefined>,
): Record<string, unknown> =>
  Object.assign({}, INPUT, ...topologicalOrder(tasks).map(({ name }) => completed.get(name) ?? {}));
