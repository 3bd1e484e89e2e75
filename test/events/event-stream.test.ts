import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { config, type Observable, Subject } from 'rxjs';
import { type Job, type JobEvent, jobFrom, notReady, type TaskSpec } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { type Delivery, EventStream } from '../../src/events/event-stream.ts';

const heard = (events$: Observable<JobEvent>): JobEvent[] => {
  const events: JobEvent[] = [];
  events$.subscribe((event) => events.push(event));
  return events;
};

const lineOf = (event: JobEvent): string =>
  event.type === 'task.transition'
    ? `${event.task} ${event.from} -> ${event.to}`
    : event.type === 'job.transition'
      ? `JOB ${event.from} -> ${event.to}`
      : event.type;

/** Two tasks and one that waits on both. */
const salad = jobFrom('salad', [
  { name: 'wash', run: () => ({ leaves: 12 }) },
  { name: 'dice', maxRetries: 1, run: ({ attempt }) => (attempt === 1 ? Promise.reject('blunt') : { cubes: 4 }) },
  { name: 'toss', dependsOn: ['wash', 'dice'], run: ({ log }) => log.info('tossing') },
]);

test('the smoothie publishes its 14 events in the order of daguerreo', async () => {
  const smoothie = jobFrom('smoothie', [
    { name: 'diceBanana', run: () => ({ banana: ['slice', 'slice', 'slice'] }) },
    { name: 'diceMango', run: () => ({ mango: ['cube', 'cube'] }) },
    { name: 'blend', dependsOn: ['diceBanana', 'diceMango'], run: () => ({ smoothie: 5 }) },
    { name: 'garnish', dependsOn: ['blend'], run: () => ({ served: true }) },
  ]);
  const job = smoothie.start({});
  const events = heard(job.events$);
  await job;
  expect(events.map(lineOf)).toEqual([
    'JOB idle -> running',
    'diceBanana unscheduled -> ready',
    'diceMango unscheduled -> ready',
    'diceBanana ready -> running',
    'diceMango ready -> running',
    'diceBanana running -> completed',
    'diceMango running -> completed',
    'blend unscheduled -> ready',
    'blend ready -> running',
    'blend running -> completed',
    'garnish unscheduled -> ready',
    'garnish ready -> running',
    'garnish running -> completed',
    'JOB running -> completed',
  ]);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, at) => at));
});

test('an event tells its job, its place and its time by the clock of the job', async () => {
  const clock = virtualClock(1_000);
  const job = salad.start({}, { clock, jobId: 'salad-1' });
  const events = heard(job.events$);
  await clock.runAll();
  await job;
  for (const [at, event] of events.entries()) {
    expect(event).toMatchObject({ jobId: 'salad-1', jobName: 'salad', seq: at, at: 1_000 });
  }
});

test('a job that is cancelled in the tick of its start publishes one event', async () => {
  const job = salad.start({});
  const events = heard(job.events$);
  const result = await job.cancel('not hungry');
  expect(events.map(lineOf)).toEqual(['JOB idle -> cancelled']);
  expect(events[0]).toMatchObject({ seq: 0, reason: 'not hungry' });
  expect(result.state).toBe('cancelled');
});

test('a job without tasks publishes its start and its end', async () => {
  const job = jobFrom('nothing', []).start({});
  const events = heard(job.events$);
  await job;
  expect(events.map(lineOf)).toEqual(['JOB idle -> running', 'JOB running -> completed']);
});

test('a subscriber of deliveries that throws keeps no event from anybody: RxJS reports it in a later tick', async () => {
  const thrown: unknown[] = [];
  config.onUnhandledError = (error) => thrown.push(error);
  const deliveries = new Subject<Delivery<string>>();
  const stream = new EventStream<string>('j', 'j', { isOver: () => false, putOff: () => {} }, deliveries);
  const seen: string[] = [];
  stream.events$.subscribe((event) => seen.push(`events$ ${event.seq}`));
  deliveries.subscribe(({ event, subject }) => {
    if (!('seq' in event)) return;
    seen.push(`reaction to ${event.seq} of ${subject}`);
    if (event.seq === 0) stream.publishJobTransition('job', 'running', 'paused', 0, undefined);
    if (event.seq === 0) throw new Error('broken reaction');
  });
  stream.publishJobTransition('job', 'idle', 'running', 0, undefined);
  stream.publishJobTransition('job', 'paused', 'running', 0, undefined);
  expect(seen).toEqual([0, 1, 2].flatMap((seq) => [`events$ ${seq}`, `reaction to ${seq} of job`]));
  expect(thrown).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(thrown).toEqual([new Error('broken reaction')]);
  config.onUnhandledError = null;
});

describe('who subscribes', () => {
  test('in the tick of the start misses nothing', async () => {
    const job = salad.start({});
    const first = heard(job.events$);
    const second = heard(job.events$);
    await job;
    expect(first[0]).toMatchObject({ type: 'job.transition', from: 'idle', to: 'running', seq: 0 });
    expect(first.map((event) => event.seq)).toEqual(first.map((_, at) => at));
    expect(second).toEqual(first);
  });

  test('in the middle hears the rest', async () => {
    const job = salad.start({});
    const all = heard(job.events$);
    let late: JobEvent[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'toss' && event.to === 'ready') late = heard(job.events$);
    });
    await job;
    expect(late.map(lineOf)).toEqual([
      'toss ready -> running',
      'task.log',
      'toss running -> completed',
      'JOB running -> completed',
    ]);
    expect(late).toEqual(all.slice(-late.length));
  });

  test('after the end is handed the terminal event, and completion', async () => {
    const job = salad.start({});
    const all = heard(job.events$);
    await job;
    const late: (JobEvent | 'complete')[] = [];
    job.events$.subscribe({ next: (event) => late.push(event), complete: () => late.push('complete') });
    expect(late).toEqual([all.at(-1), 'complete']);
  });

  test('within the terminal event is handed it too, and completion', async () => {
    const job = salad.start({});
    const late: unknown[] = [];
    job.events$.subscribe((event) => {
      if (event.type !== 'job.transition' || event.to !== 'completed') return;
      job.events$.subscribe({ next: ({ seq }) => late.push(seq === event.seq), complete: () => late.push('complete') });
    });
    await job;
    expect(late).toEqual([true, 'complete']);
  });

  test('may leave within an event, and hears no more', async () => {
    const job = salad.start({});
    const all = heard(job.events$);
    const some: JobEvent[] = [];
    const subscription = job.events$.subscribe((event) => {
      some.push(event);
      if (some.length === 3) subscription.unsubscribe();
    });
    const result = await job;
    expect(some).toEqual(all.slice(0, 3));
    expect(result.state).toBe('completed');
  });

  test('may cancel the job within an event: what is published before comes first, and no task starts', async () => {
    const ran: string[] = [];
    const job = jobFrom(
      'soup',
      ['peel', 'chop', 'cook'].map((name) => ({ name, run: () => void ran.push(name) })),
    ).start({});
    const events = heard(job.events$);
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'peel' && event.to === 'running') void job.cancel('burnt');
    });
    const result = await job;
    expect(events.map(lineOf)).toEqual([
      'JOB idle -> running',
      'peel unscheduled -> ready',
      'chop unscheduled -> ready',
      'cook unscheduled -> ready',
      'peel ready -> running',
      'chop ready -> running',
      'cook ready -> running',
      'peel running -> cancelled',
      'chop running -> cancelled',
      'cook running -> cancelled',
      'JOB running -> cancelled',
    ]);
    expect(ran).toEqual([]);
    expect(result.state).toBe('cancelled');
  });

  test.each([
    ['drain', 0],
    ['abort', 50],
  ] as const)('and cancels within an event by mode %s, with %d ms of grace, sees no task body start after that', async (mode, graceMs) => {
    const clock = virtualClock();
    const ran: string[] = [];
    const job = jobFrom(
      'soup',
      ['peel', 'chop', 'cook'].map((name) => ({ name, run: () => void ran.push(name) })),
    ).start({}, { clock, graceMs });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.task === 'chop' && event.to === 'running')
        void job.cancel('burnt', { mode });
    });
    await clock.runAll();
    expect((await job).state).toBe('cancelled');
    expect(ran).toEqual(['peel']);
  });
});

describe.each<[string, readonly TaskSpec[], string]>([
  ['completed', [{ name: 'dice', run: () => ({ cubes: 4 }) }], 'completed'],
  ['failed', [{ name: 'dice', run: () => Promise.reject(new Error('blunt')) }], 'failed'],
  ['not ready', [{ name: 'dice', run: () => notReady('no mango') }], 'notReady'],
  ['timed out', [{ name: 'dice', run: () => new Promise(() => {}) }], 'timedOut'],
])('a job that has %s', (_how, tasks, state) => {
  test('publishes one terminal event, its last, and the stream completes once', async () => {
    const clock = virtualClock();
    const job = jobFrom('salad', tasks).start({}, { clock, timeout: 1_000 });
    const events: JobEvent[] = [];
    let completions = 0;
    job.events$.subscribe({ next: (event) => events.push(event), complete: () => completions++ });
    await clock.runAll();
    await job.cancel();
    const result = await job;
    const ends = events.filter((event) => event.type === 'job.transition' && event.from === 'running');
    expect(ends).toEqual([events.at(-1)]);
    expect(events.at(-1)).toMatchObject({ to: state });
    expect([result.state, job.state, completions]).toEqual([state, state, 1]);
  });
});

describe('a subscriber that throws', () => {
  afterEach(() => {
    config.onUnhandledError = null;
  });

  test('harms neither the job nor other subscribers, and is reported in a later tick', async () => {
    const reported: unknown[] = [];
    config.onUnhandledError = (error) => reported.push(error);
    const job = salad.start({});
    const before = heard(job.events$);
    let calls = 0;
    job.events$.subscribe(() => {
      calls++;
      throw new Error('a bug of the subscriber');
    });
    const after = heard(job.events$);
    const result = await job;
    expect(result.state).toBe('completed');
    expect(before.map((event) => event.seq)).toEqual(before.map((_, at) => at));
    expect(after).toEqual(before);
    expect(calls).toBe(before.length);
    for (let turn = 0; reported.length < calls && turn < 1_000; turn++) await setImmediate();
    expect(reported).toHaveLength(calls);
    expect(reported[0]).toMatchObject({ message: 'a bug of the subscriber' });
  });
});

describe('an event survives JSON', () => {
  const cyclic: Record<string, unknown> = { name: 'mango' };
  cyclic.self = cyclic;
  const cyclicCause = new Error('first');
  cyclicCause.cause = new Error('second', { cause: cyclicCause });
  const unreadable = Object.defineProperty(new Error(), 'message', {
    get: () => {
      throw new Error('not even the message');
    },
  });
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();

  const KINDS: readonly (readonly [string, unknown])[] = [
    ['an error', new Error('blunt', { cause: new TypeError('no knife') })],
    ['a string', 'blunt'],
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['a BigInt', 10n],
    ['a symbol', Symbol('blunt')],
    ['a function', () => 'blunt'],
    ['a frozen object', Object.freeze({ code: 'BLUNT' })],
    ['an object without a prototype', Object.create(null)],
    ['an object that refers to itself', cyclic],
    ['an object that holds a BigInt', { size: 10n }],
    ['an object whose class has an odd name', { constructor: { name: 10n } }],
    ['an object whose JSON throws', { toJSON: () => JSON.parse('{') }],
    ['a revoked proxy', revoked],
    ['an error that causes itself', cyclicCause],
    ['an error whose message throws', unreadable],
    ['an error whose message is a symbol', Object.assign(new Error(), { message: Symbol('blunt') })],
    ['an error whose code is an object', Object.assign(new Error('blunt'), { code: { size: 10n } })],
    ['an error whose stack is gone', Object.assign(new Error('blunt'), { stack: undefined })],
    ['a DOMException', new DOMException('blunt', 'AbortError')],
  ];

  /** What JSON drops or changes shows as a difference, `undefined` included. */
  const expectJsonSafe = (events: readonly JobEvent[]): void => {
    for (const event of events) {
      const { output: _, ...rest } = event as JobEvent & { output?: object };
      const back: unknown = JSON.parse(JSON.stringify(rest));
      expect(back).toEqual(rest);
      expect(isDeepStrictEqual(back, rest)).toBe(true);
    }
  };

  /** Waits until the end of the job was heard: the state is there before its last events are delivered. */
  const settled = async (job: Job, events: readonly JobEvent[]): Promise<string> => {
    const isEnd = (event: JobEvent): boolean =>
      event.type === 'job.transition' && !['idle', 'running'].includes(event.to);
    for (let turn = 0; turn < 500 && !events.some(isEnd); turn++) await setImmediate();
    return job.state;
  };

  test.each(KINDS)('when a task throws %s', async (_kind, thrown) => {
    const job = jobFrom('salad', [
      {
        name: 'dice',
        maxRetries: 1,
        run: () => {
          throw thrown;
        },
      },
      { name: 'toss', dependsOn: ['dice'], run: () => {} },
    ]).start({}, { onFailure: 'continue' });
    const events = heard(job.events$);
    expect(await settled(job, events)).toBe('failed');
    expectJsonSafe(events);
    expect(events).toContainEqual(
      expect.objectContaining({ task: 'dice', to: 'retrying', reason: 'error', attempt: 1, error: expect.anything() }),
    );
    expect(events).toContainEqual(expect.objectContaining({ task: 'toss', to: 'skipped', reason: 'upstreamFailed' }));
    const result = await job;
    expect(result.errors[0]?.cause).toBe(thrown);
    expect(result.error?.rootCause()).toBe(thrown);
    expect(result.tasks.toss?.error).toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect(result.tasks.toss?.error?.rootCause()).toBe(thrown);
  });

  test.each(KINDS)('when a job is cancelled because of %s', async (_kind, reason) => {
    const job = jobFrom('salad', [{ name: 'dice', run: () => new Promise(() => {}) }]).start({});
    const events = heard(job.events$);
    await setImmediate();
    void job.cancel(reason);
    expect(await settled(job, events)).toBe('cancelled');
    expectJsonSafe(events);
    expect((await job).error).toMatchObject({ code: 'JOB_CANCELLED' });
  });

  test.each(KINDS)('when a task logs %s', async (_kind, data) => {
    const job = jobFrom('salad', [{ name: 'dice', run: ({ log }) => log.warn('look', { data, list: [data] }) }]).start(
      {},
    );
    const bare = jobFrom('salad', [{ name: 'dice', run: ({ log }) => log.warn('look', data) }]).start({});
    const events = [...heard(job.events$)];
    job.events$.subscribe((event) => events.push(event));
    bare.events$.subscribe((event) => events.push(event));
    expect((await job).state).toBe('completed');
    expect((await bare).state).toBe('completed');
    expect(events.filter((event) => event.type === 'task.log')).toHaveLength(2);
    expectJsonSafe(events);
  });

  test('when retries, time limits, conflicts, late results, progress and skips happen', async () => {
    const clock = virtualClock();
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
    const job = jobFrom('salad', [
      { name: 'slow', timeout: 10, maxRetries: 1, retry: { delayMs: 5 }, run: () => wait(12), continueOnFailure: true },
      { name: 'late', deadline: 30, run: () => wait(40), continueOnFailure: true },
      {
        name: 'wash',
        run: ({ progress }) => {
          progress(0.5, 'half');
          return { leaves: 1 };
        },
      },
      { name: 'rinse', run: () => ({ leaves: 2 }) },
      { name: 'wait', run: () => notReady('no mango') },
      { name: 'mix', dependsOn: ['wait'], run: () => {} },
      { name: 'list', run: () => [1, 2] },
      { name: 'end', dependsOn: ['slow', 'late'], run: () => wait(100) },
    ]).start({}, { clock, onFailure: 'continue' });
    const events = heard(job.events$);
    await clock.runAll();
    await job;
    expectJsonSafe(events);
    const types = new Set(events.map((event) => event.type));
    expect([...types].sort()).toEqual(
      ['context.conflict', 'job.transition', 'task.lateResult', 'task.progress', 'task.transition'].sort(),
    );
    const told = events.map((event) => `${lineOf(event)} ${'reason' in event ? event.reason : ''}`.trim());
    for (const line of [
      'slow running -> retrying timeout',
      'slow running -> failed timeout',
      'late running -> failed deadline',
      'wait running -> notReady no mango',
      'mix unscheduled -> skipped upstreamNotReady',
      'list running -> failed invalidOutput',
    ])
      expect(told).toContain(line);
  });

  test('when a wait before the next attempt has no end', async () => {
    const clock = virtualClock();
    const job = jobFrom('salad', [
      {
        name: 'dice',
        maxRetries: 1,
        retry: { backoff: () => Number.POSITIVE_INFINITY },
        run: () => Promise.reject('blunt'),
      },
    ]).start({}, { clock });
    const events = heard(job.events$);
    await clock.advance(0);
    await job.cancel();
    expectJsonSafe(events);
  });
});
