import assert from 'node:assert/strict';
import { batch, type ContractTests, events, lease, NOW, newJob, same, started } from './given.ts';

/** Tests the creation of jobs. */
export const creation: ContractTests = {
  'create keeps a job and gives its first lease': async (journal) => {
    const job = newJob({
      key: 'daily',
      forkedFrom: 'before',
      input: '{"a":1}',
      options: '{"b":2}',
      metadata: '{"c":3}',
      labels: { team: 'data', day: '' },
    });
    const { shape, ...rest } = job;
    const answer = await journal.create(job, lease());
    const { cursor } = answer.job;
    const expected = { ...rest, cursor, state: 'idle', updatedAt: NOW, lastSeq: -1, fence: 1, lease: lease() };
    assert.equal(answer.created, true);
    same(answer.job, expected);
    same(await journal.job('job'), expected);
    assert.equal(await journal.shape('f1'), shape);
    same(await journal.events('job'), []);
    same(await journal.notes('job'), []);
  },
  'create answers a job that is there under the id, untouched': async (journal) => {
    const first = await started(journal, 'job', { name: 'one', input: '1' });
    await journal.append([batch({ events: events(0, 2), state: 'running', startedAt: NOW })]);
    const before = await journal.job('job');
    const again = await journal.create(
      newJob({ name: 'two', input: '2', fingerprint: 'f2' }),
      lease({ owner: 'other' }),
    );
    assert.equal(again.created, false);
    same(again.job, before);
    same(await journal.job('job'), before);
    assert.equal(again.job.name, first.name);
    assert.equal((await journal.events('job')).length, 2);
  },
  'create answers the job that has the key already, among jobs of its name': async (journal) => {
    const first = await journal.create(newJob({ id: 'a', name: 'etl', key: 'monday' }), lease());
    const second = await journal.create(newJob({ id: 'b', name: 'etl', key: 'monday', input: '{"a":2}' }), lease());
    assert.equal(second.created, false);
    same(second.job, first.job);
    assert.equal(await journal.job('b'), undefined);
    for (const other of [
      newJob({ id: 'c', name: 'etl', key: 'tuesday' }),
      newJob({ id: 'd', name: 'report', key: 'monday' }),
      newJob({ id: 'e', name: 'etl' }),
      newJob({ id: 'f', name: 'etl' }),
      newJob({ id: 'g', name: 'etl', key: '' }),
    ]) {
      assert.equal((await journal.create(other, lease())).created, true, other.id);
    }
    assert.equal((await journal.create(newJob({ id: 'h', name: 'etl', key: '' }), lease())).job.id, 'g');
  },
  'of many that create a job with one key at once, one does': async (journal) => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => journal.create(newJob({ id: `job-${at}`, key: 'one' }), lease())),
    );
    assert.equal(answers.filter(({ created }) => created).length, 1);
    assert.equal(new Set(answers.map(({ job }) => job.id)).size, 1);
    assert.equal((await journal.jobs()).length, 1);
  },
  'job answers nothing for an id that is not there, nor do events, notes and shape': async (journal) => {
    assert.equal(await journal.job('nobody'), undefined);
    assert.equal(await journal.shape('nothing'), undefined);
    same(await journal.events('nobody'), []);
    same(await journal.notes('nobody'), []);
  },
};
