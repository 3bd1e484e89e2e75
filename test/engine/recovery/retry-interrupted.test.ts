import { createEngine, defineJob, type Job, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { etl, statesOf } from '../../support/retried-job.ts';
import { turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

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
