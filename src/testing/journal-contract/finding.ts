import assert from 'node:assert/strict';
import type { JobFilter, Journal, JournalJob, Labels } from '../../engine/durable/journal.ts';
import { journalWith } from '../../engine/durable/journal-with.ts';
import type { JobState } from '../../events/event.ts';
import {
  batch,
  type ContractTests,
  events,
  idsOf,
  lease,
  NOW,
  newJob,
  range,
  refuses,
  same,
  started,
  takenOver,
} from './given.ts';

/** Tests what finds jobs among many: labels, ids, origins, ends, and pages by cursor. */
export const finding: ContractTests = {
  'jobs are found by their labels, if they have all of them': async (journal) => {
    const labels = [{ team: 'data', day: '1' }, { team: 'data' }, { team: 'web', day: '1' }, undefined];
    for (const [at, some] of labels.entries()) await started(journal, `job-${at}`, { createdAt: at, labels: some });
    same(await idsOf(journal, { labels: { team: 'data' } }), ['job-1', 'job-0']);
    same(await idsOf(journal, { labels: { team: 'data', day: '1' } }), ['job-0']);
    same(await idsOf(journal, { labels: { day: '1' }, order: 'oldest', limit: 1 }), ['job-0']);
    same(await idsOf(journal, { labels: { day: '1' }, since: 1 }), ['job-2']);
    same(await idsOf(journal, { labels: { day: '2' } }), []);
    same(await idsOf(journal, { labels: { data: 'team' } }), []);
    same(await idsOf(journal, { labels: {} }), ['job-3', 'job-2', 'job-1', 'job-0']);
    await ended(journal, 'job-1', 'failed', 5);
    same(await idsOf(journal, { labels: { team: 'data' }, states: ['failed'] }), ['job-1']);
    same(await idsOf(journal, { labels: { team: 'data' }, states: ['idle'], names: ['etl'] }), ['job-0']);
    same(
      (await journal.jobs()).map((job) => job.labels),
      [{}, labels[2], labels[1], labels[0]],
    );
    await journal.remove('job-0');
    same(await idsOf(journal, { labels: { day: '1' } }), ['job-2']);
  },
  'describe replaces the labels or the metadata of a job, or both, and lists follow': async (journal) => {
    const { describe, counts } = { ...journalWith(journal, 'describe'), ...journalWith(journal, 'counts') };
    const about = { createdAt: 7, input: '{"n":1}', options: '{"logs":{}}', metadata: '{"by":"me"}' };
    for (const at of range(0, 4)) await started(journal, `job-${at}`, { ...about, labels: { team: 'data', day: '1' } });
    const before = (await journal.job('job-1')) as JournalJob;
    await describe('job-1', { at: 8, labels: { team: 'web', 'a\u0000b': 'é%\ud800' } });
    const labels = { team: 'web', 'a\u0000b': 'é%\ud800' };
    same(await journal.job('job-1'), { ...before, updatedAt: 8, labels });
    await describe('job-1', { at: 9, metadata: '{"by":"you\\u0000"}' });
    same(await journal.job('job-1'), { ...before, updatedAt: 9, labels, metadata: '{"by":"you\\u0000"}' });
    same(await idsOf(journal, { labels: { team: 'data' } }), ['job-3', 'job-2', 'job-0']);
    same(await idsOf(journal, { labels: { day: '1' }, order: 'oldest' }), ['job-0', 'job-2', 'job-3']);
    same(await idsOf(journal, { labels }), ['job-1']);
    same(await counts({ by: 'state', labels: { team: 'data' } }), [{ value: 'idle', count: 3 }]);
    // Its place in lists stays.
    same(await idsOf(journal), ['job-3', 'job-2', 'job-1', 'job-0']);
    same(await idsOf(journal, { cursor: before.cursor }), ['job-0']);
    await describe('job-2', { at: 8, labels: {}, metadata: '{}' });
    await describe('job-0', { at: 8 });
    same(
      (await journal.jobs()).map((job) => [job.labels, job.metadata]),
      [
        [before.labels, about.metadata],
        [{}, '{}'],
        [labels, '{"by":"you\\u0000"}'],
        [before.labels, about.metadata],
      ],
    );
    await describe('job-2', { at: 8, labels: { team: 'data' } });
    same(await idsOf(journal, { labels: { team: 'data' } }), ['job-3', 'job-2', 'job-0']);
    await journal.remove('job-2');
    same(await idsOf(journal, { labels: { team: 'data' } }), ['job-3', 'job-0']);
  },
  'a job can be described whoever holds its lease, who writes on, and when it is over': async (journal) => {
    const { describe } = journalWith(journal, 'describe');
    await started(journal, 'job', { labels: { team: 'data' } });
    await takenOver(journal);
    const before = (await journal.job('job')) as JournalJob;
    await describe('job', { at: NOW, labels: { team: 'web' } });
    same(await journal.job('job'), { ...before, updatedAt: NOW, labels: { team: 'web' } });
    const end = { fence: 2, events: events(0, 1), state: 'failed', startedAt: 1, endedAt: 5, release: true } as const;
    same(await journal.append([batch({ ...end, at: 5 })]), []);
    await describe('job', { at: 9, metadata: '{"n":1}' });
    const { state, endedAt, updatedAt, lastSeq, labels, metadata } = (await journal.job('job')) as JournalJob;
    same([state, endedAt, updatedAt, lastSeq], ['failed', 5, 9, 0]);
    same([labels, metadata], [{ team: 'web' }, '{"n":1}']);
    same(await journal.events('job'), events(0, 1));
  },
  'to describe a job that is not there is JOB_NOT_FOUND': async (journal) => {
    const { describe } = journalWith(journal, 'describe');
    const error = await refuses('JOB_NOT_FOUND', () => describe('nobody', { at: NOW, labels: {} }));
    assert.equal(error.jobId, 'nobody');
  },
  'a job that a batch creates has its labels': async (journal) => {
    const job = newJob({ labels: { team: 'data' } });
    await journal.append([batch({ creates: { job, lease: lease() } })]);
    same((await journal.job('job'))?.labels, { team: 'data' });
    same(await idsOf(journal, { labels: { team: 'data' } }), ['job']);
  },
  'jobs are found by how their id begins, and by what they were forked from': async (journal) => {
    for (const id of ['a', 'ab', 'aB', 'abc', 'b', 'a%', 'ß', 'a\u{10ffff}']) await started(journal, id);
    const found = async (filter: JobFilter) => [...(await idsOf(journal, filter))].sort();
    same(await found({ idPrefix: 'ab' }), ['ab', 'abc']);
    same(await found({ idPrefix: 'a%' }), ['a%']);
    same(await found({ idPrefix: 'ß' }), ['ß']);
    same(await found({ idPrefix: 'c' }), []);
    assert.equal((await found({ idPrefix: '' })).length, 8);
    same(await found({ idPrefix: 'a', states: ['running'] }), []);
    await started(journal, 'c', { forkedFrom: 'a' });
    await started(journal, 'd', { forkedFrom: 'ab' });
    same(await found({ forkedFrom: 'a' }), ['c']);
  },
  'jobs are found by how their id or their name begins': async (journal) => {
    const names = {
      a: 'Etl',
      ab: 'etl-2',
      aB: 'report',
      b: 'abacus',
      'a%': 'ETL%',
      ß: 'Äpfel',
      c: 'ab',
      abx: 'ABX',
      etl: 'other',
    };
    for (const [id, name] of Object.entries(names))
      await started(journal, id, { name, labels: { of: name.slice(0, 1) } });
    await ended(journal, 'ab', 'failed', 10);
    const found = async (filter: JobFilter) => [...(await idsOf(journal, filter))].sort();
    same(await found({ prefix: 'etl' }), ['a', 'a%', 'ab', 'etl']);
    same(await found({ prefix: 'eTL' }), ['a', 'a%', 'ab']);
    same(await found({ prefix: 'ab' }), ['ab', 'abx', 'b', 'c']);
    same(await found({ prefix: 'aB' }), ['aB', 'abx', 'b', 'c']);
    same(await found({ prefix: 'etl%' }), ['a%']);
    same(await found({ prefix: 'Ä' }), ['ß']);
    same(await found({ prefix: 'ä' }), []);
    same(await found({ prefix: 'tl' }), []);
    assert.equal((await found({ prefix: '' })).length, 9);
    same(await journalWith(journal, 'counts').counts({ by: 'state', prefix: 'ab' }), [
      { value: 'failed', count: 1 },
      { value: 'idle', count: 3 },
    ]);
    same(await found({ prefix: 'etl', names: ['etl-2', 'other', 'report'] }), ['ab', 'etl']);
    same(await found({ prefix: 'etl', labels: { of: 'E' } }), ['a', 'a%']);
    same(await found({ prefix: 'etl', idPrefix: 'a' }), ['a', 'a%', 'ab']);
  },
  'jobs are found by how they begin also among more than a thousand names, and the other way round': async (
    journal,
  ) => {
    const created = range(0, 1_100).map((at) => {
      const [id, name] = at % 2 === 0 ? [`even-${at}`, `Name-${at}`] : [`name-${at}`, `odd-${at}`];
      return batch({ jobId: id, creates: { job: newJob({ id, name, createdAt: at >> 2 }), lease: lease() } });
    });
    same(await journal.append(created), []);
    const all = await journal.jobs();
    for (const prefix of ['name-1', 'Name-109', 'odd-1', 'even-', 'none']) {
      const filter = { prefix, since: 3 };
      const expected = all.filter((job) => isMeant(job, filter));
      same(
        [prefix, await idsOf(journal, { ...filter, limit: 20 })],
        [prefix, expected.slice(0, 20).map(({ id }) => id)],
      );
      const count = expected.length;
      const { counts } = journalWith(journal, 'counts');
      same([prefix, await counts({ by: 'state', ...filter })], [prefix, count === 0 ? [] : [{ value: 'idle', count }]]);
    }
  },
  'jobs are found by when they ended, if they are over': async (journal) => {
    for (const id of ['a', 'b', 'c', 'd']) await started(journal, id);
    await ended(journal, 'a', 'completed', 10);
    await ended(journal, 'b', 'failed', 20);
    await journal.append([batch({ jobId: 'c', at: 5, state: 'running' })]);
    // An end whose time is not known.
    await journal.append([batch({ jobId: 'd', at: 15, state: 'cancelled' })]);
    const found = async (filter: JobFilter) => [...(await idsOf(journal, filter))].sort();
    same(await found({ endedBefore: 10 }), []);
    same(await found({ endedBefore: 11 }), ['a']);
    same(await found({ endedBefore: 100 }), ['a', 'b', 'd']);
    same(await found({ endedBefore: 100, states: ['failed', 'running'] }), ['b']);
  },
  'jobs are found by any of these at once': async (journal) => {
    const states = ['completed', 'failed', 'cancelled'] as const;
    for (const at of range(0, 24)) {
      const labels = { team: at % 4 === 0 ? 'web' : 'data', ...(at < 5 && { day: '1' }) };
      await started(journal, `${at % 3}-${at}`, { createdAt: at >> 1, name: `name-${at % 5}`, labels });
      const state = states[at % 7];
      if (state) await ended(journal, `${at % 3}-${at}`, state, at);
    }
    const all = await journal.jobs();
    const each = <Value>(...values: readonly Value[]): readonly (Value | undefined)[] => [undefined, ...values];
    for (const names of each([], ['name-1'], ['name-3', 'name-1', 'name-1'], ['name-2', 'other'])) {
      for (const states of each<readonly JobState[]>([], ['failed'], ['idle', 'failed', 'failed'], ['timedOut'])) {
        for (const labels of each<Labels>({ team: 'web' }, { team: 'data', day: '1' }, { day: '2' })) {
          for (const rest of each(
            { since: 4, before: 10 },
            { endedBefore: 9 },
            { idPrefix: '1-' },
            { prefix: 'NAME-3' },
            { prefix: '1-1' },
          )) {
            const filter: JobFilter = { names, states, labels, ...rest };
            const expected = all.filter((job) => isMeant(job, filter)).map(({ id }) => id);
            same([filter, await idsOf(journal, filter)], [filter, expected]);
            const oldest = { ...filter, order: 'oldest', limit: 2 } as const;
            same([oldest, await idsOf(journal, oldest)], [oldest, [...expected].reverse().slice(0, 2)]);
          }
        }
      }
    }
  },
  'jobs are counted by state and by name, also those that a filter selects': async (journal) => {
    const { counts } = journalWith(journal, 'counts');
    same(await counts({ by: 'state' }), []);
    for (const at of range(0, 12)) {
      const labels = at % 4 === 0 ? { team: 'web' } : { team: 'data', day: '1' };
      await started(journal, `job-${at}`, { createdAt: at >> 1, name: `name-${at % 3}\u0000`, labels });
      if (at < 5) await ended(journal, `job-${at}`, at % 2 === 0 ? 'failed' : 'completed', at);
    }
    same(await counts({ by: 'state' }), [
      { value: 'completed', count: 2 },
      { value: 'failed', count: 3 },
      { value: 'idle', count: 7 },
    ]);
    same(
      await counts({ by: 'name', states: ['failed', 'completed'] }),
      [2, 2, 1].map((count, at) => ({ value: `name-${at}\u0000`, count })),
    );
    const filters: readonly Omit<JobFilter, 'order' | 'cursor' | 'limit'>[] = [
      { labels: { team: 'data' } },
      { labels: { team: 'data', day: '1' }, states: ['failed', 'idle'], since: 1 },
      { names: ['name-1\u0000', 'name-2\u0000'], before: 4 },
      { names: ['name-1\u0000'], states: ['failed'], since: 1, before: 4 },
      { idPrefix: 'job-1', names: [] },
      { idPrefix: 'job-1' },
      { prefix: 'job-1' },
      { prefix: 'NAME-1', states: ['failed', 'idle'], since: 1 },
      { prefix: 'name-1', labels: { team: 'data' } },
      { endedBefore: 3, labels: { team: 'web' } },
      { states: [] },
    ];
    for (const filter of filters) {
      const jobs = await journal.jobs(filter);
      for (const by of ['state', 'name'] as const) {
        const values = [...new Set(jobs.map((job) => job[by]))].sort();
        const expected = values.map((value) => ({ value, count: jobs.filter((job) => job[by] === value).length }));
        same([filter, by, await counts({ by, ...filter })], [filter, by, expected]);
      }
    }
    await journal.remove('job-0');
    same(await counts({ by: 'state', states: ['failed'] }), [{ value: 'failed', count: 2 }]);
  },
  'pages by cursor have each job once, also of jobs that began at one time': async (journal) => {
    for (const at of range(0, 20)) await started(journal, `job-${at}`, { createdAt: 10 * (at % 3) });
    for (const at of range(0, 10)) await ended(journal, `job-${at}`, at % 2 === 0 ? 'failed' : 'completed', 50);
    for (const filter of [{}, { order: 'oldest' }, { states: ['failed', 'idle'] }, { names: ['etl'] }] as JobFilter[]) {
      const all = await idsOf(journal, filter);
      const paged: string[] = [];
      let cursor: string | undefined;
      for (let page = await journal.jobs({ ...filter, limit: 3 }); page.length > 0; ) {
        paged.push(...page.map(({ id }) => id));
        cursor = page.at(-1)?.cursor;
        page = await journal.jobs({ ...filter, limit: 3, cursor });
      }
      same(paged, all);
      assert.equal(new Set(paged).size, all.length);
    }
  },
  'an offset leaves out the first jobs of a list, in any order and by any filter': async (journal) => {
    for (const at of range(0, 20))
      await started(journal, `job-${at}`, {
        createdAt: 10 * (at % 3),
        labels: { team: at % 2 === 0 ? 'data' : 'web' },
      });
    for (const at of range(0, 10)) await ended(journal, `job-${at}`, at % 2 === 0 ? 'failed' : 'completed', 50);
    const filters: readonly JobFilter[] = [
      {},
      { order: 'oldest' },
      { states: ['failed', 'idle'] },
      { states: ['failed', 'completed'], names: ['etl'], order: 'oldest' },
      { names: ['etl', 'other'] },
      { labels: { team: 'data' } },
      { idPrefix: 'job-1' },
      { prefix: 'job-1' },
      { prefix: 'ET' },
      { prefix: 'ET', states: ['failed', 'idle'] },
      { since: 10, before: 20 },
    ];
    for (const filter of filters) {
      const all = await idsOf(journal, filter);
      assert.ok(all.length > 2);
      for (const offset of [0, 1, 3, all.length - 1, all.length, 1000]) {
        same([filter, offset, await idsOf(journal, { ...filter, offset })], [filter, offset, all.slice(offset)]);
        const limited = await idsOf(journal, { ...filter, offset, limit: 2 });
        same([filter, offset, limited], [filter, offset, all.slice(offset, offset + 2)]);
      }
    }
    const [first] = await journal.jobs({ limit: 1 });
    same(await idsOf(journal, { cursor: first?.cursor, offset: 2, limit: 1 }), [
      (await idsOf(journal, {}))[3] as string,
    ]);
  },
  'a cursor stays where it is, whatever is stored or removed meanwhile': async (journal) => {
    for (const at of range(0, 6)) await started(journal, `job-${at}`, { createdAt: 7 });
    const [, second] = await journal.jobs({ limit: 2 });
    await journal.remove('job-4');
    await started(journal, 'later', { createdAt: 7 });
    await started(journal, 'newest', { createdAt: 8 });
    same(await idsOf(journal, { cursor: second?.cursor, limit: 2 }), ['job-3', 'job-2']);
    same((await journal.job('job-3'))?.cursor, (await journal.jobs({ labels: {} }))[3]?.cursor);
  },
  'what is no cursor is refused': async (journal) => {
    await started(journal);
    for (const cursor of ['', 'x', 'bm90aGluZw', 'WzEsMl0gMw'])
      await refuses('INVALID_OPTION' as never, () => journal.jobs({ cursor }));
  },
};

/** A filter as it reads, to compare what is found with. */
const isMeant = (job: JournalJob, filter: JobFilter): boolean => {
  const { names, states, labels = {}, since = 0, before = Infinity, endedBefore, idPrefix = '', prefix = '' } = filter;
  const isOver = job.state !== 'idle';
  return (
    (names?.includes(job.name) ?? true) &&
    (states?.includes(job.state) ?? true) &&
    Object.entries(labels).every(([key, value]) => job.labels[key] === value) &&
    job.createdAt >= since &&
    job.createdAt < before &&
    (endedBefore === undefined || (isOver && (job.endedAt ?? 0) < endedBefore)) &&
    job.id.startsWith(idPrefix) &&
    (job.id.startsWith(prefix) || job.name.toLowerCase().startsWith(prefix.toLowerCase()))
  );
};

const ended = async (journal: Journal, jobId: string, state: JobState, endedAt: number): Promise<void> => {
  await journal.append([batch({ jobId, at: endedAt, state, endedAt, release: true })]);
};
