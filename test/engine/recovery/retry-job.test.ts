import { branch, createEngine, defineJob, expand, type Job, memoryJournal, notReady } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { etl, statesOf } from '../../support/retried-job.ts';
import { slow } from '../../support/slow-journal.ts';
import { soon, turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

afterEach(() => {
  vi.useRealTimers();
});

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

  test.each([
    ['definition', etl().definition],
    ['added', []],
    ['changed', 'accept'],
  ])('is retried and rerun by its handle without the option %s, which an engine takes', async (option, value) => {
    const job = etl().definition.start({ day: 3 });
    await job;
    const options = { [option]: value };
    const calls = [
      () => job.retry(options),
      () => job.previewRetry(options),
      () => job.rerun(options),
      () => job.previewRerun(options),
    ];
    for (const call of calls)
      expect(call).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', problems: [expect.objectContaining({ option })] }),
      );
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
        seen.push(checkpoint().last);
        await checkpoint().save(attempt);
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
