import { AssertionError } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalChange } from 'tintype';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { nodeSqlite, packagedSqlite, type SqliteDriver } from '../../src/journal/sqlite-driver.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { journalContract } from '../../src/testing/journal-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'tintype-journal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `${files++}.db`);

describe('the memory journal', () => {
  for (const { name, run } of journalContract(() => memoryJournal())) test(name, run);
});

const drivers: readonly (readonly [string, SqliteDriver | undefined])[] = [
  ['node:sqlite', nodeSqlite()],
  ['@photostructure/sqlite', packagedSqlite()],
];

describe.each(drivers.filter(([, driver]) => driver))('the SQLite journal on %s', (_name, driver) => {
  describe.each(['full', 'normal'] as const)('with synchronous %s', (synchronous) => {
    const create = () => openSqliteJournal(newFile(), { synchronous }, driver as SqliteDriver);
    for (const { name, run } of journalContract(create)) test(name, run);
  });
});

describe('the contract', () => {
  test('says which promises a journal breaks', async () => {
    const forgetful = () => ({ ...memoryJournal(), notes: () => [] });
    const broken: string[] = [];
    for (const { name, run } of journalContract(forgetful)) await run().catch(() => broken.push(name));
    expect(broken).toContain('a later note of a task and kind replaces an earlier one');
    expect(broken).not.toContain('append keeps events and what changed of the job');
  });

  test('finds a journal whose positions appear in another order than they grow', async () => {
    const late = (): Journal => {
      const journal = memoryJournal();
      const hidden = new Map<string, number>();
      const isSeen = ({ jobId, fromSeq }: JournalChange): boolean => fromSeq < (hidden.get(jobId) ?? Infinity);
      return {
        ...journal,
        append: async (batches) => {
          const { jobId = '', events = [] } = batches[0] ?? {};
          hidden.set(jobId, events[0]?.seq ?? 0);
          const lost = await journal.append(batches);
          for (let turn = Number(jobId.at(-1)); turn > 0; turn--) await setImmediate();
          hidden.delete(jobId);
          return lost;
        },
        feed: {
          ...journal.feed,
          changes: async (after, limit) => (await journal.feed.changes(after, limit)).filter(isSeen),
        },
      };
    };
    const cases = journalContract(late).filter(({ name }) => name.includes('while many write'));
    expect(cases).toHaveLength(1);
    await expect(cases[0]?.run()).rejects.toThrow(AssertionError);
  });

  test('tells what a journal lacks', async () => {
    const older = (): Journal => {
      const { feed: _, ...journal } = memoryJournal();
      return journal;
    };
    const broken: unknown[] = [];
    for (const { run } of journalContract(older)) await run().catch((error) => broken.push(error));
    expect(broken.length).toBeGreaterThan(0);
    for (const error of broken)
      expect(error).toMatchObject({ code: 'JOURNAL_FAILED', message: expect.stringContaining('no "feed"') });
  });

  test('closes each journal that it made, also one that breaks a promise', async () => {
    let open = 0;
    const cases = journalContract(() => {
      open++;
      return { ...memoryJournal(), jobs: () => [], close: () => void open-- };
    });
    for (const { run } of cases) await run().catch(() => {});
    expect(open).toBe(0);
  });
});
