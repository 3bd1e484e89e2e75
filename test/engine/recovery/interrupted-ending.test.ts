import { createEngine, defineJob, type Journal, memoryJournal, type TaskScope } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';
import { slow } from '../../support/slow-journal.ts';
import { soon, turns } from '../../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

/** A job that is busy, and that cleans up in two steps. Whatever runs can say something, which is kept. */
const etl = () => {
  let say = (): void => {};
  const busy = ({ log }: TaskScope): Promise<never> => {
    say = () => log.info('busy');
    return hang();
  };
  const definition = defineJob('etl')
    .task('load', busy)
    .task('close', { dependsOn: ['load'], trigger: 'always' }, busy)
    .task('tell', { dependsOn: ['close'], trigger: 'always' }, () => {})
    .seal();
  return { definition, say: () => say() };
};

const GRACE_MS = 60_000;

/** A job that has begun to end, and is not over. */
const ending = async (journal: Journal, graceMs: number) => {
  const clock = virtualClock();
  const { definition, say } = etl();
  const engine = createEngine({ journal, clock });
  const job = engine.start(definition, {}, { jobId: 'monday', graceMs });
  await turns();
  void job.cancel('enough');
  await turns();
  return { engine, job, clock, definition, say };
};

describe('a job that is being cancelled', () => {
  const ways = [
    ['cleans up', 0],
    ['has its grace', GRACE_MS],
  ] as const;

  test.each(ways)('and %s is left when its engine closes, and ends in the next', async (_what, graceMs) => {
    const store = memoryJournal();
    const { engine, job, clock, definition } = await ending(store, graceMs);
    expect(job.state).toBe('running');
    const closed = engine.close({ mode: 'abort' });
    await clock.advance(graceMs);
    expect(await soon(closed)).toBeUndefined();
    expect((await job).state).toBe('cancelled');
    expect((await store.job('monday'))?.state).toBe('running');
    const next = createEngine({ journal: store, definitions: [definition] });
    const { job: again } = await next.resume('monday', { graceMs: 0 });
    await turns();
    expect([again.task('load').state, again.task('close').state]).toEqual(['cancelled', 'running']);
    expect(await soon(next.close({ mode: 'abort' }))).toBeUndefined();
  });

  test.each(ways)('and %s fails where its journal does', async (_what, graceMs) => {
    const { journal, fail } = slow(memoryJournal(), { turns: 0 });
    const { engine, job, clock, say } = await ending(journal, graceMs);
    fail('append');
    say();
    await turns();
    await clock.advance(graceMs);
    expect(await soon(job)).toMatchObject({ state: 'failed', error: { code: 'JOURNAL_FAILED' } });
    expect(await soon(engine.close())).toBeUndefined();
  });
});

test('what was interrupted goes before what comes later, as after any retry', async () => {
  const store = memoryJournal();
  const began: string[] = [];
  let alive = true;
  const files = defineJob('files', { sequential: true })
    .task('write', async ({ attempt }) => {
      began.push(`write ${attempt}`);
      if (alive) await hang();
    })
    .task('read', () => void began.push('read'))
    .map('send', { over: [1, 2, 3] }, async ({ item, attempt }) => {
      began.push(`send ${item}, ${attempt}`);
    })
    .seal();
  const first = mortal(store);
  createEngine({ journal: first.journal }).start(files, {}, { jobId: 'monday' });
  await turns();
  first.die();
  alive = false;
  const { job } = await createEngine({ journal: store, definitions: [files] }).resume('monday');
  await job;
  expect(began).toEqual(['write 1', 'write 2', 'read', 'send 1, 1', 'send 2, 1', 'send 3, 1']);
});
