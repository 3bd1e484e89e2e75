import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineJob } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqlite } from './fixtures/sqlite.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
  file = join(folder, 'jobs.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const etl = defineJob('etl')
  .task('extract', () => ({ text: 'x'.repeat(10_000), at: new Date(7) }))
  .task('load', { dependsOn: ['extract'] }, ({ ctx }) => ({ size: BigInt(ctx.text.length) }))
  .seal();

test.each([
  'full',
  'normal',
] as const)('keeps a job for whoever opens the file next, with synchronous %s', async (synchronous) => {
  const journal = sqliteJournal(file, { synchronous });
  const job = etl.start({}, { journal });
  expect((await job).state).toBe('completed');
  await journal.close();
  const again = sqliteJournal(file);
  expect(await again.job(job.id)).toMatchObject({ name: 'etl', state: 'completed', lastSeq: 7, lease: undefined });
  const events = await again.events(job.id);
  expect(events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(events.flatMap(({ output }) => (output === undefined ? [] : [JSON.parse(output)]))).toEqual([
    { text: 'x'.repeat(10_000), at: { $tintype: 'Date', value: '1970-01-01T00:00:00.007Z' } },
    { size: { $tintype: 'BigInt', value: '10000' } },
  ]);
  expect(again.check()).toMatchObject({ ok: true, jobs: 1, events: 8 });
  await again.close();
});

test('reports what was changed behind its back, and never yields it', async () => {
  const journal = sqliteJournal(file);
  const job = etl.start({}, { journal });
  await job;
  await journal.close();
  const database = openSqlite(file);
  database.exec(`UPDATE event SET data = replace(data, 'ready', 'reedy') WHERE seq = 1`);
  database.close();
  const again = sqliteJournal(file);
  const read = async (): Promise<unknown> => again.events(job.id);
  await expect(read()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', jobId: job.id });
  expect(again.check()).toMatchObject({ ok: false, problems: [{ jobId: job.id, seq: 1 }] });
  await again.close();
});

test('refuses a file that a newer version wrote, one of another program, and one that is no database', async () => {
  await sqliteJournal(file).close();
  const database = openSqlite(file);
  database.exec('PRAGMA user_version = 1000');
  database.close();
  expect(() => sqliteJournal(file)).toThrow(expect.objectContaining({ code: 'JOURNAL_NEWER' }));
  const other = openSqlite(join(folder, 'other.db'));
  other.exec('CREATE TABLE invoice (id INTEGER)');
  other.close();
  expect(() => sqliteJournal(join(folder, 'other.db'))).toThrow(expect.objectContaining({ code: 'NOT_A_JOURNAL' }));
  writeFileSync(
    join(folder, 'notes.txt'),
    'buy milk, and much more than a header of a database would hold '.repeat(20),
  );
  expect(() => sqliteJournal(join(folder, 'notes.txt'))).toThrow(expect.objectContaining({ code: 'NOT_A_JOURNAL' }));
});
