import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { defineJob } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { KILL_GRACE_MS } from '../../src/executors/process/process.ts';
import { buildCli, isRunning, start, workflowFile } from '../support/cli.ts';

// Ten programs at once on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

// The program as it is published, in a process of its own.
let program = '';
beforeAll(async () => {
  program = await buildCli();
}, 60_000);
afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

/** Jobs are not kept. */
const tintype = (command: string, ...args: string[]) =>
  start(process.execPath, [program, command, ...(command === 'run' ? ['--no-db'] : []), ...args]);

/** Prints the ids of a process, a child of it and a grandchild, which all sleep. */
const FAMILY = 'bash -c "sleep 60 & echo \\$\\$ \\$!; wait" & sleep 60 & wait';
/** The same, but it takes more than SIGTERM to end them. */
const STUBBORN = `trap "" TERM; ${FAMILY}; wait; sleep 60; sleep 60`;

const oneTask = (command: string): string =>
  workflowFile(`name: x\ntasks:\n  - name: task\n    type: bash\n    command: '${command}'\n`);

describe.concurrent('the program', () => {
  test('runs a workflow and answers with its exit code', async () => {
    const example = join(import.meta.dirname, '../fixtures/workflow/example.yaml');
    const completed = await tintype('run', example).ended;
    expect(completed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(completed.stdout).toContain('extract    | Extracting data...');
    expect(completed.stdout).toContain('transform  | transforming');
    expect((await tintype('run', oneTask('exit 5')).ended).exitCode).toBe(1);
    expect((await tintype('run', 'missing.yaml').ended).exitCode).toBe(2);
    expect((await tintype('rum').ended).exitCode).toBe(2);
  });

  test.skipIf(process.platform === 'win32')('reads a database that may only be read, in such a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tintype-read-only-'));
    const db = join(folder, 'jobs.db');
    const copies = mkdtempSync(join(tmpdir(), 'tintype-copy-'));
    chmodSync(copies, 0o777);
    const copy = join(copies, 'jobs.db');
    const journal = sqliteJournal(db);
    await defineJob('etl')
      .task('load', ({ log }) => log.info('100 rows'))
      .start({}, { journal, jobId: 'one' });
    await journal.close();
    for (const end of ['-wal', '-shm']) rmSync(db + end, { force: true });
    chmodSync(db, 0o444);
    chmodSync(folder, 0o555);
    // Root may write everywhere.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [program, ...args, '--db', db], { ...uid, encoding: 'utf8' });
    const reading = [
      ['jobs'],
      ['jobs', '--json'],
      ['show', 'one'],
      ['logs', 'one'],
      ['export', 'one'],
      ['db', 'check'],
      ['graph', '--job', 'one'],
      ['prune', '--older-than', '1ms', '--dry-run'],
      ['db', 'backup', copy],
    ];
    for (const args of reading) {
      const { status, stdout, stderr } = run(...args);
      expect([status, stderr], args.join(' ')).toEqual([0, '']);
      expect(stdout, args.join(' ')).toMatch(
        { logs: /100 rows/, db: /is sound: 1 job|Copied/, graph: /load {2}completed/ }[`${args[0]}`] ?? /one/,
      );
    }
    const { status, stderr } = run('prune', '--older-than', '1ms');
    expect([status, stderr]).toEqual([1, expect.stringContaining('JOURNAL_READ_ONLY')]);
    expect(readdirSync(folder)).toEqual(['jobs.db']);
    chmodSync(db, 0o600);
    chmodSync(folder, 0o700);
    if (process.getuid?.() === 0) {
      expect(run('jobs')).toMatchObject({ status: 2, stderr: expect.stringContaining('may not open its folder') });
      chmodSync(folder, 0o755);
      const { status, stderr } = run('jobs');
      expect([status, stderr]).toEqual([1, expect.stringContaining(`this user may not read ${db}.`)]);
    }
    for (const made of [folder, copies]) rmSync(made, { recursive: true });
  });

  test('reads a workflow from a pipe', async () => {
    const text = '{"name": "x", "tasks": [{"name": "a", "type": "bash", "command": "pwd"}]}';
    const { exitCode, stdout } = await start('bash', [
      '-c',
      `"$0" "$1" run --no-db <(echo '${text}')`,
      process.execPath,
      program,
    ]).ended;
    expect(stdout).toContain(`a  | ${process.cwd()}`);
    expect(exitCode).toBe(0);
  });
});

test.concurrent.for([
  ['run', '--no-db', '--json'],
  ['validate'],
  ['graph'],
  ['schema'],
  ['--help'],
])('output that can not be written is told by %o', async ([command = '', ...options]) => {
  if (!existsSync('/dev/full')) return;
  const file = ['schema', '--help'].includes(command) ? [] : [oneTask('true')];
  const args = [process.execPath, program, command, ...file, ...options];
  const { exitCode, stderr } = await start('bash', ['-c', '"$@" > /dev/full', '-', ...args]).ended;
  expect(exitCode).toBe(1);
  expect(stderr).toContain("The output can't be written: ENOSPC");
});

describe.concurrent('a signal', () => {
  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s cancels the job and ends all of its processes', async ([signal, exitCode]) => {
    const { child, line, ended } = tintype('run', oneTask(FAMILY));
    const pids = (await line(/\| (\d+) (\d+)/)).slice(1).map(Number);
    expect(pids.map(isRunning)).toEqual([true, true]);
    child.kill(signal);
    const end = await ended;
    expect(pids.map(isRunning)).toEqual([false, false]);
    expect(end.exitCode).toBe(exitCode);
    expect(end.stderr).toContain(`${signal}: cancelled`);
    expect(end.stdout).toMatch(/^task +cancelled/m);
    expect(end.stdout).toMatch(/^x cancelled in .*: 1 cancelled$/m);
  });

  test('leaves nothing behind that ignores it', async () => {
    const { child, line, ended } = tintype('run', oneTask(STUBBORN));
    const pids = (await line(/\| (\d+) (\d+)/)).slice(1).map(Number);
    child.kill('SIGTERM');
    expect((await ended).exitCode).toBe(143);
    expect(pids.map(isRunning)).toEqual([false, false]);
  });
});

test.concurrent.for([
  ['ends', 'echo started', []],
  ['fails', 'echo started; exit 1', []],
  ['is interrupted', 'echo started; sleep 60', ['SIGINT']],
  ['is interrupted by somebody without patience', `echo started; ${STUBBORN}`, ['SIGINT', 'SIGINT', 'SIGINT']],
] as const)('no temporary file stays behind when it %s', async ([, command, signals], { expect }) => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
  const { child, line, ended } = start('env', [
    `TMPDIR=${folder}`,
    process.execPath,
    program,
    'run',
    '--no-db',
    oneTask(command),
  ]);
  await line(/\| started/);
  if (signals.length > 0) expect(readdirSync(folder)).toHaveLength(1);
  for (const signal of signals) {
    // Signals that come together are heard as one: each is answered on stderr, or by the end.
    const heard = new Promise((resolve) => child.stderr?.once('data', resolve));
    child.kill(signal);
    await Promise.race([heard, ended]);
  }
  await ended;
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test.concurrent('a timeout ends children and grandchildren before the program does', async () => {
  const file = workflowFile(`
name: x
tasks:
  - { name: task, type: bash, command: '${STUBBORN.replaceAll("'", "''")}', timeout: 3s }
`);
  const { line, ended } = tintype('run', file);
  const pids = (await line(/\| (\d+) (\d+)/)).slice(1).map(Number);
  expect((await ended).exitCode).toBe(1);
  expect(pids.map(isRunning)).toEqual([false, false]);
});

test.concurrent('a command that timed out last may still clean up', async () => {
  const command = 'trap "sleep 0.3; touch cleaned; exit" TERM; sleep 60 & wait';
  const file = workflowFile(`name: x\ntasks: [{name: a, type: bash, timeout: 3s, command: '${command}'}]`);
  expect((await tintype('run', file).ended).exitCode).toBe(1);
  expect(existsSync(join(dirname(file), 'cleaned'))).toBe(true);
});

test.concurrent('processes end with the program, whatever ends that', async () => {
  const script = `
    const { bash } = await import(${JSON.stringify(join(dirname(program), '../executors/process/bash.js'))});
    const log = { info: (line) => console.log('| ' + line), warn() {} };
    process.on('SIGUSR2', () => { throw new Error('a bug'); });
    await bash(${JSON.stringify(STUBBORN)})({ signal: new AbortController().signal, log });`;
  const { child, line, ended } = start(process.execPath, ['--input-type=module', '-e', script]);
  const pids = (await line(/\| (\d+) (\d+)/)).slice(1).map(Number);
  child.kill('SIGUSR2');
  expect((await ended).stderr).toContain('a bug');
  await expect.poll(() => pids.map(isRunning)).toEqual([false, false]);
});

test.concurrent('when its reader has enough it ends quietly, and its processes with it', async () => {
  const command = `echo $$; sleep 0.1; yes`;
  const line = `"$0" "$1" run --no-db "$2" | head -n 2; echo "\${PIPESTATUS[0]}"`;
  const end = await start('bash', ['-c', line, process.execPath, program, oneTask(command)]).ended;
  const pid = Number(/\| (\d+)/.exec(end.stdout)?.[1]);
  expect(isRunning(pid)).toBe(false);
  expect(end.stderr).toBe('');
  expect(end.stdout.trimEnd().split('\n').at(-1)).toBe('141');
});

test.concurrent('a full disk ends it with an error', async () => {
  const end = await start('bash', [
    '-c',
    '"$0" "$1" run --no-db "$2" > /dev/full',
    process.execPath,
    program,
    oneTask('sleep 60'),
  ]).ended;
  expect(end.stderr).toContain("The output can't be written: ENOSPC");
  expect(end.exitCode).toBe(1);
});

test.concurrent('100 MB of output, read slowly, stay out of the memory', async () => {
  const print = `head -c 100000000 /dev/zero | tr "\\\\0" x | fold -w 999`;
  const file = workflowFile(`name: x\ntasks:\n  - {name: a, type: bash, command: "${print.replaceAll('"', '\\"')}"}\n`);
  // The largest resident set is what Node.js counts itself.
  const report = `process.on("exit", () => console.error(process.resourceUsage().maxRSS))`;
  const command = `"$0" --import 'data:text/javascript,${report}' "$1" run --no-db "$2" | (sleep 0.5; tail -n 1)`;
  const end = await start('bash', ['-c', command, process.execPath, program, file]).ended;
  expect(end.stdout).toMatch(/^x completed in .*: 1 completed\n$/);
  expect(Number(end.stderr)).toBeLessThan(250 * 1024);
});

test('a second signal kills what does not end', async () => {
  const { child, line, ended } = tintype('run', oneTask(STUBBORN));
  const pids = (await line(/\| (\d+) (\d+)/)).slice(1).map(Number);
  let asked = 0;
  child.stderr?.once('data', () => {
    asked = performance.now();
    child.kill('SIGINT');
  });
  child.kill('SIGINT');
  const end = await ended;
  expect(performance.now() - asked).toBeLessThan(KILL_GRACE_MS - 100);
  expect(end.exitCode).toBe(130);
  expect(pids.map(isRunning)).toEqual([false, false]);
});

test('a second signal kills a handler that runs, and that is what the error says', async () => {
  const sleeping = (name: string) => `{ name: ${name}, type: bash, command: "echo ${name} is up; sleep 60" }`;
  const file = workflowFile(`name: x\ntasks: [${sleeping('task')}]\nhandlers: { always: [${sleeping('bye')}] }\n`);
  const { child, line, ended } = tintype('run', file);
  await line(/task is up/);
  child.kill('SIGINT');
  await line(/bye is up/);
  child.kill('SIGINT');
  const { exitCode, stderr } = await ended;
  expect(exitCode).toBe(130);
  expect(stderr).toContain('was ended by SIGKILL. A second signal to tintype killed all that ran. (PROCESS_FAILED)');
});
