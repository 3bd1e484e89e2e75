import assert from 'node:assert/strict';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import {
  batch,
  type ContractTests,
  events,
  held,
  LEASE_MS,
  lease,
  NO_PROCESS,
  NOW,
  newJob,
  refuses,
  same,
  started,
  textsOf,
} from './given.ts';

/** Tests leases, which decide who may write a job. */
export const leases: ContractTests = {
  'acquire takes a lease that was given back, and the fence grows': async (journal) => {
    await started(journal);
    await journal.release(held());
    assert.equal((await journal.job('job'))?.lease, undefined);
    const job = await journal.acquire('job', lease({ owner: 'other', at: NOW + 1 }));
    assert.equal(job.fence, 2);
    same(job.lease, lease({ owner: 'other', at: NOW + 1 }));
    same(await journal.job('job'), job);
  },
  'acquire is refused while another holds the lease': async (journal) => {
    await started(journal);
    const error = await refuses('JOB_LEASED', () =>
      journal.acquire('job', lease({ owner: 'other', at: NOW + LEASE_MS - 1 })),
    );
    assert.match(error.message, new RegExp(`\\b${process.pid}\\b`));
    assert.equal(error.jobId, 'job');
    assert.equal((await journal.job('job'))?.fence, 1);
    same(await journal.append([batch({ events: events(0, 1) })]), []);
  },
  'acquire takes a lease that is over': async (journal) => {
    await started(journal);
    assert.equal((await journal.acquire('job', lease({ owner: 'other', at: NOW + LEASE_MS }))).fence, 2);
  },
  'acquire gives its own lease again to an owner': async (journal) => {
    await started(journal);
    assert.equal((await journal.acquire('job', lease())).fence, 2);
  },
  'acquire takes the lease of a process of this machine that is dead': async (journal) => {
    await journal.create(newJob(), lease({ ...thisProcess(), pid: NO_PROCESS }));
    assert.equal((await journal.acquire('job', lease({ owner: 'other' }))).fence, 2);
  },
  'acquire leaves a lease in force to a process of another machine, whatever its pid': async (journal) => {
    await journal.create(newJob(), lease({ host: 'elsewhere', pid: NO_PROCESS }));
    await refuses('JOB_LEASED', () => journal.acquire('job', lease({ owner: 'other' })));
  },
  'a lease that ends too late, since the clock was set back, stays with a process that is alive': async (journal) => {
    await journal.create(newJob({ id: 'here' }), lease({ at: NOW + 10 * LEASE_MS }));
    await journal.create(newJob({ id: 'there' }), lease({ at: NOW + 10 * LEASE_MS, host: 'elsewhere' }));
    if (thisProcess().processStart !== '') {
      await refuses('JOB_LEASED', () => journal.acquire('here', lease({ owner: 'other' })));
    }
    assert.equal((await journal.acquire('there', lease({ owner: 'other' }))).fence, 2);
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
    await journal.acquire('job', lease({ owner: 'other', at: NOW + LEASE_MS }));
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
    same(await journal.renew([held()], lease()), ['job']);
    await journal.release(held());
    await journal.send('job', 'for the new one');
    same(await journal.receive([held()]), []);
    same(await journal.job('job'), before);
    same(await journal.events('job'), events(0, 1));
    same(await journal.notes('job'), []);
    assert.equal(await journal.shape('f2'), undefined);
    same(await journal.append([batch({ fence: 2, events: events(1, 2) })]), []);
    same(textsOf(await journal.receive([held('job', 2)])), ['job: for the new one']);
  },
  'append writes the jobs whose lease holds, and answers the others': async (journal) => {
    for (const id of ['a', 'b', 'c']) await started(journal, id);
    await journal.acquire('b', lease({ owner: 'other', at: NOW + LEASE_MS }));
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
  'renew makes leases last, and answers those that are lost': async (journal) => {
    for (const id of ['a', 'b', 'c']) await started(journal, id);
    await journal.acquire('b', lease({ owner: 'other', at: NOW + LEASE_MS }));
    await journal.release(held('c'));
    const lost = await journal.renew([held('a'), held('b'), held('c'), held('nobody')], lease({ at: NOW + 100 }));
    same([...lost].sort(), ['b', 'c', 'nobody']);
    same((await journal.job('a'))?.lease, lease({ at: NOW + 100 }));
    assert.equal((await journal.job('b'))?.lease?.owner, 'other');
    assert.equal((await journal.job('c'))?.lease, undefined);
    await refuses('JOB_LEASED', () => journal.acquire('a', lease({ owner: 'other', at: NOW + LEASE_MS + 99 })));
  },
  'a lease that is over but that nobody took can still be renewed and written with': async (journal) => {
    await started(journal);
    same(await journal.append([batch({ at: NOW + 5 * LEASE_MS, events: events(0, 1) })]), []);
    same(await journal.renew([held()], lease({ at: NOW + 5 * LEASE_MS })), []);
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
