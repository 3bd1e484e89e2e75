import { EventEmitter } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { unexpectedText } from '../../src/cli/terminal/unexpected-error.ts';
import { buildCli, start, workflowFile } from '../support/cli.ts';

const WAIT = workflowFile('name: x\ntasks:\n  - { name: wait, type: bash, command: sleep 60 }\n');

test('an error that no command expects is one line with its code, and exit code 70', async () => {
  const told: string[] = [];
  const stderr = new Writable({
    write: (chunk, _, done) => {
      told.push(String(chunk));
      done();
    },
  });
  const stdout = Object.assign(new Writable(), {
    write: () => {
      throw Object.assign(new TypeError('no\nsuch \u001b[2Jmethod'), { code: 'EODD' });
    },
  });
  const io = { stdout, stderr, env: {}, signals: new EventEmitter() };
  expect(await runCli(['schema'], io)).toBe(70);
  expect(told.join('')).toMatch(/^error: .*TypeError: no such method \(EODD\) TINTYPE_DEBUG=1 .*\n$/);
});

describe('the text of an unexpected error', () => {
  test('has a code of its own where the error has none, and no end', () => {
    const text = unexpectedText(new RangeError('x'.repeat(100_000)), { env: {} });
    expect(text).toContain('(UNEXPECTED_ERROR)');
    expect(text.length).toBeLessThan(600);
    expect(text.split('\n')).toHaveLength(2);
  });

  test('has the stack with TINTYPE_DEBUG=1 alone', () => {
    const error = new Error('odd');
    expect(unexpectedText(error, { env: { TINTYPE_DEBUG: '0' } })).not.toContain('    at ');
    expect(unexpectedText(error, { env: { TINTYPE_DEBUG: '1' } })).toContain('    at ');
  });

  test.each([undefined, null, 7, 'text', { toString: 1 }])('is made of anything that is thrown: %j', (thrown) => {
    expect(unexpectedText(thrown, { env: {} })).toMatch(/^error: .*\(UNEXPECTED_ERROR\).*\n$/);
  });
});

describe('the program', () => {
  let program = '';
  beforeAll(async () => {
    program = await buildCli();
  }, 60_000);
  afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

  test.each([
    'setTimeout(() => { throw new TypeError("odd") }, 500)',
    'setTimeout(() => { Promise.reject(new TypeError("odd")) }, 500)',
  ])('prints no source of what is thrown elsewhere: %s', { timeout: 60_000 }, async (code) => {
    const args = ['--import', `data:text/javascript,${encodeURIComponent(code)}`, program];
    const { exitCode, stderr } = await start(process.execPath, [...args, 'run', '--no-db', WAIT]).ended;
    expect(exitCode).toBe(70);
    expect(stderr).toMatch(/^error: .*TypeError: odd \(UNEXPECTED_ERROR\) TINTYPE_DEBUG=1 .*\n$/);
  });

  test('writes warnings of Node.js and what is thrown elsewhere as JSON with --log-format json', {
    timeout: 60_000,
  }, async () => {
    const code = `setTimeout(() => {
      process.emitWarning('careful', { code: 'X_CARE' });
      setTimeout(() => { throw new TypeError('odd') }, 50);
    }, 1000)`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(code)}`, program];
    const { exitCode, stderr } = await start(process.execPath, [
      ...args,
      'run',
      '--no-db',
      WAIT,
      '--log-format',
      'json',
    ]).ended;
    expect(exitCode).toBe(70);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: 'warn', code: 'X_CARE', msg: 'careful' },
      { level: 'error', code: 'UNEXPECTED_ERROR', msg: expect.stringMatching(/TypeError: odd$/) },
    ]);
  });
});
