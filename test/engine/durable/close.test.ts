import {
  type Checkpoint,
  createEngine,
  defineJob,
  type Job,
  type JobEvent,
  type Journal,
  memoryJournal,
} from 'tintype';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { ended } from '../../support/resumed-job.ts';
import { slow } from '../../support/slow-journal.ts';
import { soon, turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

/** What the journal holds of a job as completed, by the paths of the tasks. */
const completedIn = async (journal: Journal, jobId: string): Promise<readonly string[]> =>
  (await journal.events(jobId))
    .map(({ data }) => JSON.parse(data) as JobEvent)
    .flatMap((event) => (event.type === 'task.transition' && event.to === 'completed' ? [event.task] : []));

afterEach(() => {
  vi.useRealTimers();
});

/** A job with something of everything; it notes what ran. */
const small = () => {
  const ran: string[] = [];
  const inner = defineJob('inner')
    .task('a', ({ taskName, progress }) => {
      ran.push(taskName);
      progress(0.5);
      return { a: 1 };
    })
    .task('b', { dependsOn: ['a'] }, async ({ taskName, ctx }) => {
      ran.push(taskName);
      return { b: ctx.a + 1 };
    })
    .seal();
  const definition = defineJob('small')
    .task('extract', ({ log }) => {
      ran.push('extract');
      log.info('looking');
      return { rows: 2 };
    })
    .map('fetch', { dependsOn: ['extract'], over: ['x', 'y'] }, async ({ item, taskName, checkpoint }) => {
      ran.push(taskName);
      await checkpoint().save(item);
      return item.toUpperCase();
    })
    .job('part', { dependsOn: ['extract'], input: () => ({}) }, inner)
    .task('load', { dependsOn: ['fetch', 'part'] }, ({ ctx }) => {
      ran.push('load');
      return { loaded: ctx.fetch.join('') };
    })
    .seal();
  return { ran, definition };
};

describe('an engine that is closed at any moment of a job', () => {
  const moments = {
    event: (job: Job, count: number): Promise<void> =>
      new Promise((resolve) => {
        let left = count;
        job.events$.subscribe({ next: () => left-- <= 0 && resolve(), complete: () => resolve() });
      }),
    turn: (_: Job, count: number): Promise<void> => turns(count),
  };

  test.each(
    (['drain', 'abort'] as const).flatMap((mode) =>
      ([0, 3] as const).flatMap((delay) =>
        (['event', 'turn'] as const).flatMap((unit) =>
          [undefined, 'one'].map((jobId) => ({
            mode,
            delay,
            unit,
            jobId,
            answers: delay === 0 ? 'at once' : 'later',
            by: jobId === undefined ? 'a job without an id of its own' : 'a job with an id',
          })),
        ),
      ),
    ),
  )('has closed, and the job goes on: $mode, any $unit, a journal that answers $answers, $by', async ({
    mode,
    delay,
    unit,
    jobId,
  }) => {
    let moment = 0;
    for (let isOver = false; !isOver && moment < 60; moment++) {
      const { definition, ran } = small();
      const store = memoryJournal();
      const engine = createEngine({ journal: slow(store, { turns: delay }).journal });
      const job = engine.start(definition, {}, { jobId }) as unknown as Job;
      await moments[unit](job, moment);
      isOver = job.state === 'completed';
      const where = `closed after ${moment}`;
      expect(await soon(engine.close({ mode })), where).toBe(undefined);
      const result = await soon(job);
      expect(result, where).toMatchObject({ state: expect.stringMatching(/^(cancelled|completed)$/) });
      await turns();
      const [kept] = await store.jobs();
      expect(kept?.lease, where).toBe(undefined);
      const state = (result as Awaited<Job>).state;
      expect([kept?.state, state], where).toEqual(
        kept?.state === 'completed'
          ? ['completed', 'completed']
          : [expect.stringMatching(/^(idle|running)$/), 'cancelled'],
      );
      const done = await completedIn(store, job.id);
      ran.length = 0;
      const { job: again } = await createEngine({ journal: store, definitions: [definition] }).resume(job.id);
      expect(await soon(again), where).toMatchObject({
        state: 'completed',
        ctx: { rows: 2, fetch: ['X', 'Y'], loaded: 'XY' },
      });
      for (const path of done) expect(ran, where).not.toContain(path);
    }
    expect(moment).toBeGreaterThan(5);
  });
});

describe('an engine that is closed while a task is at work', () => {
  test('aborts a task that reports more often than the journal takes to write', async () => {
    let stopped = false;
    const definition = defineJob('job')
      .task('load', async ({ signal, progress }) => {
        while (!signal.aborted && !stopped) {
          progress(0.5);
          await turns(1);
        }
      })
      .seal();
    const engine = createEngine({ journal: slow(memoryJournal(), { turns: 10 }).journal });
    engine.start(definition, {});
    await turns();
    const closed = await soon(engine.close({ mode: 'abort' }));
    stopped = true;
    expect(closed).toBe(undefined);
  });

  test('does not wait for a task that had yet to begin', async () => {
    const ran: string[] = [];
    const definition = defineJob('job')
      .task('extract', () => void ran.push('extract'))
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .seal();
    const store = memoryJournal();
    const { journal, hold } = slow(store);
    const engine = createEngine({ journal });
    const job = engine.start(definition, {});
    await new Promise<void>((resolve) => {
      job.events$.subscribe((event) => {
        if (event.type !== 'task.transition' || event.task !== 'load' || event.to !== 'running') return;
        const letGo = hold('append');
        resolve();
        void turns().then(letGo);
      });
    });
    expect(await soon(engine.close())).toBe(undefined);
    expect([job.state, ran]).toEqual(['cancelled', ['extract']]);
  });

  test('tells who completes a task meanwhile that it is not kept, or keeps it', async () => {
    for (let moment = 0; moment < 12; moment++) {
      const store = memoryJournal();
      const engine = createEngine({ journal: slow(store).journal });
      const job = engine.start(defineJob('job').external('approve').seal(), {});
      await job.saved();
      await turns();
      const token = job.task('approve').claim('ann');
      await job.saved();
      const closed = engine.close();
      await turns(moment);
      const told = await soon(
        Promise.resolve()
          .then(() => job.task('approve').complete({ a: 1 }, token))
          .then(
            () => 'kept',
            () => 'refused',
          ),
      );
      await closed;
      const isKept = (await completedIn(store, job.id)).includes('approve');
      expect([moment, told]).toEqual([moment, isKept ? 'kept' : 'refused']);
    }
  });

  test('tells a task that saves a checkpoint meanwhile that it is not kept, or keeps it', async () => {
    for (let moment = 0; moment < 12; moment++) {
      let checkpoint: Checkpoint | undefined;
      const definition = defineJob('job')
        .task('load', async (context) => {
          checkpoint = context.checkpoint();
          await hang();
        })
        .seal();
      const store = memoryJournal();
      const engine = createEngine({ journal: slow(store).journal });
      const job = engine.start(definition, {});
      await turns();
      const closed = engine.close({ mode: 'abort' });
      await turns(moment);
      const told = await soon(
        (checkpoint as Checkpoint).save(7).then(
          () => 'kept',
          () => 'refused',
        ),
      );
      await closed;
      const isKept = (await store.notes(job.id)).some(({ kind }) => kind === 'checkpoint');
      expect([moment, told]).toEqual([moment, isKept ? 'kept' : 'refused']);
    }
  });
});

describe('an engine that is closed while its journal has yet to answer', () => {
  test.each(['drain', 'abort'] as const)('leaves a job that is asked for to be started: %s', async (mode) => {
    const ran: string[] = [];
    const definition = defineJob('job')
      .task('load', () => void ran.push('load'))
      .seal();
    const store = memoryJournal();
    const { journal, hold } = slow(store);
    const letGo = hold('create');
    const engine = createEngine({ journal });
    const job = engine.start(definition, {}, { jobId: 'one' });
    const closed = engine.close({ mode });
    await turns();
    letGo();
    expect(await soon(closed)).toBe(undefined);
    await turns();
    const kept = await store.job('one');
    expect([job.state, kept?.state, kept?.lease, ran]).toEqual(['cancelled', 'idle', undefined, []]);
    const { resumed } = await createEngine({ journal: store, definitions: [definition] }).recover();
    expect((await (resumed[0] as Job)).state).toBe('completed');
    expect(ran).toEqual(['load']);
  });

  test('has closed though no lease can be given back', async () => {
    for (const delay of [0, 3]) {
      const definition = defineJob('job').external('approve').seal();
      const { journal, fail } = slow(memoryJournal(), { turns: delay });
      const engine = createEngine({ journal });
      const job = engine.start(definition, {}, { jobId: 'one' });
      await turns();
      fail('release');
      expect(await soon(engine.close())).toBe(undefined);
      expect(job.state).toBe('cancelled');
      // A rejection that nobody handles would end the process here.
      await turns();
    }
  });

  const ways = ['resume', 'recover', 'retry', 'rerun'] as const;

  test.each(
    ways.flatMap((way) => (['drain', 'abort'] as const).map((mode) => ({ way, mode }))),
  )('starts nothing after it has closed: $way, $mode', async ({ way, mode }) => {
    for (let moment = 0; moment < 30; moment++) {
      const world = { broken: true, began: 0, finished: 0 };
      const definition = defineJob('job')
        .task('load', async () => {
          world.began++;
          if (world.broken) throw new Error('busy');
          await turns(30);
          world.finished++;
        })
        .seal();
      const store = memoryJournal();
      const before = createEngine({ journal: store });
      if (way === 'resume' || way === 'recover') {
        const left = before.start(defineJob('job').task('load', hang).seal(), {}, { jobId: 'one' });
        await turns();
        await before.close({ mode: 'abort' });
        await left;
      } else await before.start(definition, {}, { jobId: 'one' });
      Object.assign(world, { broken: false, began: 0 });
      const engine = createEngine({ journal: slow(store).journal, definitions: [definition] });
      const answer = (way === 'recover' ? engine.recover() : engine[way]('one')).then(
        () => 'answered',
        (error) => error.code,
      );
      await turns(moment);
      expect(await soon(engine.close({ mode })), `closed after ${moment}`).toBe(undefined);
      const { began, finished } = world;
      expect(engine.jobs).toEqual([]);
      if (mode === 'drain') expect(finished, `closed after ${moment}`).toBe(began);
      expect(['answered', 'ENGINE_CLOSED', 'LEASE_LOST']).toContain(await soon(answer));
      await turns(100);
      expect(world.began, `closed after ${moment}`).toBe(began);
      for (const { lease } of await store.jobs()) expect(lease, `closed after ${moment}`).toBe(undefined);
      const next = createEngine({ journal: store, definitions: [definition] });
      const { state } = (await store.job('one')) as { readonly state: string };
      if (state === 'running') expect((await (await next.resume('one')).job).state).toBe('completed');
    }
  });
});

describe('an engine that is closed while it follows a job of another process', () => {
  test.each(['drain', 'abort'] as const)('has closed at once, and the job goes on there: %s', async (mode) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let finish = (): void => {};
    const until = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const definition = defineJob('job')
      .task('load', () => until)
      .seal();
    const store = memoryJournal();
    const owner = createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
    await turns();
    const timers = vi.getTimerCount();
    const engine = createEngine({ journal: slow(store).journal });
    const job = engine.start(definition, {}, { jobKey: 'monday' });
    const events = heard(job as unknown as Job);
    await turns();
    expect(events.length).toBeGreaterThan(0);
    expect(await soon(engine.close({ mode }))).toBe(undefined);
    expect([(await job).state, owner.state]).toEqual(['cancelled', 'running']);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    await vi.advanceTimersByTimeAsync(1_000);
    await turns();
    // Nobody looks any more.
    expect(vi.getTimerCount()).toBe(timers);
    finish();
    expect((await owner).state).toBe('completed');
    expect((await store.job(owner.id))?.state).toBe('completed');
  });

  test.each(['drain', 'abort'] as const)('has closed before it was known what its key stands for: %s', async (mode) => {
    const store = memoryJournal();
    const definition = defineJob('job').task('load', hang).seal();
    const owner = createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
    await turns();
    const { journal, hold } = slow(store);
    const letGo = hold('create');
    const engine = createEngine({ journal });
    const job = engine.start(definition, {}, { jobKey: 'monday' });
    const closed = engine.close({ mode });
    await turns();
    letGo();
    expect(await soon(closed)).toBe(undefined);
    expect([(await job).state, owner.state]).toEqual(['cancelled', 'running']);
    await turns();
    expect((await store.job(owner.id))?.state).toBe('running');
    await owner.cancel();
  });
});

describe('an engine that is closed while a job is tried again', () => {
  const flaky = () => {
    const world = { broken: true, aborted: 0, ran: 0 };
    const definition = defineJob('job')
      .task('load', async ({ signal }) => {
        world.ran++;
        if (world.broken) throw new Error('busy');
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            world.aborted++;
            resolve();
          });
        });
      })
      .seal();
    return { world, definition };
  };

  test.each(['a journal', 'no journal'])('tells its task to stop, and waits for it: %s', async (what) => {
    const { world, definition } = flaky();
    const journal = what === 'a journal' ? memoryJournal() : undefined;
    const engine = createEngine({ journal, definitions: [definition] });
    const job = engine.start(definition, {}, { jobId: 'one' });
    await job;
    world.broken = false;
    const again = job.retry();
    await turns();
    expect(engine.jobs).toEqual([again]);
    expect(await soon(engine.close({ mode: 'abort' }))).toBe(undefined);
    expect([again.state, world.aborted, engine.jobs]).toEqual(['cancelled', 1, []]);
    if (journal) expect(await journal.job('one')).toMatchObject({ state: 'running', lease: undefined });
  });

  test('leaves one that had not begun again as it was', async () => {
    const { world, definition } = flaky();
    const store = memoryJournal();
    const { journal, hold } = slow(store);
    const engine = createEngine({ journal, definitions: [definition] });
    await engine.start(definition, {}, { jobId: 'one' });
    world.broken = false;
    const letGo = hold('acquire');
    const { job: again } = await engine.retry('one');
    const closed = engine.close();
    await turns();
    letGo();
    expect(await soon(closed)).toBe(undefined);
    expect((await soon(again)) === 'hangs').toBe(false);
    await turns();
    expect(world.ran).toBe(1);
    const kept = await store.job('one');
    expect([kept?.lease, kept?.state === 'cancelled']).toEqual([undefined, false]);
  });

  test('tries nothing again through a handle once it has closed', async () => {
    const { definition } = flaky();
    const engine = createEngine({ journal: memoryJournal() });
    const job = engine.start(definition, {});
    await job;
    await engine.close();
    for (const command of [() => job.retry(), () => job.rerun()])
      expect(command).toThrow(expect.objectContaining({ code: 'ENGINE_CLOSED' }));
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

  test('keeps the job from others until what it aborted has stopped', async () => {
    vi.useFakeTimers();
    let stop = (): void => {};
    const extract = (): Promise<void> =>
      new Promise((resolve) => {
        stop = resolve;
      });
    const definition = defineJob('etl').task('extract', extract).seal();
    const store = memoryJournal();
    const engine = createEngine({ journal: store });
    engine.start(definition, {}, { jobId: 'one', graceMs: 60_000 });
    await turns();
    const closed = engine.close({ mode: 'abort' });
    // Longer than a lease lasts that is not renewed.
    await vi.advanceTimersByTimeAsync(30_000);
    expect((await store.job('one'))?.lease).toBeDefined();
    stop();
    await closed;
    expect((await store.job('one'))?.lease).toBe(undefined);
  });
});
