import { createEngine, defineJob, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { etl } from '../../support/retried-job.ts';
import { turns } from '../../support/turns.ts';

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
