import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMPLETION_DAYS, type Journal, MAX_COMPLETIONS } from '../../src/engine/durable/journal.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { sqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { folderOf } from '../support/run-workflow.ts';

const DAY_MS = 86_400_000;
const NOW = 1_750_000_000_000;

const file = (): string => join(folderOf({}), 'jobs.db');

const completionsOf = ({ completions }: Journal) => completions as NonNullable<Journal['completions']>;

test('what was not written for long is removed, and nothing else', async () => {
  const journal = sqliteJournal(file());
  const { get, put } = completionsOf(journal);
  await put('old', 'a', NOW);
  await put('young', 'b', NOW + 2 * DAY_MS);
  for (let write = 0; write < 100; write++) await put('new', 'c', NOW + (COMPLETION_DAYS + 1) * DAY_MS);
  expect([await get('old'), await get('young'), await get('new')]).toEqual([undefined, 'b', 'c']);
  journal.close();
});

test.for<[string, () => Journal, number]>([
  ['memory', () => memoryJournal(), 0],
  ['SQLite', () => sqliteJournal(file(), { synchronous: 'normal' }), 100],
])('a journal in %s keeps only so many', async ([, create, late]) => {
  const journal = create();
  const { get, put } = completionsOf(journal);
  for (let key = 0; key < MAX_COMPLETIONS + 200; key++) await put(String(key), 'x', NOW + key);
  expect(await get('0')).toBeUndefined();
  expect(await get(String(199 - late))).toBeUndefined();
  expect(await get('200')).toBe('x');
  await journal.close();
});

test('another process finds what one has kept', async () => {
  const path = file();
  const [one, other] = [sqliteJournal(path), sqliteJournal(path)];
  await completionsOf(one).put('key', 'text', NOW);
  expect(await completionsOf(other).get('key')).toBe('text');
  one.close();
  other.close();
});
