import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, defineJob, type Job, type Journal, memoryJournal } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { inWords } from '../../support/resumed-job.ts';
import { slow } from '../../support/slow-journal.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

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

const conflict = (path: string): unknown =>
  expect.objectContaining({ name: 'JournalError', code: 'JOB_KEY_CONFLICT', path });

describe('a start with a key', () => {
  test('answers the job that was started with it, in the same process', async () => {
    const { definition, ran, world } = keyed();
    world.alive = false;
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    const job = engine.start(definition, { day: 1 }, { jobKey: 'monday' });
    const found = engine.start(definition, { day: 1 }, { jobKey: 'monday' });
    const foundToo = definition.start({ day: 1 }, { jobKey: 'monday', journal });
    const other = engine.start(definition, { day: 1 }, { jobKey: 'tuesday' });
    expect([found.id, foundToo.id, other.id]).toEqual([job.id, job.id, expect.not.stringContaining(job.id)]);
    expect([job.found, found.found, foundToo.found, other.found]).toEqual([false, true, true, false]);
    expect((await found).ctx).toEqual((await job).ctx);
    expect((await job).ctx).toEqual({ day: 1, rows: 1, loaded: true });
    expect(ran).toEqual(['extract', 'extract', 'load', 'load']);
  });

  test('without a journal and an engine is refused, since nothing knows of the start before', () => {
    const { definition, ran } = keyed();
    const refused = expect.objectContaining({
      code: 'INVALID_OPTION',
      problems: [
        expect.objectContaining({
          option: 'jobKey',
          message: expect.stringMatching(/neither a journal nor an engine.*Give it a journal.*engine\.start/),
        }),
      ],
    });
    expect(() => definition.start({ day: 1 }, { jobKey: 'monday' })).toThrow(refused);
    expect(() => definition.start({ day: 1 }, { jobKey: 'monday', journal: undefined })).toThrow(refused);
    expect(ran).toEqual([]);
  });

  test('is compared by an engine without a journal while the job is not over', async () => {
    const { definition, world } = keyed();
    world.alive = false;
    const engine = createEngine();
    const job = engine.start(definition, { day: 1 }, { jobKey: 'monday' });
    const found = engine.start(definition, { day: 1 }, { jobKey: 'monday' });
    expect([found.id, found.found, job.found]).toEqual([job.id, true, false]);
    expect(() => engine.start(definition, { day: 2 }, { jobKey: 'monday' })).toThrow(conflict('day'));
    await job;
    expect(engine.start(definition, { day: 2 }, { jobKey: 'monday' }).found).toBe(false);
  });

  test('answers the end of a job that is over', async () => {
    const { definition, ran, world } = keyed();
    world.alive = false;
    const journal = memoryJournal();
    const first = createEngine({ journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    await first;
    const again = createEngine({ journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    expect(again.found).toBe(true);
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
    const job = createEngine({ journal }).start(definition, { day: 1 }, { jobKey: 'monday' });
    expect(job.found).toBe(true);
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
      const job = createEngine({ journal: here }).start(definition, { day: 1 }, { jobKey: 'monday' });
      const events = heard(job as unknown as Job);
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(3));
      expect(inWords(events).slice(0, 2)).toEqual(['job running', 'extract ready']);
      expect(job.state).toBe('running');
      expect(() => job.pause()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
      expect(() => job.setLimits({ maxConcurrency: 1 })).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
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
    const lease = { owner: 'the other', host: 'elsewhere', pid: 1, processStart: '' };
    /** The other process seems alive until it is dead. */
    const seen: Journal = {
      ...store,
      job: async (id) => {
        const kept = await store.job(id);
        return kept && !isDead ? { ...kept, lease } : kept;
      },
      create: async (job, own) => {
        const answer = await store.create(job, own);
        return { ...answer, job: { ...answer.job, lease } };
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

describe('a start with a known key and another input', () => {
  type Input = { rows: readonly unknown[]; day?: Date | undefined; token?: string; note?: string | undefined };
  const definition = defineJob<Input>('etl', {
    redact: (value) =>
      typeof value === 'object' && value !== null && 'token' in value ? { ...value, token: '***' } : value,
  })
    .task('load', () => ({ loaded: true }))
    .seal();
  const first: Input = { rows: [{ id: 1, tags: ['a', 'b'] }], day: new Date(0), token: 's3cret' };

  const others: [string, Input][] = [
    ['rows[0].id', { ...first, rows: [{ id: 2, tags: ['a', 'b'] }] }],
    ['rows[0].tags[1]', { ...first, rows: [{ id: 1, tags: ['a', 'c'] }] }],
    ['rows', { ...first, rows: [] }],
    ['day', { ...first, day: new Date(1) }],
    ['day', { rows: first.rows, token: 's3cret' }],
    ['note', { ...first, note: 'more' }],
  ];
  const same: [string, Input][] = [
    ['has its keys in another order', { token: 's3cret', day: new Date(0), rows: [{ tags: ['a', 'b'], id: 1 }] }],
    ['has a key without a value', { ...first, note: undefined }],
    ['has another secret, which the journal does not keep', { ...first, token: 'rotated' }],
  ];

  test.each(others)('is refused, naming %s, while the job runs', (path, input) => {
    const engine = createEngine({ journal: memoryJournal() });
    engine.start(definition, first, { jobKey: 'monday' });
    expect(() => engine.start(definition, input, { jobKey: 'monday' })).toThrow(conflict(path));
  });

  test.each(others)('is refused, naming %s, when the journal answers at once', async (path, input) => {
    const journal = memoryJournal();
    await createEngine({ journal }).start(definition, first, { jobKey: 'monday' });
    expect(() => createEngine({ journal }).start(definition, input, { jobKey: 'monday' })).toThrow(conflict(path));
    const again = createEngine({ journal }).start(definition, first, { jobKey: 'monday' });
    await again.saved();
    expect([again.found, again.state]).toEqual([true, 'completed']);
  });

  test('fails the job when the journal answers later, before anything runs', async () => {
    const store = memoryJournal();
    await createEngine({ journal: store }).start(definition, first, { jobKey: 'monday' });
    const events = await store.events((await store.jobs())[0]?.id as string);
    const job = createEngine({ journal: slow(store).journal }).start(definition, { rows: [] }, { jobKey: 'monday' });
    await expect(job.saved()).rejects.toEqual(conflict('rows'));
    expect([job.state, job.found]).toEqual(['failed', undefined]);
    expect((await job).error?.cause).toEqual(conflict('rows'));
    expect(await store.events(job.id)).toEqual(events);
  });

  test.each(same)('is the same if it %s', async (_, input) => {
    const journal = memoryJournal();
    const engine = createEngine({ journal });
    const job = engine.start(definition, first, { jobKey: 'monday' });
    expect(engine.start(definition, input, { jobKey: 'monday' }).found).toBe(true);
    await job;
    expect(createEngine({ journal }).start(definition, input, { jobKey: 'monday' }).found).toBe(true);
  });

  test('is refused by a job that was resumed or retried here', async () => {
    const { ran, world, definition: hangs } = keyed();
    const store = memoryJournal();
    const process = mortal(store);
    const { id } = createEngine({ journal: process.journal }).start(hangs, { day: 1 }, { jobKey: 'monday' });
    await turns();
    process.die();
    const engine = createEngine({ journal: store, definitions: [hangs] });
    const { job } = await engine.resume(id);
    await turns();
    expect(() => engine.start(hangs, { day: 2 }, { jobKey: 'monday' })).toThrow(conflict('day'));
    await job.cancel();
    world.alive = false;
    const { job: retried } = await engine.retry(id);
    expect([job.found, retried.found]).toEqual([true, true]);
    expect(() => engine.start(hangs, { day: 2 }, { jobKey: 'monday' })).toThrow(conflict('day'));
    expect((await retried).state).toBe('completed');
    expect(ran.length).toBeGreaterThan(2);
  });

  test('that can not be encoded is not compared without a journal', async () => {
    const engine = createEngine();
    const job = engine.start(definition, { rows: [() => 1] }, { jobKey: 'monday' });
    expect(engine.start(definition, { rows: [() => 2] }, { jobKey: 'monday' }).found).toBe(true);
    await job;
  });
});

describe('once it is saved, the handle of a job', () => {
  const definition = defineJob('etl')
    .task('extract', () => ({ rows: 1 }))
    .task('load', { dependsOn: ['extract'] }, () => ({ loaded: true }))
    .seal();

  test.each([0, 3])('that is over has its state, with a journal that answers after %d turns', async (count) => {
    const store = memoryJournal();
    await createEngine({ journal: store }).start(definition, {}, { jobKey: 'monday' });
    const { journal } = slow(store, { turns: count });
    const job = createEngine({ journal }).start(definition, {}, { jobKey: 'monday' });
    await job.saved();
    expect([job.found, job.state, job.task('load').state]).toEqual([true, 'completed', 'completed']);
  });

  test('that is new is in the journal, however late that answers', async () => {
    const store = memoryJournal();
    const job = createEngine({ journal: slow(store).journal }).start(definition, {}, { jobKey: 'monday' });
    expect(job.found).toBeUndefined();
    await job.saved();
    expect([job.found, (await store.jobs()).length]).toEqual([false, 1]);
    await job;
  });

  test('whose process died has the state from which it goes on', async () => {
    const { world, definition: hangs } = keyed();
    const store = memoryJournal();
    const process = mortal(store);
    createEngine({ journal: process.journal }).start(hangs, { day: 1 }, { jobKey: 'monday' });
    await turns();
    process.die();
    world.alive = false;
    const job = createEngine({ journal: slow(store).journal }).start(hangs, { day: 1 }, { jobKey: 'monday' });
    await job.saved();
    expect([job.found, job.state, job.task('extract').state]).toEqual([true, 'running', 'completed']);
    expect((await job).state).toBe('completed');
  });

  test('that another process runs has the state that it has there', async () => {
    const { definition: hangs } = keyed();
    const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
    const [here, there] = [sqliteJournal(join(folder, 'jobs.db')), sqliteJournal(join(folder, 'jobs.db'))];
    try {
      const original = createEngine({ journal: there }).start(hangs, { day: 1 }, { jobKey: 'monday' });
      await turns();
      const { journal } = slow(here);
      const job = createEngine({ journal }).start(hangs, { day: 1 }, { jobKey: 'monday' });
      await job.saved();
      expect([job.found, job.state]).toEqual([true, 'running']);
      await original.cancel();
      await job;
    } finally {
      await here.close();
      await there.close();
      rmSync(folder, { recursive: true });
    }
  });
});
