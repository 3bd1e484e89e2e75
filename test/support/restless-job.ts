import fc from 'fast-check';
import {
  type AnyDefinition,
  type AnyTaskSpec,
  CommandError,
  defineJob,
  type Job,
  type JobEvent,
  type JobResult,
  jobFrom,
  type StartOptions,
  type TaskState,
} from 'tintype';
import { seededRandom, type VirtualClock, virtualClock } from 'tintype/testing';

/** A task that ends well in the end, whatever it does before. */
export type RestlessTask = {
  readonly kind: 'task' | 'sensor' | 'external' | 'job' | 'map';
  readonly needs: readonly number[];
  /** How often it fails, or is not ready, before it is done; and how long each attempt takes. */
  readonly failures: number;
  readonly ms: number;
  readonly maxRetries: number;
  readonly delayMs: number;
  readonly onExhausted: 'fail' | 'pause';
  readonly trigger: 'allSuccess' | 'allDone' | 'oneFailed' | 'always' | undefined;
  readonly deadline: number | undefined;
  /** Where it is given, attempts hang instead of failing, and good ones take less. */
  readonly timeout: number | undefined;
  readonly pooled: boolean;
};

/** What somebody does to the job, so many ms after what was done before. 0 ms: at the next event. */
export type Meddling = { readonly afterMs: number; readonly deed: (typeof DEEDS)[number]; readonly task: number };

const DEEDS = [
  'pause job',
  'resume job',
  'pause task',
  'resume task',
  'retry task',
  'retry all',
  'claim',
  'complete',
  'fail',
  'heartbeat',
  'release',
] as const;

export type RestlessJob = {
  readonly tasks: readonly RestlessTask[];
  readonly meddling: readonly Meddling[];
  readonly options: StartOptions;
  readonly cancel: 'abort' | 'drain' | undefined;
  readonly seed: number;
};

export type Played = {
  readonly events: readonly JobEvent[];
  readonly job: Job;
  readonly definition: AnyDefinition;
  readonly result: JobResult;
  /** Timers of the job that were left when it was over. */
  readonly timersLeft: number;
  /** How many deeds were refused. */
  readonly refusals: number;
};

const perhaps = <Value>(some: fc.Arbitrary<Value>, oneIn: number): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: some });

const task: fc.Arbitrary<RestlessTask> = fc.record({
  kind: fc.constantFrom('task', 'task', 'task', 'sensor', 'external', 'job', 'map'),
  needs: fc.array(fc.nat(100), { maxLength: 3 }),
  failures: fc.nat(3),
  ms: fc.nat(6),
  maxRetries: fc.nat(2),
  delayMs: fc.nat(5),
  onExhausted: fc.constantFrom('fail', 'pause'),
  trigger: perhaps(fc.constantFrom('allSuccess', 'allDone', 'oneFailed', 'always'), 4),
  deadline: perhaps(fc.integer({ min: 5, max: 60 }), 6),
  timeout: perhaps(fc.integer({ min: 7, max: 12 }), 6),
  pooled: fc.boolean(),
});

/** Jobs of up to 10 tasks of every kind, and up to 25 deeds of people who can't leave them alone. */
export const restlessJob = (): fc.Arbitrary<RestlessJob> =>
  fc.record({
    tasks: fc.array(task, { minLength: 1, maxLength: 10, size: 'max' }),
    meddling: fc.array(fc.record({ afterMs: fc.nat(8), deed: fc.constantFrom(...DEEDS), task: fc.nat(30) }), {
      maxLength: 25,
      size: 'max',
    }),
    options: fc.record({
      maxConcurrency: fc.constantFrom(undefined, 1, 2, 3),
      onFailure: fc.constantFrom('continue', 'continue', 'drain', 'abort'),
      timeout: perhaps(fc.integer({ min: 20, max: 120 }), 8),
      graceMs: fc.constantFrom(0, 0, 5),
      sequential: fc.nat(9).map((n) => n === 0),
    }),
    cancel: perhaps(fc.constantFrom('abort', 'drain'), 4),
    seed: fc.nat(),
  });

/**
 * Plays a job with all that is done to it, then lets it go: every pause is lifted, every external task completed, until it
 * is over. `look` is called within each event, and between them.
 */
export const play = async (
  spec: RestlessJob,
  look: (job: Job, events: readonly JobEvent[]) => void,
): Promise<Played> => {
  const clock = virtualClock(1_000);
  const own = countedClock(clock);
  const events: JobEvent[] = [];
  let refusals = 0;
  const definition = definitionOf(spec, clock);
  const job = definition.start(
    {},
    { ...spec.options, pools: { few: 2 }, clock: own.clock, random: seededRandom(spec.seed) },
  ) as unknown as Job;
  const soon: Meddling[] = [];
  const attempt = (meddling: Meddling): void => {
    try {
      meddle(job, meddling, events);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      refusals++;
    }
  };
  const failures: unknown[] = [];
  let timersLeft = 0;
  job.events$.subscribe({
    next: (event) => {
      events.push(event);
      try {
        look(job, events);
        const next = soon.shift();
        if (next) attempt(next);
      } catch (error) {
        failures.push(error);
      }
    },
    complete: () => {
      timersLeft = own.pending();
    },
  });
  for (const meddling of spec.meddling) {
    if (meddling.afterMs === 0) {
      soon.push(meddling);
      continue;
    }
    await clock.advance(meddling.afterMs);
    attempt(meddling);
    look(job, events);
  }
  await clock.advance(1);
  if (spec.cancel) void job.cancel('enough', { mode: spec.cancel });
  for (let round = 0; round < 200 && !isOver(job); round++) {
    letGo(job, events);
    look(job, events);
    await clock.advance(10);
    look(job, events);
  }
  if (!isOver(job)) throw new Error(`The job hangs: ${JSON.stringify(job.explain())}`);
  if (failures.length > 0) throw failures[0];
  await clock.runAll();
  return { events, job, definition, result: await job, timersLeft, refusals };
};

const isOver = ({ state }: Job): boolean => !['idle', 'running', 'paused'].includes(state);

/** Every task heard of, by its path. */
export const statesOf = (events: readonly JobEvent[]): ReadonlyMap<string, TaskState> => {
  const states = new Map<string, TaskState>();
  for (const event of events) if (event.type === 'task.transition') states.set(event.task, event.to);
  return states;
};

const meddle = (job: Job, { deed, task: which }: Meddling, events: readonly JobEvent[]): void => {
  const paths = [...statesOf(events).keys()];
  const path = paths[which % Math.max(1, paths.length)] ?? 't0';
  const handle = job.task(path as never);
  if (deed === 'pause job') job.pause('ann');
  else if (deed === 'resume job') job.resume();
  else if (deed === 'pause task') handle.pause('bob');
  else if (deed === 'resume task') handle.resume();
  else if (deed === 'retry task') handle.retry();
  else if (deed === 'retry all') job.retry();
  else if (deed === 'claim') handle.claim('ann');
  else if (deed === 'complete') void handle.complete({ [path]: 'done' });
  else if (deed === 'fail') handle.fail(new Error('it was failed'));
  else if (deed === 'release') void handle.release();
  else handle.heartbeat();
};

/** Lifts all pauses, and completes what waits for somebody outside. */
const letGo = (job: Job, events: readonly JobEvent[]): void => {
  job.resume();
  for (const path of ['t0', ...statesOf(events).keys()]) {
    for (const act of [
      () => job.task(path as never).resume(),
      () => void job.task(path as never).complete({ [path]: 'done' }),
    ]) {
      try {
        act();
      } catch {
        // It was not paused, is not external, or its job is over.
      }
    }
  }
};

const definitionOf = ({ tasks }: RestlessJob, clock: VirtualClock) =>
  jobFrom(
    'restless',
    tasks.map((one, at): AnyTaskSpec => specOf(one, at, clock)),
  );

const specOf = (one: RestlessTask, at: number, clock: VirtualClock): AnyTaskSpec => {
  const { kind, maxRetries, delayMs, onExhausted, trigger, deadline, timeout, pooled, ms } = one;
  const name = `t${at}`;
  const dependsOn = at === 0 ? [] : [...new Set(one.needs.map((need) => `t${need % at}`))];
  const flow = { name, dependsOn, trigger, deadline };
  const attempts = { maxRetries, retry: { delayMs }, onExhausted, timeout: kind === 'job' ? undefined : timeout };
  const pool = pooled ? { pool: 'few' } : {};
  const nap = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const failing = () => {
    let left = one.failures;
    return async (): Promise<object> => {
      if (left > 0 && timeout !== undefined && kind !== 'job') {
        left--;
        await new Promise(() => {});
      }
      if (ms > 0) await nap();
      if (left-- > 0) throw new Error(`${name} failed`);
      return { [name]: 'done' };
    };
  };
  if (kind === 'task') return { ...flow, ...attempts, ...pool, run: failing() };
  if (kind === 'external')
    return { ...flow, ...attempts, kind, heartbeatTimeout: 7, onMissedHeartbeat: pooled ? 'release' : 'fail' };
  if (kind === 'map') {
    const runs = [failing(), failing()];
    return { ...flow, ...attempts, ...pool, kind, over: [0, 1], each: ({ index }) => runs[index]?.() };
  }
  if (kind === 'sensor') {
    let left = one.failures;
    const check = async (): Promise<boolean> => {
      if (ms > 3) await nap();
      return left-- <= 0;
    };
    return { ...flow, ...attempts, ...pool, kind, interval: 1 + delayMs, check };
  }
  const inner = defineJob('inner')
    .task('a', { maxRetries, onExhausted }, failing())
    .sensor('b', { dependsOn: ['a'], interval: 3 }, () => clock.now() % 2 === 0 || clock.now() > 1_100)
    .task('c', { dependsOn: ['b'], trigger: trigger === 'always' ? 'always' : 'allSuccess' }, () => ({ c: 1 }))
    .seal();
  return { ...flow, ...attempts, kind, definition: inner, ...(pooled && { over: [0, 1], concurrency: 1 }) };
};

/** A clock that knows how many timers of the job wait. */
const countedClock = (clock: VirtualClock) => {
  let waiting = 0;
  return {
    pending: () => waiting,
    clock: {
      now: clock.now,
      setTimer: (callback: () => void, delayMs: number) => {
        let open = true;
        waiting++;
        const done = (): void => {
          if (open) waiting--;
          open = false;
        };
        const cancelTimer = clock.setTimer(() => {
          done();
          callback();
        }, delayMs);
        return () => {
          done();
          cancelTimer();
        };
      },
    },
  };
};
