import { EventEmitter } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { JobEvent } from '../../../src/events/event.ts';
import { isRunning, tintype } from '../../support/cli.ts';
import { project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

/** `load` fails while there is a file `fail`, and otherwise waits for a file `go`. */
const WAITING = `
name: nightly
tasks:
  - { name: extract, type: bash, command: 'echo 3', output: text }
  - { name: load, type: bash, dependencies: [extract], command: 'test ! -e fail; TRAP; echo "load $$" >> log; until [ -e go ]; do sleep 0.01; done' }
  - { name: report, type: bash, dependencies: [load], command: 'echo "report $X" >> log', env: { X: "\${{ ctx.extract }}" } }
handlers:
  always:
    - { name: tidy, type: bash, command: 'echo tidy >> log' }
`;

const waiting = (trap = 'true') => {
  const { folder, file, db, log } = project(WAITING.replace('TRAP', trap));
  /** Starts a command, and sends it signals as soon as `load` runs. */
  const signalled = async (argv: readonly string[], ...sent: readonly NodeJS.Signals[]) => {
    rmSync(join(folder, 'log'), { force: true });
    const signals = new EventEmitter();
    const command = tintype(argv.includes('--no-db') ? argv : [...argv, '--db', db], { signals });
    await vi.waitFor(() => expect(log()).toEqual([expect.stringMatching(/^load \d+$/)]), 20_000);
    const pid = Number(log()[0]?.slice(5));
    for (const signal of sent) signals.emit(signal, signal);
    const ended = await command;
    return { ...ended, pid, log: log() };
  };
  const fail = async (): Promise<void> => {
    writeFileSync(join(folder, 'fail'), '');
    expect((await tintype(['run', file, '--db', db])).exitCode).toBe(1);
    rmSync(join(folder, 'fail'));
  };
  const resumed = async (args: readonly string[] = ['last']) => {
    writeFileSync(join(folder, 'go'), '');
    const { exitCode } = await tintype(['resume', ...args, '--db', db]);
    return { exitCode, log: log().slice(1) };
  };
  return { folder, file, db, signalled, fail, resumed };
};

describe('SIGTERM leaves a job to be resumed', () => {
  const commands: Readonly<Record<string, (made: ReturnType<typeof waiting>) => Promise<readonly string[]>>> = {
    run: async ({ file }) => ['run', file],
    resume: async ({ file, signalled }) => {
      await signalled(['run', file], 'SIGTERM');
      return ['resume', 'last'];
    },
    retry: async ({ fail }) => {
      await fail();
      return ['retry', 'last'];
    },
    rerun: async ({ fail }) => {
      await fail();
      return ['rerun', 'last'];
    },
  };

  test.for(Object.keys(commands))('of %s, its commands ended, and says how it goes on', async (command) => {
    const made = waiting();
    const argv = (await commands[command]?.(made)) ?? [];
    const { exitCode, stdout, stderr, pid, log } = await made.signalled(argv, 'SIGTERM');
    expect(exitCode).toBe(75);
    expect(isRunning(pid)).toBe(false);
    expect(log).toEqual([`load ${pid}`]);
    expect(stderr).toContain('SIGTERM: left to be resumed, waiting for running tasks to end. Once more kills them.\n');
    const told = /\n([\da-f]{8}) \(nightly\) is left, with 1 of 4 tasks completed\. It goes on with:\n {2}(.*)\n$/.exec(
      stderr,
    );
    expect(told?.[2]).toBe(`tintype resume ${told?.[1]} --db ${made.db}`);
    expect(stdout).not.toMatch(/cancelled/);
    const listed = await tintype(['jobs', '--db', made.db, '--limit', '1']);
    expect(listed.stdout).toContain(` interrupted `);
    expect(await made.resumed()).toEqual({ exitCode: 0, log: [expect.stringMatching(/^load/), 'report 3', 'tidy'] });
  });

  test('as nothing but what happened to it: in the result, and in the file of events', async () => {
    const { folder, file, signalled, resumed } = waiting();
    const events = join(folder, 'events');
    const { stdout } = await signalled(['run', file, '--json', '--events', events], 'SIGTERM');
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'interrupted',
      exitCode: 75,
      tasks: {
        extract: { state: 'completed' },
        load: { state: 'running', attempts: 1 },
        report: { state: 'unscheduled' },
        tidy: { state: 'unscheduled' },
      },
    });
    expect(JSON.parse(stdout).error).toBe(undefined);
    const statesIn = (): readonly string[] =>
      readFileSync(events, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as JobEvent)
        .flatMap((event) => (event.type === 'task.transition' && event.task === 'load' ? [event.to] : []));
    expect(statesIn()).toEqual(['ready', 'running']);
    await resumed(['last', '--events', events]);
    expect(statesIn()).toEqual(['ready', 'running', 'retrying', 'ready', 'running', 'completed']);
  });

  test('and a second signal kills what does not end', async () => {
    const { file, signalled, resumed } = waiting('trap "" TERM');
    const { exitCode, stderr, pid } = await signalled(['run', file, '--grace', '1h'], 'SIGTERM', 'SIGINT');
    expect(exitCode).toBe(75);
    expect(stderr).toContain('SIGINT: killed what was running.');
    expect(isRunning(pid)).toBe(false);
    expect(await resumed()).toMatchObject({ exitCode: 0 });
  });

  test('by a command that says again what signals do', async () => {
    const { file, signalled } = waiting();
    const { stderr } = await signalled(['run', file, '--on-signal', 'leave'], 'SIGINT');
    expect(stderr).toMatch(/ {2}tintype resume [\da-f]{8} --on-signal leave --db .*\n$/);
  });
});

describe('--on-signal', () => {
  test.for([
    ['SIGINT', [], 130],
    ['SIGHUP', [], 129],
    ['SIGINT', ['--on-signal', 'leave'], 75],
    ['SIGHUP', ['--on-signal', 'leave'], 75],
    ['SIGTERM', ['--on-signal', 'leave'], 75],
    ['SIGTERM', ['--on-signal', 'cancel'], 143],
    ['SIGINT', ['--on-signal', 'cancel'], 130],
  ] as const)('says what happens on %s: %o', async ([signal, args, code]) => {
    const { file, signalled } = waiting();
    const { exitCode, log } = await signalled(['run', file, ...args], signal);
    expect([exitCode, log.includes('tidy')]).toEqual([code, code !== 75]);
  });

  test('has nothing to say of a job that is not kept', async () => {
    const { file, signalled } = waiting();
    const { exitCode, log } = await signalled(['run', file, '--no-db', '--on-signal', 'leave'], 'SIGTERM');
    expect([exitCode, log.at(-1)]).toEqual([143, 'tidy']);
  });
});
