import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineJob, type Journal, jobFrom } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { begun, inWords, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

describe('an external task whose job’s process died', () => {
  test('goes on in the hands of who claimed it, with the token of then', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000, heartbeatTimeout: 400 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await turns();
    die();
    await clock.advance(300);
    const { job } = await resumed(store, etl, { clock });
    const events = heard(job);
    await turns();
    expect(job.task('approve')).toMatchObject({ state: 'running', attempts: 1, worker: 'ann' });
    await clock.advance(300);
    job.task('approve').heartbeat(token);
    await clock.advance(300);
    expect(() => job.task('approve').claim('bob')).toThrow(expect.objectContaining({ code: 'ALREADY_CLAIMED' }));
    expect(() => job.task('approve').complete({}, 'another')).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    void job.task('approve').complete({ approved: true }, token);
    expect((await job).ctx).toEqual({ approved: true });
    expect(inWords(events)).toEqual(['job.resumed', 'approve completed', 'job completed']);
  });

  test('is told of as before: who works on it, until when, and whom it is for', async () => {
    const clock = virtualClock(1_000);
    const inner = defineJob('inner')
      .external('approve', { heartbeatTimeout: 400, owner: 'legal', data: [1] })
      .seal();
    const etl = defineJob('etl').job('contract', {}, inner).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    before.task('contract/approve').claim('ann');
    await turns();
    die();
    await clock.advance(300);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    const told = { worker: 'ann', leaseEndsAt: 1_700, owner: 'legal', data: [1] };
    expect(job.task('contract/approve')).toMatchObject(told);
    await job.cancel();
  });

  test('is told of as before by an SQLite journal: claim, release and owner', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tintype-external-'));
    try {
      const clock = virtualClock(1_000);
      const etl = defineJob('etl').external('approve', { heartbeatTimeout: 400, owner: 'legal' }).seal();
      const first = sqliteJournal(join(folder, 'jobs.db'));
      const { job: before, die } = begun(etl, { journal: first, clock });
      await turns();
      await before.task('approve').release(before.task('approve').claim('ann'), 'shuts down');
      const token = before.task('approve').claim('bob');
      await before.saved();
      die();
      const second = sqliteJournal(join(folder, 'jobs.db'));
      const { job } = await resumed(second, etl, { clock });
      await turns();
      expect(job.task('approve')).toMatchObject({ state: 'running', attempts: 2, worker: 'bob', leaseEndsAt: 1_400 });
      await job.task('approve').complete({ by: 'bob' }, token);
      await expect(job.task('approve').complete({ by: 'bob' }, token)).resolves.toBeUndefined();
      await job;
      const stored = (await second.events('one', 0)).map(({ data }) => JSON.parse(data));
      const transitions = stored.filter(({ type }) => type === 'task.transition');
      expect(transitions.map(({ to, worker, owner, reason }) => [to, worker ?? owner, reason])).toEqual([
        ['ready', 'legal', undefined],
        ['running', 'ann', 'claimed by ann'],
        ['ready', 'legal', 'released: shuts down'],
        ['running', 'bob', 'claimed by bob'],
        ['completed', undefined, undefined],
      ]);
      await first.close();
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('goes on with what an earlier version stored of its claim', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { owner: 'legal' }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await turns();
    die();
    const notes: Journal['notes'] = async (id) =>
      (await store.notes(id)).map((note) => ({
        ...note,
        value: note.kind === 'claim' ? JSON.stringify({ owner: 'ann', token, leaseMs: null, attempt: 1 }) : note.value,
      }));
    const events: Journal['events'] = async (...given) =>
      (await store.events(...given)).map((event) => {
        const { owner, worker, ...rest } = JSON.parse(event.data);
        return { ...event, data: JSON.stringify(rest) };
      });
    const earlier = Object.assign(Object.create(store) as Journal, { notes, events });
    const { job } = await resumed(earlier, etl, { clock });
    await clock.advance(10_000);
    expect(job.task('approve')).toMatchObject({ state: 'running', worker: 'ann', leaseEndsAt: undefined });
    void job.task('approve').complete({ approved: true }, token);
    expect((await job).state).toBe('completed');
  });

  test('counts the workers that it lost before, and none that returned it', async () => {
    const clock = virtualClock(1_000);
    const options = { heartbeatTimeout: 10, onMissedHeartbeat: 'release', maxInterruptions: 2 } as const;
    const etl = defineJob('etl').external('approve', options).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    before.task('approve').claim('ann');
    await clock.advance(10);
    void before.task('approve').release(before.task('approve').claim('ann'), 'heartbeat');
    const stale = before.task('approve').claim('ann');
    await clock.advance(10);
    await turns();
    die();
    const { job } = await resumed(store, etl, { clock });
    await turns();
    const approve = job.task('approve');
    expect(approve).toMatchObject({ state: 'ready', attempts: 3, worker: undefined });
    expect(() => approve.heartbeat(stale)).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    void approve.release(approve.claim('bob'));
    approve.claim('bob');
    await clock.advance(10);
    expect([approve.state, approve.error?.code]).toEqual(['failed', 'TASK_INTERRUPTED']);
    expect(approve.error?.message).toContain('was interrupted 3 times, the last time in attempt 5');
    await job;
  });

  test.each([
    ['under way', 1],
    ['over', 0],
  ])('takes a repetition with the token of then as done, in a job that is %s', async (_, more) => {
    const rest = Array.from({ length: more }, (_, at) => ({ kind: 'external' as const, name: `rest${at}` }));
    const etl = jobFrom('etl', [{ kind: 'external', name: 'approve' }, ...rest]);
    const { store, job: before, die } = begun(etl);
    await turns();
    const output = { at: new Date(5), by: 'ann' };
    const token = before.task('approve').claim('ann');
    await before.task('approve').complete(output, token);
    await turns();
    die();
    const { job } = await resumed(store, etl);
    const events = heard(job);
    await turns();
    const approve = job.task('approve');
    await expect(approve.complete({ by: 'ann', at: new Date(5) }, token)).resolves.toBeUndefined();
    expect(() => approve.complete({ by: 'bob' }, token)).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    expect(inWords(events)).toEqual(more ? ['job.resumed'] : ['job completed']);
    if (more) await job.cancel();
  });

  test('takes the repetition of a failure as done, while its retry waits', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl')
      .external('approve', { maxRetries: 1, retry: { delayMs: 500 } })
      .seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await before.task('approve').fail(new RangeError('coffee'), token);
    die();
    const { job } = await resumed(store, etl, { clock });
    await turns();
    const approve = job.task('approve');
    await expect(approve.fail(new RangeError('coffee'), token)).resolves.toBeUndefined();
    expect(approve).toMatchObject({ state: 'retrying', attempts: 1 });
    await clock.advance(500);
    await expect(approve.fail(new RangeError('coffee'), token)).resolves.toBeUndefined();
    expect(() => approve.fail('tea', token)).toThrow(expect.objectContaining({ code: 'STALE_TOKEN' }));
    expect(approve).toMatchObject({ state: 'ready', attempts: 1 });
    await job.cancel();
  });

  test('has all its retries after releases', async () => {
    const etl = defineJob('etl').external('approve', { maxRetries: 1 }).seal();
    const { store, job: before, die } = begun(etl);
    await turns();
    for (let times = 0; times < 3; times++) await before.task('approve').release(before.task('approve').claim('ann'));
    die();
    const { job } = await resumed(store, etl);
    await turns();
    await job.task('approve').fail('coffee');
    expect(job.task('approve').state).toBe('ready');
    await job.task('approve').fail('tea');
    expect(job.task('approve')).toMatchObject({ state: 'failed', attempts: 5 });
  });

  test('times out when it would have', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000, maxRetries: 1 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    before.task('approve').claim('ann');
    await turns();
    die();
    await clock.advance(600);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    await clock.advance(399);
    expect(job.task('approve').state).toBe('running');
    await clock.advance(1);
    expect(job.task('approve').state).toBe('ready');
    expect(job.task('approve').error?.code).toBe('TASK_TIMEOUT');
    await job.cancel();
  });

  test('waits for somebody to claim it, where nobody had', async () => {
    const etl = defineJob('etl').external('approve').seal();
    const { store, die } = begun(etl);
    await turns();
    die();
    const { job } = await resumed(store, etl);
    await turns();
    const token = job.task('approve').claim('bob');
    void job.task('approve').complete({ by: 'bob' }, token);
    expect((await job).ctx).toEqual({ by: 'bob' });
  });

  test('stays paused in the hands of who claimed it', async () => {
    const clock = virtualClock(1_000);
    const etl = defineJob('etl').external('approve', { timeout: 1_000 }).seal();
    const { store, job: before, die } = begun(etl, { clock });
    await turns();
    const token = before.task('approve').claim('ann');
    await clock.advance(100);
    before.task('approve').pause('bob');
    await turns();
    die();
    await clock.advance(10_000);
    const { job } = await resumed(store, etl, { clock });
    await turns();
    expect(job.task('approve').state).toBe('paused');
    expect(job.explain('approve')[0]?.reasons[0]).toMatchObject({ kind: 'paused', by: 'bob' });
    await clock.advance(10_000);
    job.task('approve').resume();
    await clock.advance(899);
    expect(job.task('approve')).toMatchObject({ state: 'running', worker: 'ann' });
    void job.task('approve').complete({ ok: 1 }, token);
    expect((await job).state).toBe('completed');
  });
});

test('what was ready is not published again: the view has it, and the events after the view the rest', async () => {
  const contract = defineJob('contract')
    .external('sign')
    .job('stamp', {}, defineJob('stamping').external('seal').seal())
    .external('send', { dependsOn: ['sign'] })
    .task('file', () => {})
    .seal();
  const { store, die } = begun(contract);
  await turns();
  die();
  const { job } = await resumed(store, contract);
  const { tasks, lastSeq } = job.view();
  const ready = tasks.filter(({ kind, state }) => kind === 'external' && state === 'ready');
  expect(ready.map(({ path }) => path)).toEqual(['sign', 'stamp/seal']);
  const events = heard(job);
  await turns();
  expect([inWords(events), events[0]?.seq]).toEqual([['job.resumed'], lastSeq + 1]);
  for (const { path } of ready) void job.task(path as 'sign').complete();
  await turns();
  expect(inWords(events).filter((words) => words.endsWith(' ready'))).toEqual(['send ready']);
  await job.cancel();
});
