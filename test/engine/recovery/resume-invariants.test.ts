import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import {
  type AnyDefinition,
  type AnyTaskSpec,
  branch,
  CommandError,
  createEngine,
  defineJob,
  type Job,
  type JobEvent,
  type JobResult,
  type Journal,
  jobFrom,
  memoryJournal,
  notReady,
  type StartOptions,
  skip,
  type TaskError,
  type TaskResult,
  type TaskScope,
  type TaskState,
  type TriggerRule,
} from 'tintype';
import { seededRandom, type VirtualClock, virtualClock } from 'tintype/testing';
import { expect, test, vi } from 'vitest';
import type { StoredEvent } from '../../../src/engine/durable/journal.ts';
import { parentPath } from '../../../src/engine/durable/task-path.ts';
import { emptyRecord, type JobRecord, recordEvent } from '../../../src/engine/model/job-record.ts';
import { longOr } from '../../support/long.ts';
import { mortal } from '../../support/mortal-journal.ts';

/** Only a dead process never gets its answers: here, the clock waits for none, or it would wait for them. */
vi.mock('../../../src/events/under-way.ts', async (original) => ({
  ...(await original<typeof import('../../../src/events/under-way.ts')>()),
  underWayUntil: <Answer>(answer: Promise<Answer>) => answer,
}));

/** `FC_SEED=… npx vitest run test/engine/recovery/resume-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** A task that does the same in each process: how often it failed before it reads off the journal. */
type DurableTask = {
  readonly kind: 'task' | 'sensor' | 'external' | 'job' | 'map' | 'branch' | 'sensors' | 'jobs';
  readonly needs: readonly number[];
  readonly failures: number;
  readonly ms: number;
  readonly maxRetries: number;
  readonly delayMs: number;
  readonly onExhausted: 'fail' | 'pause';
  readonly trigger: TriggerRule | undefined;
  readonly when: 'yes' | 'no' | 'throws' | undefined;
  readonly continueOnFailure: boolean;
  readonly notReady: boolean;
  readonly skips: boolean;
  readonly shares: boolean;
  /** Of a nested job: whether a failure ends what else runs in it. */
  readonly hasty: boolean;
  readonly deadline: number | undefined;
  readonly timeout: number | undefined;
};

type Deed = { readonly afterMs: number; readonly deed: (typeof DEEDS)[number]; readonly task: number };

const DEEDS = [
  'pause job',
  'resume job',
  'pause task',
  'resume task',
  'retry task',
  'claim',
  'complete',
  'fail',
  'heartbeat',
  'release',
] as const;

/** A process lives for so many appends, or so many ms; then there is none for a while. */
type Death = { readonly appends: number; readonly ms: number; readonly downMs: number };

type DurableJob = {
  readonly tasks: readonly DurableTask[];
  readonly deeds: readonly Deed[];
  readonly deaths: readonly Death[];
  readonly options: StartOptions;
  readonly cancel: { readonly afterMs: number; readonly mode: 'abort' | 'drain' } | undefined;
};

const perhaps = <Value>(some: fc.Arbitrary<Value>, oneIn: number): fc.Arbitrary<Value | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: some });

const once = (oneIn: number): fc.Arbitrary<boolean> => fc.nat(oneIn - 1).map((n) => n === 0);

const RULES: readonly TriggerRule[] = [
  'allSuccess',
  'allFailed',
  'allDone',
  'oneSuccess',
  'oneFailed',
  'oneDone',
  'noneFailed',
  'noneFailedMinOneSuccess',
  'noneSkipped',
  'allSkipped',
  'always',
];

const taskOf = (hurried: boolean): fc.Arbitrary<DurableTask> =>
  fc.record({
    kind: fc.constantFrom('task', 'task', 'task', 'sensor', 'external', 'job', 'map', 'branch', 'sensors', 'jobs'),
    needs: fc.array(fc.nat(100), { maxLength: 3 }),
    failures: fc.nat(2),
    ms: fc.nat(6),
    maxRetries: fc.nat(2),
    delayMs: fc.nat(5),
    onExhausted: fc.constantFrom('fail', 'fail', 'pause'),
    trigger: perhaps(fc.constantFrom(...RULES), 3),
    when: perhaps(fc.constantFrom('yes', 'no', 'throws'), 6),
    continueOnFailure: once(5),
    notReady: once(12),
    skips: once(12),
    shares: once(3),
    hasty: hurried ? fc.boolean() : fc.constant(false),
    deadline: hurried ? perhaps(fc.integer({ min: 5, max: 60 }), 5) : fc.constant(undefined),
    timeout: hurried ? perhaps(fc.integer({ min: 3, max: 12 }), 5) : fc.constant(undefined),
  });

const deaths: fc.Arbitrary<readonly Death[]> = fc.array(
  fc.record({
    appends: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 5, max: 30 })),
    ms: fc.integer({ min: 1, max: 40 }),
    downMs: fc.nat(20),
  }),
  { minLength: 1, maxLength: 5, size: 'max' },
);

/** What a task is skipped for is what comes first, so that tasks of a calm job fail or are skipped, never both. */
const withoutSkips = (task: DurableTask): DurableTask => ({
  ...task,
  notReady: false,
  skips: false,
  kind: task.kind === 'branch' ? 'task' : task.kind,
  when: task.when === 'no' ? undefined : task.when,
  trigger: task.trigger && NEVER_SKIPS.has(task.trigger) ? task.trigger : undefined,
});

const NEVER_SKIPS: ReadonlySet<TriggerRule> = new Set(['allSuccess', 'allDone', 'oneDone', 'noneFailed', 'always']);

const withoutFailures = (task: DurableTask): DurableTask => {
  if (task.continueOnFailure) return task;
  const { kind, failures, maxRetries, when } = task;
  return {
    ...task,
    failures: kind === 'job' || kind === 'jobs' ? 0 : Math.min(failures, maxRetries),
    when: when === 'throws' ? 'yes' : when,
  };
};

/** Jobs that come to the same end however long anything takes. */
const calmJob = (): fc.Arbitrary<DurableJob> =>
  fc.record({
    tasks: fc
      .tuple(fc.array(taskOf(false), { minLength: 1, maxLength: 9, size: 'max' }), fc.boolean())
      .map(([tasks, fails]) => tasks.map(fails ? withoutSkips : withoutFailures)),
    deeds: fc.constant([]),
    deaths,
    options: fc.record({
      maxConcurrency: fc.constantFrom(undefined, 1, 2, 3),
      onFailure: fc.constant('continue' as const),
      sequential: once(10),
      maxInterruptions: fc.constant(100),
    }),
    cancel: fc.constant(undefined),
  });

/** Jobs that somebody meddles with, and that may run out of time. */
const hurriedJob = (): fc.Arbitrary<DurableJob> =>
  fc.record({
    tasks: fc.array(taskOf(true), { minLength: 1, maxLength: 9, size: 'max' }),
    deeds: fc.array(fc.record({ afterMs: fc.nat(8), deed: fc.constantFrom(...DEEDS), task: fc.nat(30) }), {
      maxLength: 20,
      size: 'max',
    }),
    deaths,
    options: fc.record({
      maxConcurrency: fc.constantFrom(undefined, 1, 2, 3),
      onFailure: fc.constantFrom('continue', 'drain', 'abort'),
      timeout: perhaps(fc.integer({ min: 20, max: 120 }), 6),
      graceMs: fc.constantFrom(0, 0, 5),
      sequential: once(10),
      maxInterruptions: fc.constantFrom(1, 100),
    }),
    cancel: perhaps(fc.record({ afterMs: fc.nat(60), mode: fc.constantFrom('abort', 'drain') }), 3),
  });

type Call = { readonly path: string; readonly attempt: number; readonly last: JobEvent | undefined };

type World = { readonly clock: VirtualClock; readonly store: Journal; readonly calls: Call[] };

/** What the journal holds by now; read but once. */
const eventsIn = (store: Journal): readonly JobEvent[] => {
  const known = READ.get(store) ?? [];
  READ.set(store, known);
  for (const { data } of store.events('one', known.length) as readonly StoredEvent[]) known.push(JSON.parse(data));
  return known;
};

const READ = new WeakMap<Journal, JobEvent[]>();

/** How often the attempts of a task failed, or looked in vain, so far as the journal knows. */
const failuresOf = (events: readonly JobEvent[], path: string): number =>
  events.filter(
    (event) =>
      event.type === 'task.transition' &&
      event.task === path &&
      event.from === 'running' &&
      event.reason !== 'interrupted' &&
      (event.error !== undefined || event.to === 'polling'),
  ).length;

const definitionOf = ({ tasks }: DurableJob, world: World): AnyDefinition =>
  jobFrom(
    'durable',
    tasks.map((one, at) => specOf(one, at, tasks, world)),
  );

const specOf = (one: DurableTask, at: number, all: readonly DurableTask[], world: World): AnyTaskSpec => {
  const { kind, maxRetries, delayMs, onExhausted, trigger, deadline, timeout, continueOnFailure, ms } = one;
  const { clock, store, calls } = world;
  const name = `t${at}`;
  const dependsOn = at === 0 ? [] : [...new Set(one.needs.map((need) => `t${need % at}`))];
  const when =
    one.when &&
    (() => {
      if (one.when === 'throws') throw new Error(`${name} has no answer`);
      return one.when === 'yes';
    });
  const flow = { name, dependsOn, trigger, deadline, continueOnFailure, when };
  const attempts = { maxRetries, retry: { delayMs }, onExhausted, timeout };
  // In the end it is fast enough for any limit.
  const nap = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, clock.now() < 1_500 ? ms : 0));
  const downstream = all.flatMap(({ needs }, next) =>
    next > at && needs.some((need) => need % next === at) ? `t${next}` : [],
  );
  const enter = ({ taskName: path, attempt }: TaskScope): number => {
    const events = eventsIn(store);
    const last = events.findLast((event) => event.type === 'task.transition' && event.task === path);
    calls.push({ path, attempt, last });
    return failuresOf(events, path);
  };
  const work =
    (answer: (scope: TaskScope) => unknown) =>
    async (scope: TaskScope): Promise<unknown> => {
      const failed = enter(scope);
      if (ms > 0) await nap();
      if (failed < one.failures) throw new RangeError(`${scope.taskName} is busy`);
      return answer(scope);
    };
  const output = ({ deps }: TaskScope): object => {
    const before =
      trigger === undefined
        ? Object.values(deps).map((dep) => Object.values((dep as object | undefined) ?? {})[0])
        : [];
    return { [name]: [name, ...before].join(' '), ...(one.shares && { shared: name }) };
  };
  if (kind === 'task')
    return {
      ...flow,
      ...attempts,
      run: work((scope) => {
        if (one.skips) return skip(`${name} has nothing to do`);
        return one.notReady ? notReady(`${name} is not there`) : output(scope);
      }) as never,
    };
  if (kind === 'branch')
    return {
      ...flow,
      ...attempts,
      run: work((scope) => branch(downstream.slice(0, downstream.length >> 1), output(scope))) as never,
    };
  const onMissedHeartbeat = one.shares ? 'release' : 'fail';
  if (kind === 'external') return { ...flow, ...attempts, kind, heartbeatTimeout: deadline && 7, onMissedHeartbeat };
  if (kind === 'map')
    return {
      ...flow,
      ...attempts,
      kind,
      over: one.shares ? [0, 1] : () => [0, 1],
      each: work(({ taskName }) => taskName) as never,
      concurrency: one.shares ? 1 : undefined,
    };
  const check = (least: number) => async (scope: TaskScope) => {
    const failed = enter(scope);
    if (ms > 3) await nap();
    return failed >= least;
  };
  const mapped = { over: one.shares ? [0, 1] : () => [0, 1], concurrency: one.shares ? 1 : undefined };
  if (kind === 'sensor' || kind === 'sensors') {
    const over = kind === 'sensors' ? mapped : {};
    return {
      ...{ ...flow, ...attempts, ...over },
      kind: 'sensor',
      interval: 1 + delayMs,
      check: check(one.failures) as never,
    };
  }
  const inner = defineJob<Record<string, unknown>>('inner', { onFailure: one.hasty ? 'abort' : 'continue' })
    .task('a', { maxRetries, onExhausted }, work(() => ({ a: name })) as never)
    .sensor('b', { dependsOn: ['a'], interval: 3 }, check(1) as never)
    .map('c', { dependsOn: ['b'], over: ['x', 'y'] }, work(({ taskName }) => taskName) as never)
    .task('d', { dependsOn: ['c'], trigger: one.shares ? 'always' : 'allDone' }, work(() => ({ d: name })) as never)
    .seal();
  return {
    ...flow,
    ...(kind === 'jobs' && mapped),
    kind: 'job',
    maxRetries,
    onExhausted,
    retry: { delayMs },
    timeout: timeout && timeout * 4,
    definition: inner,
    ...(one.shares && { input: ({ index }: { index?: number }) => ({ given: `${name} ${index}` }) }),
  };
};

/** Of an error, all but the stack; of its causes, what is kept of any error. */
const errorOf = (error: unknown, isCause = false): unknown => {
  if (error === undefined) return undefined;
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) };
  const { name, message, cause } = error;
  const { code, attempt, taskName, tolerated } = error as Partial<TaskError>;
  return { ...{ name, message, code, cause: errorOf(cause, true) }, ...(!isCause && { attempt, taskName, tolerated }) };
};

const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** All that a handle tells, as data. What was to happen in the tick in which its process died is left out. */
const toldBy = (job: Job, events: readonly JobEvent[]): unknown => ({
  state: job.state,
  ctx: withErrors({ ...job.ctx }),
  tasks: pathsIn(events).map((path) => {
    const handle = job.task(path as never);
    const { state, attempts, polls, startedAt, reason, error, lateResults, durationMs, worker } = handle;
    const reasons = job.explain(path as never)[0]?.reasons;
    return {
      ...{ path, state, attempts, polls, startedAt, reason, worker, error: errorOf(error) },
      // What comes after the end of the job is counted, but not kept.
      lateResults: isOver(job) ? undefined : lateResults,
      durationMs: SETTLED.has(state) ? durationMs : undefined,
      reasons: TOLD.has(state) ? reasons : undefined,
    };
  }),
  frontier: job.frontier(),
  view: viewedBy(job),
});

/** The view of a job, without what no process hands on: the stacks of its errors, and the ends of its leases. */
const viewedBy = (job: Pick<Job, 'view'> | undefined): unknown =>
  JSON.parse(JSON.stringify(job?.view({ outputs: true }) ?? null), (key, value) =>
    key === 'stack' || key === 'leaseEndsAt' ? undefined : value,
  );

const TOLD: ReadonlySet<TaskState> = new Set([...SETTLED, 'unscheduled', 'retrying', 'polling', 'paused']);

/** The tasks that there are: those of a nested job’s attempt before the last are not. */
const pathsIn = (events: readonly JobEvent[]): readonly string[] => [...recordOf(events).tasks.keys()].sort();

const recordOf = (events: readonly JobEvent[]): JobRecord => {
  const record = emptyRecord();
  for (const event of events) recordEvent(record, event);
  return record;
};

const resultOf = (result: JobResult): unknown => {
  const { state, startedAt, durationMs, error, errors, tasks, ctx } = result;
  return {
    ...{
      state,
      startedAt,
      durationMs,
      ctx: withErrors({ ...ctx }),
      error: errorOf(error),
      errors: errors.map((error) => errorOf(error)),
    },
    tasks: tasksOf(tasks),
    frontier: result.frontier(),
    boundary: result.boundarySubtrees(),
    gantt: result.toGantt(),
  };
};

/** Data with errors in it: the reasons of a tolerant fan-out. */
const withErrors = (data: unknown): unknown => {
  if (data instanceof Error) return errorOf(data);
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map(withErrors);
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, withErrors(value)]));
};

const tasksOf = (tasks: Readonly<Record<string, TaskResult>>): unknown =>
  Object.fromEntries(
    Object.entries(tasks).map(([name, { error, tasks: inner, ...rest }]) => [
      name,
      { ...rest, error: errorOf(error), ...(inner && { tasks: tasksOf(inner) }) },
    ]),
  );

type Lived = {
  readonly clock: VirtualClock;
  readonly store: Journal;
  readonly calls: readonly Call[];
  readonly job: Job;
  readonly result: JobResult;
  readonly definition: AnyDefinition;
  readonly deaths: number;
};

const isOver = ({ state }: Job): boolean => !['idle', 'running', 'paused'].includes(state);

/** Lets a job live through all its deaths, until it is over. */
const live = async (spec: DurableJob, deaths: readonly Death[]): Promise<Lived> => {
  const clock = virtualClock(1_000);
  const store = memoryJournal();
  const calls: Call[] = [];
  const definition = definitionOf(spec, { clock, store, calls });
  const settings = { clock, random: seededRandom(1), definitions: [definition] };
  let job: Job | undefined;
  /** What the job told when it was last written. */
  let told: string | undefined;
  const tell = (): void => {
    if (job) told = JSON.stringify(toldBy(job, eventsIn(store)));
  };
  const watched = (journal: Journal, appends: number): Journal => {
    let left = appends;
    return {
      ...journal,
      append: (batches) => {
        const answer = journal.append(batches);
        if (--left === 0 && Array.isArray(answer)) tell();
        return answer;
      },
    };
  };
  const cancel = (handle: Job): void => {
    if (spec.cancel && clock.now() >= 1_000 + spec.cancel.afterMs)
      void handle.cancel('enough', { mode: spec.cancel.mode });
  };
  const deeds = [...spec.deeds];
  let nextDeed = 1_000 + (deeds[0]?.afterMs ?? 0);
  let died = 0;
  for (const death of [...deaths, { appends: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY, downMs: 0 }]) {
    const process = mortal(store, death);
    const engine = createEngine({ ...settings, journal: watched(process.journal, death.appends) });
    if (!job) {
      job = engine.start(definition as never, {} as never, { ...spec.options, jobId: 'one' }) as unknown as Job;
    } else {
      job = undefined;
      const stored = viewedBy(await createEngine({ journal: store }).find('one'));
      job = (await engine.resume('one')).job;
      if (told !== undefined) {
        expect(stored).toEqual(JSON.parse(told).view);
        const now = JSON.stringify(toldBy(job, eventsIn(store)));
        if (now !== told) expect(JSON.parse(now)).toEqual(JSON.parse(told));
      }
    }
    let seq = -1;
    job.events$.subscribe((event) => {
      seq = event.seq;
    });
    const end = clock.now() + death.ms;
    for (let round = 0; !isOver(job) && !process.dead && clock.now() < end; round++) {
      await clock.advance(2);
      await setImmediate();
      if (process.dead) break;
      while (deeds.length > 0 && clock.now() >= nextDeed) {
        meddle(job, deeds.shift() as Deed, eventsIn(store));
        nextDeed += deeds[0]?.afterMs ?? 0;
      }
      cancel(job);
      if (deeds.length === 0) letGo(job, eventsIn(store));
      if (round > 2_000) throw new Error(`The job hangs: ${JSON.stringify(job.explain())}`);
    }
    let saved = false;
    const note = (): void => {
      saved = true;
    };
    job.saved().then(note, note);
    while (!process.dead && !(saved && eventsIn(store).length > seq)) await setImmediate();
    if (isOver(job) && !process.dead) break;
    if (!process.dead) tell();
    process.die();
    died++;
    await clock.advance(death.downMs);
  }
  const last = job as Job;
  return { clock, store, calls, job: last, result: (await last) as JobResult, definition, deaths: died };
};

const meddle = (job: Job, { deed, task: which }: Deed, events: readonly JobEvent[]): void => {
  const paths = pathsIn(events);
  const path = paths[which % Math.max(1, paths.length)] ?? 't0';
  try {
    const handle = job.task(path as never);
    if (deed === 'pause job') job.pause('ann');
    else if (deed === 'resume job') job.resume();
    else if (deed === 'pause task') handle.pause('bob');
    else if (deed === 'resume task') handle.resume();
    else if (deed === 'retry task') handle.retry();
    else if (deed === 'claim') handle.claim('ann');
    else if (deed === 'complete') void handle.complete({ [path]: 'done' });
    else if (deed === 'fail') handle.fail(new Error('it was failed'));
    else if (deed === 'release') void handle.release();
    else handle.heartbeat();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
};

/** Lifts all pauses, and completes what waits for somebody outside. */
const letGo = (job: Job, events: readonly JobEvent[]): void => {
  job.resume();
  for (const path of pathsIn(events)) {
    const handle = job.task(path as never);
    try {
      if (handle.state === 'paused') handle.resume();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
    try {
      void handle.complete({ [path]: 'done' });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }
};

/** What holds of the journal of any job that is over, however often its process died. */
const examine = async ({ clock, store, calls, job, result, definition }: Lived): Promise<void> => {
  const events = eventsIn(store);
  expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  // Each attempt’s start was in the journal when its function was called; what has completed is not called again.
  for (const { path, attempt, last } of calls)
    expect([path, last?.type === 'task.transition' && last.to, (last as { attempt?: number }).attempt]).toEqual([
      path,
      'running',
      attempt,
    ]);
  const completedAt = new Map<string, number>();
  for (const event of events) {
    if (event.type !== 'task.transition') continue;
    if (event.to === 'running') {
      const before = completedAt.get(event.task);
      const around = parentPath(event.task);
      const isAnew =
        around !== undefined &&
        events.some((other) => {
          const isAround = other.type === 'task.transition' && event.task.startsWith(`${other.task}`);
          return isAround && other.task !== event.task && other.to === 'running' && other.seq > (before ?? 0);
        });
      expect(before === undefined || isAnew, `${event.task} ran again after it had completed`).toBe(true);
    }
    if (event.to === 'completed') completedAt.set(event.task, event.seq);
  }
  const record = recordOf(events);
  expect(record.state).toBe(result.state);
  for (const [path, task] of record.tasks) {
    const handle = job.task(path as never);
    expect(
      [path, handle.state, handle.attempts, handle.polls, handle.startedAt, handle.reason],
      JSON.stringify(events.filter((event) => 'task' in event && event.task === path)),
    ).toEqual([path, task.state, task.attempts, task.polls ?? 0, task.startedAt, task.reason]);
  }
  const { job: readBack } = await createEngine({ journal: store, definitions: [definition], clock }).resume('one');
  expect(resultOf((await readBack) as JobResult)).toEqual(resultOf(result));
  expect(toldBy(readBack, events)).toEqual(toldBy(job, events));
};

const messageOf = ({ message }: Error): string => message.replaceAll(/attempt \d+/g, 'attempt …');

/** What a job came to, but for when and in which attempt. */
const outcomeOf = ({ store, result }: Lived): unknown => {
  const events = eventsIn(store);
  const outcome = (tasks: Readonly<Record<string, TaskResult>>, prefix: string): unknown =>
    Object.fromEntries(
      Object.entries(tasks).map(([name, { state, reason, polls, error, tasks: inner }]) => [
        name,
        {
          ...{ state, polls, reason: state === 'skipped' ? undefined : reason },
          // Which failure comes first is a matter of time.
          error: error && [error.code, inner || error.code === 'UPSTREAM_FAILED' ? undefined : messageOf(error)],
          failures: failuresOf(events, prefix + name),
          ...(inner && {
            tasks: outcome(inner, `${prefix}${name}${Object.keys(inner)[0]?.startsWith('[') ? '' : '/'}`),
          }),
        },
      ]),
    );
  const ctx = JSON.stringify(result.ctx, (_, value) => (value instanceof Error ? messageOf(value) : value));
  return { state: result.state, ctx: JSON.parse(ctx), tasks: outcome(result.tasks, '') };
};

test('a job comes to the same end however often its process dies', async () => {
  let died = 0;
  await fc.assert(
    fc.asyncProperty(calmJob(), async (spec) => {
      const undisturbed = await live(spec, []);
      await examine(undisturbed);
      const disturbed = await live(spec, spec.deaths);
      await examine(disturbed);
      expect(outcomeOf(disturbed)).toEqual(outcomeOf(undisturbed));
      died += disturbed.deaths;
    }),
    { numRuns: longOr(150, 75), ...seeded },
  );
  expect(died).toBeGreaterThan(100);
}, 180_000);

test('a job whose process dies while somebody meddles with it ends, and its journal tells all', async () => {
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(hurriedJob(), async (spec) => {
      const lived = await live(spec, spec.deaths);
      await examine(lived);
      ends.add(lived.result.state);
    }),
    { numRuns: longOr(150, 75), ...seeded },
  );
  expect([...ends]).toEqual(expect.arrayContaining(['completed', 'failed']));
}, 180_000);
