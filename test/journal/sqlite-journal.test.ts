import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createEngine, type DamagedJob, defineJob } from 'tintype';
import { describe, expect, onTestFinished, test } from 'vitest';
import { thisProcess } from '../../src/engine/durable/process-identity.ts';
import { oldLeaseChecksum } from '../../src/journal/job-row.ts';
import { MIGRATIONS, type Migration } from '../../src/journal/migrations.ts';
import { sqliteDriver } from '../../src/journal/sqlite-driver.ts';
import {
  openSqliteJournal,
  readOnlyJournal,
  type SqliteJournal,
  sqliteJournal,
} from '../../src/journal/sqlite-journal.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import {
  batch,
  driverWith,
  events,
  fileOfFirstRelease,
  lease,
  newFile,
  newFolder,
  newJob,
  opened,
  rawDatabase,
  tamper,
} from '../support/sqlite-files.ts';

/** How often a byte is damaged. */
const TURNS = 200;

const largeOf = (id: string): string => JSON.stringify(id.repeat(20_000));

/** Two jobs of six events each, with something in every table. */
const filled = async (file: string): Promise<SqliteJournal> => {
  const journal = opened(file);
  for (const id of ['a', 'b']) {
    await journal.create(newJob(id, { fingerprint: `f-${id}`, labels: { team: 'data' } }), lease());
    const outputs = [
      { seq: 4, data: '{"seq":4}', output: '{"small":1}' },
      { seq: 5, data: '{"seq":5}', output: largeOf(id) },
    ];
    const notes = [{ task: 'one', kind: 'checkpoint', value: '{"page":7}' }] as const;
    await journal.append([
      batch(id, { events: [...events(0, 4), ...outputs], notes, state: 'running', startedAt: 1500 }),
    ]);
    await journal.send(id, 'cancel');
  }
  return journal;
};

/** All that a journal tells of one job, its messages aside. */
const contents = async (journal: SqliteJournal, id: string) => ({
  job: await journal.job(id),
  events: await journal.events(id),
  notes: await journal.notes(id),
  shape: await journal.shape(`f-${id}`),
});

const failureOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return 'no failure';
};

describe('a file', () => {
  test('is made with its folder, and has everything when it is opened again', async () => {
    const file = join(newFolder(), 'deep', 'down', 'jobs.db');
    const journal = await filled(file);
    const before = await contents(journal, 'a');
    await journal.close();
    const again = opened(file);
    expect(again.file).toBe(file);
    expect(await contents(again, 'a')).toEqual(before);
    expect(before.events[5]).toEqual({ seq: 5, data: '{"seq":5}', output: largeOf('a') });
    expect(await again.receive('me')).toContainEqual(expect.objectContaining({ jobId: 'a', message: 'cancel' }));
  });

  test('that is not there is refused when it may not be made, and is not made', () => {
    const file = newFile();
    expect(() => sqliteJournal(file, { create: false })).toThrow(
      expect.objectContaining({ code: 'JOURNAL_FAILED', message: expect.stringContaining(file) }),
    );
    expect(existsSync(file)).toBe(false);
    sqliteJournal(file).close();
    sqliteJournal(file, { create: false }).close();
  });

  test.each([
    ['a text', (file: string) => writeFileSync(file, 'name: not a database\n'.repeat(100))],
    ['the database of another program', (file: string) => tamper(file, 'CREATE TABLE users (name TEXT)')],
    ['an empty one that another program has marked', (file: string) => tamper(file, 'PRAGMA application_id = 7')],
  ])('that is %s is refused, and left as it is', (_what, make) => {
    const file = newFile();
    make(file);
    const before = readFileSync(file);
    expect(() => sqliteJournal(file)).toThrow(
      expect.objectContaining({ code: 'NOT_A_JOURNAL', message: expect.stringContaining(file) }),
    );
    expect(readFileSync(file)).toEqual(before);
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  test('that is a folder is refused', () => {
    expect(() => sqliteJournal(newFolder())).toThrow(
      expect.objectContaining({ code: 'NOT_A_JOURNAL', message: expect.stringContaining('folder') }),
    );
  });

  test('that is removed or replaced while it is open takes nothing more', async () => {
    const file = newFile();
    const journal = await filled(file);
    renameSync(file, `${file}.moved`);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_FAILED',
      message: expect.stringContaining('replaced'),
    });
    copyFileSync(`${file}.moved`, file);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_FAILED',
    });
    renameSync(`${file}.moved`, file);
    expect(await journal.append([batch('a', { events: events(6, 7) })])).toEqual([]);
  });

  test.each(['-wal', '-shm'])('whose %s is removed while it is open takes nothing more', async (end) => {
    const file = newFile();
    const journal = await filled(file);
    rmSync(`${file}${end}`);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_FAILED',
      message: expect.stringContaining(`${file}${end}`),
    });
    writeFileSync(`${file}${end}`, '');
    expect(await failureOf(() => journal.beat(lease()))).toMatchObject({
      code: 'JOURNAL_FAILED',
    });
  });

  test.each([
    ['emptied', (log: string) => truncateSync(log)],
    ['cut', (log: string) => truncateSync(log, statSync(log).size - 1)],
    ['overwritten', (log: string) => writeFileSync(log, 'x'.repeat(statSync(log).size))],
  ])('whose -wal is %s in place takes nothing more, and keeps what it had in the database', async (_, harm) => {
    const file = newFile();
    (await filled(file)).close();
    const journal = sqliteJournal(file);
    const before = journal.check();
    for (let seq = 6; seq < 12; seq++) await journal.append([batch('a', { events: events(seq, seq) })]);
    harm(`${file}-wal`);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await failureOf(() => journal.append([batch('a', { events: events(12, 12) })]))).toMatchObject({
        code: 'JOURNAL_FAILED',
        message: expect.stringContaining(`${file}-wal of the journal was removed, replaced or overwritten`),
      });
    }
    journal.close();
    copyFileSync(file, `${file}.copy`);
    const copy = sqliteJournal(`${file}.copy`);
    expect(await copy.events('a')).toHaveLength(6);
    expect(copy.check()).toEqual(before);
  });

  test('has no bytes of a message that was handled', async () => {
    const file = newFile();
    const journal = await filled(file);
    await journal.send('a', 'a word that is secret');
    opened(file).close();
    expect(readFileSync(file, 'latin1')).toContain('a word that is secret');
    const handled = (await journal.receive('me')).map(({ id }) => id);
    await journal.append([batch('a', { handled })]);
    journal.close();
    expect(readFileSync(file, 'latin1')).not.toContain('a word that is secret');
  });

  test('whose -wal SQLite itself empties or begins anew takes more', async () => {
    const file = newFile();
    const journal = await filled(file);
    const other = sqliteJournal(file);
    other.close();
    expect(statSync(`${file}-wal`).size).toBe(0);
    expect(await journal.append([batch('a', { events: events(6, 7) })])).toEqual([]);
    sqliteJournal(file).close();
    const third = sqliteJournal(file);
    expect(await third.append([batch('a', { events: events(8, 8) })])).toEqual([]);
    expect(await journal.append([batch('a', { events: events(9, 9) })])).toEqual([]);
    third.close();
  });

  test.skipIf(process.platform === 'win32')('is for its owner alone, and so is a copy of it', async () => {
    const umask = process.umask(0o022);
    onTestFinished(() => void process.umask(umask));
    const file = join(newFolder(), 'inner', 'jobs.db');
    const journal = await filled(file);
    journal.backup(`${file}.copy`);
    for (const made of ['', '-wal', '-shm', '.copy']) expect(statSync(`${file}${made}`).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });

  test('takes nothing once it is closed, and can be closed twice', async () => {
    const journal = await filled(newFile());
    await journal.close();
    await journal.close();
    for (const call of [() => journal.job('a'), () => journal.append([batch('a')]), () => journal.check()]) {
      expect(await failureOf(call)).toMatchObject({
        code: 'JOURNAL_FAILED',
        message: expect.stringContaining('closed'),
      });
    }
  });

  test('keeps large outputs out of the rows of events', async () => {
    const file = newFile();
    await filled(file);
    const [row] = rawDatabase(file)
      .prepare('SELECT max(length(data) + length(coalesce(output, 0))) AS most FROM event')
      .all();
    expect(row?.most).toBeLessThan(100);
  });

  test('keeps a definition once for all its jobs, and no longer than one of them', async () => {
    const file = newFile();
    const journal = opened(file);
    const definitions = () =>
      rawDatabase(file)
        .prepare('SELECT fingerprint FROM definition')
        .all()
        .map((row) => row.fingerprint);
    for (const id of ['a', 'b', 'c']) await journal.create(newJob(id), lease());
    expect(definitions()).toEqual(['f1']);
    await journal.append([batch('a', { definition: { fingerprint: 'f2', shape: '{}' } })]);
    expect(definitions()).toEqual(['f1', 'f2']);
    await journal.append([batch('a', { definition: { fingerprint: 'f3', shape: '{}' } })]);
    expect(definitions()).toEqual(['f1', 'f3']);
    for (const id of ['a', 'b', 'c']) await journal.remove(id);
    expect(definitions()).toEqual([]);
  });
});

test('wrong options are refused together, before anything is opened', () => {
  const file = newFile();
  const options = { synchronous: 'off', maxOutputBytes: 0, busyTimeoutMs: -1, creat: true };
  const problems = ['synchronous', 'maxOutputBytes', 'busyTimeoutMs', 'creat'].map((option) =>
    expect.objectContaining({ code: 'INVALID_OPTION', option }),
  );
  expect(() => sqliteJournal(file, options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', problems: expect.arrayContaining(problems) }),
  );
  expect(existsSync(file)).toBe(false);
  expect(() => sqliteJournal(':memory:')).toThrow(/memoryJournal/);
});

test('an output that is larger than the journal takes is refused', async () => {
  const journal = opened(newFile(), { maxOutputBytes: 10 });
  await journal.create(newJob('a'), lease());
  const append = (output: string) => journal.append([batch('a', { events: [{ seq: 0, data: '{}', output }] })]);
  expect(await failureOf(() => append('"123456789"'))).toMatchObject({
    code: 'JOURNAL_FAILED',
    jobId: 'a',
    message: expect.stringMatching(/11 bytes.*maxOutputBytes/),
  });
  expect(await append('"12345678"')).toEqual([]);
});

describe('a version', () => {
  const later: Migration = (db) => db.exec('ALTER TABLE job ADD COLUMN color TEXT; UPDATE job SET color = name');
  const openAt = (file: string, ...further: Migration[]): SqliteJournal =>
    openSqliteJournal(file, {}, sqliteDriver(), [...MIGRATIONS, ...further]);

  test('before is brought up to date, with all that it holds', async () => {
    const file = newFile();
    const old = await filled(file);
    const before = await contents(old, 'a');
    await old.close();
    const journal = openAt(file, later);
    expect(await contents(journal, 'a')).toEqual(before);
    expect(journal.check()).toMatchObject({ ok: true, problems: [] });
    await journal.close();
    expect(rawDatabase(file).prepare('SELECT color FROM job').all()).toEqual([{ color: 'etl' }, { color: 'etl' }]);
    openAt(file, later).close();
  });

  test('of the first release is brought up to date: its jobs are there, have no labels, and go on', async () => {
    const file = fileOfFirstRelease();
    expect(rawDatabase(file).prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    const journal = opened(file);
    expect(rawDatabase(file).prepare('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length });
    expect(journal.check()).toMatchObject({ ok: true, jobs: 3 });
    const jobs = await journal.jobs();
    expect(jobs.map(({ name, state, labels }) => [name, state, labels]).sort()).toEqual([
      ['approval', 'running', {}],
      ['broken', 'failed', {}],
      ['orders', 'completed', {}],
    ]);
    const approval = defineJob('approval')
      .task('draft', () => ({ draft: 2 }))
      .external('approve', { dependsOn: ['draft'] })
      .seal();
    const engine = createEngine({ journal, definitions: [approval] });
    const { job } = await engine.resume('waiting');
    await job.task('approve').complete({ by: 'ann' });
    expect((await job).ctx).toEqual({ draft: 1, by: 'ann' });
    await journal.create(newJob('new', { labels: { team: 'data' } }), lease());
    expect((await journal.jobs({ labels: { team: 'data' } })).map(({ id }) => id)).toEqual(['new']);
    expect(await journal.removeEnded({})).toEqual({ removed: 3, more: false });
    expect(journal.check()).toEqual({ ok: true, problems: [], jobs: 1, events: 0 });
  });

  test('in which each job had a lease with times of its own: they are still held, or free, or damaged', async () => {
    const file = fileOfFirstRelease();
    const db = rawDatabase(file);
    const ids = db
      .prepare('SELECT id FROM job ORDER BY number')
      .all()
      .map(({ id }) => id as string);
    const { host, pid, processStart } = thisProcess();
    for (const [at, id] of ids.entries()) {
      const row = {
        ...{ fence: 3, owner: `owner ${at}`, host, pid: at === 0 ? pid : 2 ** 22 + 1 },
        ...{ process_start: processStart, leased_at: Date.now(), lease_ms: 15_000 },
      };
      const columns = Object.keys(row).map((column) => `${column} = ?`);
      db.prepare(`UPDATE job SET ${columns.join(', ')}, lease_crc = ? WHERE id = ?`).run(
        ...Object.values(row),
        oldLeaseChecksum(id, row) + (at === 2 ? 1 : 0),
        id,
      );
    }
    db.close();
    const [held, free, damaged] = ids as [string, string, string];
    const look = async (journal: SqliteJournal): Promise<SqliteJournal> => {
      expect(await journal.job(held)).toMatchObject({ fence: 3, lease: { owner: 'owner 0', pid, host, processStart } });
      expect(await journal.job(free)).toMatchObject({ fence: 3, lease: undefined });
      expect(await failureOf(() => journal.job(damaged))).toMatchObject({ code: 'JOURNAL_CORRUPT' });
      return journal;
    };
    await (await look(readOnlyJournal(file, {}))).close();
    const journal = await look(opened(file));
    expect(await failureOf(() => journal.acquire(held, lease()))).toMatchObject({ code: 'JOB_LEASED' });
    expect(await journal.acquire(free, lease())).toMatchObject({ fence: 4 });
  });

  test('after is refused, and the error names both', async () => {
    const file = newFile();
    openAt(file, later, () => {}).close();
    const [newest, ours] = [MIGRATIONS.length + 2, MIGRATIONS.length];
    expect(() => sqliteJournal(file)).toThrow(
      expect.objectContaining({
        code: 'JOURNAL_NEWER',
        message: expect.stringMatching(new RegExp(`version ${newest}\\b.* ${ours}\\b.*Update tintype`)),
      }),
    );
  });

  test('after, to which another process brings it, stops whoever has it open from writing', async () => {
    const file = newFile();
    const journal = await filled(file);
    openAt(file, later).close();
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_NEWER',
    });
  });

  test('to which it could not be brought leaves it as it was', async () => {
    const file = newFile();
    await (await filled(file)).close();
    const failing: Migration = (db) => db.exec('DROP TABLE note; CREATE TABLE nonsense (');
    expect(() => openAt(file, later, failing)).toThrow(expect.objectContaining({ code: 'JOURNAL_FAILED' }));
    const journal = openAt(file, later);
    expect(await journal.notes('a')).toHaveLength(1);
    await journal.close();
  });
});

describe('damage is told by whoever reads it, and by check', () => {
  const event = (seq: number) => ({
    reads: (journal: SqliteJournal) => journal.events('a'),
    about: { jobId: 'a', seq },
  });
  const row = { reads: (journal: SqliteJournal) => journal.job('a'), about: { jobId: 'a' } };
  const note = { reads: (journal: SqliteJournal) => journal.notes('a'), about: { jobId: 'a' } };

  test.each([
    ['the state of a job', "UPDATE job SET state = 'completed' WHERE id = 'a'", row],
    ['the time of a job', "UPDATE job SET ended_at = 5 WHERE id = 'a'", row],
    ['the definition of a job', "UPDATE job SET fingerprint = 'f-b' WHERE id = 'a'", row],
    ['the fence of a job', "UPDATE job SET fence = 7 WHERE id = 'a'", row],
    ['the holder of a lease', "UPDATE job SET owner = NULL WHERE id = 'a'", row],
    ['the input of a job', "UPDATE beginning SET input = '{}' WHERE job = 1", row],
    ['the options of a job', "UPDATE beginning SET options = '{}' WHERE job = 1", row],
    ['the metadata of a job', "UPDATE beginning SET metadata = '{}' WHERE job = 1", row],
    ['a label of a job', "UPDATE label SET value = 'web' WHERE job = 1", row],
    ['a label that is gone', 'DELETE FROM label WHERE job = 1', row],
    ['a label that stands elsewhere', 'UPDATE label SET created_at = 5 WHERE job = 1', row],
    ['the input of a job that is gone', 'DELETE FROM beginning WHERE job = 1', row],
    ['an event', `UPDATE event SET data = '{"seq":0}' WHERE job = 1 AND seq = 2`, event(2)],
    [
      'two events that changed places',
      'UPDATE event SET seq = 99 - seq WHERE job = 1 AND seq IN (1, 2); UPDATE event SET seq = seq - 96 WHERE seq > 90',
      event(1),
    ],
    [
      'an event of another job',
      'DELETE FROM event WHERE job = 1 AND seq = 3; UPDATE event SET job = 1 WHERE job = 2 AND seq = 3',
      event(3),
    ],
    ['an event that is gone', 'DELETE FROM event WHERE job = 1 AND seq = 3', event(3)],
    ['the first event that is gone', 'DELETE FROM event WHERE job = 1 AND seq = 0', event(0)],
    ['the last event that is gone', 'DELETE FROM event WHERE job = 1 AND seq = 5', event(5)],
    ['all events that are gone', 'DELETE FROM event WHERE job = 1', event(0)],
    ['a small output', `UPDATE event SET output = '{"small":2}' WHERE job = 1 AND seq = 4`, event(4)],
    ['a small output that is gone', 'UPDATE event SET output = NULL WHERE job = 1 AND seq = 4', event(4)],
    ['a large output', `UPDATE large SET output = replace(output, 'aa', 'ab') WHERE job = 1`, event(5)],
    ['a large output that is gone', 'DELETE FROM large WHERE job = 1', event(5)],
    ['a large output that is gone from its event', 'UPDATE event SET large = NULL WHERE job = 1 AND seq = 5', event(5)],
    ['a large output of another job', 'DELETE FROM large WHERE job = 1; UPDATE large SET job = 1', event(5)],
    ['a note', `UPDATE note SET value = '{"page":8}' WHERE job = 1`, note],
    ['a note of another task', "UPDATE note SET task = 'two' WHERE job = 1", note],
    ['a note of another kind', "UPDATE note SET kind = 'items' WHERE job = 1", note],
    [
      'a shape',
      "UPDATE definition SET shape = '{}' WHERE fingerprint = 'f-a'",
      { reads: (journal: SqliteJournal) => journal.shape('f-a'), about: {} },
    ],
    ['a table that is gone', 'DROP TABLE note', { reads: note.reads, about: {} }],
  ])('%s', async (_what, sql, { reads, about }) => {
    const file = newFile();
    const journal = await filled(file);
    const before = await contents(journal, 'b');
    expect(journal.check()).toEqual({ ok: true, problems: [], jobs: 2, events: 12 });
    tamper(file, sql);

    const failure = await failureOf(() => reads(journal));
    expect(failure).toMatchObject({ code: 'JOURNAL_CORRUPT', message: expect.stringContaining(file) });
    if ('jobId' in about) expect(failure).toMatchObject({ jobId: 'a', message: expect.stringContaining('"a"') });
    if ('seq' in about) expect((failure as Error).message).toContain(`event ${about.seq} `);
    const report = journal.check();
    expect(report.ok).toBe(false);
    expect(report.problems).toContainEqual(expect.objectContaining(about));

    if (sql.includes('job = 2') || sql.includes('SET job = 1') || sql.startsWith('DROP')) return;
    expect(await contents(journal, 'b')).toEqual(before);
  });

  const big = String(2n ** 60n);
  const rows = {
    job: {
      ...{ id: "'c'", name: "'other'", job_key: "'k'", forked_from: "'b'", fingerprint: "'x'", state: "'nonsense'" },
      ...{ owner: 'NULL', fence: big, last_seq: big, crc: big },
      ...{
        lease_crc: big,
        created_at: '9e999',
        started_at: 'NULL',
        ended_at: '7',
        updated_at: '-1',
      },
    },
    beginning: { input: "'{'", options: "'nonsense'", metadata: "CAST(x'ff00' AS TEXT)", crc: big },
  };
  const columns = Object.entries(rows).flatMap(([table, values]) =>
    Object.entries(values).map(([column, value]) => [table, column, value] as const),
  );

  test('of the row of a job: every column is tried', () => {
    const db = rawDatabase(opened(newFile()).file);
    const known = Object.keys(rows).flatMap((table) =>
      db
        .prepare(`SELECT name FROM pragma_table_info('${table}') WHERE name NOT IN ('number', 'job')`)
        .all()
        .map(({ name }) => `${table}.${name}`),
    );
    expect(columns.map(([table, column]) => `${table}.${column}`).sort()).toEqual(known.sort());
  });

  test.each(
    columns,
  )('of the row of a job, in %s.%s: all others are listed, held and told', async (table, column, value) => {
    const file = newFile();
    const journal = await filled(file);
    const sound = await journal.job('b');
    tamper(file, `UPDATE ${table} SET ${column} = ${value} WHERE rowid = 1`);
    const damaged: DamagedJob[] = [];
    const states = ['running'] as const;
    expect(await journal.jobs({ states }, (job) => damaged.push(job))).toEqual([sound]);
    const [jobId, jobName] = [column === 'id' ? 'c' : 'a', column === 'name' ? 'other' : 'etl'];
    expect(damaged).toMatchObject([{ jobId, jobName, error: { code: 'JOURNAL_CORRUPT', jobId } }]);
    expect(await failureOf(() => journal.job(jobId))).toMatchObject({ code: 'JOURNAL_CORRUPT' });

    expect(await journal.beat(lease())).toBe(true);
    expect((await journal.job('b'))?.lease).toEqual(lease());
    expect(await journal.receive('me')).toContainEqual(expect.objectContaining({ jobId: 'b', message: 'cancel' }));
    expect(journal.check().ok).toBe(false);
  });

  test('of the row of an engine: what it holds can be taken over, it learns so, and check tells', async () => {
    const file = newFile();
    const journal = await filled(file);
    tamper(file, "UPDATE engine SET pid = 1, host = 'elsewhere'");
    expect(journal.check()).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining('engine "me"') }],
    });
    expect((await journal.job('a'))?.lease).toBeUndefined();
    expect((await journal.acquire('a', lease({ owner: 'other' }))).fence).toBe(2);
    expect(await journal.beat(lease())).toBe(false);
    expect(await journal.append([batch('a', { events: events(6, 7) })])).toEqual(['a']);
    await journal.acquire('b', lease({ owner: 'other' }));
    // The next engine that comes clears away those that hold nothing.
    await journal.create(newJob('c'), lease({ owner: 'third' }));
    expect(journal.check()).toMatchObject({ ok: true });
  });

  test('of a message: only those to other jobs are received', async () => {
    const file = newFile();
    const journal = await filled(file);
    tamper(file, "UPDATE message SET message = 'x' WHERE job = 1");
    expect(await journal.receive('me')).toMatchObject([{ jobId: 'b', message: 'cancel' }]);
    const problems = [{ jobId: 'a', message: expect.stringContaining('a message to the job "a"') }];
    expect(journal.check()).toMatchObject({ ok: false, problems });
  });

  test('of the row of a job: it is written no more, a warning names it, and it can be removed', async () => {
    const file = newFile();
    const journal = await filled(file);
    tamper(file, "UPDATE job SET state = 'idle' WHERE id = 'a'");
    const warned = once(process, 'warning');
    expect((await journal.jobs()).map(({ id }) => id)).toEqual(['b']);
    expect(await warned).toMatchObject([{ code: 'JOURNAL_CORRUPT', message: expect.stringContaining('the job "a"') }]);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_CORRUPT',
      jobId: 'a',
    });
    expect(await failureOf(() => journal.acquire('a', lease()))).toMatchObject({ code: 'JOURNAL_CORRUPT' });
    await journal.remove('a');
    expect((await journal.jobs()).map(({ id }) => id)).toEqual(['b']);
    expect(journal.check()).toEqual({ ok: true, problems: [], jobs: 1, events: 6 });
  });

  test.each([
    ['a label that is gone', "DELETE FROM label WHERE key = 'team' AND job = 1"],
    ['another input', `UPDATE beginning SET input = '{"n":2}' WHERE job = 1`],
    ['another row', "UPDATE job SET state = 'idle' WHERE id = 'a'"],
  ])('of %s: the job is not described, which would hide it', async (_what, sql) => {
    const file = newFile();
    const journal = await filled(file);
    await journal.describe('a', { at: 9, labels: { team: 'web' }, metadata: '{"by":"me"}' });
    expect(journal.check()).toMatchObject({ ok: true, problems: [], jobs: 2 });
    tamper(file, sql);
    const description = { at: 9, labels: { team: 'data' }, metadata: '{}' };
    expect(await failureOf(() => journal.describe('a', description))).toMatchObject({ code: 'JOURNAL_CORRUPT' });
    expect(journal.check()).toMatchObject({ ok: false, problems: [{ jobId: 'a' }] });
  });

  test('in several places: check tells of all', async () => {
    const file = newFile();
    const journal = await filled(file);
    tamper(
      file,
      `UPDATE job SET state = 'idle' WHERE id = 'a'; UPDATE event SET data = '{}' WHERE seq IN (1, 3);
       DELETE FROM event WHERE job = 2 AND seq = 4; UPDATE note SET value = '' WHERE job = 2`,
    );
    const { problems, jobs, events: count } = journal.check();
    expect(problems.map(({ jobId, seq }) => [jobId, seq])).toEqual([
      ['a', undefined],
      ['a', 1],
      ['a', 3],
      ['b', 1],
      ['b', 3],
      ['b', 4],
      ['b', undefined],
    ]);
    expect([jobs, count]).toEqual([2, 11]);
  });

  test('an event after the last of its job: check tells it, and nothing is written over it', async () => {
    const file = newFile();
    const journal = await filled(file);
    tamper(file, 'INSERT INTO event SELECT job, 6, data, output, large, crc FROM event WHERE job = 1 AND seq = 2');
    expect(await journal.events('a')).toHaveLength(6);
    expect(journal.check().problems).toContainEqual({
      jobId: 'a',
      seq: 6,
      message: expect.stringMatching(/has event 6.*last is 5/),
    });
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_CORRUPT',
    });
  });

  test('a version that none of ours has', () => {
    const file = newFile();
    sqliteJournal(file).close();
    tamper(file, 'PRAGMA user_version = 0');
    expect(() => sqliteJournal(file)).toThrow(expect.objectContaining({ code: 'JOURNAL_CORRUPT' }));
  });

  /** All that can be read of a file: each reading by its name, or the code of the error that it was refused with. */
  const surveyOf = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
    const found: Record<string, unknown> = {};
    const read = async (what: string, call: () => unknown): Promise<void> => {
      try {
        found[what] = await call();
      } catch (error) {
        found[what] = (error as { code?: unknown }).code;
      }
    };
    let journal: SqliteJournal | undefined;
    await read('open', () => {
      journal = sqliteJournal(file);
      return 'opened';
    });
    const open = journal as SqliteJournal | undefined;
    if (!open) return found;
    for (const id of ['a', 'b']) {
      await read(`job ${id}`, () => open.job(id));
      await read(`events ${id}`, () => open.events(id));
      await read(`notes ${id}`, () => open.notes(id));
      await read(`shape ${id}`, () => open.shape(`f-${id}`));
    }
    await read('messages', () => open.receive('me'));
    const refuse = ({ error }: DamagedJob): never => {
      throw error;
    };
    await read('list', () => open.jobs({}, refuse));
    await open.close();
    return found;
  };

  test('any byte of the file: what is read is what was written, or an error says that it is not', async () => {
    const folder = newFolder();
    const file = join(folder, 'jobs.db');
    await (await filled(file)).close();
    const bytes = readFileSync(file);
    const expected = await surveyOf(file);
    const random = seededRandom(7);
    const refusals = /^(JOURNAL_CORRUPT|JOURNAL_NEWER|JOURNAL_READ_ONLY|NOT_A_JOURNAL)$/;
    const tally = { whole: 0, refused: 0, missing: 0 };
    for (let turn = 0; turn < TURNS; turn++) {
      const copy = join(folder, `${turn}.db`);
      const damaged = Buffer.from(bytes);
      const at = Math.floor(random() * bytes.length);
      damaged[at] = (damaged[at] as number) ^ (1 + Math.floor(random() * 255));
      writeFileSync(copy, damaged);
      for (const [what, found] of Object.entries(await surveyOf(copy))) {
        if (typeof found === 'string' && refusals.test(found)) tally.refused++;
        // What a damaged index does not lead to is missing, and never another: check finds it.
        else if (found === undefined || (Array.isArray(found) && found.length === 0)) tally.missing++;
        else {
          expect(found, `${what}, where byte ${at} is ${damaged[at]} instead of ${bytes[at]}`).toEqual(expected[what]);
          tally.whole++;
        }
      }
    }
    expect(tally.whole).toBeGreaterThan(TURNS * 5);
    expect(tally.refused).toBeGreaterThan(TURNS / 10);
    expect(tally.missing).toBeLessThan(TURNS / 10);
  });
});

describe('two connections', () => {
  test('see what the other has written', async () => {
    const file = newFile();
    const [one, two] = [opened(file), opened(file)];
    await one.create(newJob('a'), lease());
    expect(await two.job('a')).toMatchObject({ id: 'a', fence: 1 });
    await one.append([batch('a', { events: events(0, 3) })]);
    expect(await two.events('a')).toEqual(events(0, 3));
    await two.send('a', 'cancel');
    expect(await one.receive('me')).toMatchObject([{ jobId: 'a', message: 'cancel' }]);
  });

  test('never both write one job', async () => {
    const file = newFile();
    const [one, two] = [opened(file), opened(file)];
    await one.create(newJob('a'), lease({ pid: 2 ** 22 + 1 }));
    expect((await two.acquire('a', lease({ owner: 'other' }))).fence).toBe(2);
    expect(await one.append([batch('a', { events: events(0, 1) })])).toEqual(['a']);
    expect(await two.append([batch('a', { fence: 2, events: events(0, 1) })])).toEqual([]);
    expect(await one.events('a')).toEqual(events(0, 1));
  });
});

describe('a database that another connection has locked', () => {
  const locked = async (busyTimeoutMs: number) => {
    const file = newFile();
    await (await filled(file)).close();
    const journal = opened(file, { busyTimeoutMs });
    const other = rawDatabase(file);
    other.exec('BEGIN IMMEDIATE');
    return { file, journal, other };
  };

  test('is read all the same', async () => {
    const { journal } = await locked(10_000);
    const job = journal.job('a');
    expect(job).toMatchObject({ id: 'a' });
    expect(journal.receive('nobody')).toEqual([]);
  });

  test('is waited for while the process goes on, and then written in the order of the calls', async () => {
    const { journal, other } = await locked(10_000);
    const done: string[] = [];
    const calls = [
      journal.append([batch('a', { events: events(6, 8) })]),
      journal.append([batch('a', { events: events(8, 9) })]),
      journal.events('a', 6),
    ];
    for (const [at, call] of calls.entries()) void Promise.resolve(call).then(() => done.push(`call ${at}`));
    await new Promise((resolve) => setImmediate(resolve));
    done.push('meanwhile');
    other.exec('COMMIT');
    expect(await Promise.all(calls)).toEqual([[], [], events(6, 9)]);
    expect(done).toEqual(['meanwhile', 'call 0', 'call 1', 'call 2']);
    // Nothing is in the way any more: it answers at once.
    expect(journal.append([batch('a', { events: events(9, 10) })])).toEqual([]);
  });

  test('for longer than busyTimeoutMs is JOURNAL_LOCKED, and nothing is written', async () => {
    const { file, journal, other } = await locked(1);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_LOCKED',
      message: expect.stringMatching(new RegExp(`${file}.*busyTimeoutMs`)),
    });
    other.exec('COMMIT');
    expect(await journal.events('a', 6)).toEqual([]);
    expect(await journal.append([batch('a', { events: events(6, 7) })])).toEqual([]);
  });

  test('fails what waits when the journal is closed', async () => {
    const { journal } = await locked(10_000);
    const waiting = failureOf(() => journal.append([batch('a', { events: events(6, 7) })]));
    await journal.close();
    expect(await waiting).toMatchObject({ code: 'JOURNAL_FAILED', message: expect.stringContaining('closed') });
  });

  test('can be opened, and is waited for where it is to be made', async () => {
    const { file } = await locked(1);
    const failure = await failureOf(() => sqliteJournal(file, { busyTimeoutMs: 1 }));
    expect(failure).toMatchObject({ code: 'JOURNAL_LOCKED' });
  });
});

describe('a disk that is full', () => {
  const limitedTo = (file: string, pages: number): SqliteJournal =>
    openSqliteJournal(file, {}, driverWith(`PRAGMA max_page_count = ${pages}`));

  test('is told when the file can not be made', () => {
    expect(() => limitedTo(newFile(), 3)).toThrow(expect.objectContaining({ code: 'JOURNAL_FULL' }));
  });

  test('takes nothing of what does not fit, keeps what was there, and takes what fits', async () => {
    const file = newFile();
    await (await filled(file)).close();
    const journal = limitedTo(file, Math.ceil(statSync(file).size / 4096) + 4);
    const before = await contents(journal, 'a');
    const output = JSON.stringify('y'.repeat(100_000));
    const tooMuch = [
      batch('b', { events: events(6, 8), state: 'failed' }),
      batch('a', { events: [{ seq: 6, data: '{}', output }], state: 'failed' }),
    ];
    expect(await failureOf(() => journal.append(tooMuch))).toMatchObject({
      code: 'JOURNAL_FULL',
      message: expect.stringContaining(file),
    });
    expect(await contents(journal, 'a')).toEqual(before);
    expect((await journal.events('b')).length).toBe(6);
    expect(await journal.append([batch('a', { events: events(6, 8) })])).toEqual([]);
    expect(journal.check()).toMatchObject({ ok: true, events: 14 });
    await journal.close();
  });
});

test.skipIf(process.platform === 'win32')('a file that may not be written is JOURNAL_READ_ONLY', async () => {
  const file = newFile();
  await (await filled(file)).close();
  // One of the drivers leaves them there; they would be found to be another user's.
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
  chmodSync(dirname(file), 0o777);
  chmodSync(file, 0o444);
  // Who may do everything may write it nevertheless.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    expect(() => sqliteJournal(file)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_READ_ONLY', message: expect.stringContaining(file) }),
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test('a write-ahead log that was cut anywhere gives back what was kept before', async () => {
  const folder = newFolder();
  const file = join(folder, 'jobs.db');
  const journal = opened(file);
  await journal.create(newJob('a'), lease());
  for (let at = 0; at < 30; at++) await journal.append([batch('a', { at, events: events(at, at + 1) })]);
  const log = readFileSync(`${file}-wal`);
  const lengths = new Set<number>();
  for (let turn = 0; turn < 25; turn++) {
    const copy = join(folder, `${turn}.db`);
    copyFileSync(file, copy);
    const cut = Math.floor((log.length * turn) / 24);
    writeFileSync(`${copy}-wal`, log.subarray(0, cut));
    const after = sqliteJournal(copy);
    const job = await after.job('a');
    const kept = await after.events('a');
    expect(kept, `cut at ${cut}`).toEqual(events(0, kept.length));
    expect(after.check(), `cut at ${cut}`).toEqual({ ok: true, problems: [], jobs: job ? 1 : 0, events: kept.length });
    if (job) {
      expect(job.lastSeq).toBe(kept.length - 1);
      const next = events(kept.length, kept.length + 1);
      expect(await after.append([batch('a', { events: next })])).toEqual([]);
    }
    lengths.add(kept.length);
    await after.close();
  }
  expect(lengths.size).toBeGreaterThan(10);
  expect([...lengths]).toContain(30);
});

describe('a vacuum', () => {
  test('gives the room of removed jobs back to the disk, and changes nothing else', async () => {
    const file = newFile();
    const journal = await filled(file);
    const large = { seq: 0, data: '{}', output: JSON.stringify('x'.repeat(1_000_000)) };
    const creates = { job: newJob('large'), lease: lease() };
    const end = { state: 'completed', endedAt: 1, release: true } as const;
    await journal.append([batch('large', { creates, events: [large], ...end })]);
    const before = await contents(journal, 'a');
    expect(await journal.removeEnded({})).toEqual({ removed: 1, more: false });
    const report = await journal.vacuum();
    expect(report.before).toBeGreaterThan(1_000_000);
    expect(report.after).toBeLessThan(300_000);
    expect(statSync(file).size).toBe(report.after);
    expect(await contents(journal, 'a')).toEqual(before);
    expect(journal.check()).toMatchObject({ ok: true, jobs: 2 });
    await journal.append([batch('a', { events: events(6, 7) })]);
  });

  test('waits for another process that writes, up to busyTimeoutMs', async () => {
    const file = newFile();
    await (await filled(file)).close();
    const journal = opened(file, { busyTimeoutMs: 1 });
    const other = rawDatabase(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(journal.vacuum()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' });
    other.exec('ROLLBACK');
  });
});

describe.skipIf(process.platform === 'win32')('a journal that may only be read', () => {
  /** Takes from everybody but root the right to write the folder and its files, and from this process to be root. */
  const protect = (file: string): void => {
    const folder = dirname(file);
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444);
    chmodSync(folder, 0o555);
    if (process.getuid?.() === 0) process.seteuid?.(65_534);
    onTestFinished(() => {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      chmodSync(folder, 0o755);
    });
  };

  test('is read as it is, and nothing is written, neither into it nor beside it', async () => {
    const file = newFile();
    const writable = await filled(file);
    const before = [await contents(writable, 'a'), await writable.jobs({ labels: { team: 'data' } })];
    await writable.close();
    const bytes = readFileSync(file);
    for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
    protect(file);
    const journal = readOnlyJournal(file, {});
    expect([await contents(journal, 'a'), await journal.jobs({ labels: { team: 'data' } })]).toEqual(before);
    expect(await failureOf(() => journal.append([batch('a', { events: events(6, 7) })]))).toMatchObject({
      code: 'JOURNAL_READ_ONLY',
    });
    await journal.close();
    expect(readFileSync(file)).toEqual(bytes);
    expect(readdirSync(dirname(file))).toEqual(['jobs.db']);
  });

  test('is read while another process writes it', async () => {
    const file = newFile();
    const writable = await filled(file);
    protect(file);
    const journal = readOnlyJournal(file, {});
    await writable.append([batch('a', { events: events(6, 7) })]);
    expect(await journal.events('a')).toHaveLength(7);
    await journal.close();
  });

  test('is read also if the first release wrote it', async () => {
    const file = fileOfFirstRelease();
    protect(file);
    const journal = readOnlyJournal(file, {});
    expect((await journal.jobs()).map(({ name, labels }) => [name, labels])).toHaveLength(3);
    expect(await journal.jobs({ labels: { team: 'data' } })).toEqual([]);
    expect((await journal.events('broken')).length).toBeGreaterThan(0);
    await journal.close();
  });

  test('says so if what a killed process left beside it can only be read by writing', async () => {
    const file = newFile();
    await filled(file);
    const copy = newFile();
    for (const end of ['', '-wal']) copyFileSync(file + end, copy + end);
    protect(copy);
    expect(() => readOnlyJournal(copy, {})).toThrow(
      expect.objectContaining({ code: 'JOURNAL_READ_ONLY', message: expect.stringContaining('Copy both') }),
    );
  });

  test('is refused if it is none', () => {
    const file = newFile();
    writeFileSync(file, 'no database at all, but long enough to have a header of one'.repeat(10));
    expect(() => readOnlyJournal(file, {})).toThrow(expect.objectContaining({ code: 'NOT_A_JOURNAL' }));
  });
});

describe('a backup', () => {
  test('is a journal with all that was kept, made while the journal is in use', async () => {
    const file = newFile();
    const journal = await filled(file);
    const to = join(newFolder(), 'backups', 'today.db');
    journal.backup(to);
    const before = await contents(journal, 'a');
    await journal.append([batch('a', { events: events(6, 7) })]);
    const copy = opened(to, { create: false });
    expect(await contents(copy, 'a')).toEqual(before);
    expect(copy.check()).toEqual({ ok: true, problems: [], jobs: 2, events: 12 });
    expect(await copy.append([batch('a', { events: events(6, 7) })])).toEqual([]);
  });

  test('overwrites no file', async () => {
    const journal = await filled(newFile());
    const to = newFile();
    writeFileSync(to, '');
    expect(() => journal.backup(to)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_FAILED', message: expect.stringContaining(to) }),
    );
    expect(() => journal.backup(journal.file)).toThrow(/exists already/);
    expect(readFileSync(to, 'utf8')).toBe('');
  });

  test('that can not be written leaves nothing behind', async () => {
    const file = newFile();
    const journal = await filled(file);
    const to = join(file, 'under-a-file.db');
    expect(() => journal.backup(to)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_FAILED', message: expect.stringContaining(to) }),
    );
    expect(existsSync(to)).toBe(false);
  });
});
