import { existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { defineJob, type JobEvent, memoryJournal } from '../../../src/index.ts';
import type { ChromeTrace } from '../../../src/telemetry/chrome-trace.ts';
import { tintype } from '../../support/cli.ts';
import { served } from '../../support/served.ts';
import { CHECKED, interrupted, project } from '../../support/stored-jobs.ts';

let db: string;
let folder: string;

beforeEach(async () => {
  const { file, ...place } = project(CHECKED);
  ({ db, folder } = place);
  await tintype(['run', file, '--db', db]);
});

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

describe('tintype show --trace', () => {
  test("writes Chrome's format to a file of its owner alone, with arrows along the critical path", async () => {
    const file = join(folder, 'trace.json');
    const { exitCode, stdout } = await tintype(['show', 'last', '--trace', file, '--db', db]);
    expect([exitCode, stdout.split('\n').at(-2)]).toEqual([0, `Its trace is in ${file}.`]);
    expect(stdout).toContain('nightly');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { traceEvents } = read(file) as ChromeTrace;
    const attempts = traceEvents.filter(({ cat }) => cat === 'attempt').map(({ name, args }) => [name, args?.outcome]);
    expect(attempts.sort()).toEqual([
      ['check', 'failed'],
      ['extract', 'completed'],
      ['side', 'completed'],
    ]);
    expect(traceEvents.filter(({ ph }) => ph === 's')).toHaveLength(1);
  });

  test('--trace-format json has the transitions, without outputs and stacks', async () => {
    const { stdout, exitCode } = await tintype(['show', 'last', '--trace', '-', '--trace-format', 'json', '--db', db]);
    const events = JSON.parse(stdout) as JobEvent[];
    expect(exitCode).toBe(0);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['job.transition', 'task.transition']));
    const failed = events.filter((event) => event.type === 'task.transition' && event.to === 'failed');
    expect(failed).toMatchObject([{ task: 'check', reason: 'error', error: { code: 'TASK_FAILED' } }]);
    expect(stdout).not.toMatch(/"(output|stack)"/);
  });

  test('- prints the trace alone', async () => {
    const { stdout } = await tintype(['show', 'last', '--trace', '-', '--db', db]);
    expect((JSON.parse(stdout) as ChromeTrace).displayTimeUnit).toBe('ms');
    expect(await tintype(['show', 'last', '--trace', '-', '--graph', '--db', db])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: 'error: The trace goes to stdout, so nothing else can: leave out --json and --graph, or name a file.\n',
    });
  });

  test('with --json, the file is written, and stdout has JSON alone', async () => {
    const file = join(folder, 'beside.json');
    const { stdout } = await tintype(['show', 'last', '--json', '--trace', file, '--db', db]);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'nightly' });
    expect(read(file)).toHaveProperty('traceEvents');
  });

  test('replaces a file once the trace is complete, and leaves nothing beside it', async () => {
    const file = join(folder, 'again.json');
    writeFileSync(file, 'before');
    await tintype(['show', 'last', '--trace', file, '--db', db]);
    expect(read(file)).toHaveProperty('traceEvents');
    expect(readdirSync(dirname(file)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('writes to a device as it is, and to the file behind a link', async () => {
    const [link, file] = [join(folder, 'link.json'), join(folder, 'target.json')];
    writeFileSync(file, 'before');
    symlinkSync(file, link);
    await tintype(['show', 'last', '--trace', link, '--db', db]);
    expect([lstatSync(link).isSymbolicLink(), read(file)]).toEqual([true, read(link)]);
    expect(read(file)).toHaveProperty('traceEvents');
    expect((await tintype(['show', 'last', '--trace', '/dev/null', '--db', db])).exitCode).toBe(0);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test('a file that can not be written is an error, and the database is not overwritten', async () => {
    const nowhere = join(folder, 'no', 'trace.json');
    expect(await tintype(['show', 'last', '--trace', nowhere, '--db', db])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(`error: The trace can't be written to ${nowhere}: ENOENT`),
    });
    expect(existsSync(nowhere)).toBe(false);
    const wal = await tintype(['show', 'last', '--trace', db, '--db', db]);
    expect(wal).toMatchObject({ exitCode: 2, stderr: `error: ${db} is the database itself. Name another file.\n` });
    expect((await tintype(['show', 'last', '--trace', folder, '--db', db])).exitCode).toBe(2);
    expect((await tintype(['show', 'last', '--db', db])).exitCode).toBe(0);
  });

  test('of an interrupted job, what ran lasts until the last that is known of it', async () => {
    const { file, db } = project(CHECKED);
    await interrupted(file, db, 3);
    const { stdout } = await tintype(['show', 'last', '--trace', '-', '--db', db]);
    const { traceEvents } = JSON.parse(stdout) as ChromeTrace;
    const job = traceEvents.find(({ cat }) => cat === 'job');
    expect(job?.args).toMatchObject({ state: 'running' });
    expect(job?.dur).toBeLessThan(60_000_000);
  });

  test('asks a server for the same file', async () => {
    const journal = memoryJournal();
    const { url, server, close } = await served({ journal });
    onTestFinished(close);
    await server.engine.start(
      defineJob('one')
        .task('a', () => ({ secret: 1 }))
        .seal(),
      {},
      { jobId: 'j1' },
    );
    const { stdout, exitCode } = await tintype(['--server', url, 'show', 'j1', '--trace', '-']);
    expect(exitCode).toBe(0);
    expect((JSON.parse(stdout) as ChromeTrace).traceEvents.filter(({ ph }) => ph === 'X')).toHaveLength(2);
    const json = await tintype(['--server', url, 'show', 'j1', '--trace', '-', '--trace-format', 'json']);
    expect((JSON.parse(json.stdout) as JobEvent[]).at(-1)).toMatchObject({ type: 'job.transition', to: 'completed' });
    const answer = await fetch(`${url}/api/v1/jobs/j1/trace`);
    expect([answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      'application/json; charset=utf-8',
      'attachment; filename="j1.trace.json"',
    ]);
    expect(await answer.text()).toBe(stdout);
    const head = await fetch(`${url}/api/v1/jobs/j1/trace?format=json`, { method: 'HEAD' });
    expect([head.headers.get('content-disposition'), await head.text()]).toEqual([
      'attachment; filename="j1.transitions.json"',
      '',
    ]);
    expect(await (await fetch(`${url}/api/v1/jobs/j2/trace`)).json()).toMatchObject({ code: 'JOB_NOT_FOUND' });
    expect((await fetch(`${url}/api/v1/jobs/j1/trace?format=svg`)).status).toBe(400);
  });
});
