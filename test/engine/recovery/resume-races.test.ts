import {
  type AnyDefinition,
  createEngine,
  defineJob,
  type Job,
  type JobResult,
  type Journal,
  jobFrom,
  memoryJournal,
  type StartOptions,
} from 'tintype';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { slow } from '../../support/slow-journal.ts';
import { soon, turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

/** When the last event of a job has been heard, but what follows from it has not happened. */
const heardOut = (job: Pick<Job, 'events$'>): Promise<void> =>
  new Promise((resolve) => void job.events$.subscribe({ complete: resolve }));

/** How a job ends, and why, and why that: its codes. */
const endOf = async (job: PromiseLike<unknown>): Promise<readonly unknown[] | 'hangs'> => {
  const result = (await soon(job)) as JobResult | 'hangs';
  if (result === 'hangs') return result;
  const { state, error } = result;
  return [state, error?.code, (error?.cause as { readonly code?: string } | undefined)?.code].filter(Boolean);
};

/** A job whose task fails as long as it is told to, and then takes until it is told to finish. */
const flaky = () => {
  const world = { broken: true, ran: 0, finish: (): void => {} };
  const until = new Promise<void>((resolve) => {
    world.finish = resolve;
  });
  const definition = defineJob('flaky')
    .task('load', async () => {
      world.ran++;
      if (world.broken) throw new Error('busy');
      await until;
      return { loaded: world.ran };
    })
    .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
    .seal();
  return { world, definition };
};

/** Time stands still, but where it is turned; the event loop goes on. */
const stopTime = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

const pass = async (ms: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms);
  await turns();
};

afterEach(() => {
  vi.useRealTimers();
});

describe('a job that two try again at once', () => {
  test('is tried again by the first: the second is told so', async () => {
    const { world, definition } = flaky();
    const journal = memoryJournal();
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'one' });
    world.broken = false;
    const { job } = await engine.retry('one');
    await expect(engine.retry('one')).rejects.toMatchObject({ code: 'JOB_LEASED' });
    world.finish();
    expect([await endOf(job), world.ran]).toEqual([['completed'], 2]);
  });

  test('is tried again once by two processes whose journal answers later', async () => {
    const { world, definition } = flaky();
    const store = memoryJournal();
    const engines = [1, 2].map(() => createEngine({ journal: slow(store).journal, definitions: [definition] }));
    await createEngine({ journal: store }).start(definition, {}, { jobId: 'one' });
    world.broken = false;
    world.finish();
    const jobs = await Promise.all(engines.map((engine) => engine.retry('one')));
    const ends = await Promise.all(jobs.map(({ job }) => endOf(job)));
    expect(ends.sort()).toEqual([['completed'], ['failed', 'JOURNAL_FAILED', 'JOB_LEASED']]);
    expect(world.ran).toBe(2);
    for (const engine of engines) expect(await soon(engine.close())).toBe(undefined);
  });

  test('is retried and resumed by one engine: the one does not hinder the other', async () => {
    for (const delay of [0, 3])
      for (const isRetriedFirst of [true, false]) {
        const { world, definition } = flaky();
        const { journal } = slow(memoryJournal(), { turns: delay });
        const engine = createEngine({ journal, definitions: [definition] });
        await engine.start(definition, {}, { jobId: 'one' });
        world.broken = false;
        world.finish();
        const both = [() => engine.retry('one'), () => engine.resume('one')];
        const answers = await Promise.all((isRetriedFirst ? both : both.reverse()).map((ask) => ask()));
        const ends = await Promise.all(answers.map(({ job }) => endOf(job)));
        expect(ends.map(([state]) => state).sort()).toEqual(['completed', 'failed']);
        expect(world.ran).toBe(2);
      }
  });
});

describe('a retry of a job that has gone on since', () => {
  test('is refused, and holds no lease', async () => {
    const { world, definition } = flaky();
    const store = memoryJournal();
    const job = createEngine({ journal: store }).start(definition, {}, { jobId: 'one' });
    await job;
    world.broken = false;
    world.finish();
    const elsewhere = createEngine({ journal: slow(store, { turns: 0 }).journal, definitions: [definition] });
    await (await elsewhere.retry('one')).job;
    expect(() => job.retry()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
    await turns();
    expect((await store.job('one'))?.lease).toBe(undefined);
  });

  test('fails where the journal answers later, and holds no lease', async () => {
    const { world, definition } = flaky();
    const store = memoryJournal();
    const engine = createEngine({ journal: slow(store).journal });
    const job = engine.start(definition, {}, { jobId: 'one' });
    await job;
    world.broken = false;
    world.finish();
    await (await createEngine({ journal: store, definitions: [definition] }).retry('one')).job;
    const again = job.retry();
    expect(await endOf(again)).toEqual(['failed', 'JOURNAL_FAILED', 'LEASE_LOST']);
    await turns();
    expect([(await store.job('one'))?.lease, engine.jobs, world.ran]).toEqual([undefined, [], 2]);
    expect(await soon(engine.close())).toBe(undefined);
  });
});

describe('a retry whose journal fails', () => {
  test('ends, where its lease can’t be asked for', async () => {
    const { world, definition } = flaky();
    const { journal, fail } = slow(memoryJournal());
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'one' });
    world.broken = false;
    const mend = fail('acquire');
    const { job } = await engine.retry('one');
    const events = heard(job);
    expect(await endOf(job)).toEqual(['failed', 'JOURNAL_FAILED', 'JOURNAL_FAILED']);
    expect([events, engine.jobs, world.ran]).toEqual([[], [], 1]);
    mend();
    world.finish();
    expect(await endOf((await engine.retry('one')).job)).toEqual(['completed']);
  });

  test.each([0, 3])('harms no other job, though the end of the job is yet to be written (%i turns)', async (delay) => {
    const { definition } = flaky();
    const { journal, fail } = slow(memoryJournal(), { turns: delay });
    const engine = createEngine({ journal });
    const job = engine.start(definition, {});
    const others = [1, 2, 3].map(() =>
      engine.start(
        jobFrom('other', [
          { name: 'a', run: () => {} },
          { name: 'b', dependsOn: ['a'], run: () => {} },
        ]),
        {},
      ),
    );
    await heardOut(job);
    fail('acquire');
    expect(await endOf(job.retry())).toEqual(['failed', 'JOURNAL_FAILED', 'JOURNAL_FAILED']);
    expect(await Promise.all(others.map(endOf))).toEqual([['completed'], ['completed'], ['completed']]);
  });

  test.each([0, 3])('ends, where the end of the job can’t be written (%i turns)', async (delay) => {
    const { definition, world } = flaky();
    const { journal, fail } = slow(memoryJournal(), { turns: delay });
    const job = createEngine({ journal }).start(definition, {});
    await heardOut(job);
    const again = job.retry();
    fail('append');
    expect(await endOf(again)).toEqual(['failed', 'JOURNAL_FAILED', 'JOURNAL_FAILED']);
    expect(world.ran).toBe(1);
  });
});

describe('a job that the journal refuses', () => {
  test('is no reason for those to fail that are written with it', async () => {
    for (const delay of [0, 3]) {
      const store = memoryJournal();
      const picky: Journal = {
        ...store,
        append: (batches) => {
          if (batches.some(({ jobId }) => jobId === 'odd')) throw new Error('it is odd');
          return store.append(batches);
        },
      };
      const engine = createEngine({ journal: slow(picky, { turns: delay }).journal });
      const definition = defineJob('job')
        .task('load', () => {})
        .seal();
      const jobs = ['one', 'odd', 'two'].map((jobId) => engine.start(definition, {}, { jobId }));
      expect(await Promise.all(jobs.map(endOf))).toEqual([
        ['completed'],
        ['failed', 'JOURNAL_FAILED', 'JOURNAL_FAILED'],
        ['completed'],
      ]);
    }
  });
});

describe('a command right after a retry', () => {
  test.each([0, 3])('is obeyed, as soon as the job has ended and later (the journal takes %i turns)', async (delay) => {
    for (const moment of [heardOut, (job: PromiseLike<unknown>) => job]) {
      const { world, definition } = flaky();
      const engine = createEngine({ journal: slow(memoryJournal(), { turns: delay }).journal });
      const job = engine.start(definition, {});
      await moment(job as never);
      world.broken = false;
      world.finish();
      const again = job.retry();
      again.pause('ann');
      await turns();
      expect(again.state).toBe('paused');
      again.resume();
      expect(await endOf(again)).toEqual(['completed']);
    }
  });
});

describe('a job that runs', () => {
  const running = async () => {
    const { world, definition } = flaky();
    world.broken = false;
    const journal = memoryJournal();
    const job = createEngine({ journal }).start(definition, {}, { jobId: 'one' });
    await turns();
    return { world, definition, journal, job };
  };

  test('is not harmed by a preview, by a retry or by a start with its id, which are refused', async () => {
    stopTime();
    const { world, definition, journal, job } = await running();
    const other = createEngine({ journal, definitions: [definition] });
    for (const ask of [() => other.previewRetry('one'), () => other.retry('one'), () => other.rerun('one')])
      await expect(ask()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect(() => other.start(definition, {}, { jobId: 'one' })).toThrow(
      expect.objectContaining({ code: 'JOB_EXISTS' }),
    );
    expect((await other.resume('one')).job).toBe(job);
    expect(world.ran).toBe(1);
    // Messages reach it still.
    await journal.send('one', JSON.stringify({ type: 'cancel', reason: 'enough' }));
    await pass(250);
    expect(await endOf(job)).toEqual(['cancelled', 'JOB_CANCELLED']);
  });

  test('is not harmed by a resumption as its end is being written', async () => {
    const { world, definition } = flaky();
    world.broken = false;
    const { journal, hold } = slow(memoryJournal());
    const engine = createEngine({ journal, definitions: [definition] });
    const job = engine.start(definition, {}, { jobId: 'one' });
    await turns();
    world.finish();
    await heardOut(job);
    const letGo = hold('append');
    await turns();
    const resumed = engine.resume('one');
    await turns();
    letGo();
    expect(await endOf(job)).toEqual(['completed']);
    expect(await endOf((await resumed).job)).toEqual(['completed']);
    expect(world.ran).toBe(1);
  });

  test('hears a message, though one before it, to another job, can’t be read', async () => {
    stopTime();
    const definition = defineJob('job').external('approve').seal();
    const store = memoryJournal();
    const engine = createEngine({ journal: store });
    const [one, two] = ['one', 'two'].map((jobId) => engine.start(definition, {}, { jobId }));
    await turns();
    await store.send('one', 'not JSON');
    await store.send('one', JSON.stringify({ type: 'of a newer version' }));
    await store.send('two', JSON.stringify({ type: 'complete', task: 'approve', output: '{"by":"ann"}' }));
    await pass(250);
    expect(await endOf(two as Job)).toEqual(['completed']);
    expect(one?.state).toBe('running');
    await one?.cancel();
  });

  test('is told so when it was removed from the journal', async () => {
    const { world, journal, job } = await running();
    await journal.remove('one');
    world.finish();
    expect(await endOf(job)).toEqual(['failed', 'JOURNAL_FAILED', 'LEASE_LOST']);
    expect(((await job).error?.cause as Error).message).toContain('or it was removed from the journal');
  });
});

describe('leases of jobs', () => {
  test('that are new are not given up before the journal knows of the jobs', async () => {
    stopTime();
    const { journal, hold } = slow(memoryJournal());
    const engine = createEngine({ journal });
    const long = engine.start(defineJob('long').task('wait', hang).seal(), {});
    await turns();
    await pass(4_000);
    const letGo = hold('append');
    const job = engine.start(
      defineJob('job')
        .task('load', () => ({ loaded: true }))
        .seal(),
      {},
    );
    // A heartbeat, of which the job is no part yet.
    await pass(2_000);
    letGo();
    expect(await endOf(job)).toEqual(['completed']);
    await long.cancel();
  });

  test('whose engine beats late are no loss to a job that is tried again meanwhile', async () => {
    stopTime();
    const { world, definition } = flaky();
    world.broken = false;
    const { journal, hold, asked } = slow(memoryJournal());
    const engine = createEngine({ journal });
    const long = engine.start(defineJob('long').task('wait', hang).seal(), {});
    const job = engine.start(definition, {});
    await turns();
    const letGo = hold('beat');
    await pass(5_000);
    expect(asked('beat')).toBe(1);
    await job.cancel();
    const again = job.retry();
    await turns();
    expect([again.state, world.ran]).toEqual(['running', 2]);
    letGo();
    await turns();
    world.finish();
    expect(await endOf(again)).toEqual(['completed']);
    await long.cancel();
  });

  test('are this process’s own after its journal failed: a recovery takes the jobs up again at once', async () => {
    for (const delay of [0, 3]) {
      const { world, definition } = flaky();
      world.broken = false;
      const { journal, fail } = slow(memoryJournal(), { turns: delay });
      const engine = createEngine({ journal, definitions: [definition] });
      const job = engine.start(definition, {}, { jobId: 'one' });
      await turns();
      const mend = fail('append');
      world.finish();
      expect(await endOf(job)).toEqual(['failed', 'JOURNAL_FAILED', 'JOURNAL_FAILED']);
      mend();
      const { resumed, refused } = await engine.recover();
      expect([resumed.map(({ id }) => id), refused]).toEqual([['one'], []]);
      expect(await endOf(resumed[0] as Job)).toEqual(['completed']);
    }
  });
});

describe('a start with a key that was used', () => {
  const slowTask = (finished = true) => {
    const world = { ran: 0, finish: (): void => {} };
    const until = finished
      ? undefined
      : new Promise<void>((resolve) => {
          world.finish = resolve;
        });
    const definition = defineJob('keyed')
      .task('load', async ({ log }) => {
        world.ran++;
        await until;
        log.info('loaded');
        return { loaded: 1 };
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
      .seal();
    return { world, definition };
  };

  describe.each([0, 3])('of which the journal tells in %i turns', (delay) => {
    test('can be cancelled in the same tick, and is answered the end of a job that is over', async () => {
      const { definition, world } = slowTask();
      const store = memoryJournal();
      await createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
      const { journal } = slow(store, { turns: delay });
      const engine = createEngine({ journal });
      const job = engine.start(definition, {}, { jobKey: 'monday' });
      expect(await soon(job.cancel('enough'))).toMatchObject({ state: 'completed', ctx: { loaded: 1, told: 1 } });
      await turns();
      expect([world.ran, (await store.job(job.id))?.state, engine.jobs]).toEqual([1, 'completed', []]);
    });

    test('can be cancelled in the same tick, and so is a job whose process died, and no other', async () => {
      const { definition, world } = slowTask(false);
      const store = memoryJournal();
      const process = mortal(store);
      createEngine({ journal: process.journal }).start(definition, {}, { jobKey: 'monday' });
      await turns();
      process.die();
      const engine = createEngine({ journal: slow(store, { turns: delay }).journal });
      const bystander = engine.start(slowTask().definition, {});
      const job = engine.start(definition, {}, { jobKey: 'monday' });
      expect(await endOf(job.cancel('enough'))).toEqual(['cancelled', 'JOB_CANCELLED']);
      expect(await endOf(bystander)).toEqual(['completed']);
      expect([(await store.job(job.id))?.state, world.ran]).toEqual(['cancelled', 1]);
      const events = await store.events(job.id);
      expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    });

    test('lets a job whose process died go on with the options of its first start', async () => {
      let alive = true;
      const ran: string[] = [];
      const definition = defineJob('keyed')
        .task('fail', async () => {
          if (alive) await hang();
          throw new Error('busy');
        })
        .task('load', async () => {
          if (alive) await hang();
          await turns();
        })
        .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
        .seal();
      const store = memoryJournal();
      const process = mortal(store);
      createEngine({ journal: process.journal }).start(definition, {}, { jobKey: 'monday', onFailure: 'continue' });
      await turns();
      process.die();
      alive = false;
      const { journal } = slow(store, { turns: delay });
      const job = createEngine({ journal }).start(definition, {}, { jobKey: 'monday' });
      expect([await endOf(job), ran]).toEqual([['failed', 'JOB_FAILED', 'TASK_FAILED'], ['tell']]);
    });

    test('answers the output of a task of a job that is over', async () => {
      const { definition } = slowTask();
      const store = memoryJournal();
      await createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
      const { journal } = slow(store, { turns: delay });
      const job = createEngine({ journal }).start(definition, {}, { jobKey: 'monday' });
      expect(await soon(job.output('load'))).toEqual({ loaded: 1 });
    });
  });

  test('is refused where it has an id, too', () => {
    const { definition } = slowTask();
    const engine = createEngine({ journal: memoryJournal() });
    expect(() => engine.start(definition, {}, { jobKey: 'monday', jobId: 'one' })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

describe('a job that is followed', () => {
  const followed = async (options?: StartOptions) => {
    stopTime();
    const world = { finish: (): void => {} };
    const until = new Promise<void>((resolve) => {
      world.finish = resolve;
    });
    const definition = defineJob('keyed', { onFailure: 'continue' })
      .task('load', async () => {
        await until;
        return { loaded: 1 };
      })
      .task('tell', { dependsOn: ['load'] }, ({ ctx }) => ({ told: ctx.loaded }))
      .external('approve')
      .seal();
    const store = memoryJournal();
    const owner = createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
    await turns();
    const { journal, hold } = slow(store, { turns: 1 });
    const engine = createEngine({ journal });
    const job = engine.start(definition, {}, { ...options, jobKey: 'monday' });
    const events = heard(job as unknown as Job);
    await turns();
    return { world, store, owner, engine, job, events, hold };
  };

  test('is heard from the first event to the last, whatever is written as it is looked at', async () => {
    for (const call of ['job', 'events'] as const) {
      const { world, owner, job, events, hold } = await followed();
      const letGo = hold(call);
      await vi.advanceTimersByTimeAsync(250);
      await turns();
      world.finish();
      owner.task('approve').complete({});
      expect(await endOf(owner)).toEqual(['completed']);
      letGo();
      await turns();
      await pass(250);
      expect(await endOf(job)).toEqual(['completed']);
      expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
      expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'completed' });
      vi.useRealTimers();
    }
  });

  test('answers the output of a task', async () => {
    const { world, owner, job } = await followed();
    const output = job.output('load');
    world.finish();
    owner.task('approve').complete({});
    await owner;
    await pass(250);
    expect(await soon(output)).toEqual({ loaded: 1 });
  });

  test('refuses what can only be done where it runs, and ends with it', async () => {
    const { world, owner, job } = await followed();
    for (const command of [
      () => job.task('tell').pause(),
      () => job.task('approve').claim('ann'),
      () => job.removeTask('tell'),
      () => job.retry(),
    ])
      expect(command).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    world.finish();
    owner.task('approve').complete({});
    await owner;
    await pass(250);
    expect(await endOf(job)).toEqual(['completed']);
  });

  test('is cancelled by the signal of the start that follows it', async () => {
    const controller = new AbortController();
    const { owner, job } = await followed({ signal: controller.signal });
    controller.abort('enough');
    await turns();
    await pass(250);
    expect(await endOf(owner)).toEqual(['cancelled', 'JOB_CANCELLED']);
    await pass(250);
    expect(await endOf(job)).toEqual(['cancelled', 'JOB_CANCELLED']);
  });

  test('is heard without a gap where it has ended before and goes on', async () => {
    stopTime();
    const { world, definition } = flaky();
    const store = memoryJournal();
    const first = createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
    await first;
    world.broken = false;
    const again = first.retry();
    await turns();
    const job = createEngine({ journal: slow(store, { turns: 1 }).journal }).start(
      definition,
      {},
      { jobKey: 'monday' },
    );
    const events = heard(job as unknown as Job);
    await pass(250);
    world.finish();
    expect(await endOf(again)).toEqual(['completed']);
    await pass(250);
    expect(await endOf(job)).toEqual(['completed']);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });
});

describe('a resumption', () => {
  const dead = async (definition: AnyDefinition, options?: StartOptions) => {
    const store = memoryJournal();
    const process = mortal(store);
    createEngine({ journal: process.journal }).start(definition as never, {} as never, { jobId: 'one', ...options });
    await turns();
    process.die();
    return store;
  };

  test('by a signal that has aborted already leaves no timer', async () => {
    stopTime();
    const definition = defineJob('job').task('load', hang).seal();
    const journal = await dead(definition, { timeout: 3_600_000 });
    const before = vi.getTimerCount();
    const engine = createEngine({ journal, definitions: [definition] });
    const { job } = await engine.resume('one', { signal: AbortSignal.abort('enough') });
    expect(await endOf(job)).toEqual(['cancelled', 'JOB_CANCELLED']);
    expect(vi.getTimerCount()).toBe(before);
  });

  test('keeps to the options of the start that are no limit at all, and to its way of trying again', async () => {
    let most = 0;
    let now = 0;
    let alive = true;
    const work = async (): Promise<void> => {
      if (alive) await hang();
      most = Math.max(most, ++now);
      await turns(5);
      now--;
    };
    const definition = jobFrom(
      'job',
      ['a', 'b', 'c'].map((name) => ({ name, pool: 'db', run: work })),
      { maxConcurrency: 1, timeout: 200 },
    ) as unknown as AnyDefinition;
    const retry = { delayMs: 1_000 };
    const limits = { maxConcurrency: Number.POSITIVE_INFINITY, timeout: Number.POSITIVE_INFINITY };
    const pools = { db: { slots: Number.POSITIVE_INFINITY } };
    const journal = await dead(definition, { ...limits, pools, retry, maxRetries: 3 });
    expect(JSON.parse((await journal.job('one'))?.options ?? '')).toMatchObject({ retry, maxRetries: 3 });
    alive = false;
    const { job } = await createEngine({ journal, definitions: [definition] }).resume('one');
    expect([await endOf(job), most]).toEqual([['completed'], 3]);
  });

  test('refuses a definition in which a task depends on another, though the names look alike', async () => {
    const definitionOf = (dependsOn: string[]) =>
      jobFrom('job', [
        ...['a', 'b', 'a,b'].map((name) => ({ name, run: hang })),
        { name: 'z', dependsOn, run: () => {} },
      ] as never) as unknown as AnyDefinition;
    const journal = await dead(definitionOf(['a', 'b']));
    const engine = createEngine({ journal, definitions: [definitionOf(['a,b'])] });
    await expect(engine.resume('one')).rejects.toMatchObject({ code: 'DEFINITION_CHANGED' });
  });

  test('of what is no id is refused as such', async () => {
    const engine = createEngine({ journal: memoryJournal() });
    for (const id of [undefined, '', 7, [], Symbol('one')])
      for (const call of ['resume', 'retry', 'rerun', 'previewRetry', 'previewRerun'] as const)
        await expect(engine[call](id as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

test('a journal that fails later, as it is asked about a job with a key, ends that job and nothing else', async () => {
  const { journal, fail } = slow(memoryJournal());
  fail('job');
  fail('create');
  const definition = defineJob('etl')
    .task('load', () => {})
    .seal();
  const job = createEngine({ journal }).start(definition, {}, { jobKey: 'monday' });
  expect(await soon(job)).toMatchObject({ state: 'failed', error: { code: 'JOURNAL_FAILED' } });
});
