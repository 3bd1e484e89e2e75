import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildCli, isRunning, start, workflowFile } from '../support/cli.ts';

// Real processes on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

let program = '';
beforeAll(async () => {
  program = await buildCli();
}, 60_000);
afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

/** A command that SIGTERM does not end, with a child and a grandchild; prints the ids of all. */
const FAMILY = `trap "" TERM; bash -c "trap '' TERM; sleep 60 & echo \\$PPID \\$\\$ \\$!; wait" & wait; sleep 60`;

const yaml = (tasks: string): string => workflowFile(`name: x\ntasks:\n${tasks}`);

const family = (type = 'bash'): string =>
  yaml(`  - name: task\n    type: ${type}\n    command: ${JSON.stringify(FAMILY)}\n`);

/** Runs a file with a temporary folder of its own, as leader of a process group. */
const tintype = (folder: string, ...args: string[]) =>
  start('setsid', ['env', `TMPDIR=${folder}`, process.execPath, program, ...args]);

/** The processes that have this folder as their TMPDIR: a tintype and its commands, but no watcher. */
const processesOf = (folder: string): readonly number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const env = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0');
      return env.includes(`TMPDIR=${folder}`) && isRunning(Number(name)) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });

const watchersOf = (parent: number): readonly number[] =>
  readdirSync('/proc').flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const ofParent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      return ofParent && command.includes('tintype-lifeline') ? [Number(name)] : [];
    } catch {
      return [];
    }
  });

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tintype-'));

const idsIn = (match: RegExpMatchArray): readonly number[] => match.slice(1).map(Number);

describe.runIf(process.platform === 'linux').concurrent('when the program is killed by SIGKILL', () => {
  test.for([
    ['itself', 1],
    ['with its process group', -1],
  ] as const)('%s, what its commands started ends, and their files go', async ([, sign], { expect }) => {
    const folder = newFolder();
    const { child, line } = tintype(folder, 'run', '--no-db', family());
    const ids = idsIn(await line(/\| (\d+) (\d+) (\d+)/));
    expect(ids.map(isRunning)).toEqual([true, true, true]);
    process.kill(sign * (child.pid as number), 'SIGKILL');
    await vi.waitFor(() => expect(ids.map(isRunning)).toEqual([false, false, false]), 10_000);
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]), 10_000);
  });

  test('at whatever moment, nothing of it runs on', async ({ expect }) => {
    const folder = newFolder();
    const tasks = Array.from({ length: 60 }, (_, i) => `  - { name: t${i}, type: bash, command: sleep 60 }\n`);
    const file = yaml(tasks.join(''));
    for (let round = 0; round < 8; round++) {
      const { child, line, ended } = tintype(folder, 'run', '--no-db', '-w', '60', file);
      await line(/running/);
      await sleep(13 * round);
      process.kill(child.pid as number, 'SIGKILL');
      await ended.catch(() => {});
    }
    await vi.waitFor(() => expect(processesOf(folder)).toEqual([]), 10_000);
  });

  test('while it starts many commands, those that have started end', async ({ expect }) => {
    const folder = newFolder();
    const up = join(folder, 'up');
    const items = Array.from({ length: 40 }, (_, index) => index).join();
    const command = `touch ${up}; exec sleep 60`;
    const file = yaml(`  - { name: m, type: bash, map: { over: [${items}] }, command: ${JSON.stringify(command)} }\n`);
    for (let round = 0; round < 4; round++) {
      const { child, ended } = tintype(folder, 'run', '--no-db', '-w', '40', file);
      await vi.waitFor(() => expect(existsSync(up)).toBe(true), { timeout: 10_000, interval: 2 });
      process.kill(child.pid as number, 'SIGKILL');
      await ended.catch(() => {});
      await vi.waitFor(() => expect(processesOf(folder)).toEqual([]), 10_000);
      rmSync(up);
    }
  });

  test('its watcher may have been killed before', async ({ expect }) => {
    const folder = newFolder();
    const file = yaml(
      `  - { name: long, type: bash, command: echo $$; sleep 60 }\n  - { name: a, type: bash, command: "until [ -e ${folder}/go ]; do sleep 0.05; done; echo gone" }\n  - { name: b, type: bash, dependencies: [a], command: "echo b: $$; sleep 60" }\n`,
    );
    const { child, line } = tintype(folder, 'run', '--no-db', file);
    const long = idsIn(await line(/long +\| (\d+)/));
    const [watcher] = watchersOf(child.pid as number);
    process.kill(watcher as number, 'SIGKILL');
    await vi.waitFor(() => expect(isRunning(watcher as number)).toBe(false));
    spawn('touch', [join(folder, 'go')]);
    const b = idsIn(await line(/b: (\d+)/));
    process.kill(child.pid as number, 'SIGKILL');
    await vi.waitFor(() => expect([...long, ...b].map(isRunning)).toEqual([false, false]), 10_000);
  });

  test('its job can be resumed: no command runs beside the one that was left', async ({ expect }) => {
    const folder = newFolder();
    const db = join(folder, 'jobs.db');
    const marks = join(folder, 'marks');
    const file = yaml(
      `  - { name: a, type: bash, command: "echo up; for i in 1 2 3 4 5 6; do echo $TINTYPE_ATTEMPT >> ${marks}; sleep 0.2; done" }\n`,
    );
    const { child, line } = tintype(folder, 'run', '--db', db, file);
    await line(/\| up/);
    process.kill(child.pid as number, 'SIGKILL');
    const resumed = await tintype(folder, 'resume', 'last', '--db', db).ended;
    expect(resumed.exitCode).toBe(0);
    const attempts = readFileSync(marks, 'utf8').trim().split('\n');
    expect(attempts.filter((attempt) => attempt === '2')).toHaveLength(6);
    expect(attempts.lastIndexOf('1')).toBeLessThan(attempts.indexOf('2'));
  });

  test('an application in a cluster runs on, until its job is resumed', async ({ expect }) => {
    const folder = newFolder();
    const [db, cluster] = [join(folder, 'jobs.db'), join(folder, 'cluster')];
    mkdirSync(cluster);
    const env = JSON.stringify({
      PATH: `${join(import.meta.dirname, '../fixtures/spark')}:${process.env.PATH}`,
      SPARK_HOME: '',
      SPARK_STAND_IN: cluster,
    });
    const application = `\${{ task.attempt == 1 ? "endless" : "pi" }}.jar`;
    const file = yaml(
      `  - { name: pi, type: spark, master: yarn, deploy_mode: cluster, application: '${application}', env: ${env} }\n`,
    );
    const stateOf = (number: number): string =>
      readFileSync(join(cluster, `application_1764490502000_000${number}`), 'utf8').trim();
    const { child, line } = tintype(folder, 'run', '--db', db, file);
    await line(/state: RUNNING/);
    await sleep(500);
    process.kill(child.pid as number, 'SIGKILL');
    await vi.waitFor(() => expect(processesOf(folder)).toEqual([]), 10_000);
    expect(stateOf(1)).toBe('RUNNING');
    const resumed = await tintype(folder, 'resume', 'last', '--db', db).ended;
    expect(resumed.exitCode).toBe(0);
    expect([1, 2].map(stateOf)).toEqual(['KILLED', 'FINISHED']);
  });

  test('a daemon that left the group lives on', async ({ expect }) => {
    const folder = newFolder();
    const { child, line } = tintype(
      folder,
      'run',
      '--no-db',
      yaml('  - { name: a, type: bash, command: "setsid sleep 60 & sleep 0.3; echo $$ $!; sleep 60" }\n'),
    );
    const [command, daemon] = idsIn(await line(/\| (\d+) (\d+)/)) as [number, number];
    process.kill(child.pid as number, 'SIGKILL');
    await vi.waitFor(() => expect(isRunning(command)).toBe(false), 10_000);
    expect(isRunning(daemon)).toBe(true);
    process.kill(daemon, 'SIGKILL');
  });
});

test.runIf(process.platform === 'linux')('a program that ends by itself leaves no watcher', async () => {
  const folder = newFolder();
  const { child, line, ended } = tintype(
    folder,
    'run',
    '--no-db',
    yaml('  - { name: a, type: bash, command: echo up; sleep 0.5 }\n'),
  );
  await line(/\| up/);
  const watchers = watchersOf(child.pid as number);
  expect(watchers).toHaveLength(1);
  expect((await ended).exitCode).toBe(0);
  await vi.waitFor(() => expect(watchers.map(isRunning)).toEqual([false]), 10_000);
});
