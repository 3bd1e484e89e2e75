import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  type AnyDefinition,
  branch,
  createEngine,
  defineJob,
  type EngineOptions,
  expand,
  type Job,
  type JobEvent,
  type Journal,
  memoryJournal,
  notReady,
  type StartOptions,
  type TakeUpOptions,
} from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';

/** Lets all that follows from what has happened happen, but for what waits for time. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
};

const heard = (job: Pick<Job, 'events$'>): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};

const inWords = (events: readonly JobEvent[]): string[] =>
  events.flatMap((event) => {
    if (event.type === 'task.transition') return `${event.task} ${event.to}${event.reason ? `: ${event.reason}` : ''}`;
    return event.type === 'job.transition' ? `job ${event.to}` : event.type;
  });

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

/** A job of the id `one` in a process that can be made to die. */
const begun = (definition: AnyDefinition, options: EngineOptions & { readonly start?: StartOptions } = {}) => {
  const { journal: store = memoryJournal(), start, ...others } = options;
  const process = mortal(store);
  const engine = createEngine({ ...others, journal: process.journal });
  const job = engine.start(definition as never, {} as never, { jobId: 'one', ...start }) as unknown as Job;
  return { store, engine, job, die: process.die };
};

/** The same job in a process that comes after. */
const resumed = (
  store: Journal,
  definition: AnyDefinition,
  { clock, ...options }: TakeUpOptions & { readonly clock?: VirtualClock } = {},
): Promise<{ readonly job: Job }> =>
  createEngine({ journal: store, definitions: [definition], clock }).resume('one', options);

/** How it ends there. */
const ended = async (...given: Parameters<typeof resumed>): Promise<Awaited<Job>> => (await resumed(...given)).job;

describe('a job whose process died', () => {
  test('goes on with what had not completed, in the context of what had', async () => {
    const ran: string[] = [];
    let alive = true;
    const etl = defineJob('etl')
      .task('extract', () => {
        ran.push('extract');
        return { at: new Date(7), rows: new Map([['a', 1n]]) };
      })
      .task('load', { dependsOn: ['extract'] }, async ({ ctx, deps, attempt }) => {
        ran.push(`load ${attempt}`);
        if (alive) await hang();
        return { loaded: [ctx.at, ctx.rows.get('a'), deps.extract.at] };
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    const events = heard(job);
    const { state, ctx, tasks } = await job;
    expect([state, (ctx as { loaded?: unknown }).loaded]).toEqual(['completed', [new Date(7), 1n, new Date(7)]]);
    expect(ran).toEqual(['extract', 'load 1', 'load 2']);
    expect(tasks.load).toMatchObject({ attempts: 2 });
    expect(inWords(events)).toEqual([
      'job.resumed',
      'load retrying: interrupted',
      'load ready',
      'load running',
      'load completed',
      'job completed',
    ]);
    expect((await store.events('one')).map(({ seq }) => seq)).toEqual([...Array(events.length + 6).keys()]);
  });

  test('goes on from a database as from memory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
    try {
      let alive = true;
      const etl = defineJob('etl')
        .map('fetch', { over: ['a', 'b', 'c'] }, async ({ item }) => {
          if (alive && item === 'b') await hang();
          return item.toUpperCase();
        })
        .seal();
      const first = sqliteJournal(join(folder, 'jobs.db'));
      const { die } = begun(etl, { journal: first });
      await turns();
      die();
      alive = false;
      const second = sqliteJournal(join(folder, 'jobs.db'));
      const { ctx, state } = await await ended(second, etl);
      expect([state, ctx]).toEqual(['completed', { fetch: ['A', 'B', 'C'] }]);
      await first.close();
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('uses up no retry by that', async () => {
    let alive = true;
    const attempts: number[] = [];
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1 }, async ({ attempt }) => {
        attempts.push(attempt);
        if (alive) await hang();
        if (attempt < 3) throw new Error('busy');
        return { loaded: attempt };
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { state, ctx } = await await ended(store, etl);
    expect([state, ctx, attempts]).toEqual(['completed', { loaded: 3 }, [1, 2, 3]]);
  });

  test('fails a task that dies with its process too often', async () => {
    const ran: number[] = [];
    const etl = defineJob('etl')
      .task('load', { maxRetries: 5, maxInterruptions: 2 }, async ({ attempt }) => {
        ran.push(attempt);
        await hang();
      })
      .seal();
    const store = memoryJournal();
    begun(etl, { journal: mortal(store, { appends: 1 }).journal });
    await turns();
    for (const _ of [1, 2]) {
      const process = mortal(store);
      await resumed(process.journal, etl);
      await turns();
      process.die();
    }
    const { state, tasks, error } = await await ended(store, etl);
    expect([state, ran]).toEqual(['failed', [1, 2, 3]]);
    expect(tasks.load).toMatchObject({ state: 'failed', attempts: 3, reason: 'interrupted' });
    expect(tasks.load?.error?.code).toBe('TASK_INTERRUPTED');
    expect(error?.message).toContain('was interrupted 3 times, the last time in attempt 3');
  });

  test('hands the last checkpoint and the same idempotency key to the next attempt', async () => {
    let alive = true;
    const seen: unknown[] = [];
    const etl = defineJob('etl')
      .task('load', async ({ checkpoint, idempotencyKey }) => {
        seen.push([idempotencyKey, checkpoint.last]);
        await checkpoint.save({ page: 4, at: new Date(9) });
        if (alive) await hang();
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    await await ended(store, etl);
    expect(seen).toEqual([
      ['one/load', undefined],
      ['one/load', { page: 4, at: new Date(9) }],
    ]);
  });

  test('is answered as it ended once it is over, and as it is while it runs in this process', async () => {
    const etl = defineJob('etl')
      .task('extract', () => ({ rows: 3 }))
      .task('load', { dependsOn: ['extract'], continueOnFailure: true }, () => {
        throw new RangeError('too many');
      })
      .seal();
    const { store, engine, job } = begun(etl);
    expect((await engine.resume('one')).job).toBe(job);
    const first = await job;
    const again = await await ended(store, etl);
    expect(again.ctx).toEqual({ rows: 3 });
    expect([again.state, again.startedAt, again.durationMs]).toEqual([first.state, first.startedAt, first.durationMs]);
    expect(again.tasks.load).toMatchObject({ state: 'failed', attempts: 1, reason: 'error' });
    expect(again.tasks.load?.error).toMatchObject({ code: 'TASK_FAILED', message: first.tasks.load?.error?.message });
    expect(again.tasks.load?.error?.cause).toMatchObject({ name: 'RangeError', message: 'too many' });
    expect(again.errors.map(({ tolerated }) => tolerated)).toEqual([true]);
  });

  test('that is not known, or whose definition is not, is refused', async () => {
    const etl = defineJob('etl').task('load', hang).seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const engine = createEngine({ journal: store });
    await expect(engine.resume('two')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    await expect(engine.resume('one')).rejects.toMatchObject({ code: 'UNKNOWN_DEFINITION' });
    expect((await store.job('one'))?.lease?.pid).toBe(2 ** 22 + 1);
  });
});

describe('times of a job whose process died', () => {
  test('a retry comes when it was due: the time without a process counts', async () => {
    const clock = virtualClock(1_000);
    const ran: number[] = [];
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1, retry: { delayMs: 500 } }, ({ attempt }) => {
        ran.push(clock.now());
        if (attempt === 1) throw new Error('busy');
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await clock.advance(0);
    await turns();
    die();
    await clock.advance(200);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('load').state).toBe('retrying');
    expect(job.explain('load')[0]?.reasons[0]).toMatchObject({ kind: 'retry', at: 1_500, attempt: 2 });
    await clock.advance(299);
    expect(ran).toEqual([1_000]);
    await clock.advance(1);
    expect((await job).state).toBe('completed');
    expect(ran).toEqual([1_000, 1_500]);
  });

  test('a retry that fell due meanwhile comes at once', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1, retry: { delayMs: 500 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(10_000);
    expect((await await ended(store, etl, { clock })).state).toBe('completed');
    expect(clock.now()).toBe(11_000);
  });

  test('a sensor looks again when it was due, and keeps count of its looks', async () => {
    const clock = virtualClock(1_000);
    const looks: number[] = [];
    const etl = defineJob('etl')
      .sensor('file', { interval: 100 }, () => {
        looks.push(clock.now());
        return looks.length === 3;
      })
      .seal();
    const { store, die } = begun(etl, { clock });
    await clock.advance(0);
    await turns();
    die();
    await clock.advance(60);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('file')).toMatchObject({ state: 'polling', polls: 1, attempts: 0 });
    await clock.advance(200);
    expect((await job).tasks.file).toMatchObject({ state: 'completed', polls: 2, attempts: 1 });
    expect(looks).toEqual([1_000, 1_100, 1_200]);
  });

  test('waits last no longer than their whole length, though the clock was set back', async () => {
    const late = virtualClock(100_000);
    const etl = defineJob('etl', { timeout: 1_000 })
      .task('load', { maxRetries: 1, retry: { delayMs: 500 }, deadline: 800 }, ({ attempt }) => {
        if (attempt === 1) throw new Error('busy');
        return hang();
      })
      .sensor('file', { interval: 300 }, () => false)
      .seal();
    const { store, die } = begun(etl, { clock: late, start: { onFailure: 'continue' } });
    await turns();
    die();
    const clock = virtualClock(5_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    const ready: string[] = [];
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && ['ready', 'failed'].includes(event.to))
        ready.push(`${event.task} ${event.to} ${event.at}`);
    });
    await clock.advance(1_000);
    expect(ready).toEqual([
      'file ready 5300',
      'load ready 5500',
      'file ready 5600',
      'load failed 5800',
      'file ready 5900',
    ]);
    expect((await job).state).toBe('timedOut');
  });

  test('a deadline goes on from the first time the task was ready', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').task('load', { deadline: 500 }, hang).seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(300);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(199);
    expect(job.task('load').state).toBe('running');
    await clock.advance(1);
    expect((await job).tasks.load).toMatchObject({ state: 'failed', reason: 'deadline', attempts: 2 });
  });

  test('a deadline that passed meanwhile fails the task as the job goes on', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').task('load', { deadline: 500 }, hang).seal();
    const { store, die } = begun(etl, { clock });
    await turns();
    die();
    await clock.advance(900);
    const { job } = await resumed(store, etl, { clock });
    await clock.advance(0);
    await turns();
    expect(job.state).toBe('failed');
    expect((await job).tasks.load?.error?.code).toBe('TASK_DEADLINE');
  });

  test('the job’s time limit goes on, and paused time does not count towards it', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl', { timeout: 1_000 }).external('approve').seal();
    const { store, job: before, die } = begun(etl, { clock });
    await clock.advance(100);
    before.pause('ann');
    await clock.advance(5_000);
    before.resume();
    await clock.advance(300);
    await turns();
    die();
    await clock.advance(200);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(399);
    expect(job.state).toBe('running');
    await clock.advance(1);
    expect((await job).state).toBe('timedOut');
  });

  test('a pause during which the process died counts whole', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl', { timeout: 1_000 }).external('approve', { deadline: 700 }).seal();
    const { store, job: before, die } = begun(etl, { clock, start: { onFailure: 'continue' } });
    await clock.advance(100);
    before.pause('ann');
    await turns();
    die();
    await clock.advance(5_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.state).toBe('paused');
    await clock.advance(5_000);
    job.resume();
    await clock.advance(599);
    expect(job.task('approve').state).toBe('ready');
    await clock.advance(1);
    expect(job.task('approve').state).toBe('failed');
  });
});

describe('an external task whose job’s process died', () => {
  test('goes on in the hands of who claimed it, with the token of then', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000, heartbeatTimeout: 400 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await turns();
    die();
    await clock.advance(300);
    const { job } = await resumed(store, etl, { clock });
    const events = heard(job);
    await turns();
    expect(job.task('approve')).toMatchObject({ state: 'running', attempts: 1, owner: 'ann' });
    await clock.advance(300);
    job.task('approve').heartbeat(token);
    await clock.advance(300);
    expect(() => job.task('approve').claim('bob')).toThrow(expect.objectContaining({ code: 'ALREADY_CLAIMED' }));
    expect(() => job.task('approve').complete({}, 'another')).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    void job.task('approve').complete({ approved: true }, token);
    expect((await job).ctx).toEqual({ approved: true });
    expect(inWords(events)).toEqual(['job.resumed', 'approve completed', 'job completed']);
  });

  test('times out when it would have', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000, maxRetries: 1 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    before.task('approve').claim('ann');
    await turns();
    die();
    await clock.advance(600);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(399);
    expect(job.task('approve').state).toBe('running');
    await clock.advance(1);
    expect(job.task('approve').state).toBe('ready');
    expect(job.task('approve').error?.code).toBe('TASK_TIMEOUT');
    await job.cancel();
  });

  test('waits for somebody to claim it, where nobody had', async () => {
    const etl = defineJob('etl').external('approve').seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const { job } = await resumed(store, etl);
    await turns();
    const token = job.task('approve').claim('bob');
    void job.task('approve').complete({ by: 'bob' }, token);
    expect((await job).ctx).toEqual({ by: 'bob' });
  });

  test('stays paused in the hands of who claimed it', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await clock.advance(100);
    before.task('approve').pause('bob');
    await turns();
    die();
    await clock.advance(10_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('approve').state).toBe('paused');
    expect(job.explain('approve')[0]?.reasons[0]).toMatchObject({ kind: 'paused', by: 'bob' });
    await clock.advance(10_000);
    job.task('approve').resume();
    await clock.advance(899);
    expect(job.task('approve')).toMatchObject({ state: 'running', owner: 'ann' });
    void job.task('approve').complete({ ok: 1 }, token);
    expect((await job).state).toBe('completed');
  });
});

describe('what is nested in a job whose process died', () => {
  test('a nested job goes on with what had not completed in it', async () => {
    let alive = true;
    const ran: string[] = [];
    const inner = defineJob<{ n: number }>('inner')
      .task('a', ({ ctx }) => {
        ran.push('a');
        return { a: ctx.n + 1 };
      })
      .task('b', { dependsOn: ['a'] }, async ({ ctx, attempt }) => {
        ran.push(`b ${attempt}`);
        if (alive) await hang();
        return { b: ctx.a + ctx.n };
      })
      .seal();
    const outer = defineJob('outer')
      .job('inner', { input: () => ({ n: 10 }) }, inner)
      .seal();
    const { store, die } = begun(outer);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, outer);
    const events = heard(job);
    const { ctx, tasks } = await job;
    expect(ctx).toEqual({ inner: { a: 11, b: 21 } });
    expect(ran).toEqual(['a', 'b 1', 'b 2']);
    expect(tasks.inner).toMatchObject({ attempts: 1 });
    expect(inWords(events)[1]).toBe('inner/b retrying: interrupted');
  });

  test('a nested job without an input of its own goes on in the context that it began with', async () => {
    let alive = true;
    const seen: unknown[] = [];
    const inner = defineJob<{ n: number }>('inner')
      .task('a', async ({ ctx }) => {
        seen.push({ ...ctx });
        if (alive) await hang();
        return { a: ctx.n };
      })
      .seal();
    const outer = defineJob('outer')
      .task('first', () => ({ n: 1 }))
      .job('inner', { dependsOn: ['first'] }, inner)
      .external('later', { dependsOn: ['first'] })
      .seal();
    const { store, job: before, die } = begun(outer);
    await turns();
    void before.task('later').complete({ late: true });
    await turns();
    die();
    alive = false;
    expect((await await ended(store, outer)).state).toBe('completed');
    expect(seen).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test('a fan-out runs again those of its instances alone that had not completed, over the items of then', async () => {
    let alive = true;
    const ran: string[] = [];
    const over = vi.fn(async () => ['a', 'b', 'c']);
    const etl = defineJob('etl')
      .map('fetch', { over }, async ({ item, index }) => {
        ran.push(item);
        if (alive && index === 1) await hang();
        return item + index;
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { ctx } = await await ended(store, etl);
    expect(ctx).toEqual({ fetch: ['a0', 'b1', 'c2'] });
    expect(ran).toEqual(['a', 'b', 'c', 'b']);
    expect(over).toHaveBeenCalledTimes(1);
  });

  test('a fan-out whose items can’t be kept begins again', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl')
      .map('fetch', { over: () => [{ name: 'a', open: () => 1 }] }, async ({ item }) => {
        ran.push(item.name);
        if (alive) await hang();
        return item.open();
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    const events = heard(job);
    const { ctx } = await job;
    expect([ctx, ran]).toEqual([{ fetch: [1] }, ['a', 'a']]);
    expect(inWords(events)[1]).toBe('fetch retrying: interrupted');
  });

  test('a nested job whose input can’t be kept begins again', async () => {
    let alive = true;
    const ran: string[] = [];
    const inner = defineJob<{ open: () => number }>('inner')
      .task('a', () => void ran.push('a'))
      .task('b', { dependsOn: ['a'] }, async ({ ctx }) => {
        ran.push('b');
        if (alive) await hang();
        return { b: ctx.open() };
      })
      .seal();
    const outer = defineJob('outer')
      .job('inner', { input: () => ({ open: () => 5 }), output: ({ b }) => ({ b }) }, inner)
      .seal();
    const { store, die } = begun(outer);
    await turns();
    die();
    alive = false;
    const { ctx } = await await ended(store, outer);
    expect([ctx, ran]).toEqual([{ b: 5 }, ['a', 'b', 'a', 'b']]);
  });
});

describe('a job that somebody held up when its process died', () => {
  test('stays paused, and says by whom', async () => {
    const ran: string[] = [];
    const etl = defineJob('etl')
      .external('approve')
      .task('load', () => void ran.push('load'))
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .seal();
    const { store, job: before, die } = begun(etl, { start: { maxConcurrency: 1 } });
    before.pause('ann');
    await turns();
    die();
    const { job } = await resumed(store, etl);
    await turns();
    expect([job.state, ran]).toEqual(['paused', []]);
    expect(job.explain('load')[0]?.reasons).toMatchObject([{ kind: 'paused', by: 'ann', what: 'job' }]);
    job.resume();
    await turns();
    expect(ran).toEqual(['load', 'tell']);
    await job.cancel();
  });

  test('keeps a task on hold that was held before its turn came', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl')
      .task('extract', async () => {
        if (alive) await hang();
      })
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .seal();
    const { store, job: before, die } = begun(etl);
    before.task('load').pause('bob');
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    await turns();
    expect([job.task('load').state, ran]).toEqual(['paused', []]);
    expect(job.explain('load')[0]?.reasons).toMatchObject([{ kind: 'paused', by: 'bob', what: 'task' }]);
    job.task('load').resume();
    expect((await job).state).toBe('completed');
  });

  test('lets a task wait for a person whose retries are used up', async () => {
    let alive = true;
    const etl = defineJob('etl')
      .task('load', { maxRetries: 1, onExhausted: 'pause' }, () => {
        if (alive) throw new Error('no network');
        return { loaded: true };
      })
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    await turns();
    expect(job.task('load')).toMatchObject({ state: 'paused', attempts: 2 });
    expect(job.explain('load')[0]?.reasons[0]?.text).toContain('after attempt 2, because Task "load" failed');
    job.retry();
    expect((await job).tasks.load).toMatchObject({ state: 'completed', attempts: 3 });
  });
});

describe('a job that was ending when its process died', () => {
  test('is cancelled when it had been told to drain', async () => {
    const ran: string[] = [];
    const etl = defineJob('etl')
      .task('extract', async () => {
        ran.push('extract');
        await hang();
      })
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tidy', { dependsOn: ['load'], trigger: 'always' }, ({ outcome }) => void ran.push(`tidy ${outcome.state}`))
      .seal();
    const { store, job: before, die } = begun(etl);
    await turns();
    void before.cancel('enough', { mode: 'drain' });
    await turns();
    die();
    const { job } = await resumed(store, etl);
    const { state, error, tasks } = await job;
    expect([state, error?.code, error?.message]).toEqual([
      'cancelled',
      'JOB_CANCELLED',
      'Job "etl" was cancelled: enough',
    ]);
    expect(tasks.extract).toMatchObject({ state: 'cancelled', reason: 'jobCancelled' });
    expect(ran).toEqual(['extract', 'tidy cancelled']);
  });

  test('completes its clean-up, without that which was done', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl', { timeout: 50 })
      .external('load')
      .task('close', { dependsOn: ['load'], trigger: 'always' }, () => {
        ran.push('close');
        return { closed: true };
      })
      .task('tell', { dependsOn: ['close'], trigger: 'always' }, async ({ ctx, outcome }) => {
        ran.push(`tell ${ctx.closed} ${outcome.state}`);
        if (alive) await hang();
      })
      .seal();
    const clock = virtualClock(0);
    const { store, die } = begun(etl, { clock });
    await turns();
    await clock.advance(60);
    await turns();
    die();
    alive = false;
    const { state, tasks, error } = await await ended(store, etl, { clock });
    expect([state, error?.code, tasks.load?.state]).toEqual(['timedOut', 'JOB_TIMEOUT', 'cancelled']);
    expect(ran).toEqual(['close', 'tell true timedOut', 'tell true timedOut']);
  });

  test('fails with the failure that was its end', async () => {
    const etl = defineJob('etl', { onFailure: 'drain' })
      .task('extract', () => {
        throw new RangeError('too many');
      })
      .task('load', hang)
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const { state, error, tasks } = await await ended(store, etl);
    expect([state, error?.message]).toEqual([
      'failed',
      'Job "etl" failed: Task "extract" failed in attempt 1: too many',
    ]);
    expect(tasks.load).toMatchObject({ state: 'cancelled', reason: 'jobFailed' });
  });

  test('waits no longer for what was given a while to end', async () => {
    const etl = defineJob('etl', { graceMs: 1_000 }).task('load', hang).seal();
    const clock = virtualClock(0);
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    void before.cancel();
    await turns();
    die();
    expect((await await ended(store, etl, { clock })).state).toBe('cancelled');
  });
});

describe('a job that had been changed when its process died', () => {
  test('needs nothing for added tasks that are done, and the tasks for those that are not', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl')
      .task('plan', () => {
        ran.push('plan');
        return expand(
          [
            { name: 'done', run: () => ({ done: 1 }) },
            { name: 'gone', dependsOn: ['load'], run: () => {} },
          ],
          { planned: true },
        );
      })
      .task('load', { dependsOn: ['plan'] }, async () => {
        if (alive) await hang();
        return { loaded: 1 };
      })
      .seal();
    const { store, job: before, die } = begun(etl);
    await turns();
    before.removeTask('gone');
    await turns();
    die();
    alive = false;
    const { state, ctx, tasks } = await ended(store, etl);
    expect([state, ctx, ran]).toEqual(['completed', { planned: true, done: 1, loaded: 1 }, ['plan']]);
    expect(Object.keys(tasks)).toEqual(['plan', 'load', 'done']);
  });

  test('names the added tasks that it needs, and goes on when they are handed over', async () => {
    const etl = defineJob('etl')
      .task('plan', () => ({ rows: 2 }))
      .seal();
    const count = { name: 'count', dependsOn: ['plan'], run: hang as () => unknown };
    const tell = { name: 'tell', dependsOn: ['count'], run: () => ({ told: true }) };
    const { store, job: before, die } = begun(etl);
    before.addTasks([count, tell]);
    await turns();
    die();
    await expect(resumed(store, etl)).rejects.toMatchObject({
      code: 'UNKNOWN_DEFINITION',
      message: expect.stringMatching(/"count", "tell".*added/),
    });
    const added = [{ ...count, run: ({ ctx }: { ctx: object }) => ({ counted: ctx }) }, tell] as never;
    const { state, ctx } = await await ended(store, etl, { added });
    expect([state, ctx]).toEqual(['completed', { rows: 2, counted: { rows: 2 }, told: true }]);
  });

  test('follows the branch that was picked', async () => {
    let alive = true;
    const ran: string[] = [];
    const etl = defineJob('etl')
      .task('choose', () => branch('small', { chosen: true }))
      .task('small', { dependsOn: ['choose'] }, async () => {
        ran.push('small');
        if (alive) await hang();
      })
      .external('wait')
      .task('large', { dependsOn: ['choose', 'wait'], trigger: 'oneSuccess' }, () => void ran.push('large'))
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { job } = await resumed(store, etl);
    await turns();
    expect([ran, job.task('large').state]).toEqual([['small', 'small'], 'unscheduled']);
    void job.task('wait').complete();
    expect((await job).state).toBe('completed');
    expect(ran).toEqual(['small', 'small', 'large']);
  });

  test('does not ask a condition again that has answered, and fails a task whose condition threw', async () => {
    let alive = true;
    const asked: string[] = [];
    const etl = defineJob('etl', { maxConcurrency: 1, onFailure: 'continue' })
      .task('first', { priority: 1 }, async () => {
        if (alive) await hang();
      })
      .task(
        'no',
        {
          when: () => {
            asked.push('no');
            return false;
          },
        },
        () => {},
      )
      .task(
        'bad',
        {
          when: () => {
            throw new Error('no such column');
          },
        },
        () => void asked.push('ran'),
      )
      .seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    alive = false;
    const { tasks } = await await ended(store, etl);
    expect(asked).toEqual(['no']);
    expect(tasks.no).toMatchObject({ state: 'skipped', reason: 'when' });
    expect(tasks.bad?.error?.message).toContain('its condition threw: no such column');
  });
});

describe('a job whose definition has changed since it was started', () => {
  const version = (more: (job: ReturnType<typeof base>) => AnyDefinition): AnyDefinition => more(base());
  const ran: string[] = [];
  const world = { alive: true };
  const base = () =>
    defineJob('etl').task('extract', async () => {
      ran.push('extract');
      if (world.alive) await hang();
      return { rows: 1 };
    });
  const first = version((job) =>
    job
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .seal(),
  );
  const second = version((job) =>
    job
      .task('check', { dependsOn: ['extract'] }, () => void ran.push('check'))
      .task('load', { dependsOn: ['extract', 'check'] }, () => void ran.push('load'))
      .seal(),
  );

  const dead = async (definition: AnyDefinition = first): Promise<Journal> => {
    ran.length = 0;
    world.alive = true;
    const { store, die } = begun(definition);
    await turns();
    die();
    world.alive = false;
    return store;
  };

  test('is refused, with all that has changed, and stays as it was', async () => {
    const store = await dead();
    const error = await resumed(store, second).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'DEFINITION_CHANGED',
      changes: [
        { kind: 'added', task: 'check' },
        { kind: 'removed', task: 'tell' },
        { kind: 'changed', task: 'load', what: 'depends on check, extract instead of extract' },
      ],
    });
    for (const text of [
      '"check" was added',
      '"tell" was removed',
      '"load" depends on check, extract instead of extract',
    ])
      expect(error.message).toContain(text);
    expect((await store.job('one'))?.lease).toBeUndefined();
    expect((await ended(store, first)).state).toBe('completed');
  });

  test('goes on with what is accepted, as long as what has changed has not begun', async () => {
    const store = await dead();
    const { job } = await resumed(store, second, { changed: 'accept' });
    const events = heard(job);
    const { state, tasks } = await job;
    expect([state, ran]).toEqual(['completed', ['extract', 'extract', 'check', 'load']]);
    expect(Object.keys(tasks)).toEqual(['extract', 'check', 'load']);
    expect(events[0]).toMatchObject({
      type: 'job.resumed',
      changes: ['"check" was added', '"tell" was removed', '"load" depends on check, extract instead of extract'],
    });
    // From now on it is a job of the new definition.
    expect((await ended(store, second)).state).toBe('completed');
  });

  test('is refused where what has changed has begun, unless it is forced', async () => {
    const store = await dead();
    const third = defineJob('etl')
      .external('wait')
      .task('extract', { dependsOn: ['wait'] }, () => void ran.push('extract anew'))
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .seal();
    const error = await resumed(store, third, { changed: 'accept' }).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual([
      'DEFINITION_CHANGED',
      expect.stringContaining('"extract" depends on wait instead of nothing'),
    ]);
    expect(error.message).not.toContain('"wait" was added');
    const { job } = await resumed(store, third, { changed: 'force' });
    await turns();
    void job.task('wait').complete();
    expect((await job).state).toBe('completed');
    expect(ran).toEqual(['extract', 'extract anew', 'load', 'tell']);
  });

  test('tells a change within a nested job by its path', async () => {
    const inner = (dependsOn: 'a'[]) =>
      defineJob('inner')
        .task('a', hang)
        .task('b', { dependsOn }, () => {})
        .seal();
    const outer = (dependsOn: 'a'[]) => defineJob('outer').job('part', {}, inner(dependsOn)).seal();
    const store = await dead(outer(['a']));
    const error = await resumed(store, outer([])).catch((thrown) => thrown);
    expect(error.changes).toEqual([{ kind: 'changed', task: 'part/b', what: 'depends on nothing instead of a' }]);
  });
});

describe('a start with a key', () => {
  const keyed = () => {
    const ran: string[] = [];
    const world = { alive: true };
    const definition = defineJob<{ day: number }>('etl')
      .task('extract', ({ ctx }) => {
        ran.push('extract');
        return { rows: ctx.day };
      })
      .task('load', { dependsOn: ['extract'] }, async () => {
        ran.push('load');
        if (world.alive) await hang();
        return { loaded: true };
      })
      .seal();
    return { ran, world, definition };
  };

  test('answers the job that was started with it, in the same process', async () => {
    const { definition, ran, world } = keyed();
    world.alive = false;
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    const job = engine.start(definition, { day: 1 }, { jobKey: 'monday' });
    expect(engine.start(definition, { day: 2 }, { jobKey: 'monday' })).toBe(job);
    expect(definition.start({ day: 2 }, { jobKey: 'monday', journal })).toBe(job);
    expect(engine.start(definition, { day: 2 }, { jobKey: 'tuesday' })).not.toBe(job);
    expect((await job).ctx).toEqual({ day: 1, rows: 1, loaded: true });
    expect(ran).toEqual(['extract', 'extract', 'load', 'load']);
  });

  test('answers the end of a job that is over', async () => {
    const { definition, ran, world } = keyed();
    world.alive = false;
    const journal = memoryJournal();
    const first = createEngine({ journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    await first;
    const again = createEngine({ journal }).start(definition, { day: 2 }, { jobKey: 'monday' });
    const { state, ctx } = await again;
    expect([again.id, state, ctx]).toEqual([first.id, 'completed', { day: 1, rows: 1, loaded: true }]);
    expect(ran).toEqual(['extract', 'load']);
    expect((await journal.jobs()).length).toBe(1);
  });

  test('lets a job go on whose process died', async () => {
    const { definition, ran, world } = keyed();
    const journal = memoryJournal();
    const process = mortal(journal);
    createEngine({ journal: process.journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    await turns();
    process.die();
    world.alive = false;
    const job = createEngine({ journal }).start(definition, { day: 2 }, { jobKey: 'monday' });
    expect((await job).ctx).toEqual({ day: 1, rows: 1, loaded: true });
    expect(ran).toEqual(['extract', 'load', 'load']);
  });

  test('follows a job that another process runs, to its end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
    const [here, there] = [sqliteJournal(join(folder, 'jobs.db')), sqliteJournal(join(folder, 'jobs.db'))];
    try {
      const { definition, ran } = keyed();
      const worker = createEngine({ journal: there });
      const original = worker.start(definition, { day: 1 }, { jobKey: 'monday' });
      await turns();
      const job = createEngine({ journal: here }).start(definition, { day: 2 }, { jobKey: 'monday' });
      const events = heard(job as unknown as Job);
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(3));
      expect(inWords(events).slice(0, 2)).toEqual(['job running', 'extract ready']);
      expect(job.state).toBe('running');
      expect(() => job.pause()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
      const { state, error } = await job.cancel('enough');
      expect([state, error?.message]).toEqual(['cancelled', 'Job "etl" was cancelled: enough']);
      expect((await original).state).toBe('cancelled');
      expect(inWords(events).at(-1)).toBe('job cancelled');
      expect(ran).toEqual(['extract', 'load']);
    } finally {
      await here.close();
      await there.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('goes on with a job that it follows, when the other process dies', async () => {
    const { definition, ran, world } = keyed();
    const store = memoryJournal();
    let isDead = false;
    /** The other process seems alive until it is dead. */
    const seen: Journal = {
      ...store,
      job: async (id) => {
        const kept = await store.job(id);
        return kept?.lease && !isDead ? { ...kept, lease: { ...kept.lease, pid: process.pid } } : kept;
      },
      create: async (job, lease) => {
        const answer = await store.create(job, lease);
        const { lease: held } = answer.job;
        return { ...answer, job: { ...answer.job, lease: held && { ...held, pid: process.pid } } };
      },
    };
    const other = mortal(store);
    createEngine({ journal: other.journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    await turns();
    const job = createEngine({ journal: seen }).start(definition, { day: 1 }, { jobKey: 'monday' });
    const events = heard(job as unknown as Job);
    await vi.waitFor(() => expect(job.state).toBe('running'));
    await turns();
    expect(ran).toEqual(['extract', 'load']);
    world.alive = false;
    other.die();
    isDead = true;
    expect((await job).ctx).toEqual({ day: 1, rows: 1, loaded: true });
    expect(ran).toEqual(['extract', 'load', 'load']);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });
});

describe('a recovery', () => {
  test('resumes what no process runs, leaves what one does, and says what it can’t resume', async () => {
    const world = { alive: true };
    const definitionOf = (name: string) =>
      defineJob(name)
        .task('load', async () => {
          if (world.alive) await hang();
        })
        .seal();
    const [known, unknown] = [definitionOf('known'), definitionOf('unknown')];
    const store = memoryJournal();
    const dead = mortal(store);
    const before = createEngine({ journal: dead.journal });
    before.start(known, {}, { jobId: 'first' });
    before.start(unknown, {}, { jobId: 'odd' });
    before.start(known, {}, { jobId: 'second' });
    const alive = { ...store };
    const elsewhere = createEngine({ journal: alive });
    const busy = elsewhere.start(known, {}, { jobId: 'busy' });
    await turns();
    dead.die();
    const engine = createEngine({ journal: store, definitions: [known] });
    const { resumed: jobs, refused } = await engine.recover();
    expect(jobs.map(({ id }) => id)).toEqual(['first', 'second']);
    expect(refused).toMatchObject([{ jobId: 'odd', jobName: 'unknown', error: { code: 'UNKNOWN_DEFINITION' } }]);
    await expect(engine.resume('busy')).rejects.toMatchObject({ code: 'JOB_LEASED' });
    world.alive = false;
    for (const job of jobs) expect((await job).state).toBe('completed');
    expect(await engine.recover()).toMatchObject({ resumed: [], refused: [{ jobId: 'odd' }] });
    await busy.cancel();
  });

  test('leaves what runs in this process already', async () => {
    const etl = defineJob('etl').task('load', hang).seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const engine = createEngine({ journal: store, definitions: [etl] });
    const { resumed: jobs } = await engine.recover();
    expect(await engine.recover()).toEqual({ resumed: [], refused: [] });
    expect(engine.jobs).toEqual(jobs);
    await jobs[0]?.cancel();
  });
});

describe('an engine that closes', () => {
  const slow = () => {
    const ran: string[] = [];
    let finish = (): void => {};
    const until = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const definition = defineJob('etl')
      .task('extract', async ({ signal, attempt }) => {
        ran.push(`extract ${attempt}`);
        if (attempt === 1)
          await Promise.race([
            until,
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
          ]);
        return { rows: attempt };
      })
      .task('load', { dependsOn: ['extract'] }, ({ ctx }) => {
        ran.push('load');
        return { loaded: ctx.rows };
      })
      .task('tidy', { dependsOn: ['load'], trigger: 'always' }, () => void ran.push('tidy'))
      .seal();
    return { ran, definition, finish: () => finish() };
  };

  test('lets what runs finish, starts nothing, and leaves the job to be resumed', async () => {
    const { ran, definition, finish } = slow();
    const store = memoryJournal();
    const engine = createEngine({ journal: store });
    const job = engine.start(definition, {}, { jobId: 'one' });
    await turns();
    const closed = engine.close();
    await turns();
    finish();
    await closed;
    expect([job.state, ran]).toEqual(['cancelled', ['extract 1']]);
    const kept = await store.job('one');
    expect([kept?.state, kept?.lease]).toEqual(['running', undefined]);
    const { state, ctx } = await ended(store, definition);
    expect([state, ctx, ran]).toEqual(['completed', { rows: 1, loaded: 1 }, ['extract 1', 'load', 'tidy']]);
  });

  test('aborts what runs, which is then tried again', async () => {
    const { ran, definition } = slow();
    const store = memoryJournal();
    const engine = createEngine({ journal: store });
    const job = engine.start(definition, {}, { jobId: 'one' });
    await turns();
    await engine.close({ mode: 'abort' });
    expect(job.state).toBe('cancelled');
    expect(ran).toEqual(['extract 1']);
    const { state, ctx, tasks } = await ended(store, definition);
    expect([state, ctx, tasks.extract?.attempts]).toEqual(['completed', { rows: 2, loaded: 2 }, 2]);
    expect(ran).toEqual(['extract 1', 'extract 2', 'load', 'tidy']);
  });
});

describe('a process that was taken for dead', () => {
  test('writes nothing any more, and its job ends there', async () => {
    const finish: (() => void)[] = [];
    const etl = defineJob('etl')
      .task('load', async ({ attempt }) => {
        await new Promise<void>((resolve) => void finish.push(resolve));
        return { loaded: attempt };
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
      .seal();
    const store = memoryJournal();
    // It holds a lease that nobody takes for one of a living process.
    const asleep: Journal = { ...store, create: (job, lease) => store.create(job, { ...lease, pid: 2 ** 22 + 1 }) };
    const job = createEngine({ journal: asleep }).start(etl, {}, { jobId: 'one' });
    await turns();
    const { job: heir } = await resumed(store, etl);
    await turns();
    finish[0]?.();
    const { state, error } = await job;
    expect([state, error?.code, (error?.cause as { code?: string }).code]).toEqual([
      'failed',
      'JOURNAL_FAILED',
      'LEASE_LOST',
    ]);
    await expect(job.saved()).rejects.toMatchObject({ code: 'LEASE_LOST' });
    finish[1]?.();
    const result = await heir;
    expect([result.state, result.ctx]).toEqual(['completed', { loaded: 2, told: 2 }]);
    const events = await store.events('one');
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });
});

test('a sensor that is not ready, with the reason "interrupted", was not interrupted', async () => {
  const clock = virtualClock(1_000);
  const store = memoryJournal();
  let looks = 0;
  const definition = defineJob('s')
    .sensor('file', { interval: 10, maxRetries: 1 }, () => {
      looks++;
      if (looks <= 11) return notReady('interrupted') as never;
      throw new Error('boom');
    })
    .seal();
  const process = mortal(store);
  createEngine({ journal: process.journal, clock }).start(definition, {}, { jobId: 'one' });
  await clock.advance(105);
  await turns();
  process.die();
  await resumed(store, definition, { clock });
  await clock.advance(60_000);
  await turns();
  // Eleven looks, an attempt, and its one retry.
  expect(looks).toBe(13);
});

test('an attempt that died while its task was paused uses up no retry, however often the job is resumed', async () => {
  const clock = virtualClock(1_000);
  const store = memoryJournal();
  let calls = 0;
  const definition = defineJob('s')
    .map(
      'all',
      {
        maxRetries: 1,
        over: () => {
          calls++;
          if (calls > 2) throw new Error(`call ${calls}`);
          return new Promise<never>(() => {});
        },
      },
      () => {},
    )
    .seal();
  const one = mortal(store);
  const job = createEngine({ journal: one.journal, clock }).start(definition, {}, { jobId: 'one' });
  await turns();
  job.task('all').pause('a test');
  await turns();
  one.die();
  const two = mortal(store);
  const { job: second } = await resumed(two.journal, definition, { clock });
  await turns();
  second.task('all').resume();
  await turns();
  two.die();
  const { job: third } = await resumed(store, definition, { clock });
  await clock.advance(10_000);
  await turns();
  // Two calls died with their process: those after them are an attempt and its one retry.
  expect([third.state, calls]).toEqual(['failed', 4]);
});
