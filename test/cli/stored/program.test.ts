import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildCli, type Captured, start } from '../../support/cli.ts';
import { CHECKED, HANGS, project } from '../../support/stored-jobs.ts';
import { openTerminal } from '../../support/terminal.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('the program', () => {
  let program = '';
  beforeAll(async () => {
    program = await buildCli();
  }, 60_000);
  afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

  /** Runs in a folder, as a process of its own. */
  const at =
    (folder: string) =>
    (...args: string[]) =>
      start('bash', ['-c', 'cd "$0" && exec "$@"', folder, process.execPath, program, ...args]);

  /** `load` tells its process and waits for somebody to write to the fifo. */
  const WAITING = `
name: nightly
tasks:
  - { name: extract, type: bash, command: 'echo extract >> log; echo 3', output: text }
  - { name: load, type: bash, dependencies: [extract], command: 'echo load >> log; echo "waiting $$"; cat fifo' }
  - { name: report, type: bash, dependencies: [load], command: 'echo "report $X" >> log', env: { X: "\${{ ctx.extract }}" } }
handlers:
  always:
    - { name: tidy, type: bash, command: 'echo tidy >> log' }
`;
  const waitingProject = () => {
    const made = project(WAITING);
    execFileSync('mkfifo', [join(made.folder, 'fifo')]);
    return { ...made, fifo: join(made.folder, 'fifo'), run: at(made.folder) };
  };

  /** Kills the program, then what it could not take with it. */
  const kill = async ({ child, line, ended }: ReturnType<typeof start>): Promise<Captured> => {
    const pid = Number((await line(/\| waiting (\d+)/))[1]);
    child.kill('SIGKILL');
    const end = await ended;
    expect(end.signal).toBe('SIGKILL');
    process.kill(-pid, 'SIGKILL');
    return end;
  };

  test('keeps its jobs in .tintype/jobs.db of the working directory, or nothing', async () => {
    const { folder } = project(CHECKED);
    const run = at(folder);
    const unkept = await run('run', 'flow.yaml', '--no-db').ended;
    expect(unkept.stderr).toContain('  tintype run flow.yaml --only extract,check+\n');
    expect(unkept.stderr).not.toMatch(/resume|retry/);
    expect(existsSync(join(folder, '.tintype'))).toBe(false);
    const { stderr } = await run('run', 'flow.yaml').ended;
    expect(stderr).toMatch(/To try again what failed:\n {2}tintype retry [\da-f]{8}\n$/);
    expect(existsSync(join(folder, '.tintype/jobs.db'))).toBe(true);
  });

  test('runs without a database that nobody named and that can not be made', async () => {
    const { folder } = project(CHECKED);
    writeFileSync(join(folder, '.tintype'), 'a file');
    writeFileSync(join(folder, 'ok'), '');
    const { exitCode, stderr } = await at(folder)('run', 'flow.yaml').ended;
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: The job is not kept, and can't be resumed: .*\n$/);
  });

  test('does not pass over a database that it can not use', async () => {
    const { folder, log } = project(CHECKED);
    mkdirSync(join(folder, '.tintype'));
    writeFileSync(join(folder, '.tintype/jobs.db'), 'no database at all');
    for (const args of [[], ['--db', '.tintype/jobs.db'], ['--db', join(folder, 'flow.yaml', 'jobs.db')]]) {
      const { exitCode, stdout, stderr } = await at(folder)('run', 'flow.yaml', ...args).ended;
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^error: The job can't be kept in .*\nTo run without keeping it: --no-db\n$/);
    }
    expect(log()).toEqual([]);
  });

  test('killed, goes on with the command that it printed', async () => {
    const { run, log, fifo } = waitingProject();
    const { stderr } = await kill(run('run', 'flow.yaml'));
    const command = /^Should this be killed, it goes on with: tintype (resume [\da-f]{8})$/m.exec(stderr)?.[1] ?? '';
    const listed = await run('jobs').ended;
    expect(listed.stdout).toMatch(/ interrupted .* 1\/4$/m);
    const resumed = run(...command.split(' '));
    await resumed.line(/\| waiting/);
    await writeFile(fifo, '');
    const end = await resumed.ended;
    expect(end.exitCode).toBe(0);
    expect(end.stderr).toContain('goes on, with 1 of 4 tasks completed.');
    expect(end.stdout).toMatch(/ load {5}retrying: interrupted$/m);
    expect(end.stdout).toMatch(/^nightly completed in .*: 4 completed$/m);
    expect(log()).toEqual(['extract', 'load', 'load', 'report 3', 'tidy']);
    expect((await run('resume', 'last').ended).exitCode).toBe(0);
  });

  test('killed, keeps to what a retry was told by the command that it printed', async () => {
    const { run, fifo } = waitingProject();
    expect((await run('run', 'flow.yaml', '--timeout', '300ms').ended).exitCode).toBe(124);
    const { stderr } = await kill(run('retry', 'last', '--timeout', '1h', '-w', '1'));
    const command = /^Should this be killed, it goes on with: tintype (resume .*)$/m.exec(stderr)?.[1] ?? '';
    const resumed = run(...command.split(' '));
    await resumed.line(/\| waiting/);
    await writeFile(fifo, '');
    expect((await resumed.ended).exitCode).toBe(0);
  });

  test('killed, is cancelled by another, with its clean-up', async () => {
    const { run, log } = waitingProject();
    await kill(run('run', 'flow.yaml'));
    const { exitCode, stdout, stderr } = await run('cancel', 'last').ended;
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain('Asked process');
    expect(stdout).toMatch(/^nightly cancelled in /m);
    expect(log()).toEqual(['extract', 'load', 'tidy']);
    expect((await run('resume', 'last').ended).exitCode).toBe(130);
  });

  test('is cancelled from another process, which waits for its end', async () => {
    const { run, log } = waitingProject();
    const job = run('run', 'flow.yaml');
    await job.line(/\| waiting/);
    const { exitCode, stdout, stderr } = await run('cancel', 'last', '--reason', 'wrong day').ended;
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`Asked process ${job.child.pid} on `);
    expect(stdout).toMatch(/is over: it was cancelled\./);
    const end = await job.ended;
    expect(end.exitCode).toBe(130);
    expect(end.stderr).toContain('Job "nightly" was cancelled: wrong day');
    expect(log()).toEqual(['extract', 'load', 'tidy']);
  });

  test('interrupted by Ctrl-C has cancelled the job, which can be tried again', async () => {
    const { run } = waitingProject();
    const job = run('run', 'flow.yaml');
    await job.line(/\| waiting/);
    job.child.kill('SIGINT');
    const { exitCode, stderr } = await job.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/To try again what did not complete:\n {2}tintype retry [\da-f]{8}\n$/);
    expect(stderr).not.toContain('was cancelled');
    expect((await run('resume', 'last').ended).exitCode).toBe(130);
  });

  test('leaves what is typed on a terminal where it is, and no row behind it', async () => {
    const { file, folder } = project(`
name: x
tasks:
  - { name: tick, type: bash, ${HANGS} }
  - { name: approve, type: external }
`);
    const terminal = openTerminal(process.execPath, [program, 'run', '--no-db', file], {
      columns: 80,
      rows: 24,
      env: { NO_COLOR: '1' },
    });
    await terminal.until(/^• approve .*waiting for somebody outside$[\s\S]* 0\/2 /m);
    terminal.send('nob');
    const elapsed = (screen: string): number => Number(/(\d+\.\d)s elapsed\s*nob\s*$/.exec(screen)?.[1] ?? Number.NaN);
    await terminal.until((screen) => elapsed(screen) >= 0);
    const before = elapsed(terminal.screen().join('\n'));
    await terminal.until((screen) => elapsed(screen) > before + 0.2);
    terminal.send('ody\r');
    await terminal.until(/^"nobody" names no external task\. [\s\S]*^• tick/m);
    terminal.send('approve\r');
    await terminal.until(/ 1\/2 /);
    expect(terminal.text().match(/^• tick/gm)).toHaveLength(1);
    writeFileSync(join(folder, 'go'), '');
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.text()).not.toMatch(/[•━─]/);
    // Its lines break between words.
    expect(terminal.text()).toMatch(/^approve waits\. Type "approve" to complete it, .*\n {2}\S.*\.$/m);
  });

  test('shows on a terminal what was done before', async () => {
    const { run, folder, fifo } = waitingProject();
    await kill(run('run', 'flow.yaml'));
    const terminal = openTerminal(process.execPath, [program, 'resume', 'last'], {
      columns: 90,
      rows: 20,
      cwd: folder,
    });
    onTestFinished(() => {
      try {
        terminal.kill('SIGTERM');
      } catch {}
    });
    await terminal.until((screen) => /^• load .*waiting \d+$/m.test(screen) && /━ +─*|1\/4/.test(screen));
    expect(terminal.screen().join('\n')).toMatch(/ 1\/4 /);
    await writeFile(fifo, '');
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.text()).toMatch(/^nightly completed in .*: 4 completed$/m);
  });
});
