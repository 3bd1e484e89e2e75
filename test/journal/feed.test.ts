import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalChange } from 'tintype';
import { memoryJournal } from 'tintype';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readOnlyJournal } from '../../src/journal/sqlite-journal.ts';
import { bundledJournal } from '../support/bundled-journal.ts';
import { start } from '../support/cli.ts';
import { batch, events, fileOfFirstRelease, lease, newFile, newJob, opened, tamper } from '../support/sqlite-files.ts';

/** How often a journal looks for what others have stored, in ms. */
const WATCH_MS = 250;

/** Stores the next events of a job, which is created before the first. */
const store = async (journal: Journal, id: string, count = 1): Promise<void> => {
  const lastSeq = (await journal.job(id))?.lastSeq ?? -1;
  if (lastSeq < 0) await journal.create(newJob(id), lease());
  await journal.append([batch(id, { events: events(lastSeq + 1, lastSeq + 1 + count) })]);
};

const change = (position: number, jobId: string, fromSeq: number, toSeq: number): JournalChange => ({
  ...{ position, jobId, fromSeq, toSeq },
});

describe.each<[string, () => Required<Journal>]>([
  ['the memory journal', memoryJournal],
  ['the SQLite journal', () => opened(newFile())],
])('listeners of %s', (_name, create) => {
  test('are called once for all that is stored in one turn of the event loop', async () => {
    const journal = create();
    await journal.create(newJob('a'), lease());
    const calls = { first: 0, second: 0 };
    journal.feed.onChange(() => calls.first++);
    const stop = journal.feed.onChange(() => calls.second++);
    for (const seq of [0, 1, 2]) await journal.append([batch('a', { events: events(seq, seq + 1) })]);
    expect(calls).toEqual({ first: 0, second: 0 });
    await setImmediate();
    expect(calls).toEqual({ first: 1, second: 1 });
    await journal.append([batch('a', { events: events(3, 4) })]);
    stop();
    await setImmediate();
    expect(calls).toEqual({ first: 2, second: 1 });
  });

  test('are not called for what has no events', async () => {
    const journal = create();
    const called = vi.fn();
    journal.feed.onChange(called);
    await journal.create(newJob('a'), lease());
    await journal.append([batch('a', { state: 'running' }), batch('a', { fence: 7, events: events(0, 1) })]);
    await journal.beat(lease());
    await setImmediate();
    expect(called).not.toHaveBeenCalled();
  });
});

describe('what another connection stores', () => {
  afterEach(() => void vi.useRealTimers());

  test('calls listeners within 250 ms, but not its beats', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const file = newFile();
    const [journal, other] = [opened(file), opened(file)];
    await store(other, 'a');
    const called = vi.fn();
    journal.feed.onChange(called);
    const look = async (): Promise<number> => {
      vi.advanceTimersByTime(WATCH_MS);
      await setImmediate();
      return called.mock.calls.length;
    };
    expect(await look()).toBe(0);
    await store(other, 'a');
    await store(other, 'b');
    expect(await look()).toBe(1);
    await other.beat(lease());
    expect([await look(), await look()]).toEqual([1, 1]);
    await store(other, 'b');
    expect(await look()).toBe(2);
    expect(journal.feed.changes(2)).toEqual([change(3, 'b', 0, 0), change(4, 'b', 1, 1)]);
  });

  test('is looked for only as long as anybody listens', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const journal = opened(newFile());
    await store(journal, 'a');
    expect(vi.getTimerCount()).toBe(0);
    const stop = [journal.feed.onChange(() => {}), journal.feed.onChange(() => {})];
    expect(vi.getTimerCount()).toBe(1);
    for (const end of stop) end();
    expect(vi.getTimerCount()).toBe(0);
    journal.feed.onChange(() => {});
    await journal.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(() => journal.feed.onChange(() => {})).toThrow(expect.objectContaining({ code: 'JOURNAL_FAILED' }));
  });
});

test('positions are the same when the file is opened again, vacuumed or copied, and none is given twice', async () => {
  const file = newFile();
  const journal = opened(file);
  for (const id of ['a', 'b', 'c']) await store(journal, id, 2);
  await journal.remove('c');
  await journal.remove('a');
  await journal.vacuum();
  const copy = newFile();
  journal.backup(copy);
  await journal.close();
  for (const again of [opened(file), opened(copy)]) {
    expect(again.feed.changes(0)).toEqual([change(4, 'b', 0, 1)]);
    expect([again.feed.oldest(), again.feed.newest()]).toEqual([3, 6]);
    await store(again, 'b');
    expect(again.feed.changes(4)).toEqual([change(7, 'b', 2, 2)]);
  }
});

describe('a database without a feed', () => {
  test('gets one with the events of its jobs, in the order in which these were last written', async () => {
    const journal = opened(fileOfFirstRelease());
    const jobs = [...(await journal.jobs())].sort((a, b) => a.updatedAt - b.updatedAt);
    let position = 0;
    const expected = jobs.map(({ id, lastSeq }) => {
      position += lastSeq + 1;
      return change(position, id, 0, lastSeq);
    });
    expect(journal.feed.changes(0)).toEqual(expected);
    expect(expected).toHaveLength(3);
    expect(journal.check()).toMatchObject({ ok: true });
    await store(journal, 'new');
    expect(journal.feed.changes(position)).toEqual([change(position + 1, 'new', 0, 0)]);
  });

  test('is upgraded also if the number of events of a job is damaged', async () => {
    const file = fileOfFirstRelease();
    tamper(file, `UPDATE job SET last_seq = ${2n ** 60n}; UPDATE job SET last_seq = 3 WHERE id = 'waiting'`);
    expect(opened(file).feed.changes(0)).toEqual([change(4, 'waiting', 0, 3)]);
  });

  test('that may only be read has an empty one', async () => {
    const journal = readOnlyJournal(fileOfFirstRelease(), {});
    expect([journal.feed.changes(0), journal.feed.oldest(), journal.feed.newest()]).toEqual([[], undefined, 0]);
    expect(journal.check()).toMatchObject({ ok: true, jobs: 3 });
    await journal.close();
  });
});

describe('damage to the feed', () => {
  const filled = async () => {
    const file = newFile();
    const journal = opened(file);
    for (const id of ['a', 'b', 'a', 'b']) await store(journal, id, 2);
    return { file, journal };
  };
  const sound = [change(4, 'b', 0, 1), change(6, 'a', 2, 3), change(8, 'b', 2, 3)];

  test.each([
    ['a seq', 'UPDATE feed SET to_seq = 2 WHERE position = 2', sound],
    ['a job', 'UPDATE feed SET job = 2 WHERE position = 2', sound],
    ['a position', 'UPDATE feed SET position = 5 WHERE position = 2', sound],
    ['a checksum beyond all', `UPDATE feed SET crc = ${2n ** 60n} WHERE position = 2`, sound],
    ['a seq beyond all', `UPDATE feed SET to_seq = ${2n ** 60n} WHERE position = 2`, sound],
    ['a position beyond all', `UPDATE feed SET position = ${2n ** 60n} WHERE position = 2`, sound],
    ['a row that is gone', 'DELETE FROM feed WHERE position = 2', sound],
    ['the id of a job', "UPDATE job SET id = 'c' WHERE id = 'a'", [sound[0], sound[2]]],
  ])('%s: the others are read, and check tells it', async (_what, sql, left) => {
    const { file, journal } = await filled();
    expect(journal.check()).toMatchObject({ ok: true });
    tamper(file, sql);
    expect(journal.feed.changes(0)).toEqual(left);
    expect(journal.feed.changes(0, 1)).toHaveLength(1);
    const about = sql.includes("'c'") ? 'c' : 'a';
    expect(journal.check().problems).toContainEqual({ jobId: about, message: expect.stringMatching(/feed/) });
  });
});

describe('several processes', () => {
  let module = '';
  beforeAll(async () => {
    module = await bundledJournal();
  });
  afterAll(() => rmSync(dirname(module), { recursive: true, force: true }));
  const run = (text: string, ...given: readonly unknown[]) =>
    start(process.execPath, [
      '--no-warnings',
      '--input-type=module',
      '--eval',
      `import { sqliteJournal } from ${JSON.stringify(module)};\nconst given = ${JSON.stringify(given)};\n${text}`,
    ]);

  test('write while one reads the feed: it misses nothing', async () => {
    const file = newFile();
    const journal = opened(file);
    const ids = ['a', 'b', 'c'];
    const program = `
const [file, job, lease, batches] = given;
const journal = sqliteJournal(file);
await journal.create(job, lease);
for (const batch of batches) await journal.append([batch]);
await journal.close();
`;
    let running = ids.length;
    const ended = ids.map(async (id) => {
      const batches = Array.from({ length: 50 }, (_, at) => batch(id, { events: events(2 * at, 2 * at + 2) }));
      await run(program, file, newJob(id), lease(), batches).ended;
      running--;
    });
    const seen: JournalChange[] = [];
    for (let isLast = false; ; isLast = running === 0) {
      const page = await journal.feed.changes(seen.at(-1)?.position ?? 0, 4);
      seen.push(...page);
      if (isLast && page.length === 0) break;
      await setImmediate();
    }
    await Promise.all(ended);
    expect(seen).toEqual(await journal.feed.changes(0));
    expect(seen).toHaveLength(150);
    expect(seen.at(-1)?.position).toBe(300);
  });

  test('that only listen end', async () => {
    const { ended } = run('sqliteJournal(given[0]).feed.onChange(() => {});', newFile());
    expect((await ended).stderr).toBe('');
  });
});
