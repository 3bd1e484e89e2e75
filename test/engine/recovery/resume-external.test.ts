import { defineJob, type Journal } from 'tintype';
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
