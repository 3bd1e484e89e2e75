import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { type Captured, tintype } from '../../support/cli.ts';
import { CHECKED, interrupted, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

describe('tintype retry', () => {
  test('shows what would run, then runs that under the same id', async () => {
    const { file, db, folder, log } = project(CHECKED);
    expect((await tintype(['run', file, '--db', db])).exitCode).toBe(1);
    const { id } = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    const preview = await tintype(['retry', 'last', '--db', db, '--dry-run']);
    expect(preview).toMatchObject({ exitCode: 0, stderr: '' });
    expect(preview.stdout).toBe(
      `${id.slice(0, 8)} (nightly) would run 2 tasks and keep the results of 2 tasks:\n\n  runs   check, report\n  keeps  extract, side\n`,
    );
    expect(jsonOf(await tintype(['retry', 'last', '--db', db, '--dry-run', '--json']))).toEqual({
      jobId: id,
      name: 'nightly',
      runs: ['check', 'report'],
      keeps: ['extract', 'side'],
    });
    expect(log().filter((line) => line === 'report')).toEqual([]);
    writeFileSync(join(folder, 'ok'), '');
    const { exitCode, stdout, stderr } = await tintype(['retry', id, '--db', db]);
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^Should this be killed/)]);
    expect(stdout).toMatch(/ check {4}running \(attempt 2\)$/m);
    expect(stdout).toMatch(/ check {4}completed in \d/m);
    expect(stdout).toMatch(/^extract +completed +1 +\+\d+ms /m);
    expect(log().toSorted()).toEqual(['check 3', 'check 3', 'extract', 'report', 'side']);
    expect(jsonOf(await tintype(['jobs', '--json', '--db', db]))).toMatchObject([{ id, state: 'completed' }]);
  });

  test('takes chosen tasks, and leaves alone what came after them', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await tintype(['run', file, '--db', db]);
    const runs = async (...args: string[]) =>
      jsonOf(await tintype(['retry', 'last', '--db', db, '--dry-run', '--json', ...args])).runs;
    expect(await runs('--task', 'extract,side')).toEqual(['extract', 'check', 'report', 'side']);
    expect(await runs('--task', 'extract', '--no-downstream')).toEqual(['extract']);
    const nothing = await tintype(['retry', 'last', '--db', db]);
    expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('has no failed task to retry') });
    const unknown = await tintype(['retry', 'last', '--db', db, '--task', 'extrac']);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean "extract"?') });
  });

  test('tells how long it has lasted since it first began, and what its tasks took since they are tried again', async () => {
    const { file, db, folder } = project(CHECKED);
    await tintype(['run', file, '--db', db]);
    const first = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    const at = Date.now();
    writeFileSync(join(folder, 'ok'), '');
    const result = jsonOf(await tintype(['retry', 'last', '--json', '--db', db]));
    const end = result.startedAt + result.durationMs;
    expect(result.startedAt).toBe(first.startedAt);
    expect(result.tasks.extract).toMatchObject({ startedAt: first.tasks.extract.startedAt });
    const { check } = result.tasks;
    expect(check).toMatchObject({ state: 'completed', attempts: 2 });
    expect(check.startedAt).toBeGreaterThanOrEqual(at);
    expect(check.startedAt + check.durationMs).toBeLessThanOrEqual(end);
    const shown = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    expect(shown).toMatchObject({ startedAt: first.startedAt, endedAt: end, durationMs: result.durationMs });
    expect(shown.tasks.check).toMatchObject({ startedAt: check.startedAt, durationMs: check.durationMs });
    expect(jsonOf(await tintype(['jobs', '--json', '--db', db]))).toMatchObject([
      { startedAt: first.startedAt, durationMs: result.durationMs },
    ]);
  });

  test('prints a command that repeats what it was told', async () => {
    const { file, db, folder } = project(CHECKED);
    const events = join(folder, 'events.ndjson');
    const first = await tintype(['run', file, '--db', db, '-w', '2', '--json', '--events', events]);
    const { jobId } = jsonOf(first);
    const id = jobId.slice(0, 8);
    expect(first.stderr).toContain(`goes on with: tintype resume ${id} --json --events ${events} --db ${db}\n`);
    const told = ['-w', '1', '--timeout', '20s', '--on-failure', 'drain', '--grace', '1500ms', '--keep-logs', '7'];
    const { stderr } = await tintype(['retry', 'last', '--db', db, ...told]);
    expect(stderr).toContain(`goes on with: tintype resume ${id} ${told.join(' ')} --db ${db}\n`);
    expect(stderr).toContain(`  tintype retry ${id} ${told.join(' ')} --db ${db}\n`);
  });

  test('says by which option is named what is to run again, and which gives more time', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await tintype(['run', file, '--db', db]);
    expect((await tintype(['retry', 'last', '--db', db])).stderr).toContain('Name what is to run again: --task TASKS');
    expect((await tintype(['rerun', 'last', '--db', db])).stderr).toContain('Name what is to run again: --from TASKS');
    writeFileSync(file, 'name: x\ntasks: [{ name: a, type: external }]\n');
    const late = await tintype(['run', file, '--db', db, '--timeout', '10ms'], { stdin: new PassThrough() });
    expect(late.exitCode).toBe(124);
    expect(late.stderr).toContain('To try again what did not complete (--timeout gives it more time):\n');
  });

  test('accepts a task that was added, though the handlers wait for that one too', async () => {
    const yaml = `
name: x
tasks:
  - { name: a, type: bash, command: 'test -e ok' }
  - { name: b, type: bash, dependencies: [a], command: 'echo b >> log' }
handlers:
  failure: [{ name: mourn, type: bash, command: 'echo mourn >> log' }]
  always: [{ name: tidy, type: bash, command: 'echo tidy >> log' }]
`;
    const { file, db, folder, log } = project(yaml);
    await tintype(['run', file, '--db', db]);
    writeFileSync(join(folder, 'ok'), '');
    const more = yaml.replace('handlers:', "  - { name: c, type: bash, command: 'echo c >> log' }\nhandlers:");
    writeFileSync(file, more);
    const refused = await tintype(['retry', 'last', '--db', db]);
    expect(refused.stderr.split('\n').slice(1)).toEqual([
      '- "c" was added',
      expect.stringContaining('--changed accept goes on'),
      '',
    ]);
    const accepted = ['retry', 'last', '--changed', 'accept', '--db', db];
    writeFileSync(file, more.replace('name: b,', 'name: b, trigger: all_done,'));
    expect((await tintype(accepted)).stderr.split('\n').slice(1)).toEqual([
      '- "b" has the rule allDone instead of allSuccess',
      '--changed force goes on all the same.',
      '',
    ]);
    writeFileSync(file, more);
    expect((await tintype(accepted)).exitCode).toBe(0);
    expect(log().toSorted()).toEqual(['b', 'c', 'mourn', 'tidy', 'tidy']);
  });

  test('refuses a job that is not over', async () => {
    const { file, db } = project(CHECKED);
    await interrupted(file, db, 2);
    const { exitCode, stderr } = await tintype(['retry', 'dead', '--db', db]);
    expect([exitCode, stderr]).toEqual([
      2,
      `error: dead (nightly) can't be tried again: it is interrupted. It has to go on first: tintype resume dead --db ${db}\n`,
    ]);
  });
});
