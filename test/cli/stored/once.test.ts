import { EventEmitter } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildCli, type Captured, start, tintype } from '../../support/cli.ts';
import { batch, lease, newJob, opened } from '../../support/sqlite-files.ts';
import { CHECKED, interrupted, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

/** No process has this id. */
const DEAD = 4_194_400;

/** Tells in `log` that it runs, and ends once there is a file `go`. */
const WAITS = `
name: nightly
params: { day: monday }
tasks:
  - { name: load, type: bash, command: 'echo load >> log; echo up; until [ -e go ]; do sleep 0.01; done' }
`;

const idsIn = async (db: string): Promise<readonly string[]> =>
  jsonOf(await tintype(['jobs', '--json', '--db', db])).map(({ id }: { readonly id: string }) => id);

/** Runs the file until its task is up. */
const running = async (made: ReturnType<typeof project>, ...args: string[]) => {
  const signals = new EventEmitter();
  const ended = tintype(['run', made.file, '--db', made.db, ...args], { signals });
  await vi.waitFor(() => expect(made.log()).toEqual(['load']), 20_000);
  return { ended, signals, end: () => writeFileSync(join(made.folder, 'go'), '') };
};

describe('tintype run --key', () => {
  test('runs the job once, and then says how it ended, with its exit code', async () => {
    const { file, db, folder, log } = project(CHECKED);
    const run = (...args: string[]) => tintype(['run', file, '--db', db, '--key', '2026-11-30', ...args]);
    const first = await run();
    expect(first.exitCode).toBe(1);
    expect(first.stdout).toContain('nightly failed');
    const [id = ''] = await idsIn(db);
    writeFileSync(join(folder, 'ok'), '');
    const again = await run();
    expect([again.exitCode, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toBe(
      `${id.slice(0, 8)} (nightly) is over: it failed. To try it again: tintype retry ${id.slice(0, 8)} --db ${db}\n`,
    );
    const json = await run('--json');
    expect([json.exitCode, jsonOf(json)]).toEqual([1, expect.objectContaining({ jobId: id, state: 'failed' })]);
    expect(log().filter((line) => line === 'extract')).toHaveLength(1);
    await tintype(['retry', id, '--db', db]);
    expect(await run('-q')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await tintype(['run', file, '--db', db, '--key', '2026-12-01'])).exitCode).toBe(0);
    expect(await idsIn(db)).toHaveLength(2);
    expect((await tintype(['show', id, '--db', db])).stdout).toMatch(/^key +2026-11-30$/m);
  });

  test('refuses other params under the same key, and changes nothing', async () => {
    const made = project(WAITS);
    writeFileSync(join(made.folder, 'go'), '');
    const run = (...args: string[]) => tintype(['run', made.file, '--db', made.db, '--key', 'k', ...args]);
    expect((await run()).exitCode).toBe(0);
    const [id = ''] = await idsIn(made.db);
    const { exitCode, stdout, stderr } = await run('-p', 'day=tuesday');
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `error: ${id.slice(0, 8)} (nightly) was started with the key "k" and other params: "params.day" differs. Give it the same ones, or a key of its own. (JOB_KEY_CONFLICT)\n`,
    );
    expect((await run('-p', 'day=monday')).exitCode).toBe(0);
    expect(made.log()).toEqual(['load']);
  });

  test('waits for a job that another process runs, and exits as that', async () => {
    const made = project(WAITS);
    const first = await running(made, '--key', 'k');
    const second = tintype(['run', made.file, '--db', made.db, '--key', 'k']);
    const signals = new EventEmitter();
    const third = tintype(['run', made.file, '--db', made.db, '--key', 'k'], { signals });
    await vi.waitFor(() => expect(signals.listenerCount('SIGINT')).toBe(1), 10_000);
    signals.emit('SIGINT', 'SIGINT');
    expect((await third).exitCode).toBe(130);
    first.end();
    expect((await first.ended).exitCode).toBe(0);
    const { exitCode, stderr } = await second;
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^\S+ \(nightly\) is waited for: process \d+ on \S+ runs it\. tintype cancel .*\n/);
    expect(stderr).toMatch(/\(nightly\) is over: it completed\.\n$/);
    expect(made.log()).toEqual(['load']);
  });

  test('goes on with a job that was left, with the options of its first start', async () => {
    const made = project(WAITS);
    const first = await running(made, '--key', 'k', '-w', '2');
    first.signals.emit('SIGTERM', 'SIGTERM');
    expect((await first.ended).exitCode).toBe(75);
    first.end();
    const { exitCode, stderr } = await tintype(['run', made.file, '--db', made.db, '--key', 'k', '--no-overlap']);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('(nightly) goes on, with 0 of 1 task completed.');
    expect(await idsIn(made.db)).toHaveLength(1);
    expect(jsonOf(await tintype(['show', 'last', '--json', '--db', made.db]))).toMatchObject({
      resumptions: 1,
      metadata: { workers: 2 },
    });
  });

  test('names the command that goes on with a job whose file has changed', async () => {
    const made = project(WAITS);
    const first = await running(made, '--key', 'k');
    first.signals.emit('SIGTERM', 'SIGTERM');
    await first.ended;
    writeFileSync(made.file, `${WAITS}  - { name: more, type: bash, command: 'true' }\n`);
    const { exitCode, stderr } = await tintype(['run', made.file, '--db', made.db, '--key', 'k']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: The workflow has changed since /);
    expect(stderr).toMatch(/--changed accept .*\nThese are options of: tintype resume \S+ --db \S+\n$/);
  });

  test.each([
    ['--key', 'k'],
    ['--no-overlap', undefined],
  ])('%s needs a database', async (option, value) => {
    const { file, log } = project(CHECKED);
    const { exitCode, stderr } = await tintype(['run', file, '--no-db', option, ...(value ? [value] : [])]);
    expect([exitCode, stderr]).toEqual([
      2,
      `error: ${option} needs the database that keeps the jobs: leave out --no-db.\n`,
    ]);
    expect(log()).toEqual([]);
  });

  test('takes no key that is empty or holds a secret', async () => {
    const { file, db } = project(`name: x\nsecrets: [TOK]\ntasks: [{ name: a, type: bash, command: 'true' }]\n`);
    const env = { PATH: process.env.PATH ?? '', TOK: 'pa55word-0123456789' };
    const run = (key: string) => tintype(['run', file, '--db', db, '--key', key], { env });
    expect([(await run('')).exitCode, (await run('')).stderr]).toEqual([2, expect.stringContaining('not be empty')]);
    const { exitCode, stderr } = await run(`of-${env.TOK}`);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--key holds a secret')]);
    expect(stderr).not.toContain(env.TOK);
  });
});

describe('tintype run --no-overlap', () => {
  test('starts nothing beside a job of its name that runs, whatever its key', async () => {
    const made = project(WAITS);
    const first = await running(made);
    const events = join(made.folder, 'events.ndjson');
    writeFileSync(events, 'kept\n');
    for (const args of [[], ['--key', 'new'], ['-q', '--json', '--events', events]]) {
      const { exitCode, stdout, stderr } = await tintype(['run', made.file, '--db', made.db, '--no-overlap', ...args]);
      expect([exitCode, stdout]).toEqual([75, '']);
      expect(stderr).toMatch(
        /^Not started \(overlap: skip\): \S{8} \(nightly\) is not over: process \d+ on \S+ runs it\.\n$/,
      );
    }
    first.end();
    expect((await first.ended).exitCode).toBe(0);
    expect((await tintype(['run', made.file, '--db', made.db, '--no-overlap'])).exitCode).toBe(0);
    expect(await idsIn(made.db)).toHaveLength(2);
  });

  test('starts nothing beside a job that waits to be resumed, and names the way on', async () => {
    const { file, db } = project(CHECKED);
    await interrupted(file, db, 2);
    const { exitCode, stderr } = await tintype(['run', file, '--db', db, '--no-overlap']);
    expect(exitCode).toBe(75);
    expect(stderr).toBe(
      `Not started (overlap: skip): dead (nightly) is interrupted, and waits to be resumed: tintype resume dead --db ${db}. tintype cancel dead --db ${db} gives it up.\n`,
    );
    const other = project(CHECKED.replace('nightly', 'daily'));
    expect((await tintype(['run', other.file, '--db', db, '--no-overlap'])).exitCode).toBe(1);
    await tintype(['cancel', 'dead', '--db', db]);
    expect((await tintype(['run', file, '--db', db, '--no-overlap'])).exitCode).toBe(1);
  });

  test('does not go on with the job of the key beside another one of its name', async () => {
    const made = project(WAITS);
    const first = await running(made, '--key', 'k');
    first.signals.emit('SIGTERM', 'SIGTERM');
    expect((await first.ended).exitCode).toBe(75);
    first.end();
    const journal = opened(made.db);
    journal.create(newJob('dead', { name: 'nightly' }), lease({ owner: 'gone', pid: DEAD }));
    const run = () => tintype(['run', made.file, '--db', made.db, '--key', 'k', '--no-overlap']);
    expect(await run()).toMatchObject({
      exitCode: 75,
      stderr: expect.stringContaining('dead (nightly) is interrupted'),
    });
    journal.append([batch('dead', { state: 'completed', endedAt: 2000, release: true })]);
    expect((await run()).exitCode).toBe(0);
    expect(made.log()).toEqual(['load', 'load']);
  });
});

describe('several processes at once', () => {
  let program = '';
  beforeAll(async () => {
    program = await buildCli();
  }, 60_000);
  afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

  const threeOf = (made: ReturnType<typeof project>, ...args: string[]) =>
    [1, 2, 3].map(() => start(process.execPath, [program, 'run', made.file, '--db', made.db, ...args]).ended);

  test('with the same key run one job, and all exit as that', async () => {
    const made = project(WAITS.replace('until [ -e go ]; do sleep 0.01; done', 'sleep 0.3'));
    const ends = await Promise.all(threeOf(made, '--key', 'k'));
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(made.log()).toEqual(['load']);
    expect(await idsIn(made.db)).toHaveLength(1);
  });

  test('with the same key go on with the job of the one that is killed', async () => {
    const made = project(WAITS);
    const first = start(process.execPath, [program, 'run', made.file, '--db', made.db, '--key', 'k']);
    await first.line(/\| up/);
    const signals = new EventEmitter();
    const second = tintype(['run', made.file, '--db', made.db, '--key', 'k'], { signals });
    await vi.waitFor(() => expect(signals.listenerCount('SIGINT')).toBe(1), 10_000);
    first.child.kill('SIGKILL');
    await first.ended;
    writeFileSync(join(made.folder, 'go'), '');
    const { exitCode, stderr } = await second;
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/ is waited for: .*\n(.*\n)*?.* goes on, with 0 of 1 task completed\.\n/);
    expect(made.log()).toEqual(['load', 'load']);
  });

  test('with --no-overlap run one job, and the others exit with 75', async () => {
    const made = project(WAITS);
    const all = threeOf(made, '--no-overlap');
    let ended = 0;
    for (const one of all) void one.then(() => ended++);
    await vi.waitFor(() => expect(ended).toBe(2), 30_000);
    writeFileSync(join(made.folder, 'go'), '');
    const ends = await Promise.all(all);
    expect(ends.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 75, 75]);
    for (const { exitCode, stderr } of ends)
      if (exitCode === 75) expect(stderr).toMatch(/^Not started .* runs it\.\n$/);
    expect(made.log()).toEqual(['load']);
    expect(await idsIn(made.db)).toHaveLength(1);
  });
});
