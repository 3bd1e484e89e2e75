import assert from 'node:assert/strict';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { batch, type ContractTests, idsOf, lease, newJob, same, started, textsOf } from './given.ts';

/** Tests that values are read back unchanged. */
export const texts: ContractTests = {
  'any text is kept as it is': async (journal) => {
    const strange = [
      '',
      ' ',
      'ünïcödé 日本語 😀',
      `'; DROP TABLE job; --`,
      '100 % %0000 %s',
      'a\0b',
      '\ud800 lone',
      'line\nend\r\n',
      '\u2028',
    ];
    for (const [at, text] of strange.entries()) {
      const id = `${at} ${text}`;
      const job = newJob({
        id,
        name: `n${text}`,
        key: text,
        forkedFrom: text,
        fingerprint: `f${text}`,
        input: JSON.stringify(text),
        labels: { [text]: text },
      });
      const owner = lease({ owner: `o${text}` });
      await journal.create(job, owner);
      const data = JSON.stringify({ text });
      const note = { task: text, kind: 'checkpoint', value: JSON.stringify(text) } as const;
      same(await journal.append([batch({ jobId: id, events: [{ seq: 0, data, output: data }], notes: [note] })]), []);
      await journal.send(id, text);
      const stored = (await journal.job(id)) as JournalJob;
      same(
        [stored.id, stored.name, stored.key, stored.forkedFrom, stored.fingerprint, stored.input, stored.lease],
        [id, job.name, text, text, job.fingerprint, job.input, owner],
      );
      same(await journal.events(id), [{ seq: 0, data, output: data }]);
      same(await journal.notes(id), [note]);
      assert.equal(await journal.shape(job.fingerprint), job.shape);
      same(textsOf(await journal.receive(owner.owner)), [`${id}: ${text}`]);
      same(await idsOf(journal, { names: [job.name] }), [id]);
      same(await idsOf(journal, { labels: { [text]: text } }), [id]);
      same(stored.labels, { [text]: text });
    }
    assert.equal((await journal.jobs()).length, strange.length);
  },
  'JSON with halves of surrogate pairs says the same when it comes back': async (journal) => {
    const value = 'a\ud800b';
    await started(journal, 'job', { input: `"${value}"` });
    await journal.append([batch({ events: [{ seq: 0, data: `"${value}"`, output: `"${value}"` }] })]);
    const [event] = await journal.events('job');
    for (const json of [(await journal.job('job'))?.input, event?.data, event?.output]) {
      assert.equal(JSON.parse(json as string), value);
    }
  },
  'times may have fractions': async (journal) => {
    await journal.create(newJob({ createdAt: 1.5 }), lease());
    await journal.append([batch({ at: 3.125, events: [], startedAt: 2.5 })]);
    const job = (await journal.job('job')) as JournalJob;
    same([job.createdAt, job.startedAt, job.updatedAt], [1.5, 2.5, 3.125]);
  },
};
