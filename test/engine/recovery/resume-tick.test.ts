import { createEngine, defineJob, memoryJournal } from 'tintype';
import { expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { slow } from '../../support/slow-journal.ts';
import { soon, turns } from '../../support/turns.ts';

test('in the tick of its resumption a job tells who works on its tasks, and what they have put out', async () => {
  const store = memoryJournal();
  const etl = defineJob('etl')
    .task('read', () => ({ rows: 3 }))
    .external('review', { dependsOn: ['read'] })
    .seal();
  const first = mortal(store);
  const before = createEngine({ journal: first.journal }).start(etl, {}, { jobId: 'monday' });
  await turns();
  before.task('review').claim('ann');
  await before.saved();
  first.die();
  const engine = createEngine({ journal: store, definitions: [etl] });
  const { job } = await engine.resume('monday', { definition: etl });
  expect(job.task('review').worker).toBe('ann');
  expect(await soon(job.output('read'))).toEqual({ rows: 3 });
  await engine.close({ mode: 'abort' });
});

test('a job that is cancelled before its journal has answered is cancelled there too', async () => {
  const store = memoryJournal();
  const etl = defineJob('etl')
    .task('read', () => ({ rows: 3 }))
    .seal();
  const job = etl.start({}, { journal: slow(store).journal, jobId: 'monday' });
  expect(await soon(job.cancel('enough'))).toMatchObject({ state: 'cancelled' });
  expect((await store.job('monday'))?.state).toBe('cancelled');
});

test('what is nested is left with its job, clean-up and all', async () => {
  const store = memoryJournal();
  const hang = (): Promise<never> => new Promise(() => {});
  const inner = defineJob('inner')
    .task('load', hang)
    .task('close', { dependsOn: ['load'], trigger: 'always' }, () => {})
    .seal();
  const outer = defineJob('outer').job('inner', {}, inner).seal();
  const engine = createEngine({ journal: store });
  const job = engine.start(outer);
  await turns();
  expect(await soon(engine.close({ mode: 'abort' }))).toBeUndefined();
  expect([(await job).state, (await store.job(job.id))?.state]).toEqual(['cancelled', 'running']);
});
