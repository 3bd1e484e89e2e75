import {
  type AnyTaskSpec,
  type CommandErrorCode,
  defineJob,
  type Job,
  type JobEvent,
  jobFrom,
  memoryJournal,
  notReady,
  type StartOptions,
  type TaskHandle,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

type ExternalOptions = Omit<Extract<AnyTaskSpec, { kind: 'external' }>, 'name' | 'kind'>;

/** Transitions of tasks as lines: `10 review ready>running #1 claimed by ann`. */
const linesOf = (job: Pick<Job, 'events$'>): string[] => {
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type === 'job.transition') lines.push(`${event.at} JOB ${event.from}>${event.to}`);
    if (event.type !== 'task.transition') return;
    const why = event.reason === undefined ? '' : ` ${event.reason}`;
    lines.push(`${event.at} ${event.task} ${event.from}>${event.to} #${event.attempt}${why}`);
  });
  return lines;
};

const eventsOf = (job: Pick<Job, 'events$'>): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => void events.push(event));
  return events;
};

/** A job with the external task `review`, begun. `rest` keeps it open. */
const begin = async (
  review: ExternalOptions = {},
  options: StartOptions = {},
  more: readonly AnyTaskSpec[] = [{ kind: 'external', name: 'rest' }],
) => {
  const clock = virtualClock();
  const definition = jobFrom('papers', [{ kind: 'external', name: 'review', ...review }, ...more]);
  const job = definition.start({}, { clock, onFailure: 'continue', ...options });
  const lines = linesOf(job);
  const events = eventsOf(job);
  await clock.advance(0);
  return { clock, job, lines, events, review: job.task('review') };
};

const refused = (code: CommandErrorCode) => expect.objectContaining({ name: 'CommandError', code });

test.each([
  ['without a journal', undefined],
  ['with a journal', memoryJournal()],
])('an output of an external task is read no more often than that of a function, %s', async (_how, journal) => {
  const counting = () => {
    let reads = 0;
    const output = {
      get rows() {
        reads++;
        return [1, 2, 3];
      },
    };
    return { output, reads: () => reads };
  };
  const [brought, returned] = [counting(), counting()];
  const job = jobFrom('papers', [
    { kind: 'external', name: 'review' },
    { name: 'count', run: () => returned.output },
  ]).start({}, { ...(journal && { journal }) });
  await job.output('count');
  await job.task('review').complete(brought.output);
  expect((await job).state).toBe('completed');
  expect(brought.reads()).toBe(returned.reads());
  expect(brought.reads()).toBeGreaterThan(0);
});

/** Every command that takes a token. */
const COMMANDS: Readonly<Record<string, (task: TaskHandle, token?: string) => unknown>> = {
  heartbeat: (task, token) => task.heartbeat(token),
  release: (task, token) => task.release(token),
  progress: (task, token) => task.progress(0.5, 'half', token),
  log: (task, token) => task.log('info', 'hello', undefined, token),
  complete: (task, token) => task.complete({ ok: true }, token),
  fail: (task, token) => task.fail(new Error('no'), token),
  pause: (task, token) => task.pause('ann', token),
};

describe('an external task', () => {
  test('stays ready and holds no slot: others run at a concurrency of 1', async () => {
    const { clock, job, review } = await begin({}, { maxConcurrency: 1 }, [{ name: 'print', run: () => {} }]);
    await clock.advance(1_000);
    expect([review.state, job.task('print').state]).toEqual(['ready', 'completed']);
    review.claim('ann');
    expect(review.state).toBe('running');
  });

  test('holds no slot while somebody works on it either, in a sequential job too', async () => {
    const { review, job } = await begin({}, { sequential: true }, [
      { kind: 'external', name: 'other' },
      { name: 'print', dependsOn: ['other'], run: () => {} },
    ]);
    review.claim('ann');
    job.task('other').complete();
    await job.output('print');
    expect([review.state, job.task('print').state]).toEqual(['running', 'completed']);
  });

  test('is claimed, worked on and completed, and its output is merged', async () => {
    const { job, lines, review } = await begin({}, {}, [
      { name: 'print', dependsOn: ['review'], run: ({ ctx }) => ({ printed: ctx.verdict }) },
    ]);
    const token = review.claim('ann');
    expect([review.state, review.worker, review.attempt]).toEqual(['running', 'ann', 1]);
    review.complete({ verdict: 'fine' }, token);
    const { state, ctx } = await job;
    expect([state, ctx]).toEqual(['completed', { verdict: 'fine', printed: 'fine' }]);
    expect(lines.slice(1, 4)).toEqual([
      '0 review unscheduled>ready #0',
      '0 review ready>running #1 claimed by ann',
      '0 review running>completed #1',
    ]);
  });

  test('is completed without a claim: it runs for a moment', async () => {
    const { clock, lines, job, review } = await begin({}, {}, []);
    await clock.advance(7);
    review.complete();
    const { tasks } = await job;
    expect(lines.slice(-3)).toEqual([
      '7 review ready>running #1',
      '7 review running>completed #1',
      '7 JOB running>completed',
    ]);
    expect(tasks.review).toMatchObject({ state: 'completed', attempts: 1, startedAt: 7, durationMs: 0 });
  });

  test('that fails is tried again as its retries allow, and may be claimed anew', async () => {
    const { clock, job, lines, review } = await begin({ maxRetries: 1, retry: { delayMs: 10 } }, {}, []);
    review.fail(new Error('coffee'), review.claim('ann'));
    expect([review.state, review.error?.message]).toEqual(['retrying', 'Task "review" failed in attempt 1: coffee']);
    await clock.advance(10);
    const again = review.claim('bob');
    review.fail(new Error('tea'), again);
    const { state, errors, tasks } = await job;
    expect([state, tasks.review?.attempts]).toEqual(['failed', 2]);
    expect(errors[0]?.cause).toEqual(new Error('tea'));
    expect(lines.slice(2)).toEqual([
      '0 review ready>running #1 claimed by ann',
      '0 review running>retrying #1 error',
      '10 review retrying>ready #1',
      '10 review ready>running #2 claimed by bob',
      '10 review running>failed #2 error',
      '10 JOB running>failed',
    ]);
  });

  test('tells progress and log lines as events of the attempt', async () => {
    const { events, review } = await begin();
    review.log('debug', 'not yet claimed');
    const token = review.claim('ann');
    review.progress(0.25, 'page 1', token);
    review.progress(1);
    review.log('warn', 'a typo', { page: 1, by: new Error('x') }, token);
    const told = events.filter(({ type }) => type === 'task.progress' || type === 'task.log');
    expect(told).toEqual([
      expect.objectContaining({ type: 'task.log', attempt: 0, level: 'debug', message: 'not yet claimed' }),
      expect.objectContaining({ type: 'task.progress', attempt: 1, fraction: 0.25, message: 'page 1' }),
      expect.objectContaining({ type: 'task.progress', attempt: 1, fraction: 1 }),
      expect.objectContaining({ type: 'task.log', attempt: 1, level: 'warn', message: 'a typo' }),
    ]);
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });

  test.each([-0.1, 1.1, Number.NaN, '0.5' as unknown as number])('refuses a progress of %j', async (fraction) => {
    const { review } = await begin();
    review.claim('ann');
    expect(() => review.progress(fraction)).toThrow(/from 0 to 1/);
    expect(() => review.progress(fraction)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('refuses a log level that there is not', async () => {
    const { review } = await begin();
    expect(() => review.log('loud' as 'info', 'x')).toThrow(
      /no log level loud: expected one of debug, info, warn, error/,
    );
    expect(() => review.log('loud' as 'info', 'x')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test.each([
    ['without a journal', {}],
    ['with a journal', { journal: memoryJournal() }],
  ])('may be completed as not ready: its downstream is skipped, and there is no error, %s', async (_how, options) => {
    const { job, review } = await begin({}, options, [{ name: 'print', dependsOn: ['review'], run: () => {} }]);
    review.complete(notReady('ann is on holiday'));
    const { state, tasks } = await job;
    expect([state, tasks.review?.reason, tasks.print?.state]).toEqual(['notReady', 'ann is on holiday', 'skipped']);
  });

  test('waits in a nested job, addressed by its path', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner').external('sign').seal();
    const middle = defineJob('middle').job('deep', {}, inner).seal();
    const job = defineJob('outer').job('contract', {}, middle).start({}, { clock });
    const path = 'contract/deep/sign';
    expect(() => job.task(path).claim('ann')).toThrow(refused('INVALID_STATE'));
    await clock.advance(0);
    const token = job.task(path).claim('ann');
    job.task(path).complete({ signed: true }, token);
    expect((await job).ctx).toEqual({ contract: { deep: { signed: true } } });
  });

  test('joins a running job', async () => {
    const { clock, job, review } = await begin({}, {}, []);
    job.addTasks([{ kind: 'external', name: 'second', dependsOn: ['review'] }]);
    review.complete();
    await clock.advance(0);
    job.task('second').complete({ twice: true });
    expect((await job).ctx).toEqual({ twice: true });
  });

  test('can be the clean-up of a job: it is completed after the cancel', async () => {
    const { clock, job, review } = await begin({ trigger: 'always', dependsOn: ['first'] }, {}, [
      { kind: 'external', name: 'first' },
    ]);
    void job.cancel('enough');
    await clock.advance(5);
    expect([job.state, review.state]).toEqual(['running', 'ready']);
    review.complete({ swept: true }, review.claim('ann'));
    expect(await job).toMatchObject({ state: 'cancelled', ctx: { swept: true } });
  });
});

describe('the owner and the data of an external task', () => {
  test('are those of its definition, also in a nested job, and its ready events name the owner', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner')
      .external('sign', { owner: 'legal', data: { pages: [1, 2], urgent: true }, maxRetries: 1 })
      .external('stamp')
      .seal();
    const job = defineJob('outer').job('contract', {}, inner).start({}, { clock });
    const events = eventsOf(job);
    const sign = job.task('contract/sign');
    expect([sign.owner, sign.data]).toEqual(['legal', { pages: [1, 2], urgent: true }]);
    expect([job.task('contract/stamp').owner, job.task('contract').owner]).toEqual([undefined, undefined]);
    await clock.advance(0);
    sign.fail('coffee', sign.claim('ann'));
    const ofReady = events.flatMap((event) =>
      event.type === 'task.transition' && event.to === 'ready' ? [[event.task, event.owner]] : [],
    );
    expect(ofReady).toEqual([
      ['contract', undefined],
      ['contract/sign', 'legal'],
      ['contract/stamp', undefined],
      ['contract/sign', 'legal'],
    ]);
  });

  test('stay as they were given: the definition keeps a frozen copy', async () => {
    const data = { pages: [{ number: 1 }], note: undefined };
    const { review } = await begin({ data });
    (data.pages[0] as { number: number }).number = 2;
    const kept = review.data as { pages: { number: number }[] };
    expect(kept).toStrictEqual({ pages: [{ number: 1 }] });
    expect(() => kept.pages.push({ number: 3 })).toThrow(TypeError);
    expect(() => {
      (kept.pages[0] as { number: number }).number = 3;
    }).toThrow(TypeError);
  });

  test('are no part of the fingerprint', () => {
    const print = (options: ExternalOptions): string =>
      jobFrom('papers', [{ kind: 'external', name: 'review', ...options }]).fingerprint;
    expect(print({ owner: 'legal', data: 1 })).toBe(print({}));
  });
});

describe('what tells of a claim', () => {
  test('is the worker in its event, as data', async () => {
    const { events, review } = await begin({}, {}, []);
    review.complete({}, review.claim('ann'));
    const other = await begin({}, {}, []);
    other.review.complete();
    const workers = [...events, ...other.events].flatMap((event) =>
      event.type === 'task.transition' && event.to === 'running' ? [event.worker] : [],
    );
    expect(workers).toEqual(['ann', undefined]);
  });

  test('is when the next sign of life is due', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 50, maxRetries: 1 });
    expect(review.leaseEndsAt).toBeUndefined();
    await clock.advance(10);
    const token = review.claim('ann');
    expect(review.leaseEndsAt).toBe(60);
    await clock.advance(20);
    review.progress(0.5, 'half', token);
    expect(review.leaseEndsAt).toBe(80);
    job.pause('bob');
    expect(review.leaseEndsAt).toBeUndefined();
    await clock.advance(100);
    job.resume();
    expect(review.leaseEndsAt).toBe(180);
    review.pause();
    expect(review.leaseEndsAt).toBeUndefined();
    review.resume();
    await clock.advance(50);
    expect([review.state, review.worker, review.leaseEndsAt]).toEqual(['ready', undefined, undefined]);
    review.claim('bob', { leaseMs: 5 });
    expect(review.leaseEndsAt).toBe(185);
    const other = await begin({ heartbeatTimeout: 50 });
    other.review.claim('ann', { leaseMs: Number.POSITIVE_INFINITY });
    expect(other.review.leaseEndsAt).toBeUndefined();
  });
});

describe('a claim', () => {
  test('goes to the first of two clients; the other hears ALREADY_CLAIMED, and by whom', async () => {
    const { review } = await begin();
    const clients = ['ann', 'bob'].map(async (who) => review.claim(who));
    const [first, second] = await Promise.allSettled(clients);
    expect(first?.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ALREADY_CLAIMED' } });
    expect(String((second as PromiseRejectedResult).reason)).toContain('already claimed by ann');
  });

  test('is refused while the task is claimed and paused', async () => {
    const { review } = await begin();
    review.pause('ann', review.claim('ann'));
    expect(() => review.claim('bob')).toThrow(refused('ALREADY_CLAIMED'));
  });

  test.each([undefined, null, '', 5, {}])('needs a worker, and %s is none', async (worker) => {
    const { review } = await begin();
    expect(() => review.claim(worker as string)).toThrow(/expected who works on it, as text/);
    expect(() => review.claim(worker as string)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(review.state).toBe('ready');
  });

  test.each<[unknown, RegExp]>([
    [{ leaseMs: 0 }, /leaseMs = 0/],
    [{ leaseMs: Number.NaN }, /leaseMs = NaN/],
    [{ leaseMs: '5' }, /leaseMs = "5"/],
    [{ lease: 5 }, /no option "lease"/],
    [5, /expected an object/],
    [null, /expected an object/],
  ])('refuses the options %j', async (options, message) => {
    const { review } = await begin();
    expect(() => review.claim('ann', options as object)).toThrow(message);
    expect(() => review.claim('ann', options as object)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(review.state).toBe('ready');
  });

  test('names its worker only as long as it holds', async () => {
    const { clock, review } = await begin({ maxRetries: 1, heartbeatTimeout: 10 });
    expect(review.worker).toBeUndefined();
    review.claim('ann');
    await clock.advance(9);
    expect(review.worker).toBe('ann');
    await clock.advance(1);
    expect([review.state, review.worker]).toEqual(['ready', undefined]);
  });

  test('that was lost stands in nobody’s way', async () => {
    const { clock, review } = await begin({ maxRetries: 1, heartbeatTimeout: 10 });
    review.claim('ann');
    await clock.advance(10);
    review.pause();
    expect(() => review.claim('bob')).toThrow(refused('INVALID_STATE'));
    review.resume();
    expect(review.claim('bob')).toEqual(expect.any(String));
  });

  test('of each attempt has a token of its own', async () => {
    const { review } = await begin({ maxRetries: 9 });
    const tokens = new Set<string>();
    for (let attempt = 1; attempt <= 5; attempt++) {
      const token = review.claim('ann');
      tokens.add(token);
      review.fail('again', token);
    }
    expect(tokens.size).toBe(5);
  });

  test('without a heartbeat timeout lasts for ever', async () => {
    const { clock, review } = await begin({}, {});
    review.claim('ann');
    expect(clock.pending()).toBe(0);
    await clock.advance(1e9);
    expect(review.state).toBe('running');
  });
});

/** Each way in which an attempt ends, with the token of an attempt that has ended so. */
const ENDINGS: Readonly<
  Record<
    string,
    { options: ExternalOptions; end: (given: Awaited<ReturnType<typeof begin>>, token: string) => unknown }
  >
> = {
  'a missed heartbeat': {
    options: { maxRetries: 1, heartbeatTimeout: 10 },
    end: ({ clock }) => clock.advance(10),
  },
  'a failure': { options: { maxRetries: 1 }, end: ({ review }, token) => review.fail('x', token) },
  'a failure for good': { options: {}, end: ({ review }, token) => review.fail('x', token) },
  'its timeout': { options: { maxRetries: 1, timeout: 10 }, end: ({ clock }) => clock.advance(10) },
  'its deadline': { options: { deadline: 10 }, end: ({ clock }) => clock.advance(10) },
  'its completion': { options: {}, end: ({ review }, token) => review.complete({}, token) },
  'its completion by the program': { options: {}, end: ({ review }) => review.complete() },
  'a pause for a person': { options: { onExhausted: 'pause' }, end: ({ review }, token) => review.fail('x', token) },
  'another claim after it': {
    options: { maxRetries: 1 },
    end: ({ review }, token) => {
      review.fail('x', token);
      review.claim('bob');
    },
  },
};

describe('a stale token is refused with STALE_TOKEN', () => {
  describe.each(Object.entries(ENDINGS))('after %s', (_, { options, end }) => {
    test.each(Object.entries(COMMANDS))('%s, which changes nothing', async (_name, command) => {
      const given = await begin(options);
      const token = given.review.claim('ann');
      await end(given, token);
      const before = given.lines.length;
      const { state } = given.review;
      expect(() => command(given.review, token)).toThrow(refused('STALE_TOKEN'));
      expect([given.review.state, given.lines.length]).toEqual([state, before]);
    });
  });

  test.each(Object.entries(COMMANDS))('%s with a token that was never given', async (_, command) => {
    const { review } = await begin();
    for (const token of ['', 'forged', null as unknown as string]) {
      expect(() => command(review, token)).toThrow(refused('STALE_TOKEN'));
    }
    review.claim('ann');
    for (const token of ['', 'forged', null as unknown as string]) {
      expect(() => command(review, token)).toThrow(refused('STALE_TOKEN'));
    }
    expect(review.state).toBe('running');
  });

  test.each(Object.entries(COMMANDS))('%s after a cancel that drains others', async (_, command) => {
    const { job, review } = await begin({ maxRetries: 1 });
    const token = review.claim('ann');
    job.task('rest').claim('bob');
    void job.cancel('enough', { mode: 'drain' });
    review.fail('x', token);
    expect(job.state).toBe('running');
    expect(() => command(review, token)).toThrow(refused('STALE_TOKEN'));
  });
});

describe('a command that comes at the wrong time is refused with INVALID_STATE', () => {
  const claimToo: typeof COMMANDS = { ...COMMANDS, claim: (task: TaskHandle) => task.claim('ann') };
  const untimely = Object.entries(claimToo).filter(([name]) => name !== 'pause');

  test.each(untimely)('%s of a task that is unscheduled', async (_, command) => {
    const { review } = await begin({ dependsOn: ['rest'] });
    expect(() => command(review)).toThrow(refused('INVALID_STATE'));
  });

  test.each(untimely)('%s of a task that has settled', async (_, command) => {
    const { review, events } = await begin();
    review.complete();
    const before = events.length;
    expect(() => command(review)).toThrow(refused('INVALID_STATE'));
    expect(events).toHaveLength(before);
  });

  test.each(untimely)('%s of a task that waits to be tried again', async (name, command) => {
    const { review } = await begin({ maxRetries: 1, retry: { delayMs: 10 } });
    review.fail('x');
    if (name === 'log') return;
    expect(() => command(review)).toThrow(refused('INVALID_STATE'));
  });

  test.each(Object.entries(claimToo))('%s once the job is over', async (_, command) => {
    const { job, review } = await begin({}, {}, []);
    review.complete();
    await job;
    expect(() => command(review)).toThrow(refused('INVALID_STATE'));
  });

  test.each(Object.entries(claimToo))('%s once the job was cancelled', async (_, command) => {
    const { job, review } = await begin();
    review.claim('ann');
    await job.cancel();
    expect(() => command(review)).toThrow(refused('INVALID_STATE'));
  });

  test.each(['claim', 'complete', 'fail'] as const)('%s of an unclaimed task whose job is paused', async (name) => {
    const { job, review } = await begin();
    job.pause();
    expect(() => claimToo[name]?.(review)).toThrow(/its job is paused/);
    expect(() => claimToo[name]?.(review)).toThrow(refused('INVALID_STATE'));
    job.resume();
    claimToo[name]?.(review);
    expect(review.state).not.toBe('ready');
  });

  test.each([
    'claim',
    'complete',
    'fail',
    'heartbeat',
    'progress',
  ] as const)('%s of an unclaimed task that is paused', async (name) => {
    const { review } = await begin();
    review.pause();
    expect(() => claimToo[name]?.(review)).toThrow(refused('INVALID_STATE'));
  });

  test.each(['heartbeat', 'progress'] as const)('%s of a task that nobody has claimed', async (name) => {
    const { review } = await begin();
    expect(() => COMMANDS[name]?.(review)).toThrow(refused('INVALID_STATE'));
  });
});

describe('a task that is not external refuses the commands of one with NOT_EXTERNAL', () => {
  const foreign = Object.entries({ ...COMMANDS, claim: (task: TaskHandle) => task.claim('ann') }).filter(
    ([name]) => name !== 'pause',
  );
  const start = () => {
    const clock = virtualClock();
    const nap = () => new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
    const inner = defineJob('inner').task('step', nap).seal();
    const job = defineJob('mixed')
      .task('first', nap)
      .task('second', { dependsOn: ['first'] }, nap)
      .task('retried', { maxRetries: 1, retry: { delayMs: 50 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('x');
      })
      .sensor('look', { interval: 50 }, ({ attempt }) => attempt < 1 || clock.now() > 20)
      .job('nested', {}, inner)
      .map('each', { over: [1] }, nap)
      .start({}, { clock });
    return { clock, job };
  };
  const tasks = ['first', 'second', 'retried', 'look', 'nested', 'each'] as const;

  test.each(foreign)('%s, in every state of the task', async (_, command) => {
    const { clock, job } = start();
    const seen = new Set<string>();
    for (const atMs of [0, 0, 5, 10, 20, 100]) {
      for (const name of [...tasks, ...(atMs === 5 ? (['nested/step', 'each[0]'] as const) : [])]) {
        seen.add(job.task(name).state);
        expect(() => command(job.task(name)), `${name} at ${atMs}`).toThrow(refused('NOT_EXTERNAL'));
      }
      await clock.advance(atMs - clock.now());
    }
    expect([...seen].sort()).toEqual(['completed', 'polling', 'retrying', 'running', 'unscheduled']);
  });

  test.each(foreign)('%s, after the end of its job too', async (_, command) => {
    const { clock, job } = start();
    await clock.runAll();
    await job;
    for (const name of tasks) expect(() => command(job.task(name)), name).toThrow(refused('NOT_EXTERNAL'));
  });

  test('pause with a token', async () => {
    const { clock, job } = start();
    await clock.advance(0);
    expect(() => job.task('first').pause('ann', 'token')).toThrow(refused('NOT_EXTERNAL'));
  });
});

describe('heartbeats', () => {
  test('a missed one fails the attempt, which is tried again, and in the end fails the task', async () => {
    const { clock, job, lines, review } = await begin({ maxRetries: 1, heartbeatTimeout: 10 }, {}, []);
    review.claim('ann');
    await clock.advance(20);
    review.claim('bob');
    await clock.advance(10);
    const { errors } = await job;
    expect(lines.slice(2)).toEqual([
      '0 review ready>running #1 claimed by ann',
      '10 review running>retrying #1 heartbeat',
      '10 review retrying>ready #1',
      '20 review ready>running #2 claimed by bob',
      '30 review running>failed #2 heartbeat',
      '30 JOB running>failed',
    ]);
    expect(errors[0]).toMatchObject({ code: 'HEARTBEAT_MISSED', attempt: 2 });
    expect(errors[0]?.message).toContain('nothing was heard of bob for 10 ms');
  });

  test.each<[string, (task: TaskHandle, token: string) => void]>([
    ['heartbeat', (task, token) => task.heartbeat(token)],
    ['progress', (task, token) => task.progress(0.5, undefined, token)],
    ['log', (task, token) => task.log('info', 'still here', undefined, token)],
    ['heartbeat of the program', (task) => task.heartbeat()],
  ])('%s starts the time anew', async (_, sign) => {
    const { clock, review } = await begin({ heartbeatTimeout: 10 });
    const token = review.claim('ann');
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(9);
      sign(review, token);
    }
    await clock.advance(9);
    expect(review.state).toBe('running');
    await clock.advance(1);
    expect(review.state).toBe('failed');
  });

  test.each<[leaseMs: number | undefined, failsAfter: number | undefined]>([
    [5, 5],
    [50, 50],
    [undefined, 10],
    [Number.POSITIVE_INFINITY, undefined],
  ])('a lease of %s ms stands before the heartbeatTimeout of 10', async (leaseMs, failsAfter) => {
    const { clock, events, review } = await begin({ heartbeatTimeout: 10 });
    review.claim('ann', { leaseMs });
    await clock.advance(1_000);
    const failed = events.find((event) => event.type === 'task.transition' && event.to === 'failed');
    expect(failed?.at).toBe(failsAfter);
  });

  test('none is waited for before a claim, nor after the attempt', async () => {
    const { clock, review } = await begin({ heartbeatTimeout: 10 });
    await clock.advance(1_000);
    expect([review.state, clock.pending()]).toEqual(['ready', 0]);
    review.claim('ann');
    expect(clock.pending()).toBe(1);
    review.complete();
    expect(clock.pending()).toBe(0);
  });

  test('a late one does not bring a lost attempt back', async () => {
    const { clock, review } = await begin({ heartbeatTimeout: 10, maxRetries: 1 });
    const token = review.claim('ann');
    await clock.advance(10);
    const other = review.claim('bob');
    expect(() => review.heartbeat(token)).toThrow(refused('STALE_TOKEN'));
    review.complete({ by: 'bob' }, other);
    expect(review.state).toBe('completed');
  });
});

describe('paused time counts towards no heartbeat, timeout or deadline', () => {
  const limits = [
    ['heartbeatTimeout', 'heartbeat'],
    ['timeout', 'timeout'],
    ['deadline', 'deadline'],
  ] as const;

  test.each(limits)('of the task: %s', async (limit, reason) => {
    const { clock, lines, review } = await begin({ [limit]: 10 });
    const token = review.claim('ann');
    await clock.advance(4);
    review.pause('ann', token);
    await clock.advance(100);
    expect(review.state).toBe('paused');
    review.resume();
    await clock.advance(5);
    expect(review.state).toBe('running');
    await clock.advance(1);
    expect(lines.at(-1)).toBe(`110 review running>failed #1 ${reason}`);
  });

  test.each(limits)('of the job: %s', async (limit, reason) => {
    const { clock, job, lines, review } = await begin({ [limit]: 10 });
    review.claim('ann');
    await clock.advance(4);
    job.pause('bob');
    await clock.advance(100);
    expect(review.state).toBe('running');
    job.resume();
    await clock.advance(6);
    expect(lines.at(-1)).toBe(`110 review running>failed #1 ${reason}`);
  });

  test('a heartbeat in a paused job starts no lease that runs on', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 10 });
    const token = review.claim('ann');
    job.pause();
    await clock.advance(5);
    review.heartbeat(token);
    await clock.advance(100);
    expect(review.state).toBe('running');
    job.resume();
    await clock.advance(9);
    expect(review.state).toBe('running');
    await clock.advance(1);
    expect(review.state).toBe('failed');
  });

  test('nor does a claim that a subscriber answers with a pause', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 10, timeout: 20 });
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') job.pause();
    });
    review.claim('ann');
    await clock.advance(100);
    expect([job.state, review.state]).toEqual(['paused', 'running']);
  });

  test('who has claimed it may complete it while it is paused', async () => {
    const { lines, review } = await begin();
    const token = review.claim('ann');
    review.pause('bob');
    review.complete({}, token);
    expect(lines.slice(3)).toEqual([
      '0 review ready>running #1 claimed by ann',
      '0 review running>paused #1 bob',
      '0 review paused>running #1',
      '0 review running>completed #1',
    ]);
  });

  test('and may go on and complete it in a paused job', async () => {
    const { job, review } = await begin({ heartbeatTimeout: 10 });
    const token = review.claim('ann');
    job.pause();
    review.progress(0.5, undefined, token);
    review.complete({}, token);
    expect([review.state, job.state]).toEqual(['completed', 'paused']);
  });
});

describe('what is repeated with the token that ended the attempt', () => {
  type Given = Awaited<ReturnType<typeof begin>>;
  type Call = (task: TaskHandle, token: string) => unknown;

  const ENDED: Readonly<
    Record<string, { options: ExternalOptions; first: Call; again: Call; others: readonly Call[] }>
  > = {
    'an output': {
      options: {},
      first: (task, token) => task.complete({ pages: 3, by: { name: 'ann' } }, token),
      again: (task, token) => task.complete({ by: { name: 'ann' }, pages: 3 }, token),
      others: [
        (task, token) => task.complete({ pages: 4, by: { name: 'ann' } }, token),
        (task, token) => task.complete(undefined, token),
        (task, token) => task.complete('none' as never, token),
        (task, token) => task.complete(notReady('later'), token),
        (task, token) => task.fail('coffee', token),
        (task, token) => task.release(token),
      ],
    },
    'no output': {
      options: {},
      first: (task, token) => task.complete(undefined, token),
      again: (task, token) => task.complete(undefined, token),
      others: [(task, token) => task.complete({}, token)],
    },
    'an output that a schema changes': {
      options: { output: z.object({ pages: z.string().transform(Number) }) },
      first: (task, token) => task.complete({ pages: '3' }, token),
      again: (task, token) => task.complete({ pages: '3' }, token),
      others: [
        (task, token) => task.complete({ pages: '4' }, token),
        (task, token) => task.complete({ pages: 3 }, token),
      ],
    },
    'not ready': {
      options: {},
      first: (task, token) => task.complete(notReady('on holiday'), token),
      again: (task, token) => task.complete(notReady('on holiday'), token),
      others: [(task, token) => task.complete(notReady('ill'), token), (task, token) => task.complete({}, token)],
    },
    'a failure for good': {
      options: {},
      first: (task, token) => task.fail(new RangeError('coffee'), token),
      again: (task, token) => task.fail(new RangeError('coffee'), token),
      others: [
        (task, token) => task.fail(new Error('coffee'), token),
        (task, token) => task.fail(new RangeError('tea'), token),
        (task, token) => task.complete({}, token),
      ],
    },
    'a failure whose retry waits': {
      options: { maxRetries: 1, retry: { delayMs: 1_000 } },
      first: (task, token) => task.fail('coffee', token),
      again: (task, token) => task.fail('coffee', token),
      others: [(task, token) => task.fail('tea', token), (task, token) => task.complete({}, token)],
    },
    'a failure that is ready again': {
      options: { maxRetries: 1 },
      first: (task, token) => task.fail('coffee', token),
      again: (task, token) => task.fail('coffee', token),
      others: [(task, token) => task.fail('tea', token), (task, token) => task.release(token)],
    },
    'a failure that waits for a person': {
      options: { onExhausted: 'pause' },
      first: (task, token) => task.fail('coffee', token),
      again: (task, token) => task.fail('coffee', token),
      others: [(task, token) => task.fail('tea', token)],
    },
    'a release': {
      options: {},
      first: (task, token) => task.release(token, 'shuts down'),
      again: (task, token) => task.release(token, 'shuts down'),
      others: [(task, token) => task.release(token), (task, token) => task.fail('coffee', token)],
    },
  };

  const heldBack = ({ lines, review }: Given) => [lines.length, review.state, review.attempts, review.error];

  describe.each(Object.entries(ENDED))('%s', (_, { options, first, again, others }) => {
    test('is answered as before, and changes nothing; anything else is stale', async () => {
      const given = await begin(options);
      const { review } = given;
      const token = review.claim('ann');
      first(review, token);
      const before = heldBack(given);
      expect(again(review, token)).toBeUndefined();
      for (const other of others) expect(() => other(review, token)).toThrow(refused('STALE_TOKEN'));
      for (const call of [again, ...others]) expect(() => call(review, 'another')).toThrow(refused('STALE_TOKEN'));
      expect(heldBack(given)).toEqual(before);
    });

    test('is answered once it is stored, also when the job is over', async () => {
      const journal = memoryJournal();
      const { job, review } = await begin(options, { journal }, []);
      const token = review.claim('ann');
      void first(review, token);
      await expect(again(review, token)).resolves.toBeUndefined();
      if (['completed', 'failed', 'notReady'].includes(review.state)) await job;
      const stored = (await journal.events(job.id, 0)).length;
      await expect(again(review, token)).resolves.toBeUndefined();
      for (const other of others) expect(() => other(review, token)).toThrow(refused('STALE_TOKEN'));
      expect(await journal.events(job.id, 0)).toHaveLength(stored);
    });

    test('is stale once the task is claimed again', async () => {
      const given = await begin(options);
      const { review } = given;
      const token = review.claim('ann');
      first(review, token);
      if (['completed', 'notReady'].includes(review.state)) return;
      if (review.state !== 'ready') review.retry();
      review.claim('bob');
      expect(() => again(review, token)).toThrow(refused('STALE_TOKEN'));
      expect(review.worker).toBe('bob');
    });
  });

  test('counts once where two complete alike at the same time', async () => {
    const output = z.object({ verdict: z.string().refine(async () => true) });
    const { review, events } = await begin({ output });
    const token = review.claim('ann');
    const both = [review.complete({ verdict: 'fine' }, token), review.complete({ verdict: 'fine' }, token)];
    expect(await Promise.all(both)).toEqual([undefined, undefined]);
    const ends = events.filter((event) => event.type === 'task.transition' && event.to === 'completed');
    expect(ends).toHaveLength(1);
    await expect(review.complete({ verdict: 'bad' }, token)).rejects.toEqual(refused('STALE_TOKEN'));
  });

  test('is not what ended an attempt before: the same error again is stale after a release', async () => {
    const { clock, review } = await begin({ maxRetries: 1, heartbeatTimeout: 10, onMissedHeartbeat: 'release' });
    review.fail('coffee', review.claim('ann'));
    const bobs = review.claim('bob');
    await clock.advance(10);
    expect(() => review.fail('coffee', bobs)).toThrow(refused('STALE_TOKEN'));
    expect(() => review.release(bobs)).toThrow(refused('STALE_TOKEN'));
  });

  test('is not what a later attempt came to, that nobody claimed', async () => {
    const { review } = await begin({ maxRetries: 1 });
    const token = review.claim('ann');
    review.fail('coffee', token);
    review.complete({ pages: 3 });
    expect(() => review.complete({ pages: 3 }, token)).toThrow(refused('STALE_TOKEN'));
    expect(() => review.fail('coffee', token)).toThrow(refused('STALE_TOKEN'));
  });

  test('is not what a cancel ended', async () => {
    const { job, review } = await begin({}, {}, []);
    const token = review.claim('ann');
    await job.cancel();
    expect(() => review.complete(undefined, token)).toThrow(refused('INVALID_STATE'));
  });

  test('is answered in a nested job that is over', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner').external('sign').seal();
    const job = defineJob('outer').job('contract', {}, inner).external('rest').start({}, { clock });
    await clock.advance(0);
    const sign = job.task('contract/sign');
    const token = sign.claim('ann');
    sign.complete({ by: 'ann' }, token);
    await clock.advance(0);
    expect(job.task('contract').state).toBe('completed');
    expect(sign.complete({ by: 'ann' }, token)).toBeUndefined();
    expect(() => sign.complete({ by: 'bob' }, token)).toThrow(refused('STALE_TOKEN'));
  });
});

describe('a missed heartbeat that releases', () => {
  const RELEASES = { heartbeatTimeout: 10, onMissedHeartbeat: 'release' } as const;

  test('makes the task ready for the next, uses up no retry, and fences off the first', async () => {
    const { clock, job, lines, events, review } = await begin({ ...RELEASES, owner: 'legal' }, {}, []);
    const anns = review.claim('ann');
    await clock.advance(10);
    expect([review.state, review.worker, review.leaseEndsAt]).toEqual(['ready', undefined, undefined]);
    expect(() => review.heartbeat(anns)).toThrow(refused('STALE_TOKEN'));
    const bobs = review.claim('bob');
    expect(() => review.complete({ by: 'ann' }, anns)).toThrow(refused('STALE_TOKEN'));
    review.complete({ by: 'bob' }, bobs);
    const { state, ctx, tasks } = await job;
    expect([state, ctx, tasks.review?.attempts]).toEqual(['completed', { by: 'bob' }, 2]);
    expect(lines.slice(2, 5)).toEqual([
      '0 review ready>running #1 claimed by ann',
      '10 review running>ready #1 heartbeat',
      '10 review ready>running #2 claimed by bob',
    ]);
    expect(events.find(({ at, type }) => at === 10 && type === 'task.transition')).toMatchObject({ owner: 'legal' });
  });

  test('leaves its retries to failures', async () => {
    const { clock, review } = await begin({ ...RELEASES, maxRetries: 1 });
    for (const worker of ['ann', 'bob']) {
      review.claim(worker);
      await clock.advance(10);
    }
    review.fail('coffee', review.claim('cleo'));
    expect(review.state).toBe('ready');
    review.fail('tea', review.claim('dan'));
    expect([review.state, review.attempts]).toEqual(['failed', 4]);
  });

  test.each([
    ['of its own', { maxInterruptions: 2 }, {}, 2],
    ['of its job', {}, { maxInterruptions: 1 }, 1],
    ['by default', {}, {}, 10],
    ['of none', { maxInterruptions: 0 }, {}, 0],
  ])('fails the task after as many as maxInterruptions allows, %s', async (_, own, options, most) => {
    const { clock, lines, review } = await begin({ ...RELEASES, maxRetries: 3, ...own }, options);
    for (let lost = 0; lost < most; lost++) {
      review.claim('ann');
      await clock.advance(10);
    }
    expect(review.state).toBe('ready');
    review.claim('bob');
    await clock.advance(10);
    expect(lines.at(-1)).toMatch(new RegExp(`review running>failed #${most + 1} heartbeat$`));
    expect(review.error?.code).toBe('TASK_INTERRUPTED');
    const times = most === 0 ? 'once' : `${most + 1} times`;
    expect(review.error?.message).toContain(`was interrupted ${times}, the last time in attempt ${most + 1}`);
    expect(review.error?.message).toContain('nothing was heard of bob for 10 ms');
    expect(review.error?.message).toContain('maxInterruptions (in a workflow file max_interruptions) allows more');
  });

  test('counts anew when a person tries the task again', async () => {
    const { clock, review } = await begin({ ...RELEASES, maxInterruptions: 1 });
    for (const state of ['ready', 'failed', 'ready', 'failed']) {
      if (review.state === 'failed') review.retry();
      review.claim('ann');
      await clock.advance(10);
      expect(review.state).toBe(state);
    }
  });

  test('keeps the deadline, and starts the timeout of an attempt anew', async () => {
    const { clock, lines, review } = await begin({ ...RELEASES, deadline: 25, timeout: 12 });
    review.claim('ann');
    await clock.advance(10);
    review.claim('bob');
    await clock.advance(5);
    review.heartbeat();
    await clock.advance(6);
    expect(review.state).toBe('running');
    const other = await begin({ ...RELEASES, deadline: 25 });
    other.review.claim('ann');
    await other.clock.advance(25);
    expect(other.lines.at(-1)).toBe('25 review ready>failed #1 deadline');
    await clock.advance(1);
    expect(lines.at(-1)).toBe('22 review running>failed #2 timeout');
  });

  test('in a job that is ending cancels the task, so that the end does not wait', async () => {
    const { clock, job, lines, review } = await begin(RELEASES, {}, []);
    review.claim('ann');
    void job.cancel('enough', { mode: 'drain' });
    await clock.advance(10);
    expect(lines.slice(-2)).toEqual(['10 review running>cancelled #1 jobCancelled', '10 JOB running>cancelled']);
  });

  test('holds in a nested job too', async () => {
    const clock = virtualClock();
    const inner = defineJob('inner').external('sign', RELEASES).seal();
    const job = defineJob('outer').job('contract', {}, inner).start({}, { clock });
    await clock.advance(0);
    const sign = job.task('contract/sign');
    sign.claim('ann');
    await clock.advance(10);
    sign.complete({ by: 'bob' }, sign.claim('bob'));
    expect((await job).ctx).toEqual({ contract: { by: 'bob' } });
  });
});

describe('a release', () => {
  test('returns the task: it is ready for the next, uses up no retry, and the token is stale', async () => {
    const { job, lines, review, clock } = await begin({ heartbeatTimeout: 10 }, {}, []);
    const anns = review.claim('ann');
    review.release(anns, 'shuts down');
    expect([review.state, review.worker, clock.pending()]).toEqual(['ready', undefined, 0]);
    for (const command of Object.values(COMMANDS)) expect(() => command(review, anns)).toThrow(refused('STALE_TOKEN'));
    review.complete({ by: 'bob' }, review.claim('bob'));
    expect((await job).state).toBe('completed');
    expect(lines.slice(2, 5)).toEqual([
      '0 review ready>running #1 claimed by ann',
      '0 review running>ready #1 released: shuts down',
      '0 review ready>running #2 claimed by bob',
    ]);
  });

  test('does not count towards maxInterruptions, whatever its reason', async () => {
    const { lines, review } = await begin({ maxInterruptions: 0, maxRetries: 1 });
    for (const reason of [undefined, 'heartbeat', 'interrupted']) review.release(review.claim('ann'), reason);
    expect([review.state, review.attempts]).toEqual(['ready', 3]);
    expect(lines.filter((line) => line.includes('running>ready'))).toEqual([
      '0 review running>ready #1 released',
      '0 review running>ready #2 released: heartbeat',
      '0 review running>ready #3 released: interrupted',
    ]);
    review.fail('coffee', review.claim('ann'));
    expect(review.state).toBe('ready');
  });

  test('is for the program too, which needs no token', async () => {
    const { review } = await begin();
    review.claim('ann');
    review.release();
    expect(review.state).toBe('ready');
  });

  test('leaves a paused task paused, by whom it was', async () => {
    const { clock, job, lines, review } = await begin({ deadline: 10, heartbeatTimeout: 5 });
    const token = review.claim('ann');
    review.pause('bob');
    let claimed: unknown;
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition' || event.to !== 'ready') return;
      claimed ??= caught(() => review.claim('cleo'));
    });
    review.release(token);
    expect(claimed).toEqual(refused('INVALID_STATE'));
    expect(lines.slice(-3)).toEqual([
      '0 review paused>running #1',
      '0 review running>ready #1 released',
      '0 review ready>paused #1 bob',
    ]);
    await clock.advance(100);
    expect(review.state).toBe('paused');
    review.resume();
    expect([review.state, review.claim('cleo')]).toEqual(['ready', expect.any(String)]);
  });

  test('leaves the task to nobody while its job is paused', async () => {
    const { job, review } = await begin();
    const token = review.claim('ann');
    job.pause();
    review.release(token);
    expect(review.state).toBe('ready');
    expect(() => review.claim('bob')).toThrow(refused('INVALID_STATE'));
    job.resume();
    expect(review.claim('bob')).toEqual(expect.any(String));
  });

  test('in a job that is ending cancels the task', async () => {
    const { job, review } = await begin({}, {}, []);
    const token = review.claim('ann');
    void job.cancel('enough', { mode: 'drain' });
    review.release(token);
    expect((await job).tasks.review?.state).toBe('cancelled');
  });

  test('is refused where nobody works on the task', async () => {
    const { job, review } = await begin({}, {}, [{ name: 'print', run: () => {} }]);
    expect(() => review.release()).toThrow(refused('INVALID_STATE'));
    expect(() => review.release('never given')).toThrow(refused('STALE_TOKEN'));
    expect(() => (job.task('print') as TaskHandle).release()).toThrow(refused('NOT_EXTERNAL'));
    review.complete();
    expect(() => review.release()).toThrow(refused('INVALID_STATE'));
  });

  test('is stored when its promise resolves', async () => {
    const journal = memoryJournal();
    const { review, job } = await begin({}, { journal });
    await review.release(review.claim('ann'));
    const stored = await journal.events(job.id, 0);
    expect(JSON.parse(stored.at(-1)?.data ?? '')).toMatchObject({ to: 'ready', reason: 'released' });
  });
});

const caught = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('what it is completed with', () => {
  const verdict = z.object({ verdict: z.string().trim() });

  test.each([
    null,
    [],
    'fine',
    5,
    true,
    new Map(),
    () => {},
  ])('is refused if it is no plain object: %s', async (output) => {
    const { review, lines } = await begin();
    const token = review.claim('ann');
    expect(() => review.complete(output as object, token)).toThrow(/expected a plain object, or nothing/);
    expect(() => review.complete(output as object, token)).toThrow(
      expect.objectContaining({ name: 'SchemaError', code: 'INVALID_OUTPUT', value: output }),
    );
    expect(review.state).toBe('running');
    review.complete({}, token);
    expect(lines.at(-1)).toBe('0 review running>completed #1');
  });

  test('is refused if it can not be read, and changes nothing', async () => {
    const { review } = await begin();
    const trap = {
      get verdict(): string {
        throw new Error('trap');
      },
    };
    expect(() => review.complete(trap)).toThrow(expect.objectContaining({ code: 'INVALID_OUTPUT' }));
    expect(review.state).toBe('ready');
  });

  test('is checked by the schema: the transformed value is merged, a violation changes nothing', async () => {
    const { job, review, lines } = await begin({ output: verdict, maxRetries: 3 }, {}, []);
    const token = review.claim('ann');
    const before = lines.length;
    expect(() => review.complete({ verdict: 5 }, token)).toThrow(
      expect.objectContaining({ code: 'INVALID_OUTPUT', violations: [expect.objectContaining({ path: 'verdict' })] }),
    );
    expect(() => review.complete(undefined, token)).toThrow(expect.objectContaining({ code: 'INVALID_OUTPUT' }));
    expect([lines.length, review.state]).toEqual([before, 'running']);
    review.complete({ verdict: ' fine ' }, token);
    expect((await job).ctx).toEqual({ verdict: 'fine' });
  });

  const slow = z.object({ verdict: z.string().refine(async (text) => text !== 'no') });

  test('is merged once a schema that answers later has answered', async () => {
    const { job, review } = await begin({ output: slow }, {}, []);
    const done = review.complete({ verdict: 'fine' });
    expect(review.state).toBe('ready');
    await done;
    expect((await job).ctx).toEqual({ verdict: 'fine' });
  });

  test('is refused by a promise where such a schema refuses it', async () => {
    const { review } = await begin({ output: slow });
    await expect(review.complete({ verdict: 'no' })).rejects.toMatchObject({ code: 'INVALID_OUTPUT' });
    expect(review.state).toBe('ready');
  });

  test('comes too late if the attempt has ended meanwhile', async () => {
    const { clock, job, review } = await begin({ output: slow, maxRetries: 1, heartbeatTimeout: 10 });
    const token = review.claim('ann');
    const done = review.complete({ verdict: 'fine' }, token);
    const outcome = expect(done).rejects.toMatchObject({ code: 'STALE_TOKEN' });
    review.fail('x', token);
    await clock.advance(0);
    await outcome;
    expect([review.state, job.ctx]).toEqual(['ready', {}]);
  });

  test('counts once where two complete at the same time', async () => {
    const { review, events } = await begin({ output: slow });
    const token = review.claim('ann');
    const both = await Promise.allSettled([
      review.complete({ verdict: 'one' }, token),
      review.complete({ verdict: 'two' }, token),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const outputs = events.flatMap((event) => (event.type === 'task.transition' ? (event.output ?? []) : []));
    expect(outputs).toEqual([{ verdict: 'one' }]);
  });

  test('is not merged if the job is cancelled as the task begins to run', async () => {
    const { job, review } = await begin();
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') void job.cancel();
    });
    expect(() => review.complete({ verdict: 'fine' })).toThrow(refused('INVALID_STATE'));
    expect(await job).toMatchObject({ state: 'cancelled', ctx: {} });
  });
});

describe('the time limits of an external task', () => {
  test('the deadline counts from ready, claimed or not', async () => {
    const { clock, lines, review } = await begin({ deadline: 10, maxRetries: 5 });
    await clock.advance(6);
    review.claim('ann');
    await clock.advance(4);
    expect(lines.at(-1)).toBe('10 review running>failed #1 deadline');
    const other = await begin({ deadline: 10 });
    await other.clock.advance(10);
    expect(other.lines.at(-1)).toBe('10 review ready>failed #0 deadline');
  });

  test('the timeout counts from the claim, for each attempt', async () => {
    const { clock, lines, review } = await begin({ timeout: 10, maxRetries: 1 });
    await clock.advance(100);
    review.claim('ann');
    await clock.advance(10);
    review.claim('ann');
    await clock.advance(10);
    expect(lines.slice(3)).toEqual([
      '100 review ready>running #1 claimed by ann',
      '110 review running>retrying #1 timeout',
      '110 review retrying>ready #1',
      '110 review ready>running #2 claimed by ann',
      '120 review running>failed #2 timeout',
    ]);
  });

  test('are all gone when it is completed', async () => {
    const { clock, review } = await begin({ timeout: 10, deadline: 20, heartbeatTimeout: 5 });
    review.complete({}, review.claim('ann'));
    expect(clock.pending()).toBe(0);
  });
});

describe('a cancel', () => {
  test.each(['abort', 'drain'] as const)('%s ends a task that nobody has claimed at once', async (mode) => {
    const { clock, job, lines } = await begin({ deadline: 100 }, {}, []);
    void job.cancel('enough', { mode });
    await job;
    expect(lines.slice(-2)).toEqual(['0 review ready>cancelled #0 jobCancelled', '0 JOB running>cancelled']);
    expect(clock.pending()).toBe(0);
  });

  test('abort ends a claimed one at once, without waiting out the grace', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 5 }, { graceMs: 1_000 }, []);
    review.claim('ann');
    await job.cancel('enough');
    expect([review.state, clock.now(), clock.pending()]).toEqual(['cancelled', 0, 0]);
  });

  test('drain waits for a claimed one, whose output counts', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 50 });
    const token = review.claim('ann');
    void job.cancel('enough', { mode: 'drain' });
    await clock.advance(40);
    review.heartbeat(token);
    review.complete({ verdict: 'fine' }, token);
    expect(await job).toMatchObject({ state: 'cancelled', ctx: { verdict: 'fine' } });
  });

  test('drain lets one go that was paused while it ran: its heartbeat counts again', async () => {
    const { clock, job, review, lines } = await begin({ heartbeatTimeout: 50 }, {}, []);
    review.claim('ann');
    await clock.advance(10);
    review.pause();
    await clock.advance(100);
    void job.cancel('enough', { mode: 'drain' });
    await clock.runAll();
    expect(job.state).toBe('cancelled');
    expect(lines.slice(-3)).toEqual([
      '110 review paused>running #1',
      '150 review running>failed #1 heartbeat',
      '150 JOB running>cancelled',
    ]);
  });

  test('drain waits no longer than for its heartbeat, and does not retry', async () => {
    const { clock, job, review } = await begin({ heartbeatTimeout: 50, maxRetries: 5 });
    review.claim('ann');
    void job.cancel('enough', { mode: 'drain' });
    await clock.advance(50);
    expect([job.state, review.state, review.reason]).toEqual(['cancelled', 'failed', 'heartbeat']);
  });
});

describe('nothing that nobody has begun is begun', () => {
  test.each<[string, (task: TaskHandle) => unknown]>([
    ['claim', (task) => task.claim('ann')],
    ['complete', (task) => task.complete({ late: true })],
    ['fail', (task) => task.fail(new Error('x'))],
  ])('%s once the job is ending, within the event in which another is cancelled', async (_, command) => {
    const { job, lines } = await begin();
    let thrown: unknown;
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition' || event.task !== 'review' || event.to !== 'cancelled') return;
      try {
        command(job.task('rest'));
      } catch (error) {
        thrown = error;
      }
    });
    const { state, ctx } = await job.cancel();
    expect(thrown).toEqual(refused('INVALID_STATE'));
    expect([state, ctx]).toEqual(['cancelled', {}]);
    expect(lines.filter((line) => line.includes('rest'))).toEqual([
      '0 rest unscheduled>ready #0',
      '0 rest ready>cancelled #0 jobCancelled',
    ]);
  });

  test('claim of one that is held, within the event in which it becomes ready', async () => {
    const { clock, job, review } = await begin({ dependsOn: ['rest'] });
    review.pause('bob');
    let thrown: unknown;
    job.events$.subscribe((event) => {
      if (event.type !== 'task.transition' || event.task !== 'review' || event.to !== 'ready') return;
      try {
        review.claim('ann');
      } catch (error) {
        thrown = error;
      }
    });
    job.task('rest').complete();
    await clock.advance(0);
    expect([review.state, thrown]).toEqual(['paused', refused('INVALID_STATE')]);
  });
});

describe('refused definitions', () => {
  const itself: { self?: unknown } = {};
  itself.self = itself;
  test.each<[object, RegExp]>([
    [{ heartbeatTimeout: 0 }, /heartbeatTimeout = 0/],
    [{ onMissedHeartbeat: 'retry' }, /expected one of "fail", "release"/],
    [{ owner: '' }, /owner = "": expected text of 1 to 200 characters/],
    [{ owner: ' ' }, /owner = " "/],
    [{ owner: 'x'.repeat(201) }, /expected text of 1 to 200 characters/],
    [{ owner: 5 }, /owner = 5/],
    [{ data: new Date(0) }, /expected plain JSON/],
    [{ data: { when: [new Map()] } }, /expected plain JSON/],
    [{ data: Number.NaN }, /data = NaN: expected plain JSON/],
    [{ data: [undefined] }, /expected plain JSON/],
    [{ data: () => {} }, /expected plain JSON/],
    [{ data: itself }, /expected plain JSON/],
    [{ pool: 'db' }, /no option "pool"/],
    [{ interval: 5 }, /no option "interval"/],
  ])('%j', (options, message) => {
    expect(() => jobFrom('papers', [{ kind: 'external', name: 'review', ...options }])).toThrow(message);
  });
});
