import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import {
  type AnyDefinition,
  branch,
  createEngine,
  defineJob,
  expand,
  type Job,
  type JobEvent,
  type JobResult,
  jobFrom,
  memoryJournal,
  notReady,
  type TaskResult,
} from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { slow, soon } from '../../support/slow-journal.ts';

/** `FC_SEED=… npx vitest run test/engine/recovery/retry-job.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
};

const hang = (): Promise<never> => new Promise(() => {});

const heard = (job: Pick<Job, 'events$'>): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};

afterEach(() => {
  vi.useRealTimers();
});

const statesOf = (tasks: Readonly<Record<string, TaskResult>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tasks).map(([name, { state }]) => [name, state]));

/** An ETL whose `load` fails as long as it is told to; it notes what ran. */
const etl = () => {
  const ran: string[] = [];
  const world = { broken: true };
  const definition = defineJob<{ day: number }>('etl', { onFailure: 'continue' })
    .task('extract', ({ ctx }) => {
      ran.push('extract');
      return { rows: [ctx.day, new Date(5)] as const };
    })
    .task('count', { dependsOn: ['extract'] }, () => {
      ran.push('count');
      return { counted: 1 };
    })
    .task('load', { dependsOn: ['extract'] }, ({ attempt, ctx }) => {
      ran.push(`load ${attempt}`);
      if (world.broken) throw new RangeError('no space');
      return { loaded: ctx.rows.length };
    })
    .task('tell', { dependsOn: ['load', 'count'] }, ({ ctx }) => {
      ran.push('tell');
      return { told: `${ctx.loaded} ${ctx.counted}` };
    })
    .seal();
  return { ran, world, definition };
};

describe('a job that is over and is retried', () => {
  test('runs what failed again, and what was skipped because of it', async () => {
    const { ran, world, definition } = etl();
    const job = definition.start({ day: 3 });
    expect((await job).state).toBe('failed');
    world.broken = false;
    expect(job.previewRetry()).toEqual({ runs: ['load', 'tell'], keeps: ['extract', 'count'] });
    const again = job.retry();
    const events = heard(again as unknown as Job);
    const { state, ctx, tasks } = await again;
    expect([state, ctx]).toEqual(['completed', { day: 3, rows: [3, new Date(5)], counted: 1, loaded: 2, told: '2 1' }]);
    expect(ran).toEqual(['extract', 'count', 'load 1', 'load 2', 'tell']);
    expect([again.id, tasks.load.attempts, tasks.load.error]).toEqual([job.id, 2, undefined]);
    expect(events[0]).toMatchObject({ type: 'job.transition', from: 'failed', to: 'running', reason: 'retried' });
    expect(events[0]?.seq).toBeGreaterThan(5);
    expect((await job).state).toBe('failed');
  });

  test('goes on in the journal, event for event, from another process', async () => {
    const { ran, world, definition } = etl();
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, { day: 3 }, { jobId: 'one' });
    world.broken = false;
    const engine = createEngine({ journal, definitions: [definition] });
    expect(await engine.previewRetry('one')).toEqual({ runs: ['load', 'tell'], keeps: ['extract', 'count'] });
    const { job } = await engine.retry('one');
    const { state, ctx } = await job;
    expect([state, (ctx as { told?: string }).told]).toEqual(['completed', '2 1']);
    expect(ran).toEqual(['extract', 'count', 'load 1', 'load 2', 'tell']);
    const kept = await journal.job('one');
    expect([kept?.state, kept?.lease, (await journal.jobs()).length]).toEqual(['completed', undefined, 1]);
    expect((await journal.events('one')).map(({ seq }) => seq)).toEqual([...Array((kept?.lastSeq ?? 0) + 1).keys()]);
    expect((await (await engine.resume('one')).job).ctx).toEqual(ctx);
  });

  test('has all its retries anew', async () => {
    let failures = 5;
    const attempts: number[] = [];
    const job = defineJob('job')
      .task('load', { maxRetries: 2 }, ({ attempt }) => {
        attempts.push(attempt);
        if (failures-- > 0) throw new Error('busy');
      })
      .start();
    expect((await job).state).toBe('failed');
    expect((await job.retry()).state).toBe('completed');
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('can be retried twice, and fails again meanwhile', async () => {
    const { ran, world, definition } = etl();
    const journal = memoryJournal();
    const job = definition.start({ day: 3 }, { journal });
    await job;
    const second = job.retry();
    const result = await second;
    expect([result.state, result.tasks.load.attempts, result.errors.length]).toEqual(['failed', 2, 1]);
    world.broken = false;
    const third = await second.retry();
    expect([third.state, third.tasks.load.attempts, third.errors]).toEqual(['completed', 3, []]);
    expect(ran).toEqual(['extract', 'count', 'load 1', 'load 2', 'load 3', 'tell']);
    const { job: readBack } = await createEngine({ journal, definitions: [definition] }).resume(job.id);
    expect(statesOf((await readBack).tasks)).toEqual(statesOf(third.tasks));
  });

  test('runs the tasks chosen and what depends on them, completed or not', async () => {
    const { ran, world, definition } = etl();
    world.broken = false;
    const job = definition.start({ day: 3 });
    await job;
    expect(job.previewRetry({ tasks: ['load'] })).toEqual({ runs: ['load', 'tell'], keeps: ['extract', 'count'] });
    ran.length = 0;
    const { state, tasks } = await job.retry('load');
    expect([state, ran, tasks.load.attempts]).toEqual(['completed', ['load 2', 'tell'], 2]);
  });

  test('leaves what completed downstream as it is, where that is asked for', async () => {
    const { ran, world, definition } = etl();
    world.broken = false;
    const job = definition.start({ day: 3 });
    await job;
    const selection = { tasks: ['load'], downstream: false } as const;
    expect(job.previewRetry(selection)).toEqual({ runs: ['load'], keeps: ['extract', 'count', 'tell'] });
    ran.length = 0;
    const { state, ctx } = await job.retry(selection);
    expect([state, ran]).toEqual(['completed', ['load 2']]);
    expect(ctx).toMatchObject({ loaded: 2, told: '2 1' });
  });

  test('is refused where nothing failed, where a task is unknown, and before it is over', async () => {
    const { world, definition } = etl();
    world.broken = false;
    const job = definition.start({ day: 3 });
    expect(() => job.previewRetry()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    await job;
    expect(() => job.retry()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    expect(() => job.retry('lod' as never)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
    const journal = memoryJournal();
    const process = mortal(journal);
    createEngine({ journal: process.journal }).start(definition, { day: 1 }, { jobId: 'one' });
    process.die();
    const engine = createEngine({ journal, definitions: [definition] });
    await expect(engine.retry('one')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(engine.retry('two')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  test('cleans up again at its end', async () => {
    const ran: string[] = [];
    let broken = true;
    const job = defineJob('job')
      .task('load', () => {
        if (broken) throw new Error('busy');
      })
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .task(
        'close',
        { dependsOn: ['tell'], trigger: 'always' },
        ({ outcome }) => void ran.push(`close ${outcome.state}`),
      )
      .start();
    await job;
    broken = false;
    expect(job.previewRetry()).toEqual({ runs: ['load', 'tell', 'close'], keeps: [] });
    expect((await job.retry()).state).toBe('completed');
    expect(ran).toEqual(['close failed', 'tell', 'close completed']);
  });

  test('cleans up again after what runs again, and after nothing else', async () => {
    const ran: string[] = [];
    let broken = true;
    const job = defineJob('job', { onFailure: 'continue' })
      .task('open', () => void ran.push('open'))
      .task('load', () => {
        if (broken) throw new Error('busy');
      })
      .task('close', { dependsOn: ['open'], trigger: 'always' }, () => void ran.push('close'))
      .task('tidy', { dependsOn: ['load'], trigger: 'always' }, () => void ran.push('tidy'))
      .start();
    await job;
    broken = false;
    const selection = { downstream: false };
    expect(job.previewRetry(selection)).toEqual({ runs: ['load', 'tidy'], keeps: ['open', 'close'] });
    await job.retry(selection);
    expect(ran).toEqual(['open', 'close', 'tidy', 'tidy']);
  });

  test('cleans up no more than that, and not before what runs again is done', async () => {
    const ran: string[] = [];
    const job = defineJob('job')
      .task('open', async () => {
        await turns();
        ran.push('open');
      })
      .task('load', { dependsOn: ['open'] }, () => void ran.push('load'))
      .task('close', { dependsOn: ['open'], trigger: 'always' }, () => void ran.push('close'))
      .task('tell', { dependsOn: ['load'], trigger: 'always' }, () => void ran.push('tell'))
      .start();
    await job;
    ran.length = 0;
    const selection = { tasks: ['open'], downstream: false } as const;
    expect(job.previewRetry(selection)).toEqual({ runs: ['open', 'close'], keeps: ['load', 'tell'] });
    await job.retry(selection);
    expect(ran).toEqual(['open', 'close']);
  });

  test('goes on where it was cancelled', async () => {
    const ran: string[] = [];
    let alive = true;
    const journal = memoryJournal();
    const job = defineJob('job')
      .task('extract', () => void ran.push('extract'))
      .task('load', { dependsOn: ['extract'] }, async () => {
        ran.push('load');
        if (alive) await hang();
      })
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .start({}, { journal });
    await turns();
    await job.cancel('enough');
    alive = false;
    expect(job.previewRetry()).toEqual({ runs: ['load', 'tell'], keeps: ['extract'] });
    const again = job.retry();
    const { state, error } = await again;
    expect([state, error, ran]).toEqual(['completed', undefined, ['extract', 'load', 'load', 'tell']]);
    expect((await journal.job(job.id))?.state).toBe('completed');
  });

  test('has its time limit anew where it ran out of time', async () => {
    const clock = virtualClock(0);
    let slow = true;
    const job = defineJob('job', { timeout: 100 })
      .task('load', async () => {
        if (slow) await hang();
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 90));
      })
      .start({}, { clock });
    await clock.advance(100);
    expect((await job).state).toBe('timedOut');
    slow = false;
    await clock.advance(1_000);
    const again = job.retry();
    await clock.advance(90);
    expect((await again).state).toBe('completed');
  });

  test('tries what was not ready again, and leaves a failure that is tolerated', async () => {
    const ran: string[] = [];
    let there = false;
    const job = defineJob('job')
      .task('file', () => {
        ran.push('file');
        return there ? { file: 1 } : notReady('no file');
      })
      .task('load', { dependsOn: ['file'] }, () => void ran.push('load'))
      .task('warm', { continueOnFailure: true }, () => {
        ran.push('warm');
        throw new Error('cold');
      })
      .start();
    expect((await job).state).toBe('notReady');
    there = true;
    ran.length = 0;
    const { state, errors } = await job.retry();
    expect([state, ran, errors.length]).toEqual(['completed', ['file', 'load'], 1]);
  });

  test('picks its branch anew where the branch runs again, and else keeps the pick', async () => {
    let pick = 'small';
    let broken = true;
    const ran: string[] = [];
    const job = defineJob('job', { onFailure: 'continue' })
      .task('choose', () => branch(pick as 'small' | 'large', { chosen: pick }))
      .task('small', { dependsOn: ['choose'] }, () => {
        ran.push('small');
        if (broken) throw new Error('busy');
      })
      .task('large', { dependsOn: ['choose'] }, () => void ran.push('large'))
      .start({}, { journal: memoryJournal() });
    await job;
    broken = false;
    const second = job.retry();
    expect(statesOf((await second).tasks)).toEqual({ choose: 'completed', small: 'completed', large: 'skipped' });
    pick = 'large';
    const third = second.retry('choose');
    expect(statesOf((await third).tasks)).toEqual({ choose: 'completed', small: 'skipped', large: 'completed' });
    expect(ran).toEqual(['small', 'small', 'large']);
  });

  test('hands a failed task its checkpoint, and one that had completed none', async () => {
    const seen: unknown[] = [];
    let broken = true;
    const job = defineJob('job')
      .task('load', async ({ checkpoint, attempt }) => {
        seen.push(checkpoint.last);
        await checkpoint.save(attempt);
        if (broken) throw new Error('busy');
      })
      .start({}, { journal: memoryJournal() });
    await job;
    broken = false;
    const again = job.retry();
    await again;
    await again.retry('load');
    expect(seen).toEqual([undefined, 1, undefined]);
  });
});

describe('a job that was retried', () => {
  /** A job whose first attempts fail, and which then takes until it is told to finish. */
  const slowly = () => {
    const world = { broken: true, finish: (): void => {} };
    const until = new Promise<void>((resolve) => {
      world.finish = resolve;
    });
    const definition = defineJob('job')
      .task('load', { maxRetries: 1 }, async ({ attempt }) => {
        if (world.broken) throw new Error('busy');
        await until;
        return { loaded: attempt };
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
      .seal();
    return { world, definition };
  };

  test.each(['a journal', 'no journal'])('is one of the jobs of its engine again: %s', async (what) => {
    const { world, definition } = slowly();
    const engine = createEngine(what === 'a journal' ? { journal: memoryJournal() } : {});
    const job = engine.start(definition, {});
    await job;
    world.broken = false;
    const events: string[] = [];
    engine.events$.subscribe(({ type }) => events.push(type));
    const again = job.retry();
    const own = heard(again as unknown as Job);
    await turns();
    expect([engine.jobs, engine.job(job.id)]).toEqual([[again], again]);
    expect(() => engine.start(definition, {}, { jobId: job.id })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
    world.finish();
    expect((await again).state).toBe('completed');
    expect(events).toEqual(own.map(({ type }) => type));
    expect(engine.jobs).toEqual([]);
  });

  test.each(['a journal', 'no journal'])('answers the outputs of its tasks as they come: %s', async (what) => {
    const { world, definition } = slowly();
    const job = definition.start({}, what === 'a journal' ? { journal: memoryJournal() } : {});
    await job;
    world.broken = false;
    world.finish();
    const again = job.retry();
    expect(await soon(again.output('load'))).toEqual({ loaded: 3 });
    expect(await soon(again.output('tell'))).toEqual({ told: 3 });
    await expect(job.output('load')).rejects.toMatchObject({ code: 'TASK_FAILED' });
  });

  test('leaves its old handle what it was: its result, its tasks, its times', async () => {
    const { world, definition } = slowly();
    const job = definition.start({}, { journal: memoryJournal() });
    job.addTasks([{ name: 'more', dependsOn: ['tell'], run: () => {} }] as never);
    await job;
    const seen = (): unknown => [job.state, job.toMermaid(), job.toGantt(), job.task('load').state, job.explain()];
    const before = seen();
    world.broken = false;
    const again = job.retry();
    again.addTasks([{ name: 'most', run: () => {} }] as never);
    await turns();
    expect(seen()).toEqual(before);
    world.finish();
    expect(statesOf((await again).tasks)).toMatchObject({ load: 'completed', more: 'completed', most: 'completed' });
    expect(seen()).toEqual(before);
    expect(statesOf((await job).tasks)).not.toHaveProperty('most');
  });

  test('keeps a task on hold that was held before its turn came, in this process and the next', async () => {
    for (const dies of [false, true]) {
      const { world, definition } = slowly();
      const journal = memoryJournal();
      const process = mortal(journal);
      const engine = createEngine({ journal: process.journal, definitions: [definition] });
      const job = engine.start(definition, {}, { jobId: 'one' });
      job.task('tell').pause('ann');
      await job;
      world.broken = false;
      let { job: again } = await engine.retry('one', { definition });
      await turns();
      if (dies) {
        process.die();
        ({ job: again } = await createEngine({ journal, definitions: [definition] }).resume('one', { definition }));
      }
      world.finish();
      await turns();
      expect(again.task('tell').state).toBe('paused');
      again.task('tell').resume();
      expect((await again).state).toBe('completed');
    }
  });

  test('does not heed what came when it had ended before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { world, definition } = slowly();
    for (const delay of [0, 3]) {
      world.broken = true;
      const journal = memoryJournal();
      const engine = createEngine({ journal: slow(journal, { turns: delay }).journal, definitions: [definition] });
      await engine.start(definition, {}, { jobId: 'one' });
      await journal.send('one', JSON.stringify({ type: 'cancel', reason: 'came too late' }));
      world.broken = false;
      const { job } = await engine.retry('one');
      await turns();
      await vi.advanceTimersByTimeAsync(1_000);
      await turns();
      expect(job.state).toBe('running');
      await journal.send('one', JSON.stringify({ type: 'cancel', reason: 'in time' }));
      await vi.advanceTimersByTimeAsync(1_000);
      expect((await job).error?.message).toContain('in time');
    }
  });

  test('is looked at without a word in the log', async () => {
    const { definition } = slowly();
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const logger = { debug: log, info: log, warn: log, error: log };
    const engine = createEngine({ journal: memoryJournal(), definitions: [definition], logger });
    await engine.start(definition, {}, { jobId: 'one' });
    const before = lines.length;
    expect(before).toBeGreaterThan(0);
    await engine.previewRetry('one');
    await engine.previewRerun('one');
    expect(lines.slice(before)).toEqual([]);
  });
});

describe('a job that grew and is tried again', () => {
  const growing = () => {
    const ran: string[] = [];
    const world = { broken: true };
    const more = {
      name: 'more',
      dependsOn: ['plan'],
      run: () => {
        ran.push('more');
        if (world.broken) throw new Error('busy');
        return { more: 1 };
      },
    };
    const definition = defineJob('growing')
      .task('read', () => {
        ran.push('read');
        return { read: 1 };
      })
      .task('plan', { dependsOn: ['read'] }, () => {
        ran.push('plan');
        return expand([more], { planned: 1 });
      })
      .seal();
    return { ran, world, more, definition };
  };

  test('grows anew where it is tried again from what grew it', async () => {
    for (const isBroken of [true, false]) {
      const { ran, world, definition } = growing();
      world.broken = isBroken;
      const job = definition.start({}, { journal: memoryJournal() });
      expect((await job).state).toBe(isBroken ? 'failed' : 'completed');
      world.broken = false;
      ran.length = 0;
      const { state, ctx } = await job.retry('plan');
      expect([state, ctx, ran]).toEqual(['completed', { read: 1, planned: 1, more: 1 }, ['plan', 'more']]);
      ran.length = 0;
      const others = [job.rerun({ from: 'read' }), job.rerun({ from: 'plan' })];
      for (const other of others) expect((await other).ctx).toEqual({ read: 1, planned: 1, more: 1 });
      expect([...ran].sort()).toEqual(['more', 'more', 'plan', 'plan', 'read']);
    }
  });

  test('needs the function of an added task that is to run again, and says so before anything has changed', async () => {
    const { ran, world, more, definition } = growing();
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, {}, { jobId: 'one' });
    const before = await journal.job('one');
    world.broken = false;
    ran.length = 0;
    const engine = createEngine({ journal, definitions: [definition] });
    for (const ask of [() => engine.retry('one'), () => engine.rerun('one')])
      await expect(ask()).rejects.toThrow('"more"');
    expect([await journal.job('one'), (await journal.jobs()).length]).toEqual([before, 1]);
    const { job: other } = await engine.rerun('one', { added: [more] });
    expect((await other).ctx).toEqual({ read: 1, planned: 1, more: 1 });
    const { job } = await engine.retry('one', { added: [more] });
    expect((await job).ctx).toEqual({ read: 1, planned: 1, more: 1 });
    expect(ran).toEqual(['more', 'more']);
  });
});

describe('what is nested in a job that is retried', () => {
  const nested = () => {
    const ran: string[] = [];
    const world = { broken: true };
    const inner = defineJob<{ n: number }>('inner', { onFailure: 'continue' })
      .task('a', () => {
        ran.push('a');
        return { a: 1 };
      })
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        ran.push('b');
        if (world.broken) throw new Error('busy');
        return { b: ctx.a + ctx.n };
      })
      .task('c', { dependsOn: ['b'] }, () => void ran.push('c'))
      .seal();
    const definition = defineJob('outer')
      .job('inner', { input: () => ({ n: 10 }) }, inner)
      .map('fetch', { dependsOn: ['inner'], over: ['x', 'y', 'z'], continueOnFailure: false }, ({ item }) => {
        ran.push(item);
        if (world.broken && item === 'y') throw new Error('gone');
        return item.toUpperCase();
      })
      .seal();
    return { ran, world, definition };
  };

  test('runs what failed in a nested job alone, without a journal and with one', async () => {
    for (const journal of [undefined, memoryJournal()]) {
      const { ran, world, definition } = nested();
      const job = definition.start({}, { journal });
      await job;
      world.broken = false;
      expect(job.previewRetry()).toEqual({ runs: ['inner', 'inner/b', 'inner/c', 'fetch'], keeps: [] });
      const { state, ctx } = await job.retry();
      expect([state, ctx]).toEqual(['completed', { inner: { a: 1, b: 11 }, fetch: ['X', 'Y', 'Z'] }]);
      expect(ran).toEqual(['a', 'b', 'b', 'c', 'x', 'y', 'z']);
    }
  });

  test('runs the failed instances of a fan-out alone, by the journal too', async () => {
    for (const isKept of [false, true]) {
      const journal = memoryJournal();
      const ran: string[] = [];
      const world = { broken: true };
      const definition = defineJob('job', { onFailure: 'continue' })
        .map('fetch', { over: async () => [{ at: 1 }, { at: 2 }, { at: 3 }] }, ({ item: { at } }) => {
          ran.push(`${at}`);
          if (world.broken && at > 1) throw new Error('gone');
          return { at: new Date(at) };
        })
        .seal();
      const engine = createEngine({ journal, definitions: [definition] });
      const job = engine.start(definition, {}, { jobId: 'one' });
      await job;
      world.broken = false;
      ran.length = 0;
      const again = isKept ? (await engine.retry('one', { tasks: ['fetch[1]', 'fetch[2]'] })).job : job.retry();
      expect((await again).ctx).toEqual({ fetch: [1, 2, 3].map((at) => ({ at: new Date(at) })) });
      expect(ran).toEqual(['2', '3']);
    }
  });

  test('runs but the chosen instance of a fan-out that has completed', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    expect(job.previewRetry({ tasks: ['fetch[1]'] })).toEqual({ runs: ['fetch', 'fetch[1]'], keeps: ['inner'] });
    expect((await job.retry({ tasks: ['fetch[1]'] })).ctx).toMatchObject({ fetch: ['X', 'Y', 'Z'] });
    expect(ran).toEqual(['y']);
  });

  test('runs the failed instances of a fan-out beside the chosen one, as its preview says', async () => {
    const ran: number[] = [];
    let broken = true;
    const definition = defineJob('job')
      .map('fetch', { over: [0, 1, 2] }, ({ item }) => {
        ran.push(item);
        if (broken && item === 1) throw new Error('gone');
        return item;
      })
      .seal();
    const engine = createEngine({ journal: memoryJournal(), definitions: [definition] });
    const job = engine.start(definition, {}, { jobId: 'one', onFailure: 'continue' });
    await job;
    broken = false;
    ran.length = 0;
    const preview = { runs: ['fetch', 'fetch[1]', 'fetch[2]'], keeps: [] };
    expect(job.previewRetry({ tasks: ['fetch[2]'] })).toEqual(preview);
    expect(await engine.previewRetry('one', { tasks: ['fetch[2]'] })).toEqual(preview);
    expect((await job.retry('fetch[2]')).state).toBe('completed');
    expect(ran).toEqual([1, 2]);
  });

  test('runs a nested job from the chosen task on', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    expect((await job.retry('inner/b')).state).toBe('completed');
    expect(ran).toEqual(['b', 'c', 'x', 'y', 'z']);
  });

  test('runs a nested job whole that is chosen itself', async () => {
    const { ran, world, definition } = nested();
    world.broken = false;
    const job = definition.start();
    await job;
    ran.length = 0;
    await job.retry('inner');
    expect(ran).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
  });
});

describe('a retried job whose process died', () => {
  test('goes on with the retry, and keeps what it kept', async () => {
    const ran: string[] = [];
    const world: { mode: 'fails' | 'hangs' | 'works' } = { mode: 'fails' };
    const definition = defineJob('job', { onFailure: 'continue' })
      .task('extract', () => {
        ran.push('extract');
        return { rows: 2 };
      })
      .map('load', { dependsOn: ['extract'], over: ['a', 'b', 'c'] }, async ({ item, ctx }) => {
        ran.push(item);
        if (world.mode === 'fails' && item !== 'a') throw new Error('busy');
        if (world.mode === 'hangs' && item === 'c') await hang();
        return item + ctx.rows;
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => {
        ran.push('tell');
        return { told: ctx.load.join() };
      })
      .seal();
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, {}, { jobId: 'one' });
    expect(ran.splice(0)).toEqual(['extract', 'a', 'b', 'c']);
    world.mode = 'hangs';
    const process = mortal(journal);
    await createEngine({ journal: process.journal, definitions: [definition] }).retry('one');
    await turns();
    process.die();
    expect(ran.splice(0)).toEqual(['b', 'c']);
    world.mode = 'works';
    const { resumed } = await createEngine({ journal, definitions: [definition] }).recover();
    const { state, ctx, tasks } = await (resumed[0] as Job);
    expect([state, ctx]).toEqual(['completed', { rows: 2, load: ['a2', 'b2', 'c2'], told: 'a2,b2,c2' }]);
    expect(ran).toEqual(['c', 'tell']);
    expect(statesOf(tasks)).toEqual({ extract: 'completed', load: 'completed', tell: 'completed' });
  });

  test('before what is nested began again runs there what had not completed, and no more', async () => {
    for (const chosen of [undefined, ['read', 'part/y', 'fetch[2]'] as const])
      for (const appends of [1, 2, 3]) {
        const ran: string[] = [];
        const world = { broken: true, alive: true };
        const inner = defineJob('inner')
          .task('x', () => void ran.push('x'))
          .task('y', { dependsOn: ['x'] }, () => {
            ran.push('y');
            if (world.broken) throw new Error('busy');
          })
          .seal();
        const definition = defineJob('job', { onFailure: 'continue' })
          .task('read', async () => {
            if (world.broken) throw new Error('busy');
            if (world.alive) await hang();
          })
          .job('part', { dependsOn: ['read'], trigger: 'allDone', input: () => ({}) }, inner)
          .map('fetch', { dependsOn: ['read'], trigger: 'allDone', over: [0, 1, 2] }, ({ item }) => {
            ran.push(`${item}`);
            if (world.broken && item === 1) throw new Error('gone');
          })
          .seal();
        const journal = memoryJournal();
        await createEngine({ journal }).start(definition, {}, { jobId: 'one' });
        expect(ran.sort()).toEqual(['0', '1', '2', 'x', 'y']);
        world.broken = false;
        ran.length = 0;
        const process = mortal(journal, { appends });
        const engine = createEngine({ journal: process.journal, definitions: [definition] });
        await engine.retry('one', chosen && { tasks: chosen });
        await turns();
        process.die();
        expect(ran).toEqual([]);
        world.alive = false;
        const { job } = await createEngine({ journal, definitions: [definition] }).resume('one');
        expect((await job).state).toBe('completed');
        expect(ran.sort()).toEqual(chosen ? ['1', '2', 'y'] : ['1', 'y']);
      }
  });

  test('that had died before anything of the retry was kept is as it was', async () => {
    const { world, definition, ran } = etl();
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, { day: 3 }, { jobId: 'one' });
    world.broken = false;
    const process = mortal(journal, { appends: 0 });
    await createEngine({ journal: process.journal, definitions: [definition] }).retry('one');
    await turns();
    expect(process.dead).toBe(true);
    const engine = createEngine({ journal, definitions: [definition] });
    expect((await (await engine.resume('one')).job).state).toBe('failed');
    expect((await (await engine.retry('one')).job).state).toBe('completed');
    expect(ran).toEqual(['extract', 'count', 'load 1', 'load 2', 'tell']);
  });

  test('is not cancelled again, though it was before the retry', async () => {
    let alive = true;
    const definition = defineJob('job')
      .task('load', async () => {
        if (alive) await hang();
      })
      .seal();
    const journal = memoryJournal();
    const job = createEngine({ journal }).start(definition, {}, { jobId: 'one' });
    await turns();
    await job.cancel('enough');
    const process = mortal(journal);
    await createEngine({ journal: process.journal, definitions: [definition] }).retry('one');
    await turns();
    process.die();
    alive = false;
    const { job: last } = await createEngine({ journal, definitions: [definition] }).resume('one');
    expect((await last).state).toBe('completed');
  });
});

describe('a rerun', () => {
  test('is another job that takes over what stands, and says from where it comes', async () => {
    const { ran, world, definition } = etl();
    const journal = memoryJournal();
    const engine = createEngine({ journal, definitions: [definition] });
    const job = engine.start(definition, { day: 3 }, { jobId: 'one' });
    await job;
    world.broken = false;
    expect(job.previewRerun()).toEqual({ runs: ['load', 'tell'], keeps: ['extract', 'count'] });
    expect(await engine.previewRerun('one', { from: 'count' })).toEqual({
      runs: ['count', 'load', 'tell'],
      keeps: ['extract'],
    });
    ran.length = 0;
    const { job: other } = await engine.rerun('one', { from: 'count', jobId: 'two' });
    const events = heard(other);
    const { state, ctx, tasks } = await other;
    expect([other.id, state, ran]).toEqual(['two', 'completed', ['count', 'load 1', 'tell']]);
    expect(ctx).toEqual({ day: 3, rows: [3, new Date(5)], counted: 1, loaded: 2, told: '2 1' });
    expect(tasks.extract).toMatchObject({ state: 'completed', attempts: 0, reason: 'reused' });
    expect(events.slice(0, 2)).toMatchObject([
      { type: 'job.transition', seq: 0, to: 'running' },
      { type: 'task.transition', task: 'extract', from: 'unscheduled', to: 'completed', reason: 'reused' },
    ]);
    expect((await journal.job('two'))?.forkedFrom).toBe('one');
    expect((await journal.job('one'))?.state).toBe('failed');
    const { job: readBack } = await engine.resume('two');
    expect((await readBack).ctx).toEqual(ctx);
  });

  test('takes over a part of what is nested', async () => {
    const ran: string[] = [];
    const inner = defineJob('inner')
      .task('a', () => {
        ran.push('a');
        return { a: 1 };
      })
      .task('b', { dependsOn: ['a'] }, ({ ctx }) => {
        ran.push('b');
        return { b: ctx.a + 1 };
      })
      .seal();
    const journal = memoryJournal();
    const definition = defineJob('outer')
      .job('inner', {}, inner)
      .map('fetch', { over: ['x', 'y'] }, ({ item }) => {
        ran.push(item);
        return item;
      })
      .seal();
    const job = definition.start({}, { journal });
    const first = await job;
    ran.length = 0;
    const again = await job.rerun({ from: ['inner/b', 'fetch[0]'] });
    expect([again.state, again.ctx, ran.sort()]).toEqual(['completed', first.ctx, ['b', 'x']]);
  });

  test('whose process died goes on', async () => {
    const { ran, world, definition } = etl();
    world.broken = false;
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, { day: 3 }, { jobId: 'one' });
    const process = mortal(journal, { appends: 1 });
    const other = createEngine({ journal: process.journal, definitions: [definition] });
    await other.rerun('one', { from: 'load', jobId: 'two' });
    await turns();
    expect(process.dead).toBe(true);
    ran.length = 0;
    const { job } = await createEngine({ journal, definitions: [definition] }).resume('two');
    const { state, ctx } = await job;
    expect([state, ran]).toEqual(['completed', ['load 2', 'tell']]);
    expect(ctx).toEqual({ day: 3, rows: [3, new Date(5)], counted: 1, loaded: 2, told: '2 1' });
  });

  test('takes over what stands, whenever its process dies', async () => {
    for (const jobId of [undefined, 'two'])
      for (const appends of [0, 1, 2, 3]) {
        const { ran, world, definition } = etl();
        const journal = memoryJournal();
        await createEngine({ journal }).start(definition, { day: 3 }, { jobId: 'one' });
        world.broken = false;
        ran.length = 0;
        const process = mortal(journal, { appends });
        const engine = createEngine({ journal: process.journal, definitions: [definition] });
        const { job: other } = await engine.rerun('one', { jobId });
        await turns();
        process.die();
        ran.length = 0;
        const next = createEngine({ journal, definitions: [definition] });
        // It is kept with what it takes over, or not at all.
        if (appends === 0) {
          await expect(next.resume(other.id)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
          continue;
        }
        const { state, tasks } = await (await next.resume(other.id)).job;
        expect([state, tasks.extract?.reason]).toEqual(['completed', 'reused']);
        for (const task of ['extract', 'count']) expect(ran).not.toContain(task);
      }
  });

  test('is refused where the journal can’t keep what it would take over', async () => {
    const ran: string[] = [];
    let broken = true;
    const put = (output: object) =>
      defineJob('job')
        .task('extract', () => output)
        .task('load', { dependsOn: ['extract'] }, () => {
          ran.push('load');
          if (broken) throw new Error('busy');
        })
        .seal();
    const [odd, large] = [{ close: () => {} }, { text: 'x'.repeat(2_000) }].map((output) => put(output).start());
    await Promise.all([odd, large]);
    broken = false;
    const journal = memoryJournal({ maxOutputBytes: 1_000 });
    expect(() => odd?.rerun({ journal })).toThrow(expect.objectContaining({ code: 'UNSERIALISABLE_OUTPUT' }));
    expect(() => large?.rerun({ journal })).toThrow(expect.objectContaining({ code: 'OUTPUT_TOO_LARGE' }));
    await turns();
    expect([await journal.jobs(), ran.length]).toEqual([[], 2]);
    expect((await large?.rerun())?.state).toBe('completed');
  });

  test('is refused before the job is over, and where a task is unknown', async () => {
    const { definition } = etl();
    const job = definition.start({ day: 3 });
    expect(() => job.rerun()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    await job;
    expect(() => job.rerun({ from: 'lod' as never })).toThrow(expect.objectContaining({ code: 'UNKNOWN_TASK' }));
  });
});

type Retried = {
  readonly tasks: readonly {
    readonly needs: readonly number[];
    readonly kind: 'task' | 'map' | 'job';
    readonly first: 'succeeds' | 'fails' | 'not ready' | 'tolerated';
    readonly trigger: 'allSuccess' | 'allDone' | 'always' | undefined;
  }[];
  readonly onFailure: 'continue' | 'abort' | 'drain';
  readonly chosen: readonly number[] | undefined;
  readonly downstream: boolean;
};

const retried: fc.Arbitrary<Retried> = fc.record({
  tasks: fc.array(
    fc.record({
      needs: fc.array(fc.nat(100), { maxLength: 3 }),
      kind: fc.constantFrom('task', 'task', 'map', 'job'),
      first: fc.constantFrom('succeeds', 'succeeds', 'fails', 'not ready', 'tolerated'),
      trigger: fc.constantFrom(undefined, undefined, 'allSuccess', 'allDone', 'always'),
    }),
    { minLength: 1, maxLength: 9, size: 'max' },
  ),
  onFailure: fc.constantFrom('continue', 'continue', 'abort', 'drain'),
  chosen: fc.option(fc.array(fc.nat(100), { minLength: 1, maxLength: 2 }), { nil: undefined }),
  downstream: fc.boolean(),
});

/** A definition that notes which tasks ran, and of which some fail the first time. */
const retriable = ({ tasks, onFailure }: Retried) => {
  const ran = new Set<string>();
  const world = { isFirst: true };
  const definition = jobFrom(
    'job',
    tasks.map(({ needs, kind, first, trigger }, at) => {
      const name = `t${at}`;
      const dependsOn = at === 0 ? [] : [...new Set(needs.map((need) => `t${need % at}`))];
      const run = ({ taskName }: { readonly taskName: string }): object => {
        ran.add(taskName);
        const isMeant = !taskName.endsWith('[0]') && !taskName.endsWith('/a');
        if (world.isFirst && isMeant && (first === 'fails' || first === 'tolerated')) throw new Error('busy');
        return world.isFirst && isMeant && first === 'not ready' ? notReady('not yet') : { [name]: taskName };
      };
      const flow = { name, dependsOn, trigger, continueOnFailure: first === 'tolerated' };
      if (kind === 'task') return { ...flow, run };
      if (kind === 'map') return { ...flow, kind, over: () => [0, 1, 2], each: run };
      const inner = defineJob('inner')
        .task('a', run as never)
        .task('b', { dependsOn: ['a'] }, run as never)
        .task('c', { dependsOn: ['b'] }, run as never)
        .seal();
      return { ...flow, kind, definition: inner };
    }) as never,
    { onFailure },
  ) as unknown as AnyDefinition;
  return { ran, world, definition };
};

const isAround = (path: string): boolean => /^t\d+$/.test(path);

test('what a preview of a retry tells is what then runs', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(retried, async (spec) => {
      const { ran, world, definition } = retriable(spec);
      const journal = memoryJournal();
      const engine = createEngine({ journal, definitions: [definition] });
      const job = engine.start(definition as never, {} as never, { jobId: 'one' }) as unknown as Job;
      const before = await job;
      const { chosen, downstream } = spec;
      const selection = { downstream, ...(chosen && { tasks: chosen.map((at) => `t${at % spec.tasks.length}`) }) };
      if (!chosen && before.state === 'completed') return;
      const preview = job.previewRetry(selection);
      expect(await engine.previewRetry('one', selection)).toEqual(preview);
      ran.clear();
      world.isFirst = false;
      const again = (await engine.retry('one', selection)).job;
      const events = heard(again);
      const after = (await again) as JobResult;
      const started = new Set(
        events.flatMap((event) => (event.type === 'task.transition' && event.to === 'running' ? event.task : [])),
      );
      // What is in the preview runs, but for what its rule then skips; nothing else does.
      for (const path of started) if (isAround(path)) expect(preview.runs, path).toContain(path);
      for (const path of preview.runs)
        if (isAround(path) && after.tasks[path]?.state !== 'skipped') expect([...started], path).toContain(path);
      for (const path of preview.keeps) expect([...started], path).not.toContain(path);
      for (const path of ran) if (!isAround(path)) expect(preview.runs).toContain(path.replace(/[[/].*/, ''));
      for (const path of preview.runs) {
        if (isAround(path) || after.tasks[path.replace(/[[/].*/, '')]?.state === 'skipped') continue;
        expect([...ran], path).toContain(path);
      }
      if (!chosen) expect(after.state).toBe('completed');
      const { job: readBack } = await createEngine({ journal, definitions: [definition] }).resume('one');
      const last = (await readBack) as JobResult;
      expect([last.state, last.ctx, statesOf(last.tasks)]).toEqual([after.state, after.ctx, statesOf(after.tasks)]);
      compared++;
    }),
    { numRuns: 200, ...seeded },
  );
  expect(compared).toBeGreaterThan(100);
});

test('what a preview of a rerun tells is what then runs', async () => {
  await fc.assert(
    fc.asyncProperty(retried, async (spec) => {
      const { ran, world, definition } = retriable(spec);
      const job = definition.start({} as never, { journal: memoryJournal() } as never) as unknown as Job;
      const before = await job;
      const { chosen } = spec;
      const selection = chosen && { from: chosen.map((at) => `t${at % spec.tasks.length}`) };
      if (!chosen && before.state === 'completed') return;
      const preview = job.previewRerun(selection);
      ran.clear();
      world.isFirst = false;
      const after = await job.rerun(selection as never);
      for (const path of preview.keeps)
        expect(after.tasks[path as never]).toMatchObject({ state: 'completed', attempts: 0 });
      for (const path of preview.runs) {
        if (!isAround(path)) continue;
        const { state, attempts } = after.tasks[path as never] as TaskResult;
        if (state !== 'skipped') expect([path, attempts]).toEqual([path, 1]);
      }
      for (const path of ran) expect(preview.runs).toContain(path.replace(/[[/].*/, ''));
      expect(after.state).toBe('completed');
    }),
    { numRuns: 200, ...seeded },
  );
});
