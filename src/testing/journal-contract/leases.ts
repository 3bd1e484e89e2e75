import assert from 'node:assert/strict';
import type { JournalJob } from '../../engine/durable/journal.ts';
import {
  batch,
  type ContractTests,
  events,
  held,
  lease,
  NO_PROCESS,
  NOW,
  newJob,
  refuses,
  same,
  started,
  takenOver,
  textsOf,
} from './given.ts';

/** Tests leases, which decide who may write a job. */
export const leases: ContractTests = {
  'acquire takes a lease that was given back, and the fence grows': async (journal) => {
    await started(journal);
    await journal.release(held());
    assert.equal((await journal.job('job'))?.lease, undefined);
    const job = await journal.acquire('job', lease({ owner: 'other' }));
    assert.equal(job.fence, 2);
    same(job.lease, lease({ owner: 'other' }));
    same(await journal.job('job'), job);
  },
  'acquire is refused while another holds the lease': async (journal) => {
    await started(journal);
    const error = await refuses('JOB_LEASED', () => journal.acquire('job', lease({ owner: 'other' })));
    assert.match(error.message, new RegExp(`\\b${process.pid}\\b`));
    assert.equal(error.jobId, 'job');
    assert.equal((await journal.job('job'))?.fence, 1);
    same(await journal.append([batch({ events: events(0, 1) })]), []);
  },
  'acquire gives its own lease again to an owner': async (journal) => {
    await started(journal);
    assert.equal((await journal.acquire('job', lease())).fence, 2);
  },
  'an engine whose process is dead holds nothing, and learns so by its next beat': async (journal) => {
    const dead = lease({ owner: 'dead', pid: NO_PROCESS });
    for (const id of ['a', 'b']) await journal.create(newJob({ id }), dead);
    assert.equal((await journal.job('a'))?.lease, undefined);
    same(
      (await journal.jobs()).map(({ lease }) => lease),
      [undefined, undefined],
    );
    assert.equal((await journal.acquire('a', lease())).fence, 2);
    assert.equal(await journal.beat(dead), false);
    assert.equal((await journal.job('b'))?.lease, undefined);
    assert.equal(await journal.beat(lease()), true);
    same((await journal.job('a'))?.lease, lease());
  },
  'acquire leaves its leases to a process of another machine that has just beaten, whatever its pid': async (
    journal,
  ) => {
    const far = lease({ owner: 'far', host: 'elsewhere', pid: NO_PROCESS });
    await journal.create(newJob(), far);
    await refuses('JOB_LEASED', () => journal.acquire('job', lease()));
    same((await journal.job('job'))?.lease, far);
  },
  'an engine that holds nothing and never did is not known': async (journal) => {
    assert.equal(await journal.beat(lease()), false);
    await started(journal);
    assert.equal(await journal.beat(lease()), true);
    assert.equal(await journal.beat(lease({ owner: 'other' })), false);
    assert.ok(journal.beatMs > 0 && Number.isFinite(journal.beatMs));
  },
  'acquire of a job that is not there is JOB_NOT_FOUND': async (journal) => {
    const error = await refuses('JOB_NOT_FOUND', () => journal.acquire('nobody', lease()));
    assert.match(error.message, /nobody/);
  },
  'of many that acquire a lease at once, one does': async (journal) => {
    await started(journal);
    await journal.release(held());
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, at) => journal.acquire('job', lease({ owner: `racer ${at}` }))),
    );
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await journal.job('job'))?.fence, 2);
  },
  'whoever comes with an older fence writes nothing, and is told so': async (journal) => {
    await started(journal);
    await journal.append([batch({ events: events(0, 1) })]);
    await takenOver(journal);
    const before = await journal.job('job');
    const late = batch({
      events: events(1, 2),
      notes: [{ task: 'a', kind: 'checkpoint', value: '1' }],
      state: 'failed',
      endedAt: NOW,
      release: true,
      definition: { fingerprint: 'f2', shape: '{}' },
    });
    same(await journal.append([late]), ['job']);
    await journal.release(held());
    await journal.send('job', 'for the new one');
    same(await journal.receive('me'), []);
    same(await journal.job('job'), before);
    same(await journal.events('job'), events(0, 1));
    same(await journal.notes('job'), []);
    assert.equal(await journal.shape('f2'), undefined);
    same(await journal.append([batch({ fence: 2, events: events(1, 2) })]), []);
    same(textsOf(await journal.receive('other')), ['job: for the new one']);
  },
  'append writes the jobs whose lease holds, and answers the others': async (journal) => {
    for (const id of ['a', 'b', 'c']) await started(journal, id);
    await takenOver(journal, 'b');
    const lost = await journal.append([
      ...['a', 'b', 'c'].map((jobId) => batch({ jobId, events: events(0, 2) })),
      batch({ jobId: 'nobody', events: events(0, 1) }),
    ]);
    same([...lost].sort(), ['b', 'nobody']);
    for (const [id, count] of [
      ['a', 2],
      ['b', 0],
      ['c', 2],
    ] as const) {
      assert.equal((await journal.events(id)).length, count, id);
    }
  },
  'after a lease was given back, nothing is written with it': async (journal) => {
    await started(journal);
    same(await journal.append([batch({ events: events(0, 1), state: 'completed', endedAt: NOW, release: true })]), []);
    const job = (await journal.job('job')) as JournalJob;
    same([job.state, job.lease, job.fence], ['completed', undefined, 1]);
    same(await journal.append([batch({ events: events(1, 2) })]), ['job']);
    await journal.release(held());
    same(await journal.events('job'), events(0, 1));
    await started(journal, 'other');
    const last = batch({ jobId: 'other', events: events(0, 1), release: true });
    same(await journal.append([last, batch({ jobId: 'other', events: events(1, 2) })]), ['other']);
    same(await journal.events('other'), events(0, 1));
  },
};
