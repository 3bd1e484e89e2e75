import assert from 'node:assert/strict';
import type { Journal } from '../../engine/durable/journal.ts';
import { batch, type ContractTests, events, idsOf, lease, newJob, range, same, started } from './given.ts';

/** Tests reading and listing jobs. */
export const reading: ContractTests = {
  'events are read from a seq on, so many at most': async (journal) => {
    await started(journal);
    await journal.append([batch({ events: events(0, 50) })]);
    const seqs = async (from?: number, limit?: number) =>
      (await journal.events('job', from, limit)).map(({ seq }) => seq);
    same(await seqs(), range(0, 50));
    same(await seqs(10), range(10, 50));
    same(await seqs(10, 5), range(10, 15));
    same(await seqs(0, 0), []);
    same(await seqs(48, 10), [48, 49]);
    same(await seqs(50), []);
    same(await seqs(1000, 10), []);
  },
  'outputs come back with their events, small and large': async (journal) => {
    await started(journal);
    const texts = [
      '{}',
      '{"a":1}',
      JSON.stringify('x'.repeat(4095)),
      JSON.stringify('y'.repeat(300_000)),
      JSON.stringify('日本語😀'.repeat(20_000)),
    ];
    const written = texts.map((output, seq) => ({ seq, data: `{"seq":${seq}}`, output }));
    await journal.append([batch({ events: [...written, { seq: texts.length, data: '{}' }] })]);
    same(await journal.events('job'), [...written, { seq: texts.length, data: '{}' }]);
    same(await journal.events('job', 3, 1), [written[3]]);
  },
  'an output as large as it may be is kept': async (journal) => {
    await started(journal);
    const output = JSON.stringify('x'.repeat(Math.min(journal.maxOutputBytes, 20_000_000) - 2));
    await journal.append([batch({ events: [{ seq: 0, data: '{}', output }] })]);
    assert.equal((await journal.events('job'))[0]?.output, output);
  },
  'jobs are listed, the newest first': async (journal) => {
    const times = [30, 10, 20, 20];
    for (const [at, createdAt] of times.entries())
      await journal.create(newJob({ id: `job-${at}`, createdAt }), lease());
    same(await idsOf(journal), ['job-0', 'job-3', 'job-2', 'job-1']);
    same(await idsOf(journal, { limit: 2 }), ['job-0', 'job-3']);
    same(await journal.jobs({ limit: 0 }), []);
    same((await journal.jobs())[0], await journal.job('job-0'));
  },
  'jobs are listed by state, name and time': async (journal) => {
    const states = ['completed', 'failed', 'running', 'completed'] as const;
    for (const [at, state] of states.entries()) {
      const id = `job-${at}`;
      await journal.create(newJob({ id, name: at < 2 ? 'etl' : 'report', createdAt: at * 10 }), lease());
      await journal.append([batch({ jobId: id, events: [], state })]);
    }
    const listed = async (filter: Parameters<Journal['jobs']>[0]) =>
      (await idsOf(journal, filter)).map((id) => Number(id.slice(4)));
    same(await listed({}), [3, 2, 1, 0]);
    same(await listed({ states: ['completed'] }), [3, 0]);
    same(await listed({ states: ['failed', 'running'] }), [2, 1]);
    same(await listed({ states: [] }), []);
    same(await listed({ names: ['etl'] }), [1, 0]);
    same(await listed({ names: ['e'] }), []);
    same(await listed({ names: ['report', 'etl'] }), [3, 2, 1, 0]);
    same(await listed({ names: ['report', 'none'], states: ['completed', 'failed'] }), [3]);
    same(await listed({ names: [] }), []);
    same(await listed({ states: ['completed', 'failed', 'running', 'completed'], limit: 2 }), [3, 2]);
    same(await listed({ order: 'oldest' }), [0, 1, 2, 3]);
    same(await listed({ order: 'oldest', states: ['completed', 'running'], limit: 2 }), [0, 2]);
    same(await listed({ since: 10 }), [3, 2, 1]);
    same(await listed({ before: 10 }), [0]);
    same(await listed({ since: 10, before: 30, limit: 1 }), [2]);
    same(await listed({ states: ['completed'], names: ['etl'], since: 0, before: 1 }), [0]);
    const nothing = { states: undefined, names: undefined, since: undefined, before: undefined, limit: undefined };
    same(await listed(nothing), [3, 2, 1, 0]);
  },
};
