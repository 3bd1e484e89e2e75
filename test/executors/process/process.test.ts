import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { processErrorOf } from '../../../src/cli/stored/stored-process-error.ts';
import type { TaskFunction } from '../../../src/engine/definition/task-function.ts';
import { reviveError } from '../../../src/engine/durable/error-revive.ts';
import { NonRetryableError } from '../../../src/engine/errors/errors.ts';
import { DETAILS, type ErrorData, errorData } from '../../../src/events/error-data.ts';
import { bash } from '../../../src/executors/process/bash.ts';
import {
  ProcessError,
  ProcessNotFoundError,
  ProcessStartError,
  TAIL_LINES,
} from '../../../src/executors/process/error.ts';
import { outputGate } from '../../../src/executors/process/output-gate.ts';
import { MAX_LINE_LENGTH, outputLines } from '../../../src/executors/process/output-lines.ts';
import { python } from '../../../src/executors/process/python.ts';
import { isRunning } from '../../support/cli.ts';
import { failureOf, taskScope } from '../../support/task-scope.ts';

describe('a command', () => {
  test('gives what it prints to the log, line by line, by stream', async () => {
    const { lines, run } = attempt(bash('echo one; echo two >&2; printf three'));
    await run;
    expect(lines.filter((line) => line.startsWith('info'))).toEqual(['info one', 'info three']);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual(['warn two']);
  });

  test('runs where and with what it was told, and reads nothing from the terminal', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'tintype-'));
    const env = { GREETING: 'hallo', HOME: undefined };
    const { lines, run } = attempt(bash('pwd -P; echo "$GREETING $(env | grep -c ^HOME=)"; cat', { cwd, env }));
    await run;
    expect(lines).toEqual([expect.stringContaining(cwd), 'info hallo 0']);
  });

  test('that fails says how, with the last lines of what it printed', async () => {
    const { failure } = attempt(bash('for i in {1..50}; do echo "line $i" >&2; done; exit 7'));
    const error = await failure();
    expect(error).toBeInstanceOf(ProcessError);
    expect(error).toMatchObject({ code: 'PROCESS_FAILED', exitCode: 7, signal: null, stdout: [] });
    expect(error.message).toBe('The bash command exited with code 7.');
    expect(error.stderr).toHaveLength(TAIL_LINES);
    expect(error.stderr.at(-1)).toBe('line 50');
  });

  test('that is ended by a signal says which', async () => {
    const error = await attempt(bash('kill -USR1 $$')).failure();
    expect(error).toMatchObject({ exitCode: null, signal: 'SIGUSR1' });
    expect(error.message).toContain('was ended by SIGUSR1');
  });

  test('tells how it ended as fields of the error in its event, which survive a journal', async () => {
    const error = await attempt(bash('exit 7')).failure();
    expect(error[DETAILS]).toEqual({ command: 'bash', exitCode: 7, signal: null });
    const data = errorData(new Error('around', { cause: error }));
    expect(data.cause).toMatchObject({ name: 'ProcessError', details: { command: 'bash', exitCode: 7, signal: null } });
    expect(data).not.toHaveProperty('details');
    const stored = JSON.parse(JSON.stringify(data)) as ErrorData;
    expect(errorData(reviveError(stored))).toEqual(data);
    // A message in other words, of which nothing can be read.
    const { message: _, ...worded } = stored.cause as ErrorData;
    expect(processErrorOf(worded)).toMatchObject({ exitCode: 7, signal: null });
    const signalled = await attempt(bash('kill -USR1 $$')).failure();
    expect(errorData(signalled).details).toEqual({ command: 'bash', exitCode: null, signal: 'SIGUSR1' });
    // What somebody else's error calls its details stays its own.
    expect(errorData(Object.assign(new Error('x'), { details: { secret: 1 } }))).not.toHaveProperty('details');
  });

  test('of a program that is not there explains code 127', async () => {
    const error = await attempt(bash('surely-no-such-program')).failure();
    expect(error).toMatchObject({ exitCode: 127 });
    expect(error.message).toContain('a program was not found');
    expect(error.stderr.join()).toContain('surely-no-such-program');
  });

  test('in bash ends at the first part that fails, also within a pipe', async () => {
    const failing = attempt(bash('false; echo reached'));
    await expect(failing.run).rejects.toThrow('exited with code 1');
    expect(failing.lines).toEqual([]);
    await expect(attempt(bash('false | cat')).run).rejects.toThrow('exited with code 1');
  });

  test('may be Python', async () => {
    const { lines, run } = attempt(python('import sys\nprint("größer")\nsys.exit(3)'));
    await expect(run).rejects.toThrow('The python command exited with code 3.');
    expect(lines).toEqual(['info größer']);
  });
});

describe('a command that can not start', () => {
  test('for lack of its interpreter names it and what to do, and is not worth a retry', async () => {
    const env = { PATH: '/nowhere' };
    const error = await attempt(python('print(1)', { env })).failure();
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(ProcessNotFoundError);
    expect(error.cause).toMatchObject({ code: 'PROCESS_NOT_FOUND', programs: ['python3', 'python'] });
    expect(error.message).toBe(
      'A python task needs python3 or python, which is not on the PATH. Install it, or correct PATH.',
    );
  });

  test('falls back to python where there is no python3', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tintype-'));
    writeFileSync(join(directory, 'python'), '#!/bin/sh\necho fallback "$@"\n', { mode: 0o755 });
    const { lines, run } = attempt(python('print(1)', { env: { PATH: directory } }));
    await run;
    expect(lines).toEqual(['info fallback -u -c print(1)']);
  });

  test.for([
    ['in a directory that is missing', bash('true', { cwd: '/no/such/directory' }), 'not a directory'],
    ['in a file', bash('true', { cwd: import.meta.filename }), 'not a directory'],
    ['with a null byte in it', bash('echo \0'), 'without null bytes'],
    [
      'with an argument longer than the system allows',
      bash(':', { args: ['x'.repeat(4_000_000)] }),
      'put a long command into a file',
    ],
  ] as const)('%s says so', async ([, task, message]) => {
    const error = await attempt(task).failure();
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(ProcessStartError);
    expect(error.message).toContain(message);
  });
});

describe('an attempt that is aborted', () => {
  test('never starts the command if it was so before', async () => {
    const { run, lines } = attempt(bash('echo started'), AbortSignal.abort(new Error('too late')));
    await expect(run).rejects.toThrow('too late');
    expect(lines).toEqual([]);
  });

  test('ends the command and what that started, and rejects with the reason', async () => {
    const { run, abort, firstLine } = attempt(bash('sleep 60 & sleep 60 & echo $$ $(jobs -p); wait'));
    const pids = (await firstLine).split(' ').map(Number);
    expect(pids).toHaveLength(3);
    expect(pids.filter(isRunning)).toEqual(pids);
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test('lets the command clean up', async () => {
    const { run, abort, firstLine, lines } = attempt(
      bash('trap "echo cleaned; exit 0" TERM; echo go; sleep 60 & wait'),
    );
    await firstLine;
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    expect(lines).toContain('info cleaned');
  });

  test('kills what ignores SIGTERM after the grace', async () => {
    const stubborn = 'trap "" TERM; (trap "" TERM; while :; do sleep 1; done) & echo $$ $!; wait; sleep 60';
    const { run, abort, firstLine } = attempt(bash(stubborn, { killGraceMs: 50 }));
    const pids = (await firstLine).split(' ').map(Number);
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test('is over before the next attempt starts', async () => {
    const log = join(mkdtempSync(join(tmpdir(), 'tintype-')), 'log');
    const task = bash(
      `echo start >> ${log}; trap 'sleep 0.1; echo end >> ${log}; exit' TERM; echo go; sleep 60 & wait`,
    );
    const first = attempt(task);
    await first.firstLine;
    first.abort(new Error('timeout'));
    const second = attempt(task);
    await second.firstLine;
    expect(readFileSync(log, 'utf8')).toBe('start\nend\nstart\n');
    second.abort(new Error('done'));
    await Promise.allSettled([first.run, second.run]);
  });
});

describe('what a command leaves running', () => {
  test('is ended with it, and the log says so', async () => {
    const { lines, run } = attempt(bash('sleep 60 & echo $!'));
    await run;
    expect(isRunning(Number(lines[0]?.split(' ')[1]))).toBe(false);
    expect(lines[1]).toContain('left processes running');
  });

  test('may finish if it is nearly done', async () => {
    const { lines, run } = attempt(bash('echo through > >(sleep 0.05; cat)'));
    await run;
    expect(lines).toEqual(['info through']);
  });

  test('does not hold up the task when it moved out of the group', async () => {
    const { lines, run } = attempt(bash('setsid sleep 60 & echo $!; sleep 0.05'));
    await run;
    const pid = Number(lines[0]?.split(' ')[1]);
    expect(lines).toHaveLength(1);
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});

describe('output', () => {
  test('of 100 MB leaves the memory as it was', async () => {
    let bytes = 0;
    const count = (line: string): void => {
      bytes += line.length + 1;
    };
    const command = `head -c 100000000 /dev/zero | tr '\\0' x | fold -w 999; exit 1`;
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const error = await attempt(bash(command), undefined, count).failure();
    clearInterval(watch);
    expect(error.stdout).toHaveLength(TAIL_LINES);
    expect(bytes).toBeGreaterThanOrEqual(100_000_000);
    expect(most - before).toBeLessThan(150 * 2 ** 20);
  }, 30_000);

  test('waits in its pipe while nobody can take it', async () => {
    const gate = outputGate();
    gate.close();
    const { lines, run } = attempt(bash('echo one; echo two >&2', { gate }));
    const over = run.then(() => 'over');
    // The process is long gone by then; its output is not.
    await attempt(bash('sleep 0.6')).run;
    expect([lines, await Promise.race([over, 'waiting'])]).toEqual([[], 'waiting']);
    gate.open();
    await run;
    expect(lines.sort()).toEqual(['info one', 'warn two']);

    gate.close();
    const stalled = attempt(bash('yes', { gate }));
    const aborted = expect(stalled.run).rejects.toThrow('enough');
    stalled.abort(new Error('enough'));
    await aborted;
  });

  test('of 20 MB without a newline is one cut line', async () => {
    const { lines, run } = attempt(bash(`head -c 20000000 /dev/zero | tr '\\0' x`));
    await run;
    expect(lines).toHaveLength(1);
    expect(lines[0]).toBe(`info ${'x'.repeat(MAX_LINE_LENGTH)}… (${20_000_000 - MAX_LINE_LENGTH} more characters)`);
  });

  test('that is not UTF-8 does no harm', async () => {
    const { lines, run } = attempt(bash(String.raw`printf 'a\xff\xfeb\n\xe2\x82'`));
    await run;
    expect(lines).toEqual(['info a\uFFFD\uFFFDb', 'info \uFFFD']);
  });
});

describe('lines', () => {
  test('are whole however the bytes are cut', () => {
    const text = 'größer €uro 😀\r\n\n\tend\nlast';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(split(...chunks)).toEqual(['größer €uro 😀', '', '\tend', 'last']);
    }
  });

  test('show the last state of a progress bar', () => {
    expect(split('1 %\r2 %', '\r', '3 %\r\n', 'next\r\r\n', 'a\r', 'b')).toEqual(['3 %', 'next', 'b']);
  });

  test('are not cut through a character', () => {
    const line = 'x'.repeat(MAX_LINE_LENGTH - 1);
    expect(split(`${line}😀\n`)).toEqual([`${line}… (1 more characters)`]);
    expect(split(`${line}x\n`)).toEqual([`${line}x`]);
  });
});

const split = (...chunks: (string | Buffer)[]): string[] => {
  const lines: string[] = [];
  const output = outputLines((line) => lines.push(line));
  for (const chunk of chunks) output.write(Buffer.from(chunk));
  output.end();
  return lines;
};

/** Starts a task as the engine would, and records its log. */
const attempt = (task: TaskFunction, parent?: AbortSignal, write?: (line: string) => void) => {
  const lines: string[] = [];
  const controller = new AbortController();
  const signal = parent ?? controller.signal;
  let tell: (line: string) => void = () => {};
  const firstLine = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const scope = taskScope(signal, (line, message) => {
    tell(message);
    if (write) write(message);
    else lines.push(line);
  });
  const run = (async () => {
    await task(scope);
  })();
  run.catch(() => {});
  const failure = () => failureOf(run);
  return { lines, run, failure, firstLine, abort: (reason: Error) => controller.abort(reason) };
};
