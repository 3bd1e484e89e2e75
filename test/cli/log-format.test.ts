import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { defineJob } from 'tintype';
import { describe, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { tintype, workflowFile } from '../support/cli.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

type Line = { readonly time: string; readonly level: string; readonly msg: string; readonly [field: string]: unknown };

/** Each line is one JSON value with a time, a level and a message. */
const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const value = JSON.parse(line) as Line;
      expect(value).toMatchObject({
        level: expect.stringMatching(/^(debug|info|warn|error)$/),
        msg: expect.any(String),
      });
      expect(new Date(value.time).toISOString()).toBe(value.time);
      return value;
    });

const withoutTimes = (lines: readonly Line[]) => lines.map(({ time: _, ...line }) => line);

const FAILING = `name: nightly
tasks:
  - name: load
    type: bash
    command: "echo 'no such table' >&2; exit 3"
`;

describe('--log-format json', () => {
  test('writes what goes to stderr as JSON, too: the first error with its code, and what to do next', async () => {
    const db = newFile();
    const { stdout, stderr, exitCode } = await tintype([
      'run',
      workflowFile(FAILING),
      '--db',
      db,
      '--log-format',
      'json',
    ]);
    expect(exitCode).toBe(1);
    expect(linesOf(stdout).map(({ event }) => event)).toContain('job.transition');
    const told = withoutTimes(linesOf(stderr));
    expect(told).toContainEqual({
      level: 'error',
      code: 'PROCESS_FAILED',
      task: 'load',
      msg: expect.stringMatching(/^First error: .*\nLast lines of its stderr:\nno such table$/),
    });
    expect(told.at(-1)).toEqual({
      level: 'info',
      msg: expect.stringMatching(/^To try again what failed:\ntintype retry /),
    });
  });

  test('leaves stdout to the result where --json is given', async () => {
    const { stdout, stderr } = await tintype(['run', workflowFile(FAILING), '--json', '--log-format=json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'failed' });
    expect(linesOf(stderr).map(({ level }) => level)).toContain('error');
  });

  test('writes each problem of a file as one value with its place', async () => {
    const file = workflowFile('name: nightly\ntasks:\n  - name: load\n    type: bash\n    comand: true\n');
    for (const env of [{}, { TINTYPE_LOG_FORMAT: 'json' }]) {
      const more = 'TINTYPE_LOG_FORMAT' in env ? [] : ['--log-format', 'json'];
      const { stdout, stderr, exitCode } = await tintype(['run', file, ...more], { env });
      expect(exitCode).toBe(2);
      expect(stdout).toBe('');
      const told = withoutTimes(linesOf(stderr));
      expect(told).toContainEqual({
        level: 'error',
        code: 'UNKNOWN_KEY',
        msg: expect.stringContaining('"comand"'),
        file,
        line: 5,
        column: 5,
      });
      expect(told.at(-1)).toMatchObject({ level: 'error', code: 'INVALID_WORKFLOW', file });
    }
  });

  test('writes wrong usage, a missing job and a file that is no database as JSON, of every command', async () => {
    const db = newFile();
    opened(db);
    const env = { TINTYPE_LOG_FORMAT: 'json' };
    const told = async (...argv: string[]) => withoutTimes(linesOf((await tintype(argv, { env })).stderr));
    expect((await told('run', 'a.yaml', '--wrokers', '3'))[0]).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/^unknown option '--wrokers'/),
    });
    expect((await told('show', 'abc', '--db', db))[0]).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/abc/),
    });
    const [odd] = await told('jobs', '--db', workflowFile('no database\n'.repeat(100), 'jobs.db'));
    expect(odd).toMatchObject({ level: 'error', code: 'NOT_A_JOURNAL', msg: expect.not.stringContaining('(NOT_A') });
  });

  test('escapes what a terminal would obey', async () => {
    const { stderr } = await tintype(['show', 'a\u001b[2Jb\u202e', '--db', newFile(), '--log-format=json'], {});
    expect(stderr).not.toContain('\u001b');
    expect(stderr).not.toContain('\u202e');
    linesOf(stderr);
  });

  test('of tintype cancel says how the job ended', async () => {
    const db = newFile();
    await defineJob('nightly')
      .task('a', () => {})
      .start({}, { journal: opened(db), jobId: 'one' });
    const { stdout } = await tintype(['cancel', 'one', '--db', db, '--log-format', 'json']);
    expect(withoutTimes(linesOf(stdout))).toEqual([{ level: 'info', msg: 'one (nightly) is over: it completed.' }]);
  });
});

describe('tintype serve --log-format json', () => {
  const served = async (...args: string[]) => {
    const db = newFile();
    const text = { stdout: '', stderr: '' };
    const streamTo = (name: keyof typeof text) =>
      new Writable({
        write: (chunk, _encoding, written) => {
          text[name] += chunk;
          written();
        },
      });
    const signals = new EventEmitter();
    const io = { stdout: streamTo('stdout'), stderr: streamTo('stderr'), env: {}, signals };
    const ended = runCli(['serve', '--port', '0', '--db', db, ...args], io);
    await vi.waitUntil(() => text.stdout.includes('Ready'), 20_000);
    return {
      text,
      end: () => {
        signals.emit('SIGTERM', 'SIGTERM');
        return ended;
      },
    };
  };

  test('writes that it serves, that there is no token, and its end as JSON', async () => {
    const { text, end } = await served('--log-format', 'json');
    expect(await end()).toBe(143);
    expect(withoutTimes(linesOf(text.stdout))).toMatchObject([
      { level: 'info', msg: expect.stringMatching(/^Serving http/), url: expect.stringMatching(/^http:/) },
      { level: 'info', msg: 'Ready: 0 interrupted jobs taken up.' },
    ]);
    const told = withoutTimes(linesOf(text.stderr));
    expect(told).toContainEqual({ level: 'warn', msg: expect.stringMatching(/^There is no token: /) });
    expect(told).toContainEqual({ level: 'info', msg: expect.stringMatching(/^SIGTERM: what runs may take/) });
  });

  test('logs requests, problems and jobs as objects, of the level that is named', async () => {
    const { text, end } = await served('--log-format', 'json', '--log-level', 'debug');
    const [url = ''] = /http:[^",]+/.exec(text.stdout) ?? [];
    expect((await fetch(`${url}/api/v1/jobs/nothing`)).status).toBe(404);
    await (await fetch(`${url}/healthz`)).text();
    await end();
    const told = withoutTimes(linesOf(text.stderr));
    expect(told).toContainEqual({
      level: 'info',
      msg: 'GET /api/v1/jobs/{jobId} 404',
      reqId: expect.any(String),
      method: 'GET',
      route: '/api/v1/jobs/{jobId}',
      status: 404,
      ms: expect.any(Number),
    });
    expect(told).toContainEqual(expect.objectContaining({ level: 'debug', route: '/healthz' }));
  });

  test('logs what happens in jobs as objects, without their outputs', async () => {
    const workflows = dirname(workflowFile('name: shop\ntasks:\n  - { name: pay, type: bash, command: echo paid }\n'));
    const { text, end } = await served('--log-format', 'json', '--workflows', workflows);
    const [url = ''] = /http:[^",]+/.exec(text.stdout) ?? [];
    const headers = { 'content-type': 'application/json' };
    await fetch(`${url}/api/v1/jobs`, { method: 'POST', headers, body: '{"definition":"shop","jobId":"s1"}' });
    await vi.waitUntil(() => /"event":"job.transition","from":"running"/.test(text.stderr), 20_000);
    await end();
    const about = { jobId: 's1', jobName: 'shop' };
    const told = withoutTimes(linesOf(text.stderr)).filter(({ jobId }) => jobId === 's1');
    expect(told).toContainEqual({
      ...{ level: 'info', ...about, task: 'pay', attempt: 1, event: 'task.transition', from: 'ready', to: 'running' },
      msg: 'pay: ready -> running',
    });
    expect(told).toContainEqual({ level: 'info', ...about, task: 'pay', attempt: 1, event: 'task.log', msg: 'paid' });
    expect(told.at(-1)).toMatchObject({ ...about, from: 'running', to: 'completed', durationMs: expect.any(Number) });
    expect(told.some((line) => 'output' in line)).toBe(false);
  });

  test('is text without it, of which requests are shown with --log-level info', async () => {
    const { text, end } = await served('--log-level', 'info');
    const [url = ''] = /http:\S+[^\s,]/.exec(text.stdout) ?? [];
    await (await fetch(`${url}/api/v1/info`)).text();
    await end();
    expect(text.stderr).toMatch(/^\S+Z info GET \/api\/v1\/info 200 in [\d.]+ ms \(request [\w-]+, no token\)$/m);
  });
});
