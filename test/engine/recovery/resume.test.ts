import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { branch, createEngine, defineJob, expand, memoryJournal, notReady } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { begun, ended, inWords, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

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

  test('knows the tasks that a task has added by its option `expansion`', async () => {
    let alive = true;
    const grow = defineJob('grow')
      .task(
        'list',
        {
          expansion: ({ pages }) =>
            (pages as string[]).map((name) => ({
              name,
              run: async () => {
                if (alive && name === 'y') await hang();
                return { [name]: 'seen' };
              },
            })),
        },
        () => ({ pages: ['x', 'y'] }),
      )
      .seal();
    const { store, die } = begun(grow);
    await turns();
    die();
    alive = false;
    const { ctx, state } = await await ended(store, grow);
    expect([state, ctx]).toEqual(['completed', { pages: ['x', 'y'], x: 'seen', y: 'seen' }]);
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
        seen.push([idempotencyKey, checkpoint().last]);
        await checkpoint().save({ page: 4, at: new Date(9) });
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
    expect(await store.job('one')).toMatchObject({ fence: 1, lease: undefined });
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
