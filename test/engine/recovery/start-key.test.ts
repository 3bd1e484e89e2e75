import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, defineJob, type Job, type Journal, memoryJournal } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { describe, expect, test, vi } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { inWords } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

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
    expect(engine.start(definition, { day: 2 }, { jobKey: 'monday' })).toBe(job);
    await job;
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
