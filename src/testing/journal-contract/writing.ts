import assert from 'node:assert/strict';
import type { JournalJob, NewJob } from '../../engine/durable/journal.ts';
import {
  batch,
  type ContractTests,
  events,
  idsOf,
  lease,
  NOW,
  newJob,
  pick,
  refuses,
  same,
  sorted,
  started,
} from './given.ts';

/** Tests `append`. */
export const writing: ContractTests = {
  'append keeps events and what changed of the job': async (journal) => {
    await started(journal);
    const lost = await journal.append([
      batch({ at: NOW + 5, events: events(0, 3), state: 'running', startedAt: NOW + 1 }),
    ]);
    same(lost, []);
    same(await journal.events('job'), events(0, 3));
    const running = (await journal.job('job')) as JournalJob;
    same(pick(running), ['running', NOW + 1, undefined, NOW + 5, 2]);
    await journal.append([batch({ at: NOW + 9, events: events(3, 4), state: 'completed', endedAt: NOW + 8 })]);
    same(pick((await journal.job('job')) as JournalJob), ['completed', NOW + 1, NOW + 8, NOW + 9, 3]);
  },
  'append keeps a new job with its first events': async (journal) => {
    const creates = { job: newJob({ key: 'monday' }), lease: lease() };
    const first = batch({ creates, events: events(0, 2), state: 'running', startedAt: NOW });
    same(await journal.append([first, batch({ events: events(2, 3) })]), []);
    const stored = (await journal.job('job')) as JournalJob;
    same([stored.fence, stored.key, stored.lease], [1, 'monday', lease()]);
    same(await journal.events('job'), events(0, 3));
    assert.equal(await journal.shape('f1'), newJob().shape);
    assert.equal((await journal.create(newJob({ id: 'other', key: 'monday' }), lease())).created, false);
  },
  'append leaves a job alone that was to be new, and keeps the other batches': async (journal) => {
    await started(journal, 'job', { input: '1' });
    const before = await journal.job('job');
    const creates = (id: string) => ({ job: newJob({ id, input: '2' }), lease: lease({ owner: 'other' }) });
    const batches = ['job', 'new'].map((jobId) => batch({ jobId, creates: creates(jobId), events: events(0, 1) }));
    same(await journal.append(batches), ['job']);
    same(await journal.job('job'), before);
    same(await journal.events('job'), []);
    same(await journal.events('new'), events(0, 1));
    await journal.create(newJob({ id: 'keyed', key: 'monday' }), lease());
    const rival = { job: newJob({ id: 'rival', key: 'monday' }), lease: lease() };
    same(await journal.append([batch({ jobId: 'rival', creates: rival, events: events(0, 1) })]), ['rival']);
    assert.equal(await journal.job('rival'), undefined);
  },
  'of the jobs that one append creates with one key or one id, it keeps the first': async (journal) => {
    const creating = (id: string, input: string, about: Partial<NewJob> = {}) =>
      batch({
        jobId: id,
        creates: { job: newJob({ id, input, ...about }), lease: lease() },
        events: events(0, 1),
      });
    const monday = { key: 'monday' };
    const lost = await journal.append([
      creating('first', '1', monday),
      creating('rival', '2', monday),
      batch({ jobId: 'rival', events: events(1, 2) }),
      creating('namesake', '3', { ...monday, name: 'report' }),
      creating('twice', '4'),
      creating('twice', '5'),
    ]);
    same(sorted(lost), ['rival', 'twice']);
    same(sorted(await idsOf(journal)), ['first', 'namesake', 'twice']);
    assert.equal((await journal.job('twice'))?.input, '4');
    same(await journal.events('twice'), events(0, 1));
    assert.equal((await journal.create(newJob({ id: 'later', ...monday }), lease())).job.id, 'first');
  },
  'append takes no batch of a new job with another fence than 1': async (journal) => {
    const creates = { job: newJob(), lease: lease() };
    same(await journal.append([batch({ creates, events: events(0, 1) }), batch({ fence: 2, events: events(1, 2) })]), [
      'job',
    ]);
    same(await journal.events('job'), events(0, 1));
  },
  'an output that is too large fails an append, but not if the lease of its job is lost': async (journal) => {
    const size = journal.maxOutputBytes;
    // A journal that takes outputs of any size has nothing to refuse.
    if (size > 64 * 2 ** 20) return;
    const output = JSON.stringify('x'.repeat(size - 1));
    const large = (seq: number) => [{ seq, data: '"large"', output }];
    await started(journal, 'job');
    await started(journal, 'other');
    const error = await refuses('JOURNAL_FAILED', () =>
      journal.append([batch({ jobId: 'other', events: events(0, 1) }), batch({ events: large(0) })]),
    );
    assert.equal(error.jobId, 'job');
    same(await journal.events('other'), []);
    await journal.acquire('job', lease());
    const taken = { job: newJob(), lease: lease() };
    const batches = [batch({ events: large(0) }), batch({ jobId: 'other', events: events(0, 1) })];
    same(await journal.append(batches), ['job']);
    same(await journal.append([batch({ creates: taken, events: large(0) })]), ['job']);
    same(await journal.events('job'), []);
    same(await journal.events('other'), events(0, 1));
  },
  'append that is refused keeps no new job either': async (journal) => {
    const creates = { job: newJob(), lease: lease() };
    await refuses('JOURNAL_FAILED', () => journal.append([batch({ creates, events: events(1, 2) })]));
    assert.equal(await journal.job('job'), undefined);
  },
  'append leaves what a batch does not mention as it was': async (journal) => {
    await started(journal);
    await journal.append([batch({ events: events(0, 1), state: 'failed', startedAt: NOW, endedAt: NOW + 1 })]);
    await journal.append([batch({ at: NOW + 7, events: [], notes: [{ task: '', kind: 'stop', value: '1' }] })]);
    same(pick((await journal.job('job')) as JournalJob), ['failed', NOW, NOW + 1, NOW + 7, 0]);
  },
  'a job that goes on again has no end': async (journal) => {
    await started(journal);
    await journal.append([batch({ events: events(0, 1), state: 'failed', startedAt: NOW, endedAt: NOW + 1 })]);
    await journal.append([batch({ events: events(1, 2), state: 'running', startedAt: NOW + 2 })]);
    same(pick((await journal.job('job')) as JournalJob), ['running', NOW + 2, undefined, NOW, 1]);
  },
  'append refuses a seq that does not follow on, and then writes nothing': async (journal) => {
    await started(journal, 'job');
    await started(journal, 'other');
    await journal.append([batch({ events: events(0, 3) })]);
    for (const wrong of [
      events(2, 4),
      events(4, 6),
      events(0, 1),
      [...events(3, 5), ...events(6, 7)],
      [...events(3, 4), ...events(3, 4)],
    ]) {
      await refuses('JOURNAL_FAILED', () =>
        journal.append([batch({ jobId: 'other', events: events(0, 1) }), batch({ events: wrong, state: 'failed' })]),
      );
    }
    same(await journal.events('job'), events(0, 3));
    same(await journal.events('other'), []);
    assert.equal((await journal.job('job'))?.state, 'idle');
    same(await journal.append([batch({ events: events(3, 5) })]), []);
    same(await journal.events('job'), events(0, 5));
  },
  'append takes several batches of one job, in order': async (journal) => {
    await started(journal);
    await journal.append([
      batch({ events: events(0, 2), state: 'running' }),
      batch({ events: events(2, 3), state: 'paused' }),
    ]);
    same(await journal.events('job'), events(0, 3));
    assert.equal((await journal.job('job'))?.state, 'paused');
  },
  'append takes nothing at all': async (journal) => {
    same(await journal.append([]), []);
    await started(journal);
    same(await journal.append([batch({ events: [] })]), []);
  },
  'appends that are not waited for are written in the order of the calls': async (journal) => {
    await started(journal);
    await Promise.all(Array.from({ length: 20 }, (_, at) => journal.append([batch({ events: events(at, at + 1) })])));
    same(await journal.events('job'), events(0, 20));
  },
  'what is handed in may be changed afterwards': async (journal) => {
    const mine = { ...newJob(), input: '1' };
    const holder = { ...lease() };
    await journal.create(mine, holder);
    const event = { seq: 0, data: '"first"' };
    const note = { task: 'a', kind: 'checkpoint' as const, value: '1' };
    await journal.append([batch({ events: [event], notes: [note] })]);
    event.data = '"second"';
    note.value = '2';
    mine.input = '2';
    holder.owner = 'other';
    same(await journal.events('job'), [{ seq: 0, data: '"first"' }]);
    same(await journal.notes('job'), [{ task: 'a', kind: 'checkpoint', value: '1' }]);
    assert.equal((await journal.job('job'))?.input, '1');
    assert.equal((await journal.job('job'))?.lease?.owner, 'me');
  },
};
