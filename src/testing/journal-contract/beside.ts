import assert from 'node:assert/strict';
import { journalWith } from '../../engine/durable/journal-with.ts';
import {
  batch,
  type ContractTests,
  events,
  held,
  lease,
  NOW,
  newJob,
  refuses,
  same,
  sorted,
  started,
  takenOver,
  textsOf,
} from './given.ts';

/** Tests the storage of notes, shapes of definitions and messages. */
export const beside: ContractTests = {
  'a later note of a task and kind replaces an earlier one': async (journal) => {
    await started(journal, 'job');
    await started(journal, 'other');
    await journal.append([
      batch({
        notes: [
          { task: 'a', kind: 'checkpoint', value: '1' },
          { task: 'a', kind: 'items', value: '[1]' },
          { task: 'b', kind: 'checkpoint', value: '2' },
          { task: '', kind: 'stop', value: '"drain"' },
        ],
      }),
      batch({ jobId: 'other', notes: [{ task: 'a', kind: 'checkpoint', value: '9' }] }),
    ]);
    await journal.append([
      batch({
        notes: [
          { task: 'a', kind: 'checkpoint', value: '3' },
          { task: 'a', kind: 'checkpoint', value: '4' },
        ],
      }),
    ]);
    same(sorted(await journal.notes('job')), [
      { task: '', kind: 'stop', value: '"drain"' },
      { task: 'a', kind: 'checkpoint', value: '4' },
      { task: 'a', kind: 'items', value: '[1]' },
      { task: 'b', kind: 'checkpoint', value: '2' },
    ]);
    same(await journal.notes('other'), [{ task: 'a', kind: 'checkpoint', value: '9' }]);
  },
  'the shape of a definition is kept by its fingerprint, for all its jobs': async (journal) => {
    await journal.create(newJob({ id: 'a', fingerprint: 'f1', shape: '{"tasks":1}' }), lease());
    await journal.create(newJob({ id: 'b', fingerprint: 'f1', shape: '{"tasks":1}' }), lease());
    await journal.remove('a');
    assert.equal(await journal.shape('f1'), '{"tasks":1}');
    const definition = { fingerprint: 'f2', shape: '{"tasks":2}' };
    await journal.append([batch({ jobId: 'b', events: [], definition })]);
    assert.equal(await journal.shape('f2'), '{"tasks":2}');
    assert.equal((await journal.job('b'))?.fingerprint, 'f2');
  },
  'what a task completed with replaces what it did before, and stays when its job is removed': async (journal) => {
    const { get, put } = journalWith(journal, 'completions').completions;
    assert.equal(await get('build'), undefined);
    await started(journal);
    await put('build', '{"n":1}', NOW);
    await put('test', 'Ä\0\ud800', NOW);
    await put('build', '{"n":2}', NOW + 1);
    await journal.remove('job');
    assert.equal(await get('build'), '{"n":2}');
    assert.equal(await get('test'), 'Ä\0\ud800');
    assert.equal(await get('buil'), undefined);
  },
  'messages are given out, the oldest first, to the engine that holds the leases': async (journal) => {
    for (const id of ['a', 'b']) await started(journal, id);
    await journal.create(newJob({ id: 'c' }), lease({ owner: 'other' }));
    for (const [id, message] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', '4'],
      ['a', '1'],
    ] as const) {
      await journal.send(id, message);
    }
    const received = await journal.receive('me');
    same(textsOf(received), ['a: 1', 'b: 2', 'a: 3', 'a: 1']);
    for (const message of received) same(Object.keys(message).sort(), ['id', 'jobId', 'message']);
    const ids = received.filter(({ jobId }) => jobId === 'a').map(({ id }) => id);
    assert.equal(new Set(ids).size, 3, 'two messages to a job have one id');
    same(textsOf(await journal.receive('nobody')), []);
    same(textsOf(await journal.receive('other')), ['c: 4']);
  },
  'a message is given out until a batch says that it was handled': async (journal) => {
    for (const id of ['a', 'b']) await started(journal, id);
    for (const message of ['1', '2', '3']) await journal.send('a', message);
    await journal.send('b', '4');
    const received = await journal.receive('me');
    same(await journal.receive('me'), received);
    const [one, , three] = received.map(({ id }) => id) as [string, string, string, string];
    same(await journal.append([batch({ jobId: 'a', events: events(0, 1), handled: [one, three] })]), []);
    same(textsOf(await journal.receive('me')), ['a: 2', 'b: 4']);
    same(await journal.events('a'), events(0, 1));
    await journal.send('a', '5');
    const left = (await journal.receive('me')).filter(({ jobId }) => jobId === 'a');
    same(textsOf(left), ['a: 2', 'a: 5']);
    assert.ok(!left.some(({ id }) => id === one || id === three), 'an id was given to another message');
    // That a message was handled already changes nothing, nor does an empty list.
    same(await journal.append([batch({ jobId: 'a', handled: [one, left[0]?.id ?? ''] })]), []);
    same(await journal.append([batch({ jobId: 'b', handled: [] })]), []);
    same(textsOf(await journal.receive('me')), ['b: 4', 'a: 5']);
  },
  'a message that was given out waits for the next holder, unless what came of it was written': async (journal) => {
    await started(journal);
    for (const message of ['1', '2']) await journal.send('job', message);
    const [one, two] = (await journal.receive('me')).map(({ id }) => id) as [string, string];
    same(await journal.append([batch({ handled: [one] })]), []);
    await takenOver(journal);
    same(await journal.receive('me'), []);
    same(await journal.append([batch({ handled: [two] })]), ['job']);
    same(textsOf(await journal.receive('other')), ['job: 2']);
  },
  'a batch that can’t be written removes no message': async (journal) => {
    await started(journal);
    await journal.send('job', '1');
    const handled = (await journal.receive('me')).map(({ id }) => id);
    await refuses('JOURNAL_FAILED', () => journal.append([batch({ events: events(1, 2), handled })]));
    same(textsOf(await journal.receive('me')), ['job: 1']);
  },
  'a message waits for a job that nobody holds': async (journal) => {
    await started(journal);
    await journal.release(held());
    await journal.send('job', 'cancel');
    same(await journal.receive('me'), []);
    await journal.acquire('job', lease({ owner: 'other' }));
    same(textsOf(await journal.receive('other')), ['job: cancel']);
  },
  'a message to a job that is not there is JOB_NOT_FOUND': async (journal) => {
    const error = await refuses('JOB_NOT_FOUND', () => journal.send('nobody', 'cancel'));
    assert.equal(error.jobId, 'nobody');
  },
  'remove forgets a job and all that was kept of it': async (journal) => {
    await started(journal, 'job', { key: 'one' });
    await started(journal, 'other');
    const output = JSON.stringify('x'.repeat(100_000));
    await journal.append([
      batch({ events: [{ seq: 0, data: '{}', output }], notes: [{ task: 'a', kind: 'checkpoint', value: '1' }] }),
      batch({ jobId: 'other', events: events(0, 1) }),
    ]);
    await journal.send('job', 'hello');
    await journal.remove('job');
    await journal.remove('job');
    await journal.remove('nobody');
    assert.equal(await journal.job('job'), undefined);
    same(
      (await journal.jobs()).map(({ id }) => id),
      ['other'],
    );
    same(await journal.append([batch({ events: events(1, 2) })]), ['job']);
    assert.equal((await journal.create(newJob({ key: 'one' }), lease())).created, true);
    same(await journal.events('job'), []);
    same(await journal.notes('job'), []);
    same(await journal.receive('me'), []);
    same(await journal.append([batch({ events: events(0, 1) })]), []);
    same(await journal.events('other'), events(0, 1));
  },
};
