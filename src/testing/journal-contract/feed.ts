import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalChange, JournalFeed } from '../../engine/durable/journal.ts';
import { journalWith } from '../../engine/durable/journal-with.ts';
import { batch, type ContractTests, events, lease, NOW, newJob, range, same, started } from './given.ts';

/** Tests the feed: the events of all jobs in the order in which they were stored. */
export const feed: ContractTests = {
  'the feed has the events of all jobs in the order in which they were stored': async (journal) => {
    const { changes, oldest, newest } = feedOf(journal);
    same([await changes(0), await oldest(), await newest()], [[], undefined, 0]);
    await started(journal, 'a');
    await journal.append([batch({ jobId: 'a', events: events(0, 2) })]);
    await journal.append([
      batch({ creates: { job: newJob({ id: 'b' }), lease: lease() }, jobId: 'b', events: events(0, 1) }),
      batch({ jobId: 'a', events: events(2, 5) }),
    ]);
    const all = await changes(0);
    const places = placesIn(all);
    same(
      places.map(([, place]) => place),
      ['a 0', 'a 1', 'b 0', 'a 2', 'a 3', 'a 4'],
    );
    const positions = places.map(([position]) => position);
    assert.ok(positions.every((position, at) => Number.isSafeInteger(position) && position > (positions[at - 1] ?? 0)));
    same([await oldest(), await newest()], [positions[0], positions.at(-1)]);
    same(await journal.events('a', all.at(-1)?.fromSeq), events(2, 5));
  },
  'the feed continues after any position, also within a batch, with as many events as are wanted': async (journal) => {
    const { changes } = feedOf(journal);
    for (const id of ['a', 'b']) await started(journal, id);
    for (const [from, to] of [
      [0, 1],
      [1, 8],
      [8, 10],
    ] as const) {
      for (const jobId of ['a', 'b']) await journal.append([batch({ jobId, events: events(from, to) })]);
    }
    const all = placesIn(await changes(0));
    for (const [at, [position]] of all.entries()) same(placesIn(await changes(position)), all.slice(at + 1));
    for (const limit of [1, 3, 8, 100]) {
      const pages: JournalChange[] = [];
      for (
        let page = await changes(0, limit);
        page.length > 0;
        page = await changes(page.at(-1)?.position ?? 0, limit)
      ) {
        assert.ok(placesIn(page).length <= limit);
        pages.push(...page);
      }
      same(placesIn(pages), all);
    }
    same([await changes(0, 0), await changes((all.at(-1)?.[0] ?? 0) + 100)], [[], []]);
  },
  'what is no event, or was not written, is not in the feed': async (journal) => {
    const { changes, newest } = feedOf(journal);
    await started(journal, 'a');
    await started(journal, 'b');
    await journal.append([batch({ jobId: 'a', state: 'running', notes: [] })]);
    await journal.send('a', 'cancel');
    await journal.beat(lease());
    await journal.append([batch({ jobId: 'a', fence: 2, events: events(0, 1) })]);
    await assert.rejects(async () =>
      journal.append([batch({ jobId: 'a', events: events(0, 2) }), batch({ jobId: 'b', events: events(5, 6) })]),
    );
    same([await changes(0), await newest()], [[], 0]);
    await journal.append([batch({ jobId: 'a', events: events(0, 1) })]);
    same(
      placesIn(await changes(0)).map(([, place]) => place),
      ['a 0'],
    );
  },
  'events of removed jobs leave the feed, all others keep their positions': async (journal) => {
    const { changes, oldest, newest } = feedOf(journal);
    for (const id of ['a', 'b', 'c', 'd']) {
      await started(journal, id);
      await journal.append([batch({ jobId: id, events: events(0, 3) })]);
    }
    for (const id of ['d', 'c', 'b'])
      await journal.append([
        batch({ jobId: id, events: events(3, 4), state: 'completed', endedAt: NOW, release: true }),
      ]);
    const all = placesIn(await changes(0));
    const without = (...ids: readonly string[]) => all.filter(([, place]) => !ids.includes(place[0] ?? ''));
    const last = await newest();
    await journal.remove('a');
    same([placesIn(await changes(0)), await oldest()], [without('a'), without('a')[0]?.[0]]);
    await journal.removeEnded({ limit: 2 });
    same(placesIn(await changes(0)), without('a', 'b', 'c'));
    await journal.remove('d');
    same([await changes(0), await oldest(), await newest()], [[], undefined, last]);
    await started(journal, 'b');
    await journal.append([batch({ jobId: 'b', events: events(0, 1) })]);
    const [[position, place] = [0]] = placesIn(await changes(0));
    assert.ok(position > last, 'A position was given twice.');
    same([place, await changes(last)], ['b 0', await changes(0)]);
  },
  'whoever reads the feed while many write misses nothing': async (journal) => {
    const { changes } = feedOf(journal);
    let writing = WRITERS;
    const write = async (jobId: string): Promise<void> => {
      await started(journal, jobId);
      for (let seq = 0; seq < 60; seq += 3) {
        await journal.append([batch({ jobId, events: events(seq, seq + 3) })]);
        if (jobId.endsWith('0')) await setImmediate();
      }
      writing--;
    };
    const seen: JournalChange[] = [];
    const read = async (): Promise<void> => {
      for (let isLast = false; ; isLast = writing === 0) {
        const page = await changes(seen.at(-1)?.position ?? 0, 7);
        seen.push(...page);
        if (isLast && page.length === 0) return;
        await setImmediate();
      }
    };
    await Promise.all([read(), ...range(0, WRITERS).map((at) => write(`job-${at}`))]);
    same(placesIn(seen), placesIn(await changes(0)));
    assert.equal(placesIn(seen).length, 60 * WRITERS);
  },
  'whoever waits for changes is called when there are some, until he says so': async (journal) => {
    const { changes, onChange } = feedOf(journal);
    await started(journal);
    const seen: JournalChange[] = [];
    let calls = 0;
    let others = 0;
    const stop = onChange(() => calls++);
    onChange(() => others++)();
    for (const seq of range(0, 3)) {
      const before = calls;
      await journal.append([batch({ events: events(seq, seq + 1) })]);
      for (let turn = 0; turn < TURNS && calls === before; turn++) await setImmediate();
      if (calls > before) seen.push(...(await changes(seen.at(-1)?.position ?? 0)));
    }
    same(
      placesIn(seen).map(([, place]) => place),
      ['job 0', 'job 1', 'job 2'],
    );
    stop();
    const before = calls;
    await journal.append([batch({ events: events(3, 4) })]);
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
    same([calls, others], [before, 0]);
  },
};

const WRITERS = 8;

/** How many turns of the event loop are enough for a call. */
const TURNS = 100;

const feedOf = (journal: Journal): JournalFeed => journalWith(journal, 'feed').feed;

/** Returns each event of changes, ascending, with its position. */
const placesIn = (changes: readonly JournalChange[]): readonly (readonly [position: number, place: string])[] =>
  changes.flatMap(({ position, jobId, fromSeq, toSeq }) =>
    range(fromSeq, toSeq + 1).map((seq) => [position - (toSeq - seq), `${jobId} ${seq}`] as const),
  );
