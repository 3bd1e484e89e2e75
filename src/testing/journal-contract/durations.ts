import assert from 'node:assert/strict';
import type { Journal, TaskDurations } from '../../engine/durable/journal.ts';
import { batch, type ContractTests, events, refuses, same, started } from './given.ts';

/** Tests how long tasks took, by the name of the job. A journal may lack it: then there is nothing to test. */
export const durations: ContractTests = {
  'durations are kept by the name of the job, the last five of each task': async (journal) => {
    if (!journal.durations) return;
    await started(journal, 'job');
    await started(journal, 'again');
    await started(journal, 'other', { name: 'other' });
    same(await journal.durations('etl'), []);
    await add(journal, 'job', [
      ['a', 1],
      ['b/c', 10],
      ['m[]', 2.5],
    ]);
    await add(journal, 'again', [['a', 2, 3]]);
    await add(journal, 'other', [['a', 100]]);
    same(await durationsOf(journal, 'etl'), { 'b/c': [10], 'm[]': [2.5], a: [1, 2, 3] });
    same(await durationsOf(journal, 'other'), { a: [100] });
    same(await journal.durations('nothing'), []);
    await add(journal, 'job', [['a', 4, 5, 6]]);
    assert.deepEqual((await durationsOf(journal, 'etl')).a, [2, 3, 4, 5, 6]);
  },
  'durations of several batches of one append are all kept, in their order': async (journal) => {
    if (!journal.durations) return;
    await started(journal, 'job');
    await started(journal, 'again');
    await journal.append([batch({ durations: [['a', 1]] }), batch({ jobId: 'again', durations: [['a', 2]] })]);
    same(await durationsOf(journal, 'etl'), { a: [1, 2] });
  },
  'names of tasks and jobs come back in durations as they were': async (journal) => {
    if (!journal.durations) return;
    const name = 'night ☾ \u{1F9F5} % "\\';
    await started(journal, 'job', { name });
    await add(journal, 'job', [
      ['1', 1],
      ['0', 2],
      ['__proto__', 3],
      [name, 4],
    ]);
    assert.deepEqual(
      [...(await journal.durations(name))].sort(([, a = 0], [, b = 0]) => a - b),
      [
        ['1', 1],
        ['0', 2],
        ['__proto__', 3],
        [name, 4],
      ],
    );
  },
  'a batch that is not written adds no durations': async (journal) => {
    if (!journal.durations) return;
    await started(journal, 'job');
    same(await journal.append([batch({ fence: 9, durations: [['a', 1]] })]), ['job']);
    const gap = batch({ events: events(3, 4), durations: [['a', 1]] });
    await refuses('JOURNAL_FAILED', () => journal.append([gap]));
    same(await journal.durations('etl'), []);
  },
  'durations stay when the job is removed': async (journal) => {
    if (!journal.durations) return;
    await started(journal, 'job');
    await add(journal, 'job', [['a', 1]]);
    await journal.remove('job');
    same(await durationsOf(journal, 'etl'), { a: [1] });
  },
  'of more than 20,000 tasks, the durations that were written last are kept': async (journal) => {
    if (!journal.durations) return;
    await started(journal, 'job');
    const many = Array.from({ length: 20_000 }, (_, at): TaskDurations => [`t${at}`, at]);
    await add(journal, 'job', many);
    await add(journal, 'job', [
      ['t0', 7],
      ['new', 8],
    ]);
    const kept = await durationsOf(journal, 'etl');
    assert.equal(Object.keys(kept).length, 20_000);
    assert.deepEqual([kept.t0, kept.t1, kept.t2, kept.new], [[0, 7], undefined, [2], [8]]);
  },
};

const add = async (journal: Journal, jobId: string, durations: readonly TaskDurations[]): Promise<void> => {
  same(await journal.append([batch({ jobId, durations })]), []);
};

/** Returns the durations of each task. */
const durationsOf = async (journal: Journal, name: string): Promise<Readonly<Record<string, readonly number[]>>> =>
  Object.fromEntries(((await journal.durations?.(name)) ?? []).map(([task, ...ms]) => [task, ms]));
