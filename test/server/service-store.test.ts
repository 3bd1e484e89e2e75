import { createEngine, defineJob, memoryJournal } from 'tintype';
import { describe, expect, test } from 'vitest';
import type { ServiceStore } from '../../src/server/store/service-store.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { tintype } from '../support/cli.ts';
import { fileOfFirstRelease, newFile, opened, tamper } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const stores: readonly (readonly [name: string, create: () => ServiceStore])[] = [
  ['in memory', () => storeOf(memoryJournal())],
  ['in SQLite', () => storeOf(opened(newFile()))],
];

describe.each(stores)('a store %s', (_name, create) => {
  test('returns what was put, under its kind and key alone', async () => {
    const store = create();
    const record = { kind: 'topic', key: 'dinner', value: '{"title":"Dinner"}', at: 5 } as const;
    const kept = { kind: 'topic', key: 'dinner', value: '{"title":"Dinner"}', updatedAt: 5, expiresAt: undefined };
    expect(await store.put(record)).toEqual({ ...kept, version: 1 });
    expect(await store.get('topic', 'dinner')).toEqual({ ...kept, version: 1 });
    expect([await store.get('topic', 'lunch'), await store.get('token', 'dinner')]).toEqual([undefined, undefined]);
    expect(await store.put({ ...record, value: '2', at: 9, expiresAt: 90 })).toMatchObject({ version: 2 });
    expect(await store.get('topic', 'dinner')).toEqual({
      ...kept,
      value: '2',
      version: 2,
      updatedAt: 9,
      expiresAt: 90,
    });
  });

  test('says that records have changed, and no more until they change again', async () => {
    const store = create();
    const before = store.changes();
    expect(store.changes()).toBe(before);
    const seen = new Set([before]);
    const changed = (): boolean => seen.size < seen.add(store.changes()).size;
    await store.put({ kind: 'topic', key: 'dinner', value: '1', at: 1, expiresAt: 5 });
    expect([changed(), changed()]).toEqual([true, false]);
    await store.removeExpired(5);
    expect([changed(), changed()]).toEqual([true, false]);
    await store.put({ kind: 'topic', key: 'dinner', value: '1', at: 1 });
    changed();
    await store.remove('topic', 'dinner');
    expect([changed(), changed()]).toEqual([true, false]);
    await store.get('topic', 'dinner');
    await store.list('topic');
    expect(changed()).toBe(false);
  });

  test('puts a record only if it has the expected version; 0 is none', async () => {
    const store = create();
    const put = async (value: string, expected?: number) =>
      (await store.put({ kind: 'schedule', key: 'nightly', value, at: 1, expected }))?.version;
    expect(await put('a', 1)).toBeUndefined();
    expect(await put('a', 0)).toBe(1);
    expect(await put('b', 0)).toBeUndefined();
    expect(await put('b', 1)).toBe(2);
    expect(await put('c', 1)).toBeUndefined();
    expect(await store.get('schedule', 'nightly')).toMatchObject({ value: 'b', version: 2 });
  });

  test('removes a record, of the expected version if one is given, and says whether it did', async () => {
    const store = create();
    const put = () => store.put({ kind: 'topic', key: 'a', value: '1', at: 1 });
    expect(await store.remove('topic', 'a')).toBe(false);
    await put();
    await put();
    expect([await store.remove('topic', 'a', 1), await store.remove('topic', 'a', 2)]).toEqual([false, true]);
    expect(await store.get('topic', 'a')).toBeUndefined();
    expect(await put()).toMatchObject({ version: 1 });
    expect(await store.remove('topic', 'a')).toBe(true);
  });

  test('lists the records of a kind by their keys, page by page', async () => {
    const store = create();
    const keys = ['b', 'ä', 'a', 'B', '', 'a/1', '\u0000', 'z\ud800'];
    for (const key of keys) await store.put({ kind: 'definition', key, value: '1', at: 1 });
    await store.put({ kind: 'topic', key: 'a', value: '1', at: 1 });
    const all = (await store.list('definition')).map(({ key }) => key);
    expect([...all].sort()).toEqual([...keys].sort());
    const paged: string[] = [];
    for (;;) {
      const page = await store.list('definition', { after: paged.at(-1), limit: 3 });
      if (page.length === 0) break;
      paged.push(...page.map(({ key }) => key));
    }
    expect(paged).toEqual(all);
    expect(await store.list('due')).toEqual([]);
  });

  test('orders plain keys by their characters', async () => {
    const store = create();
    for (const key of ['b', 'a-1', 'B', 'a', 'a1']) await store.put({ kind: 'topic', key, value: '1', at: 1 });
    expect((await store.list('topic')).map(({ key }) => key)).toEqual(['B', 'a', 'a-1', 'a1', 'b']);
  });

  test('keeps texts of any characters, and long ones', async () => {
    const store = create();
    const value = JSON.stringify({ text: `\u0000 \ud83c \ud83c\udf4b ' " \\ ${'x'.repeat(300_000)}` });
    await store.put({ kind: 'document', key: "a' \u0000", value, at: 1 });
    expect((await store.get('document', "a' \u0000"))?.value).toBe(value);
  });

  test('removes what has expired, at most 500 at once', async () => {
    const store = create();
    for (let n = 0; n < 503; n++)
      await store.put({ kind: 'request', key: `r${n}`, value: '1', at: 1, expiresAt: n < 502 ? 10 : 11 });
    await store.put({ kind: 'token', key: 't', value: '1', at: 1 });
    expect(await store.removeExpired(9)).toBe(0);
    expect([await store.removeExpired(10), await store.removeExpired(10), await store.removeExpired(10)]).toEqual([
      500, 2, 0,
    ]);
    expect(await store.list('request')).toMatchObject([{ key: 'r502' }]);
    expect(await store.get('token', 't')).toBeDefined();
  });

  test('is the same one for the same journal', async () => {
    const journal = memoryJournal();
    await storeOf(journal).put({ kind: 'topic', key: 'a', value: '1', at: 1 });
    expect(await storeOf(journal).get('topic', 'a')).toBeDefined();
  });
});

test('two processes with one database see the same records', async () => {
  const file = newFile();
  const [one, other] = [storeOf(opened(file)), storeOf(opened(file))];
  await one.put({ kind: 'topic', key: 'a', value: '1', at: 1 });
  expect(await other.put({ kind: 'topic', key: 'a', value: '2', at: 2, expected: 1 })).toMatchObject({ version: 2 });
  expect(await one.put({ kind: 'topic', key: 'a', value: '3', at: 3, expected: 1 })).toBeUndefined();
});

test('a database of the first release gets room for records, and keeps its jobs', async () => {
  const file = fileOfFirstRelease();
  const journal = opened(file);
  const store = storeOf(journal);
  expect(await store.list('token')).toEqual([]);
  await store.put({ kind: 'token', key: 'a', value: '1', at: 1 });
  expect(journal.check()).toMatchObject({ ok: true, jobs: 3 });
  expect((await createEngine({ journal }).list()).jobs).toHaveLength(3);
});

test('tintype db check finds a damaged record, and names it', async () => {
  const file = newFile();
  const journal = opened(file);
  const orders = defineJob('orders')
    .task('pick', () => ({}))
    .seal();
  await orders.start({}, { journal });
  await storeOf(journal).put({ kind: 'topic', key: 'dinner', value: '{"title":"Dinner"}', at: 1 });
  await storeOf(journal).put({ kind: 'topic', key: 'lunch', value: '{"title":"Lunch"}', at: 1 });
  expect(await tintype(['db', 'check', '--db', file])).toMatchObject({ exitCode: 0 });
  tamper(file, `UPDATE record SET value = '{"title":"Supper"}' WHERE key = 'dinner'`);
  const { exitCode, stdout } = await tintype(['db', 'check', '--db', file]);
  expect([exitCode, stdout]).toEqual([1, expect.stringContaining('the topic "dinner" is not what was written')]);
  expect(stdout).toContain('1 problem');
  await expect((async () => storeOf(journal).get('topic', 'dinner'))()).rejects.toMatchObject({
    code: 'JOURNAL_CORRUPT',
  });
  expect(await storeOf(journal).get('topic', 'lunch')).toBeDefined();
});

test('a store in SQLite also says what another process has changed', async () => {
  const file = newFile();
  const [mine, other] = [storeOf(opened(file)), storeOf(opened(file))];
  const before = mine.changes();
  await other.put({ kind: 'token', key: 'a', value: '1', at: 1 });
  await turns(1);
  const after = mine.changes();
  expect(after).not.toBe(before);
  expect(mine.changes()).toBe(after);
});
