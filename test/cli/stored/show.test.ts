import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jobFrom } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { virtualClock } from 'tintype/testing';
import { expect, test, vi } from 'vitest';
import { type Captured, tintype } from '../../support/cli.ts';
import { CHECKED, interrupted, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

test('tintype show has the order of what waits for what, times as they are typed, and handlers below the drawing', async () => {
  const { file, db } = project(`
name: x
tasks:
  - { name: z, type: bash, command: 'true' }
  - { name: b, type: bash, dependencies: [z], command: exit 1 }
  - { name: a, type: bash, dependencies: [b], command: 'true' }
handlers:
  failure: [{ name: mourn, type: bash, command: 'true' }]
  always: [{ name: clean, type: bash, command: 'true' }]
`);
  await tintype(['run', file, '--db', db, '--grace', '3s', '--timeout', '1h']);
  const { stdout } = await tintype(['show', 'last', '--graph', '--db', db]);
  expect(stdout).toMatch(/^grace +3s$/m);
  expect(stdout).toMatch(/^timeout +1h 00m$/m);
  const table = stdout.slice(stdout.indexOf('TASK')).split('\n\n', 1)[0] ?? '';
  const names = table.split('\n').map((line) => line.split(' ', 1)[0]);
  expect(names).toEqual(['TASK', 'z', 'b', 'a', 'mourn', 'clean']);
  expect(table).toMatch(/^a +skipped .*because b failed$/m);
  expect(table).toMatch(/^mourn +completed/m);
  const picture = stdout.slice(stdout.indexOf('x (3 tasks)'));
  expect(picture).toMatch(/● +z {2}completed\n● +b {2}failed\n[●○] +a {2}skipped\n/);
  expect(picture).toMatch(/Handlers, when all is over: clean \(completed\), mourn \(completed\)\n$/);
  expect(picture).not.toMatch(/[●○].*(clean|mourn)/);
});

test('tintype show --graph has the critical path by the times that tasks took, not by their number', async () => {
  const { db } = project('name: unused\ntasks: []');
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const journal = sqliteJournal(db);
  const nap = (ms: number) => () => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
  const task = (name: string, ms: number, ...dependsOn: string[]) => ({ name, dependsOn, run: nap(ms) });
  const quick = ['a', 'b', 'c', 'd'].map((name, at) => task(name, 10, ...['a', 'b', 'c'].slice(at - 1, at)));
  const slow = [task('x', 5_000), task('y', 10, 'x'), task('z', 10, 'y')];
  const job = jobFrom('etl', [...quick, ...slow]).start({}, { clock, journal, jobId: 'j' });
  await clock.runAll();
  await job;
  await journal.close();
  const { stdout } = await tintype(['show', 'j', '--graph', '--db', db]);
  expect(stdout).toContain('Critical path, 3 tasks: x → y → z');
});

test('tintype show takes no failure that was allowed for that of the job, and counts no handler that was passed over', async () => {
  const { file, db } = project(`
name: x
tasks:
  - { name: opt, type: bash, command: exit 9, continue_on_failure: true }
  - { name: fan, type: bash, dependencies: [opt], command: '[ "$TINTYPE_INDEX" = 0 ] && sleep 0.1; true', map: { over: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } }
  - { name: left, type: bash, command: exit 1 }
  - { name: out, type: bash, command: exit 1 }
handlers:
  failure: [{ name: mourn, type: bash, command: 'true' }]
`);
  expect((await tintype(['run', file, '--db', db, '--skip', 'left,out', '-w', '11'])).exitCode).toBe(0);
  const { stdout } = await tintype(['show', 'last', '--db', db]);
  expect(stdout).toMatch(/^opt +failed .* 9 {2}The bash command exited with code 9\. \(allowed to fail\)$/m);
  expect(stdout).not.toContain('First error');
  expect(stdout).toMatch(/^skip +left, out$/m);
  expect((await tintype(['jobs', '--db', db])).stdout).toMatch(/ completed .* 1\/2$/m);
  await tintype(['rerun', 'last', '--from', 'fan[1]', '--grace', '3s', '-w', '2', '--db', db]);
  const again = (await tintype(['show', 'last', '--db', db])).stdout;
  expect([...again.matchAll(/^fan\[(\d+)\]/gm)].map(([, index]) => Number(index))).toEqual([...Array(11).keys()]);
  // It was told how it runs.
  expect(again).toMatch(/^workers +2$/m);
  expect(again).toMatch(/^grace +3s$/m);
  expect(jsonOf(await tintype(['show', 'last', '--json', '--db', db])).options).toMatchObject({ maxConcurrency: 2 });
});

test('tintype show tells the failure of an expression once, in its own words', async () => {
  const { file, db } = project(`
name: x
tasks: [{ name: a, type: bash, command: 'true', when: 'ctx.rows[0].length > 1' }]
`);
  await tintype(['run', file, '--db', db]);
  const { stdout } = await tintype(['show', 'last', '--db', db]);
  expect(stdout.slice(stdout.indexOf('\n\n', stdout.indexOf('TASK')))).toMatch(
    /^\n\nFirst error: Task "a" failed: its condition threw: .* has no value: there is no key "rows"\. To allow that: .*\(EXPRESSION_FAILED\)\n$/,
  );
});

test('tintype logs tells what became of the job', async () => {
  const { file, db, folder } = project(CHECKED);
  await interrupted(file, db, 2);
  await tintype(['resume', 'dead', '--db', db]);
  writeFileSync(join(folder, 'ok'), '');
  await tintype(['retry', 'dead', '--db', db]);
  const { stdout } = await tintype(['logs', 'dead', '--db', db]);
  const told = [...stdout.matchAll(/^\S+ {2}nightly {2}(.*)$/gm)].map(([, text]) => text);
  expect(told).toEqual([
    expect.stringMatching(/^goes on: process \d+ on \S+$/),
    expect.stringMatching(/^failed in \d+ms: .*"check" failed/),
    'is tried again',
    expect.stringMatching(/^completed in \d/),
  ]);
  const one = await tintype(['logs', 'dead', 'check', '--db', db]);
  expect(one.stdout).not.toContain('nightly');
});

test('tintype show, logs and a copy by export and import have the list of a fan-out whole', async () => {
  const { file, db, folder } = project(`
name: fan
tasks:
  - { name: m, type: node, map: { over: [1, 2] }, command: "output('x'.repeat(100))" }
  - { name: odd, type: bash, map: { over: [1] }, command: exit 3, continue_on_failure: true }
`);
  const odd = [
    { status: 'rejected', reason: { $tintype: 'TaskError', value: { taskName: 'odd[0]', tolerated: true } } },
  ];
  await tintype(['run', file, '--db', db]);
  const list = [1, 2].map(() => 'x'.repeat(100));
  const shown = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
  expect(shown.tasks.m.output).toEqual({ m: list });
  expect(shown.tasks.odd.output).toMatchObject({ odd });
  const logged = await tintype(['logs', 'last', 'm', '--json', '--db', db]);
  const events = logged.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.findLast(({ task, output }) => task === 'm' && output)?.output).toEqual({ m: list });
  const copy = join(folder, 'copy.ndjson');
  await tintype(['export', 'last', '-o', copy, '--db', db]);
  const other = join(folder, 'other.db');
  expect((await tintype(['import', copy, '--db', other])).exitCode).toBe(0);
  const imported = jsonOf(await tintype(['show', 'last', '--json', '--db', other]));
  expect(imported.tasks.m.output).toEqual({ m: list });
  expect(imported.tasks.odd.output).toMatchObject({ odd });
});

test('tintype show tells how far a job is that runs, by the estimates that were kept with it', async () => {
  const { db } = project('{ name: x, tasks: [] }');
  const journal = sqliteJournal(db);
  const HOUR = 3_600_000;
  const job = jobFrom('long', [
    { name: 'first', estimate: HOUR, run: () => {} },
    { name: 'second', dependsOn: ['first'], estimate: HOUR, run: () => new Promise<void>(() => {}) },
    { name: 'third', dependsOn: ['second'], estimate: 2 * HOUR, run: () => {} },
  ]).start({}, { journal, jobId: 'long' });
  await vi.waitFor(() => expect(job.task('second').state).toBe('running'));
  await job.saved();
  const { stdout } = await tintype(['show', 'long', '--db', db]);
  expect(stdout).toMatch(/^done +25%, about 3h 00m left$/m);
  const { progress } = jsonOf(await tintype(['show', 'long', '--json', '--db', db]));
  expect(progress.fraction).toBeCloseTo(0.25, 2);
  expect(Math.abs(progress.leftMs - 3 * HOUR)).toBeLessThan(60_000);
  job.cancel();
  await job;
  expect((await tintype(['show', 'long', '--db', db])).stdout).not.toMatch(/^done/m);
  journal.close();
});
