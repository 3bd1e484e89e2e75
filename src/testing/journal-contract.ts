import assert from 'node:assert/strict';
import type {
  Awaitable,
  Batch,
  Held,
  Journal,
  JournalErrorCode,
  JournalJob,
  Lease,
  NewJob,
  StoredEvent,
} from '../engine/journal.ts';
import { thisProcess } from '../engine/process-identity.ts';

export type ContractCase = {
  /** What is promised. */
  readonly name: string;
  /** Rejects where it is not kept. */
  readonly run: () => Promise<void>;
};

/**
 * Everything that a journal promises, as cases for whatever runs tests: each makes a journal of its own with `create`, which
 * must be empty, and closes it.
 *
 *     for (const { name, run } of journalContract(() => myJournal())) test(name, run);
 */
export const journalContract = (create: () => Awaitable<Journal>): readonly ContractCase[] =>
  Object.entries(PROMISES).map(([name, promise]) => ({
    name,
    run: async () => {
      const journal = await create();
      try {
        await promise(journal);
      } finally {
        await journal.close();
      }
    },
  }));

type Promises = Readonly<Record<string, (journal: Journal) => Promise<void>>>;

const creation: Promises = {
  'create keeps a job and gives its first lease': async (journal) => {
    const job = newJob({
      key: 'daily',
      forkedFrom: 'before',
      input: '{"a":1}',
      options: '{"b":2}',
      metadata: '{"c":3}',
    });
    const { shape, ...rest } = job;
    const expected = { ...rest, state: 'idle', updatedAt: NOW, lastSeq: -1, fence: 1, lease: lease() };
    const answer = await journal.create(job, lease());
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
    const second = await journal.create(newJob({ id: 'b', name: 'etl', key: 'monday' }), lease());
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

const writing: Promises = {
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

const leases: Promises = {
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
    same(await journal.receive([held('job', 2)]), [{ jobId: 'job', message: 'for the new one' }]);
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

const reading: Promises = {
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
    same(
      (await journal.jobs()).map(({ id }) => id),
      ['job-0', 'job-3', 'job-2', 'job-1'],
    );
    same(
      (await journal.jobs({ limit: 2 })).map(({ id }) => id),
      ['job-0', 'job-3'],
    );
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
      (await journal.jobs(filter)).map(({ id }) => Number(id.slice(4)));
    same(await listed({}), [3, 2, 1, 0]);
    same(await listed({ states: ['completed'] }), [3, 0]);
    same(await listed({ states: ['failed', 'running'] }), [2, 1]);
    same(await listed({ states: [] }), []);
    same(await listed({ name: 'etl' }), [1, 0]);
    same(await listed({ name: 'e' }), []);
    same(await listed({ since: 10 }), [3, 2, 1]);
    same(await listed({ before: 10 }), [0]);
    same(await listed({ since: 10, before: 30, limit: 1 }), [2]);
    same(await listed({ states: ['completed'], name: 'etl', since: 0, before: 1 }), [0]);
    same(
      await listed({ states: undefined, name: undefined, since: undefined, before: undefined, limit: undefined }),
      [3, 2, 1, 0],
    );
  },
};

const beside: Promises = {
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
  'messages are given out once, the oldest first, to whoever holds the lease': async (journal) => {
    for (const id of ['a', 'b', 'c']) await started(journal, id);
    for (const [id, message] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', '4'],
      ['a', '1'],
    ] as const) {
      await journal.send(id, message);
    }
    same(await journal.receive([held('b'), held('a'), held('nobody')]), [
      { jobId: 'a', message: '1' },
      { jobId: 'b', message: '2' },
      { jobId: 'a', message: '3' },
      { jobId: 'a', message: '1' },
    ]);
    same(await journal.receive([held('a'), held('b')]), []);
    same(await journal.receive([]), []);
    same(await journal.receive([held('c')]), [{ jobId: 'c', message: '4' }]);
  },
  'a message waits for a job that nobody holds': async (journal) => {
    await started(journal);
    await journal.release(held());
    await journal.send('job', 'cancel');
    same(await journal.receive([held()]), []);
    await journal.acquire('job', lease({ owner: 'other' }));
    same(await journal.receive([held('job', 2)]), [{ jobId: 'job', message: 'cancel' }]);
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
    same(await journal.receive([held()]), []);
    same(await journal.append([batch({ events: events(0, 1) })]), []);
    same(await journal.events('other'), events(0, 1));
  },
};

const texts: Promises = {
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
      });
      const owner = lease({ owner: `o${text}` });
      await journal.create(job, owner);
      const data = JSON.stringify({ text });
      const note = { task: text, kind: 'checkpoint', value: JSON.stringify(text) } as const;
      same(await journal.append([batch({ jobId: id, events: [{ seq: 0, data, output: data }], notes: [note] })]), []);
      await journal.send(id, text);
      const kept = (await journal.job(id)) as JournalJob;
      same(
        [kept.id, kept.name, kept.key, kept.forkedFrom, kept.fingerprint, kept.input, kept.lease],
        [id, job.name, text, text, job.fingerprint, job.input, owner],
      );
      same(await journal.events(id), [{ seq: 0, data, output: data }]);
      same(await journal.notes(id), [note]);
      assert.equal(await journal.shape(job.fingerprint), job.shape);
      same(await journal.receive([held(id)]), [{ jobId: id, message: text }]);
      same(
        (await journal.jobs({ name: job.name })).map((one) => one.id),
        [id],
      );
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
    await journal.create(newJob({ createdAt: 1.5 }), lease({ at: 2.25, leaseMs: 0.5 }));
    await journal.append([batch({ at: 3.125, events: [], startedAt: 2.5 })]);
    const job = (await journal.job('job')) as JournalJob;
    same(
      [job.createdAt, job.startedAt, job.updatedAt, job.lease?.at, job.lease?.leaseMs],
      [1.5, 2.5, 3.125, 2.25, 0.5],
    );
  },
};

const PROMISES: Promises = { ...creation, ...writing, ...leases, ...reading, ...beside, ...texts };

const NOW = 1_750_000_000_000;
const LEASE_MS = 10_000;
/** Larger than any pid: the most that Linux gives out is 4,194,304. */
const NO_PROCESS = 2 ** 22 + 1;

const newJob = (about: Partial<NewJob> = {}): NewJob => ({
  id: 'job',
  name: 'etl',
  createdAt: NOW,
  fingerprint: 'f1',
  shape: '{"tasks":[]}',
  input: '{}',
  options: '{}',
  metadata: '{}',
  ...about,
});

const lease = (about: Partial<Lease> = {}): Lease => ({
  owner: 'me',
  ...thisProcess(),
  at: NOW,
  leaseMs: LEASE_MS,
  ...about,
});

const held = (jobId = 'job', fence = 1): Held => ({ jobId, fence });

const batch = (about: Partial<Batch>): Batch => ({ jobId: 'job', fence: 1, at: NOW, events: [], notes: [], ...about });

/** Those from one seq to before another. */
const events = (from: number, to: number): readonly StoredEvent[] =>
  range(from, to).map((seq) => ({ seq, data: JSON.stringify({ type: 'task.log', seq }) }));

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, at) => from + at);

const started = async (journal: Journal, id = 'job', about: Partial<NewJob> = {}): Promise<JournalJob> =>
  (await journal.create(newJob({ ...about, id }), lease())).job;

const pick = ({ state, startedAt, endedAt, updatedAt, lastSeq }: JournalJob): readonly unknown[] => [
  state,
  startedAt,
  endedAt,
  updatedAt,
  lastSeq,
];

const sorted = <Value>(values: readonly Value[]): readonly Value[] =>
  [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Equal as data: a field that is undefined is one that is absent. */
const same = (actual: unknown, expected: unknown): void => assert.deepEqual(present(actual), present(expected));

const present = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.map(([name, field]) => [name, present(field)]));
};

type Refusal = Error & { readonly code: JournalErrorCode; readonly jobId?: string };

/** The error with which a call is refused, at once or later. */
const refuses = async (code: JournalErrorCode, call: () => Awaitable<unknown>): Promise<Refusal> => {
  try {
    await call();
  } catch (error) {
    assert.equal((error as Refusal).code, code, String(error));
    return error as Refusal;
  }
  return assert.fail(`It was to be refused with ${code}.`);
};
