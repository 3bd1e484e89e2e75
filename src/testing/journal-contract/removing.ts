import assert from 'node:assert/strict';
import type { EndedFilter, Journal } from '../../engine/durable/journal.ts';
import type { JobState } from '../../events/event.ts';
import { batch, type ContractTests, events, idsOf, lease, NO_PROCESS, newJob, range, same, started } from './given.ts';

/** Tests the removal of jobs that are over. */
export const removing: ContractTests = {
  'jobs that ended long ago are removed, and no others': async (journal) => {
    await ended(journal, 'old', 'completed', 10);
    await ended(journal, 'new', 'completed', 20);
    await ended(journal, 'failed', 'failed', 10);
    await started(journal, 'running');
    await journal.append([batch({ jobId: 'running', at: 1, state: 'running' })]);
    same(await removal(journal, { endedBefore: 20, states: ['completed', 'running'] }), { removed: 1, more: false });
    same(await left(journal), ['failed', 'new', 'running']);
    same([await journal.job('old'), await journal.events('old'), await journal.notes('old')], [undefined, [], []]);
    same(await removal(journal, { endedBefore: 20 }), { removed: 1, more: false });
    same(await removal(journal, { endedBefore: 20 }), { removed: 0, more: false });
    same(await removal(journal, {}), { removed: 1, more: false });
    same(await left(journal), ['running']);
  },
  'ended jobs are removed by name and label': async (journal) => {
    await ended(journal, 'a', 'completed', 10, { labels: { team: 'data' } });
    await ended(journal, 'b', 'completed', 10, { name: 'report', labels: { team: 'data' } });
    await ended(journal, 'c', 'completed', 10);
    await removal(journal, { labels: { team: 'data' }, names: ['report', 'other'] });
    same(await left(journal), ['a', 'c']);
    await removal(journal, { labels: { team: 'data' } });
    same(await left(journal), ['c']);
  },
  'an ended job whose lease is held is not removed': async (journal) => {
    await ended(journal, 'retried', 'failed', 10);
    await ended(journal, 'left', 'failed', 10);
    await ended(journal, 'free', 'failed', 10);
    await journal.acquire('retried', lease());
    await journal.acquire('left', lease({ owner: 'dead', pid: NO_PROCESS }));
    same(await removal(journal, { limit: 2 }), { removed: 2, more: true });
    same(await left(journal), ['retried']);
  },
  'ended jobs are removed in batches, the oldest first': async (journal) => {
    for (const at of range(0, 7)) await ended(journal, `job-${at}`, 'completed', 10, { createdAt: at % 5 });
    same(await removal(journal, { limit: 3 }), { removed: 3, more: true });
    same(await left(journal), ['job-2', 'job-3', 'job-4', 'job-6']);
    same(await removal(journal, { limit: 3 }), { removed: 3, more: true });
    same(await removal(journal, { limit: 3 }), { removed: 1, more: false });
    same(await removal(journal, { limit: 3 }), { removed: 0, more: false });
  },
  'a batch of jobs with many events is smaller': async (journal) => {
    for (const id of ['a', 'b', 'c']) {
      await started(journal, id);
      await journal.append([batch({ jobId: id, events: events(0, 12_000) })]);
      await journal.append([batch({ jobId: id, state: 'completed', endedAt: 10, release: true })]);
    }
    same(await removal(journal, {}), { removed: 2, more: true });
    same(await removal(journal, {}), { removed: 1, more: false });
  },
  'the newest ended jobs stay if so many are to be kept': async (journal) => {
    for (const at of range(0, 6))
      await ended(journal, `job-${at}`, at === 5 ? 'failed' : 'completed', 10, {
        createdAt: at,
        name: at < 2 ? 'a' : 'b',
      });
    same(await removal(journal, { keepNewest: 2, states: ['completed'], endedBefore: 11 }), {
      removed: 3,
      more: false,
    });
    same(await left(journal), ['job-3', 'job-4', 'job-5']);
    same(await removal(journal, { keepNewest: 3 }), { removed: 0, more: false });
    same(await removal(journal, { keepNewest: 9 }), { removed: 0, more: false });
    same(await removal(journal, { keepNewest: 1, names: ['b'] }), { removed: 2, more: false });
    same(await left(journal), ['job-5']);
  },
  'the key of a removed job is free again': async (journal) => {
    await ended(journal, 'a', 'completed', 10, { key: 'monday' });
    await removal(journal, {});
    assert.equal((await journal.create(newJob({ id: 'b', key: 'monday' }), lease())).created, true);
    assert.notEqual(await journal.shape('f1'), undefined);
  },
};

const removal = (journal: Journal, filter: Partial<EndedFilter>) => journal.removeEnded(filter);

const left = async (journal: Journal): Promise<readonly string[]> => [...(await idsOf(journal))].sort();

const ended = async (
  journal: Journal,
  jobId: string,
  state: JobState,
  endedAt: number,
  about: Parameters<typeof newJob>[0] = {},
): Promise<void> => {
  await started(journal, jobId, about);
  await journal.append([batch({ jobId, at: endedAt, state, endedAt, release: true })]);
};
