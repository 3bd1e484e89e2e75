import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { createEngine, defineJob } from 'tintype';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { silenceSqliteWarning } from '../../src/cli/sqlite-warning.ts';
import { openJournal } from '../../src/cli/stored/journal-file.ts';
import type { JobState } from '../../src/events/event.ts';
import type { SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { tintype } from '../support/cli.ts';
import { batch, lease, newFile, newFolder, newJob, opened, tamper } from '../support/sqlite-files.ts';

const HOUR = 3_600_000;

/** No process has this id. */
const DEAD = 4_194_400;

const nightly = defineJob('nightly')
  .task('extract', ({ log }) => {
    log.info('page \u001b[2J1');
    return { rows: 3, at: new Date(0) };
  })
  .task('load', { dependsOn: ['extract'], maxRetries: 1 }, () => {
    throw new Error('no such table: rows');
  })
  .map('each', { dependsOn: ['extract'], over: ['a', 'b'] }, ({ item, log }) => log.info(`item ${item}`))
  .task('report', { dependsOn: ['load'], when: () => true }, () => {});

/** Keeps a job that has been played, as `jobId`. */
const keepNightly = async (journal: SqliteJournal, jobId: string): Promise<void> => {
  await nightly.start({ who: 'me' }, { journal, jobId, onFailure: 'continue' });
};

/** Keeps a job that ended, or not, so long ago. */
const keep = (journal: SqliteJournal, id: string, state: JobState, ago = 0, about = {}): void => {
  const at = Date.now() - ago;
  journal.create(newJob(id, { createdAt: at, ...about }), lease({ owner: 'gone', pid: DEAD }));
  const isOver = !['idle', 'running', 'paused'].includes(state);
  const times = { at, startedAt: at, ...(isOver && { endedAt: at, release: true }) };
  journal.append([batch(id, { state, ...times })]);
};

const columns = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

const withoutTimes = (text: string): string =>
  text
    .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, 'hh:mm:ss.mmm')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'DATE')
    .replace(/ *\+?\b\d+ms/g, ' ##');

describe('without a database', () => {
  const commands = [
    ['jobs'],
    ['show', 'last'],
    ['logs', 'last'],
    ['prune', '--older-than', '1d'],
    ['export', 'last'],
    ['db', 'check'],
    ['db', 'backup', 'copy.db'],
    ['db', 'vacuum'],
  ];
  test.each(commands.map((argv) => [argv.join(' '), argv]))('tintype %s says how one comes to be', async (_, argv) => {
    const db = join(newFolder(), 'inner', 'jobs.db');
    const { exitCode, stdout, stderr } = await tintype([...argv, '--db', db]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: There is no database .*jobs\.db: .*tintype run FILE makes it.*\n$/);
    expect(stderr).toContain(db);
    expect(existsSync(join(db, '..'))).toBe(false);
  });
});

test.each([
  ['jobs'],
  ['show', 'last'],
  ['run', 'flow.yaml'],
  ['resume', 'last'],
])('tintype %s takes no empty name for a database', async (...argv) => {
  const { exitCode, stdout, stderr } = await tintype([...argv, '--db', '']);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain("option '--db <file>' argument '' is invalid. It must name a file.");
});

describe('the default database', () => {
  const before = process.cwd();
  beforeEach(() => process.chdir(newFolder()));
  afterEach(() => process.chdir(before));

  test('is .tintype/jobs.db, in a folder that git does not see', async () => {
    expect((await tintype(['jobs'])).stderr).toContain(join('.tintype', 'jobs.db'));
    expect(existsSync('.tintype')).toBe(false);
    const journal = openJournal(join('.tintype', 'jobs.db'), { create: true });
    keep(journal, 'one', 'completed');
    journal.close();
    expect(readFileSync('.tintype/.gitignore', 'utf8')).toBe('*\n');
    expect((await tintype(['jobs'])).stdout).toContain('one');
  });

  test('leaves a folder alone that is there, or is another one', () => {
    mkdirSync('.tintype');
    openJournal('.tintype/jobs.db', { create: true }).close();
    openJournal('other/jobs.db', { create: true }).close();
    expect(existsSync('.tintype/.gitignore')).toBe(false);
    expect(existsSync('other/.gitignore')).toBe(false);
    expect(existsSync('other/jobs.db')).toBe(true);
  });
});

describe('a job is named', () => {
  test('by its id, its beginning, or as the last one', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'aaab', 'completed', 2 * HOUR);
    keep(journal, 'aaa', 'completed', 3 * HOUR);
    keep(journal, 'bbb', 'failed', HOUR, { name: 'weekly' });
    keep(journal, 'ccc', 'completed');
    const idOf = async (name: string) => JSON.parse((await tintype(['show', name, '--json', '--db', db])).stdout).id;
    expect([await idOf('aaa'), await idOf('aaab'), await idOf('b'), await idOf('last')]).toEqual([
      'aaa',
      'aaab',
      'bbb',
      'ccc',
    ]);
    const wrong = async (name: string) => {
      const { exitCode, stdout, stderr } = await tintype(['show', name, '--db', db]);
      expect([exitCode, stdout]).toEqual([2, '']);
      return stderr.split('\n');
    };
    expect(await wrong('aa')).toEqual([
      'error: 2 jobs begin with "aa". Name one of them by more of its id:',
      '  aaab  etl  completed',
      '  aaa  etl  completed',
      '',
    ]);
    const [unknown, ...nearest] = await wrong('aax');
    expect(unknown).toContain('There is no job "aax"');
    expect(nearest[0]).toContain('aaab');
    expect((await wrong('weekly'))[1]).toContain('bbb');
    expect((await wrong(''))[0]).toContain('There is no job ""');
  });
});

describe('tintype jobs', () => {
  test('lists jobs, the newest first, and tells which are interrupted', async () => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, '3f2a0000-0000-4000-8000-000000000000');
    keep(journal, 'gone', 'running', HOUR, { metadata: '{"file":"/flows/etl.yaml"}' });
    journal.create(newJob('alive', { createdAt: 0 }), lease());
    journal.append([batch('alive', { state: 'running', startedAt: Date.now() })]);
    const { exitCode, stdout, stderr } = await tintype(['jobs', '--db', db]);
    expect([exitCode, stderr]).toEqual([0, '']);
    const [head, ...rows] = columns(stdout);
    expect(head).toEqual(['JOB', 'NAME', 'STATE', 'STARTED', 'DURATION', 'TASKS']);
    expect(rows.map(([id, name, state]) => [id, name, state])).toEqual([
      ['3f2a0000', 'nightly', 'failed'],
      ['gone', 'etl', 'interrupted'],
      ['alive', 'etl', 'running'],
      [expect.stringContaining(`goes on with: tintype resume gone --db ${db}`), undefined, undefined],
    ]);
    expect(rows[0]?.at(-1)).toBe('2/4');
  });

  test('filters by state, name and age, and can print JSON', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'new', 'completed', HOUR, { key: 'monday' });
    keep(journal, 'old', 'failed', 50 * HOUR);
    keep(journal, 'gone', 'running', 20 * HOUR, { name: 'weekly' });
    const ids = async (...argv: string[]) => {
      const { exitCode, stdout } = await tintype(['jobs', '--json', '--db', db, ...argv]);
      expect(exitCode).toBe(0);
      return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
    };
    expect(await ids()).toEqual(['new', 'gone', 'old']);
    expect(await ids('--state', 'failed,interrupted')).toEqual(['gone', 'old']);
    expect(await ids('--state', 'running')).toEqual([]);
    expect(await ids('--name', 'weekly')).toEqual(['gone']);
    expect(await ids('--since', '1d')).toEqual(['new', 'gone']);
    expect(await ids('--before', '2h')).toEqual(['gone', 'old']);
    expect(await ids('--limit', '1')).toEqual(['new']);
    expect(await ids('--limit', '1', '--state', 'interrupted,completed')).toEqual(['new']);
    const [job] = JSON.parse((await tintype(['jobs', '--json', '--db', db])).stdout);
    expect(job).toMatchObject({ name: 'etl', key: 'monday', state: 'completed', durationMs: 0, tasks: { total: 0 } });
    expect((await tintype(['jobs', '--limit', '2', '--db', db])).stdout).toContain('… and more: --limit 4 shows them');
    expect((await tintype(['jobs', '--limit', '3', '--db', db])).stdout).not.toContain('… and more');
    expect((await tintype(['jobs', '--name', 'x', '--db', db])).stdout).toBe('There is no such job.\n');
    const odd = await tintype(['jobs', '--state', 'complete', '--db', db]);
    expect(odd).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean "completed"?') });
  });

  test('shows params and labels, and filters by them', async () => {
    const db = newFile();
    const journal = opened(db);
    const params = (values: object) => ({ input: JSON.stringify({ params: values }) });
    keep(journal, 'a', 'completed', HOUR, { ...params({ day: '2026-11-30', rows: 3 }), labels: { team: 'data' } });
    keep(journal, 'b', 'failed', 2 * HOUR, {
      ...params({ day: '2026-11-29', of: ['x'] }),
      labels: { team: 'data', n: '2' },
    });
    keep(journal, 'c', 'completed', 3 * HOUR);
    const [head, ...rows] = columns((await tintype(['jobs', '--db', db])).stdout);
    expect(head?.slice(-2)).toEqual(['PARAMS', 'LABELS']);
    expect(rows.map((row) => row.slice(6))).toEqual([
      ['day=2026-11-30 rows=3', 'team=data'],
      ['day=2026-11-29 of=["x"]', 'n=2 team=data'],
      [],
    ]);
    const show = (await tintype(['show', 'b', '--db', db])).stdout;
    expect(show).toContain('params       day=2026-11-29 of=["x"]\nlabels       n=2 team=data\n');
    const ids = async (...argv: string[]) => {
      const jobs = JSON.parse((await tintype(['jobs', '--json', '--db', db, ...argv])).stdout) as { id: string }[];
      return jobs.map(({ id }) => id).join('');
    };
    expect(await ids('--label', 'team=data')).toBe('ab');
    expect(await ids('--label', 'team=data', '--label', 'n=2')).toBe('b');
    expect(await ids('--label', 'n=2', '--label', 'n=3')).toBe('');
    expect(await ids('--param', 'day=2026-11-30')).toBe('a');
    expect(await ids('--param', 'rows=3', '--label', 'team=data', '--state', 'completed')).toBe('a');
    expect(await ids('--param', 'of=["x"]')).toBe('b');
    expect(await ids('--param', 'day=2026-11-30', '--param', 'rows=4')).toBe('');
    expect(await ids('--param', 'toString=x')).toBe('');
    const [job] = JSON.parse((await tintype(['jobs', '--json', '--limit', '1', '--db', db])).stdout);
    expect(job).toMatchObject({ params: { day: '2026-11-30', rows: 3 }, labels: { team: 'data' } });
    expect(JSON.parse((await tintype(['show', 'a', '--json', '--db', db])).stdout).labels).toEqual({ team: 'data' });
    expect(await tintype(['jobs', '--label', 'team', '--db', db])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('It must be name=value.'),
    });
  });

  test('prints one JSON array of any length at the pace of its reader', async () => {
    const db = newFile();
    const journal = opened(db);
    for (let at = 0; at < 450; at++) keep(journal, `job-${at}`, 'completed', at * HOUR);
    const written: string[] = [];
    let mostWaiting = 0;
    const stdout = new Writable({
      highWaterMark: 1,
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        written.push(chunk);
        mostWaiting = Math.max(mostWaiting, stdout.writableLength);
        setImmediate(done);
      },
    });
    const io = { stdout, stderr: new PassThrough(), env: {}, signals: new EventEmitter() };
    expect(await runCli(['jobs', '--json', '--db', db], io)).toBe(0);
    const jobs = JSON.parse(written.join('')) as { id: string }[];
    expect(jobs.map(({ id }) => id)).toEqual(Array.from({ length: 450 }, (_, at) => `job-${at}`));
    expect(written.join('').length).toBeGreaterThan(50_000);
    expect(mostWaiting).toBeLessThan(1_000);
  });

  test('finds interrupted jobs among others that run', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'gone', 'running', HOUR);
    for (const id of ['alive', 'well']) {
      journal.create(newJob(id, { createdAt: Date.now() }), lease());
    }
    const { stdout } = await tintype(['jobs', '--state', 'interrupted', '--limit', '1', '--json', '--db', db]);
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ id: 'gone', state: 'interrupted' })]);
  });

  test('shows as much of an id as tells it from others, and one that somebody chose whole', async () => {
    const db = newFile();
    const journal = opened(db);
    const ids = ['3f2a0000-0000-4000-8000-000000000000', '3f2a0000-1000-4000-8000-000000000000', 'nightly-2024-05-01'];
    for (const [at, id] of ids.entries()) keep(journal, id, 'completed', at * HOUR);
    const [, ...rows] = columns((await tintype(['jobs', '--db', db])).stdout);
    expect(rows.map(([id]) => id)).toEqual(['3f2a0000-0', '3f2a0000-1', 'nightly-2024-05-01']);
  });

  test('shows no control characters, and on a terminal no line that is wider', async () => {
    const db = newFile();
    keep(opened(db), '\u001b[2Jid', 'completed', 0, { name: `\u0007${'n'.repeat(200)}` });
    const { stdout } = await tintype(['jobs', '--db', db], { columns: 70, env: { NO_COLOR: '1' } });
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
    expect(stdout).toContain('␇n');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(70);
  });

  test('lists the other jobs as well where one is damaged', async () => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'bad');
    await keepNightly(journal, 'good');
    tamper(db, `UPDATE event SET data = '{}' WHERE seq = 3 AND job = (SELECT number FROM job WHERE id = 'bad')`);
    const { exitCode, stdout, stderr } = await tintype(['jobs', '--db', db]);
    expect(exitCode).toBe(2);
    expect(columns(stdout).map((cells) => [cells[0], cells.at(-1)])).toEqual([
      ['JOB', 'TASKS'],
      ['good', '2/4'],
      ['bad', '?'],
    ]);
    expect(stderr).toMatch(/^error: .*event 3 of the job "bad".* \(JOURNAL_CORRUPT\)\n$/);
  });

  test.each([
    "state = 'running'",
    "state = 'odd'",
    'last_seq = 1152921504606846976',
    "fingerprint = 'x'",
  ])('lists the other jobs where the row of one is damaged: %s', async (damage) => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'good');
    await keepNightly(journal, 'bad');
    tamper(db, `UPDATE job SET ${damage} WHERE id = 'bad'`);
    const corrupt = /^error: .*the row of the job "bad" .* \(JOURNAL_CORRUPT\)\n$/;
    const list = await tintype(['jobs', '--db', db]);
    expect(list).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(corrupt) });
    expect(columns(list.stdout).map((cells) => [cells[0], cells.at(-1)])).toEqual([
      ['JOB', 'TASKS'],
      ['good', '2/4'],
    ]);
    const json = await tintype(['jobs', '--json', '--db', db]);
    expect(JSON.parse(json.stdout)).toMatchObject([{ id: 'good' }]);
    expect(json.stderr).toMatch(corrupt);
    for (const name of ['bad', 'ba', 'last'])
      expect((await tintype(['show', name, '--db', db])).stderr).toContain('JOURNAL_CORRUPT');
    expect((await tintype(['show', 'goo', '--db', db])).exitCode).toBe(0);
    const prune = await tintype(['prune', '--older-than', '1ms', '--state', 'failed,completed', '--db', db]);
    expect(prune.stdout).toBe('Removed 1 job.\n');
  });
});

describe('tintype show', () => {
  test('tells what a job is, how its tasks went, and why it failed', async () => {
    const db = newFile();
    await keepNightly(opened(db), 'one');
    const { exitCode, stdout } = await tintype(['show', 'last', '--db', db]);
    expect(exitCode).toBe(0);
    expect(withoutTimes(stdout)).toBe(
      `job          one
name         nightly
state        failed
created      DATE
started      DATE
ended        DATE, after ##

TASK     STATE      ATTEMPTS  START  DURATION  NOTE
extract  completed         1 ## ##
load     failed            2 ## ##  no such table: rows
each     completed         1 ## ##
each[0]  completed         1 ## ##
each[1]  completed         1 ## ##
report   skipped           0                   because load failed

First error: Task "load" failed in attempt 2: no such table: rows (TASK_FAILED)
`,
    );
  });

  test('tells the key, the origin and the metadata of a job, and how it goes on', async () => {
    const db = newFile();
    const about = { key: 'monday', forkedFrom: 'zero', metadata: '{"file":"nightly.yaml"}' };
    keep(opened(db), 'one', 'running', HOUR, about);
    const { stdout } = await tintype(['show', 'one', '--db', db]);
    for (const line of [
      'key          monday',
      'forked from  zero',
      'file         nightly.yaml',
      'state        interrupted',
    ])
      expect(stdout.split('\n')).toContain(line);
    expect(stdout).toContain(`tintype resume one --db ${db}`);
  });

  test('prints all of it as JSON, outputs in the form in which they are kept', async () => {
    const db = newFile();
    await keepNightly(opened(db), 'one');
    const shown = JSON.parse((await tintype(['show', 'one', '--json', '--db', db])).stdout);
    expect(shown).toMatchObject({
      id: 'one',
      name: 'nightly',
      state: 'failed',
      input: { who: 'me' },
      options: { onFailure: 'continue' },
      error: { code: 'JOB_FAILED' },
      tasks: {
        extract: {
          state: 'completed',
          output: { rows: 3, at: { $tintype: 'Date', value: '1970-01-01T00:00:00.000Z' } },
        },
        load: { state: 'failed', dependsOn: ['extract'], attempts: 2, error: { message: expect.any(String) } },
        'each[1]': { state: 'completed' },
      },
    });
  });

  test('draws the tasks, with those that were added and without those removed', async () => {
    const db = newFile();
    const job = nightly.start({}, { journal: opened(db), jobId: 'one', onFailure: 'continue' });
    job.addTasks([{ name: 'late', dependsOn: ['extract'], run: () => {} }]);
    job.removeTask('report');
    await job;
    const { exitCode, stdout, stderr } = await tintype(['show', 'one', '--graph', '--db', db]);
    expect([exitCode, stderr]).toEqual([0, '']);
    const picture = stdout.slice(stdout.indexOf('nightly ('));
    expect(picture).toContain('nightly (4 tasks)');
    expect(picture).toMatch(/─.* each {2}completed {2}map/);
    expect(picture).toContain('late');
    expect(stdout).not.toContain('report');
    // The tasks of a shape that is none can't be drawn.
    keep(opened(db), 'odd', 'completed');
    const odd = await tintype(['show', 'odd', '--graph', '--db', db]);
    expect(odd).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('can not be drawn') });
  });
});

describe('tintype logs', () => {
  test('prints what happened, as tintype run does', async () => {
    const db = newFile();
    await keepNightly(opened(db), 'one');
    const { exitCode, stdout } = await tintype(['logs', 'one', '--db', db]);
    expect(exitCode).toBe(0);
    const lines = withoutTimes(stdout).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'hh:mm:ss.mmm  extract  running',
      'hh:mm:ss.mmm  extract  | page 1',
      'hh:mm:ss.mmm  extract  completed in ##',
    ]);
    expect(lines).toContain('hh:mm:ss.mmm  load     running (attempt 2)');
    expect(lines).toContain('hh:mm:ss.mmm  load     failed: no such table: rows');
  });

  test('print the data of a line behind its message, and as it was with --json', async () => {
    const db = newFile();
    const job = defineJob('shop').task('reserve', ({ log }) => {
      log.warn('reserving\u001b[2J', { order: 7, tags: ['\u202enew'] });
      log.info('', { left: 0 });
    });
    await job.start({}, { journal: opened(db), jobId: 'one' });
    const { stdout } = await tintype(['logs', 'one', '--db', db]);
    expect(withoutTimes(stdout)).toContain(
      'hh:mm:ss.mmm  reserve  | reserving {"order":7,"tags":["new"]}\nhh:mm:ss.mmm  reserve  | {"left":0}\n',
    );
    const { stdout: json } = await tintype(['logs', 'one', '--json', '--db', db]);
    const logged = json.split('\n').flatMap((line) => (line.includes('task.log') ? [JSON.parse(line)] : []));
    expect(logged.map(({ data }) => data)).toEqual([{ order: 7, tags: ['\u202enew'] }, { left: 0 }]);
  });

  test('tell what a task took since it is tried again, and why the job was cancelled before', async () => {
    const db = newFile();
    const journal = opened(db);
    const about = { jobId: 'two', jobName: 'etl' };
    const task = { type: 'task.transition', task: 'a', attempt: 1 };
    const told = [
      { type: 'job.transition', from: 'idle', to: 'running', at: 0 },
      { ...task, from: 'ready', to: 'running', at: 0 },
      { ...task, from: 'running', to: 'cancelled', at: 4000 },
      { type: 'job.transition', from: 'running', to: 'cancelled', reason: 'lunch', at: 4000 },
      { type: 'job.transition', from: 'cancelled', to: 'running', at: 9000 },
      { ...task, attempt: 2, from: 'ready', to: 'running', at: 9000 },
      { ...task, attempt: 2, from: 'running', to: 'completed', at: 9500 },
      { type: 'job.transition', from: 'running', to: 'completed', at: 9500 },
    ];
    const events = told.map((event, seq) => ({ seq, data: JSON.stringify({ ...about, ...event, seq }) }));
    journal.create(newJob('two'), lease());
    journal.append([batch('two', { events, state: 'completed', release: true })]);
    const { stdout } = await tintype(['logs', 'two', '--db', db]);
    expect(columns(stdout).map(([, ...cells]) => cells.join(' '))).toEqual([
      'a running',
      'a cancelled',
      'etl cancelled in 4.0s: lunch',
      'etl is tried again',
      'a running (attempt 2)',
      'a completed in 500ms',
      'etl completed in 9.5s',
    ]);
    const { stdout: one } = await tintype(['logs', 'two', 'a', '--db', db]);
    expect(one).toContain('completed in 500ms');
  });

  test('of a task are those of what is within it as well', async () => {
    const db = newFile();
    await keepNightly(opened(db), 'one');
    const tasksOf = async (task: string) => {
      const { stdout } = await tintype(['logs', 'one', task, '--db', db]);
      return new Set(columns(stdout).map(([, name]) => name));
    };
    expect(await tasksOf('each')).toEqual(new Set(['each', 'each[0]', 'each[1]']));
    expect(await tasksOf('each[1]')).toEqual(new Set(['each[1]']));
    expect(await tintype(['logs', 'one', 'laod', '--db', db])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('has no task "laod". Did you mean "load"?'),
    });
  });

  test('can be JSON: every event, with its output', async () => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'one');
    const { stdout } = await tintype(['logs', 'one', '--json', '--db', db]);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(events).toHaveLength(((await journal.job('one'))?.lastSeq ?? 0) + 1);
    expect(events.find(({ task, to }) => task === 'extract' && to === 'completed').output.rows).toBe(3);
  });

  test('are all there, however many', async () => {
    const db = newFile();
    const journal = opened(db);
    journal.create(newJob('long'), lease());
    const about = { jobId: 'long', jobName: 'etl', type: 'task.log', task: 'a', attempt: 1, level: 'info' };
    const stored = Array.from({ length: 2_500 }, (_, seq) => ({
      seq,
      data: JSON.stringify({ ...about, message: `line ${seq}`, seq, at: seq }),
    }));
    journal.append([batch('long', { events: stored, state: 'completed', release: true })]);
    const { stdout } = await tintype(['logs', 'long', '--db', db]);
    expect(columns(stdout).map((cells) => cells.at(-1))).toEqual(stored.map(({ seq }) => `| line ${seq}`));
  });

  /** A job that waits for `go`, and the command that follows it. */
  const following = async () => {
    const db = newFile();
    let go = (): void => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const job = defineJob('slow')
      .task('wait', ({ log }) => {
        log.info('waiting');
        return gone;
      })
      .task('end', { dependsOn: ['wait'] }, () => {})
      .start({}, { journal: opened(db), jobId: 'slow' });
    await vi.waitFor(async () => expect((await tintype(['logs', 'slow', '--db', db])).stdout).toContain('waiting'));
    const signals = new EventEmitter();
    const stdout = new PassThrough({ encoding: 'utf8' });
    let told = '';
    stdout.on('data', (text) => {
      told += text;
    });
    const io = { stdout, stderr: new PassThrough(), env: {}, signals };
    const ended = runCli(['logs', 'slow', '--follow', '--db', db], io);
    await vi.waitFor(() => expect(told).toContain('waiting'));
    return { job, go, ended, signals, told: () => told };
  };

  test('are followed until the job is over', async () => {
    const { job, go, ended, told } = await following();
    expect(told()).not.toContain('completed');
    go();
    await job;
    expect(await ended).toBe(0);
    const lines = withoutTimes(told()).trimEnd().split('\n');
    expect(lines.filter((line) => line.includes('waiting'))).toHaveLength(1);
    expect(lines.slice(-2)).toEqual(['hh:mm:ss.mmm  end   completed in ##', 'hh:mm:ss.mmm  slow  completed in ##']);
  });

  test('are followed until Ctrl-C, which leaves the job alone', async () => {
    const { job, go, ended, signals } = await following();
    signals.emit('SIGINT', 'SIGINT');
    expect(await ended).toBe(130);
    expect(signals.listenerCount('SIGINT')).toBe(0);
    go();
    expect((await job).state).toBe('completed');
  });
});

describe('a job whose events make no sense', () => {
  const STAMP = { jobId: 'odd', jobName: 'etl', at: 5 };
  const odd = [
    ['a field is missing', '{"type":"task.transition","from":"ready","to":"running","attempt":1}'],
    ['a state is none', '{"type":"job.transition","from":"idle","to":"lost"}'],
    ['a name is a number', '{"type":"task.added","task":7,"dependsOn":[]}'],
    ['it is no object', '[]'],
    ['it is no JSON', '{"type":'],
    ['it is that of another job', '{"type":"task.removed","task":"a","jobId":"other"}'],
  ] as const;

  test.each(odd)('is told as corrupt, and the others are listed: %s', async (_, data) => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'sound');
    journal.create(newJob('odd'), lease({ owner: 'gone', pid: DEAD }));
    const whole = data.endsWith('}') ? JSON.stringify({ ...STAMP, seq: 0, ...JSON.parse(data) }) : data;
    journal.append([batch('odd', { events: [{ seq: 0, data: whole }], release: true })]);
    const jobs = await tintype(['jobs', '--db', db]);
    expect(jobs.exitCode).toBe(2);
    expect(jobs.stdout).toMatch(/sound +nightly +failed/);
    expect(jobs.stdout).toMatch(/odd +etl .* \?$/m);
    expect(jobs.stderr).toMatch(/^error: .*the job "odd" event 0 can't be read: .*\(JOURNAL_CORRUPT\)\n$/);
    for (const argv of [
      ['show', 'odd'],
      ['logs', 'odd'],
      ['logs', 'odd', '--json'],
    ]) {
      const { exitCode, stderr } = await tintype([...argv, '--db', db]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('(JOURNAL_CORRUPT)')]);
    }
    const check = await tintype(['db', 'check', '--db', db]);
    expect(check).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^job odd: .*event 0/) });
    const { resumed, refused } = await createEngine({ journal, definitions: [defineJob('etl').seal()] }).recover();
    expect([resumed, refused]).toEqual([[], [expect.objectContaining({ jobId: 'odd' })]]);
    expect(refused[0]?.error).toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});

describe('tintype prune', () => {
  test('removes what has been over for that long, and nothing that is not over', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'old', 'completed', 50 * HOUR);
    keep(journal, 'sad', 'failed', 50 * HOUR);
    keep(journal, 'new', 'completed', HOUR);
    keep(journal, 'gone', 'running', 50 * HOUR);
    keep(journal, 'held', 'paused', 50 * HOUR);
    const left = async () => (await journal.jobs()).map(({ id }) => id).sort();
    const prune = async (...argv: string[]) => (await tintype(['prune', '--db', db, ...argv])).stdout;
    expect(withoutTimes(await prune('--older-than', '2d', '--dry-run'))).toBe(
      `JOB  NAME  STATE      ENDED
sad  etl   failed     DATE
old  etl   completed  DATE
Would remove 2 jobs. Nothing was removed.
`,
    );
    expect((await tintype(['prune', '--db', db, '--older-than', '0'])).stderr).toContain('a duration above 0, such as');
    expect(await left()).toEqual(['gone', 'held', 'new', 'old', 'sad']);
    expect(await prune('--older-than', '2d', '--state', 'failed')).toBe('Removed 1 job.\n');
    expect(await left()).toEqual(['gone', 'held', 'new', 'old']);
    expect(await prune('--older-than', '2d')).toBe('Removed 1 job.\n');
    expect(await left()).toEqual(['gone', 'held', 'new']);
    expect((await tintype(['prune', '--db', db])).exitCode).toBe(2);
    expect((await tintype(['prune', '--db', db, '--older-than', '1ms', '--state', 'running'])).exitCode).toBe(2);
    expect(await left()).toEqual(['gone', 'held', 'new']);
  });

  test('removes thousands at once, and db vacuum then gives the room back', async () => {
    const db = newFile();
    const journal = opened(db);
    const at = Date.now() - 50 * HOUR;
    const output = JSON.stringify('x'.repeat(500));
    const events = [{ seq: 0, data: '{}', output }];
    const end = { state: 'completed', at, endedAt: at, release: true } as const;
    const creates = (id: string) => ({
      job: newJob(id, { createdAt: at }),
      lease: lease({ owner: 'gone', pid: DEAD }),
    });
    await journal.append(
      Array.from({ length: 1_200 }, (_, n) => batch(`job-${n}`, { creates: creates(`job-${n}`), events, ...end })),
    );
    keep(journal, 'new', 'completed', HOUR);
    const before = (await tintype(['db', 'vacuum', '--db', db])).stdout;
    expect(before).toMatch(/jobs\.db takes 1\.\d MiB, before 1\.\d MiB\.\n$/);
    expect((await tintype(['prune', '--older-than', '1d', '--db', db])).stdout).toBe('Removed 1200 jobs.\n');
    expect((await journal.jobs()).map(({ id }) => id)).toEqual(['new']);
    expect((await tintype(['db', 'vacuum', '--db', db])).stdout).toMatch(/takes \d+ KiB, before 1\.\d MiB\.\n$/);
    expect(statSync(db).size).toBeLessThan(200_000);
  });

  test('leaves a job that somebody has just taken up', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'old', 'failed', 50 * HOUR);
    journal.acquire('old', lease());
    expect((await tintype(['prune', '--older-than', '1d', '--db', db])).stdout).toBe('Removed 0 jobs.\n');
    expect(await journal.job('old')).toBeDefined();
  });
});

describe('tintype export and import', () => {
  const exported = async (): Promise<{ db: string; journal: SqliteJournal; file: string; text: string }> => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'one');
    const file = join(newFolder(), 'one.ndjson');
    expect(await tintype(['export', 'one', '-o', file, '--db', db])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    return { db, journal, file, text: readFileSync(file, 'utf8') };
  };

  test('bring a job to another database as it was', async () => {
    const { db, journal, file, text } = await exported();
    expect((await tintype(['export', 'one', '--db', db])).stdout).toBe(text);
    for (const line of text.trimEnd().split('\n')) JSON.parse(line);
    const other = newFile();
    const { exitCode, stdout } = await tintype(['import', file, '--db', other]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Imported one \(nightly, failed\): \d+ events\.\n$/);
    const copy = opened(other);
    const job = await journal.job('one');
    expect(await copy.job('one')).toEqual(job);
    expect(await copy.events('one')).toEqual(await journal.events('one'));
    expect(await copy.notes('one')).toEqual(await journal.notes('one'));
    expect(await copy.notes('one')).not.toEqual([]);
    expect(await copy.shape(job?.fingerprint ?? '')).toBe(await journal.shape(job?.fingerprint ?? ''));
    expect(copy.check().problems).toEqual([]);
  });

  test('take the standard input, and a job that is not over can then be taken up', async () => {
    const db = newFile();
    const journal = opened(db);
    const metadata = { file: '/flows/slow.yaml' };
    const waiting = defineJob('slow').external('approve').start({}, { journal, jobId: 'slow', metadata });
    await vi.waitFor(async () => expect((await journal.job('slow'))?.lastSeq).toBe(1));
    const { stdout: text } = await tintype(['export', 'slow', '--db', db]);
    waiting.cancel();
    await waiting;
    const other = newFile();
    const { exitCode, stdout } = await tintype(['import', '--db', other], { stdin: Readable.from([text]) });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('tintype resume slow');
    expect(await opened(other).acquire('slow', lease())).toMatchObject({ state: 'running', fence: 2 });
    expect((await tintype(['import', '-', '--db', newFile()])).stderr).toContain('No file is named');
  });

  test('refuse a job that is there already, by its id or its key', async () => {
    const { db, journal, file } = await exported();
    expect(await tintype(['import', file, '--db', db])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('holds the job one already'),
    });
    keep(journal, 'first', 'idle', 0, { key: 'monday', shape: '["etl",[]]' });
    const other = newFile();
    const copy = opened(other);
    keep(copy, 'second', 'completed', 0, { key: 'monday' });
    await tintype(['export', 'first', '-o', file, '--db', db]);
    expect(await tintype(['import', file, '--db', other])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('the job second, which has the same key "monday", already'),
    });
    expect((await copy.jobs()).map(({ id }) => id)).toEqual(['second']);
  });

  test('take in nothing of a file that was cut off, wherever that was', async () => {
    const { text } = await exported();
    const other = newFile();
    const copy = opened(other);
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
    const cuts = [0, ...ends.slice(0, -1), ...ends.slice(0, -1).map((end) => end - 5), text.length - 3];
    for (const cut of cuts) {
      const { exitCode, stderr } = await tintype(['import', '--db', other], {
        stdin: Readable.from([text.slice(0, cut)]),
      });
      expect(exitCode, `cut at ${cut}`).toBe(2);
      const line = Math.max(1, text.slice(0, cut).trimEnd().split('\n').length);
      expect(stderr).toContain(`Nothing was imported: line ${line} of the standard input is wrong`);
    }
    expect(await copy.jobs()).toEqual([]);
  });

  test('take in nothing of a file with a number that the journal could not keep', async () => {
    const { text } = await exported();
    for (const number of ['12345678901234567890', '1e400']) {
      const changed = text.replace(/"at":\d+/, `"at":${number}`);
      const { exitCode, stderr } = await tintype(['import', '--db', newFile()], { stdin: Readable.from([changed]) });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`the number ${number} can't be kept exactly`);
    }
  });

  test('take in nothing of a file that is damaged, is of a newer version, or is none', async () => {
    const { text } = await exported();
    const lines = text.split('\n');
    const other = newFile();
    const copy = opened(other);
    const refused = async (changed: string) => {
      const { exitCode, stdout, stderr } = await tintype(['import', '--db', other], {
        stdin: Readable.from([changed]),
      });
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(await copy.jobs()).toEqual([]);
      return stderr;
    };
    expect(await refused(text.replace('"page ', '"pagf '))).toContain('is not what was written');
    expect(await refused([...lines.slice(0, 4), ...lines.slice(5)].join('\n'))).toContain('line 5 of the');
    expect(await refused(text.replace('"version":1', '"version":2'))).toMatch(/line 1 .*version 2.*Update tintype/);
    expect(await refused(text.replace('"state":"failed"', '"state":"lost"'))).toContain('"lost" is no state of a job');
    expect(await refused(text.replace('"note":"items"', '"note":"odd"'))).toContain('"odd" is no kind of note');
    const unnoted = lines.filter((line) => !line.startsWith('{"note"')).join('\n');
    expect(await refused(unnoted)).toContain(`${lines.length - 3} lines came before its end`);
    expect(await refused(`${text}{}\n`)).toContain('goes on after its end');
    expect(await refused('{"name":"x"}\n')).toContain('line 1');
    expect(await refused('')).toContain('the file is empty');
  });

  test('take in nothing where the database does not take all of it', async () => {
    const { file } = await exported();
    const other = newFile();
    const copy = opened(other);
    tamper(other, `CREATE TRIGGER full BEFORE INSERT ON event WHEN NEW.seq = 3 BEGIN SELECT RAISE(ABORT, 'no'); END`);
    const { exitCode, stderr } = await tintype(['import', file, '--db', other]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: .*\(JOURNAL_FAILED\)\n$/);
    expect(await copy.jobs()).toEqual([]);
  });

  test('name what can not be read or written', async () => {
    const { db } = await exported();
    const nowhere = join(newFolder(), 'none', 'x.ndjson');
    const missing = await tintype(['import', nowhere, '--db', join(nowhere, '..', 'jobs.db')]);
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`${nowhere} can't be read`) });
    expect(existsSync(join(nowhere, '..'))).toBe(false);
    const unwritten = await tintype(['export', 'one', '-o', nowhere, '--db', db]);
    expect(unwritten).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`can't be written to ${nowhere}`) });
    const self = await tintype(['export', 'one', '-o', db, '--db', db]);
    expect(self).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('the database itself') });
  });
});

describe('tintype db', () => {
  test('check counts what is sound, and tells where damage is', async () => {
    const db = newFile();
    await keepNightly(opened(db), 'one');
    expect(await tintype(['db', 'check', '--db', db])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/jobs\.db is sound: 1 job, \d+ events\.\n$/),
    });
    tamper(db, `UPDATE event SET data = '{}' WHERE seq = 3; DELETE FROM event WHERE seq = 5`);
    const { exitCode, stdout } = await tintype(['db', 'check', '--db', db]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^job one, event 3: the row of event 3 of the job "one" is not what was written$/m);
    expect(stdout).toMatch(/^job one, event 5: .*missing/m);
    expect(stdout).toMatch(/has 2 problems in 1 job, /);
  });

  test.each([
    ['JOURNAL_NEWER', (db: string) => tamper(db, 'PRAGMA user_version = 99')],
    ['NOT_A_JOURNAL', (db: string) => writeFileSync(db, 'no database, but a text of some length\n'.repeat(50))],
  ])('tells of a database that is not for it: %s', async (code, change) => {
    const db = newFile();
    openJournal(db, { create: true }).close();
    change(db);
    const backup = join(newFolder(), 'copy.db');
    for (const argv of [['db', 'check'], ['jobs'], ['db', 'backup', backup]]) {
      const { exitCode, stdout, stderr } = await tintype([...argv, '--db', db]);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(new RegExp(`^error: [^\\n]*\\(${code}\\)\\n$`));
    }
    expect(existsSync(backup)).toBe(false);
  });

  test('backup copies it, and overwrites nothing unless told to', async () => {
    const db = newFile();
    const journal = opened(db);
    await keepNightly(journal, 'one');
    const copy = join(newFolder(), 'copy.db');
    const backup = (...argv: string[]) => tintype(['db', 'backup', copy, '--db', db, ...argv]);
    expect((await backup()).exitCode).toBe(0);
    expect((await tintype(['db', 'check', '--db', copy])).stdout).toContain('1 job');
    await keepNightly(journal, 'two');
    const { ino } = statSync(copy);
    expect(await backup()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--force') });
    expect(statSync(copy).ino).toBe(ino);
    writeFileSync(`${copy}-wal`, 'of another database');
    expect((await backup('--force')).exitCode).toBe(0);
    expect(existsSync(`${copy}-wal`)).toBe(false);
    expect((await tintype(['db', 'check', '--db', copy])).stdout).toContain('2 jobs');
  });

  test('backup makes no folders', async () => {
    const db = newFile();
    keep(opened(db), 'one', 'completed');
    const folder = join(newFolder(), 'typo');
    const { exitCode, stderr } = await tintype(['db', 'backup', join(folder, 'copy.db'), '--db', db]);
    expect([exitCode, stderr]).toEqual([2, `error: There is no folder ${folder} for the copy. Make it first.\n`]);
    expect(existsSync(folder)).toBe(false);
  });

  test('backup does not overwrite the database itself', async () => {
    const db = newFile();
    const journal = opened(db);
    keep(journal, 'one', 'completed');
    for (const target of [db, `${db}-wal`, realpathSync(db)]) {
      const { exitCode, stderr } = await tintype(['db', 'backup', target, '--force', '--db', db]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('is the database itself')]);
    }
    expect(journal.check().ok).toBe(true);
  });
});

test('Node.js does not warn that its SQLite is experimental, and warns of all else', () => {
  const warned: unknown[][] = [];
  const target = { emitWarning: (...args: unknown[]) => void warned.push(args) };
  silenceSqliteWarning(target as unknown as NodeJS.Process);
  const warn = target.emitWarning;
  warn('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
  warn('SQLite is an experimental feature', { type: 'ExperimentalWarning' });
  warn('Something else is an experimental feature', 'ExperimentalWarning');
  warn('SQLite is slow', 'Warning');
  warn(new Error('odd'));
  expect(warned).toEqual([
    ['Something else is an experimental feature', 'ExperimentalWarning'],
    ['SQLite is slow', 'Warning'],
    [new Error('odd')],
  ]);
});
