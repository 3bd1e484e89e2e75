import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { NOTE_MS } from '../../../src/engine/run/kept-logs.ts';
import type { JobEvent } from '../../../src/events/event.ts';
import { type Captured, tintype } from '../../support/cli.ts';
import { tamper } from '../../support/sqlite-files.ts';
import { CHECKED, comesTo, diedAt, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

describe('tintype run', () => {
  test('keeps the job, and how it was started', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    const args = ['run', file, '--db', db, '-w', '2', '--skip', 'side', '--grace', '1s', '--timeout', '1h'];
    const { exitCode, stderr } = await tintype(args);
    expect(exitCode).toBe(0);
    const job = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    expect(job).toMatchObject({
      state: 'completed',
      metadata: { file, skip: ['side'], workers: 2, grace: 1000, timeout: 3_600_000 },
      tasks: { extract: { output: { extract: '3' } } },
    });
    expect(stderr).toBe(`Should this be killed, it goes on with: tintype resume ${job.id.slice(0, 8)} --db ${db}\n`);
    expect((await tintype([...args, '--quiet'])).stderr).toBe('');
  });

  test('keeps no secret', async () => {
    const { file, db, folder } = project(`
name: secretive
secrets: [TOK]
params: { q: none }
tasks:
  - { name: tell, type: bash, command: 'echo "told $TOK"; echo "{\\"t\\": \\"$TOK\\"}"', env: { TOK: "\${{ secrets.TOK }}" }, output: text }
  - { name: fail, type: bash, dependencies: [tell], command: 'echo "failed $TOK" >&2; exit 1', env: { TOK: "\${{ secrets.TOK }}" } }
`);
    const env = { PATH: process.env.PATH ?? '', TOK: 'pa55word-0123456789' };
    const { exitCode } = await tintype(['run', file, '--db', db, '-p', 'q=a param as it is'], { env });
    expect(exitCode).toBe(1);
    const kept = readdirSync(folder).filter((name) => name.startsWith('jobs.db'));
    const bytes = kept.map((name) => readFileSync(join(folder, name), 'latin1')).join('');
    expect(bytes).toContain('told ***');
    expect(bytes).toContain('failed ***');
    expect(bytes).toContain('a param as it is');
    expect(bytes).not.toContain(env.TOK);
  });

  test('keeps labels, and masks secrets in them and in params', async () => {
    const { file, db } = project(`
name: labelled
secrets: [TOK]
params: { q: none, n: 1 }
tasks:
  - { name: fail, type: bash, command: 'exit 1' }
`);
    const env = { PATH: process.env.PATH ?? '', TOK: 'pa55word-0123456789' };
    const given = ['-p', `q=is ${env.TOK}`, '--label', 'team=data', '--label', `of=${env.TOK}`];
    await tintype(['run', file, '--db', db, ...given], { env });
    const { stderr: unkept } = await tintype(['run', file, ...given], { env });
    expect(unkept).toContain("--param 'q=is ***' --label team=data --label of=*** --only fail");
    for (const command of [['jobs'], ['show', 'last']]) {
      const { stdout } = await tintype([...command, '--db', db]);
      expect(stdout).toMatch(/q=is \*\*\* n=1/);
      expect(stdout).toMatch(/of=\*\*\* team=data/);
    }
    expect(jsonOf(await tintype(['jobs', '--json', '--label', 'team=data', '--db', db]))).toHaveLength(1);
    await tintype(['rerun', 'last', '--db', db], { env });
    expect(jsonOf(await tintype(['jobs', '--json', '--label', 'team=data', '--db', db]))).toHaveLength(2);
    const refused = await tintype(['run', file, '--db', db, '--label', 'a b=c'], { env });
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('a label "a b"')]);
  });

  test('keeps the labels of the file, with those that are given over them', async () => {
    const { file, db } = project(`name: x\nlabels: { team: data, day: monday }\ntasks: []\n`);
    await tintype(['run', file, '--db', db]);
    await tintype(['run', file, '--db', db, '--label', 'day=tuesday']);
    const { stdout } = await tintype(['jobs', '--label', 'team=data', '--json', '--db', db]);
    expect(JSON.parse(stdout).map(({ labels }: { readonly labels: unknown }) => labels)).toEqual([
      { team: 'data', day: 'tuesday' },
      { team: 'data', day: 'monday' },
    ]);
  });

  test('keeps no secret that somebody gives for a reason', async () => {
    const { file, db, folder } = project(
      'name: x\nsecrets: [TOK]\ntasks: [{ name: ask, type: external }, { name: last, type: external }]\n',
    );
    const env = { PATH: process.env.PATH ?? '', TOK: 'pa55word-0123456789' };
    const stdin = new PassThrough();
    const ended = tintype(['run', file, '--db', db], { env, stdin });
    await vi.waitFor(async () => {
      const { stdout } = await tintype(['show', 'last', '--json', '--db', db]);
      expect(JSON.parse(stdout).tasks.last.state).toBe('ready');
    });
    await tintype(['complete', 'last', 'ask', '--fail', `no ${env.TOK}`, '--db', db], { env });
    await tintype(['cancel', 'last', '--reason', `because ${env.TOK}`, '--db', db], { env });
    expect((await ended).stderr).toContain('was cancelled: because ***');
    const bytes = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
    expect(bytes.join('')).not.toContain(env.TOK);
  });

  test('fails what is external in a nested job where nobody can complete it', async () => {
    const { file, folder } = project('name: x\ntasks: [{ name: nest, type: job, file: inner.yaml }]\n');
    writeFileSync(join(folder, 'inner.yaml'), 'name: inner\ntasks: [{ name: ask, type: external }]\n');
    const stdin = new PassThrough();
    stdin.end();
    const { exitCode, stderr } = await tintype(['run', file], { stdin });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Nobody can complete "nest/ask": the standard input has ended.');
  });

  test('ends with one line, and how it goes on, when its journal fails', async () => {
    const { file, db, folder } = project(`
name: x
tasks:
  - { name: a, type: bash, command: 'touch begun; until [ -e go ]; do sleep 0.01; done' }
  - { name: b, type: bash, dependencies: [a], command: 'touch b' }
`);
    const ended = tintype(['run', file, '--db', db]);
    await vi.waitFor(() => expect(existsSync(join(folder, 'begun'))).toBe(true));
    tamper(db, "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no more'); END");
    writeFileSync(join(folder, 'go'), '');
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(1);
    const [, why, hint, command, ...more] = stderr.trimEnd().split('\n');
    expect(why).toMatch(/^Job "x" was interrupted: .*\(JOURNAL_FAILED\)$/);
    expect([hint, more]).toEqual(['Once that is mended, it goes on with:', []]);
    expect(command).toMatch(/^ {2}tintype resume [\da-f]{8} --db .*jobs\.db$/);
    expect(existsSync(join(folder, 'b'))).toBe(false);
  });

  test('does not overwrite its database with its events', async () => {
    const { file, db } = project(CHECKED);
    await tintype(['run', file, '--db', db]);
    const { exitCode, stderr } = await tintype(['run', file, '--db', db, '--events', db]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('would overwrite the database');
  });
});

describe('what tasks print', () => {
  const CHATTY = `
name: chatty
tasks:
  - { name: talk, type: bash, command: 'for i in $(seq 3000); do echo "line $i"; done' }
`;

  const printed = async (yaml: string, ...argv: string[]): Promise<readonly string[]> => {
    const { file, db } = project(yaml);
    await tintype(['run', file, '-q', '--db', db, ...argv]);
    const { stdout } = await tintype(['logs', 'last', 'talk', '--db', db]);
    return stdout.split('\n').flatMap((line) => line.split(/talk +\| /)[1] ?? []);
  };

  test('is kept up to a limit, and logs says how many lines are missing', async () => {
    const lines = await printed(CHATTY);
    expect(lines).toHaveLength(2_001);
    expect(lines.slice(998, 1_003)).toEqual([
      'line 999',
      'line 1000',
      '… 1,000 lines are not kept',
      'line 2001',
      'line 2002',
    ]);
    expect(lines.at(-1)).toBe('line 3000');
  });

  test('is kept as the file says, and as --keep-logs says before it', async () => {
    const few = `${CHATTY}logs: { first: 1, last: 2 }\n`;
    expect(await printed(few)).toEqual(['line 1', '… 2,997 lines are not kept', 'line 2999', 'line 3000']);
    expect(await printed(few, '--keep-logs', '1')).toEqual(['line 1', '… 2,998 lines are not kept', 'line 3000']);
    expect(await printed(few, '--keep-logs', 'none')).toEqual(['… 3,000 lines are not kept']);
    expect(await printed(`${CHATTY}logs: none\n`, '--keep-logs', 'all')).toHaveLength(3_000);
  });

  test('is kept but for its last 5 s when the process dies, and logs has it before the job is resumed', async () => {
    const { file, db, folder } = project(`
name: chatty
logs: { first: 1, last: 2 }
tasks:
  - { name: talk, type: bash, command: 'for i in $(seq 9); do echo "line $i"; done; until [ -e go ]; do sleep 0.01; done' }
`);
    const prints = (event: JobEvent) => event.type === 'task.log' && event.message === 'line 9';
    await diedAt(file, db, prints, { laterMs: NOTE_MS });
    writeFileSync(join(folder, 'go'), '');
    const lines = async (...argv: string[]): Promise<readonly string[]> => {
      const { stdout } = await tintype(['logs', 'dead', ...argv, '--db', db]);
      return stdout.split('\n').flatMap((line) => line.split(/talk +\| /)[1] ?? []);
    };
    const kept = ['line 1', '… 6 lines are not kept', 'line 8', 'line 9'];
    expect(await lines()).toEqual(kept);
    expect(await lines('talk')).toEqual(kept);
    const exported = await tintype(['export', 'dead', '--db', db]);
    writeFileSync(join(folder, 'dead.ndjson'), exported.stdout);
    const other = join(folder, 'other.db');
    expect((await tintype(['import', join(folder, 'dead.ndjson'), '--db', other])).exitCode).toBe(0);
    await tintype(['resume', 'dead', '--db', db]);
    expect(await lines()).toEqual([...kept, ...kept]);
  });

  test('is kept as --keep-logs says of the command that goes on with a job', async () => {
    const ends = async (argv: readonly string[], db: string): Promise<readonly string[]> => {
      await tintype([...argv, '-q', '--db', db]);
      const { stdout } = await tintype(['logs', 'last', 'talk', '--db', db]);
      return stdout.split('\n').flatMap((line) => line.split(/talk +\| /)[1] ?? []);
    };
    const { file, db } = project(CHATTY);
    await diedAt(file, db, comesTo('talk', 'ready'));
    expect(await ends(['resume', 'dead', '--keep-logs', '1'], db)).toEqual([
      'line 1',
      '… 2,998 lines are not kept',
      'line 3000',
    ]);
    const retried = await ends(['retry', 'dead', '--task', 'talk', '--keep-logs', 'none'], db);
    expect(retried.slice(3)).toEqual(['… 3,000 lines are not kept']);
    expect(await ends(['rerun', 'dead', '--from', 'talk', '--keep-logs', '2'], db)).toHaveLength(5);
    expect((await ends(['retry', 'last', '--task', 'talk'], db)).slice(5)).toHaveLength(5);
  });
});

describe('an output', () => {
  const LARGE = 17_000_000;
  const large = (keys: string): string => `
name: large
${keys}
tasks: [{ name: a, type: bash, command: "head -c ${LARGE} /dev/zero | tr '\\\\0' x", output: text }]
`;

  test('may be as large as max_output_bytes of the file says, also of a job that is resumed', async () => {
    const { file, db } = project(large(`max_output_bytes: ${2 * LARGE}`));
    const lengthIn = ({ stdout }: Captured): number => JSON.parse(stdout).ctx.a.length;
    expect(lengthIn(await tintype(['run', file, '--db', db, '--json']))).toBe(LARGE);
    expect(lengthIn(await tintype(['retry', 'last', '--task', 'a', '--db', db, '--json']))).toBe(LARGE);
    writeFileSync(file, large(`max_output_bytes: ${LARGE + 1}`));
    const { stdout } = await tintype(['retry', 'last', '--task', 'a', '--db', db, '--json']);
    expect(JSON.parse(stdout).errors[0].cause).toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
      message: expect.stringContaining('max_output_bytes of a workflow file'),
    });
  });

  test('of a job task may be larger than that, if each inside is not: also of a retry, and as it is shown', async () => {
    const { file, db } = project(`
name: outer
max_output_bytes: 2000
tasks:
  - { name: i, type: job, file: inner.yaml }
  - { name: z, type: bash, command: 'exit 3', dependencies: [i] }
`);
    const letters = (letter: string): string => `printf '${letter}%.0s' $(seq 1500)`;
    writeFileSync(
      join(file, '..', 'inner.yaml'),
      `
name: inner
tasks:
  - { name: a, type: bash, command: "${letters('a')}", output: text }
  - { name: b, type: bash, command: "${letters('b')}", output: text }
`,
    );
    const i = { a: 'a'.repeat(1500), b: 'b'.repeat(1500) };
    for (const command of [
      ['run', file],
      ['retry', 'last'],
      ['rerun', 'last'],
    ]) {
      const { stdout } = await tintype([...command, '--db', db, '--json']);
      expect(JSON.parse(stdout), command.join(' ')).toMatchObject({ ctx: { i }, tasks: { z: { state: 'failed' } } });
    }
    const { stdout } = await tintype(['show', 'last', '--db', db, '--json']);
    expect(JSON.parse(stdout).tasks).toMatchObject({ i: { output: { i } } });
  });
});
