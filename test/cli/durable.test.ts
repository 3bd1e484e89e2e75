import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { defineJob } from 'tintype';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { runMetadata } from '../../src/cli/attend/stored-workflow.ts';
import type { JobEvent, TaskState } from '../../src/events/event.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { buildCli, type Captured, start, tintype } from '../support/cli.ts';
import { mortal } from '../support/mortal-journal.ts';
import { batch, lease, newFolder, newJob, opened, tamper } from '../support/sqlite-files.ts';
import { openTerminal } from '../support/terminal.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A workflow in a folder of its own, with a database beside it. */
const project = (yaml: string) => {
  const folder = newFolder();
  const file = join(folder, 'flow.yaml');
  const db = join(folder, 'jobs.db');
  writeFileSync(file, yaml);
  return { folder, file, db, log: () => linesOf(join(folder, 'log')) };
};

const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

/** `check` fails until there is a file `ok`. */
const CHECKED = `
name: nightly
tasks:
  - { name: extract, type: bash, command: 'echo extract >> log; echo 3', output: text }
  - { name: check, type: bash, dependencies: [extract], command: 'echo "check $X" >> log; test -e ok', env: { X: "\${{ ctx.extract }}" } }
  - { name: report, type: bash, dependencies: [check], command: 'echo report >> log' }
  - { name: side, type: bash, command: 'echo side >> log' }
`;

/** Keeps a job whose process died after so many writes. */
const interrupted = async (file: string, db: string, appends: number): Promise<void> => {
  const { definition } = await loadWorkflow(file);
  const { journal } = mortal(opened(db), { appends });
  const metadata = runMetadata(file, { workers: 4, grace: 2000 });
  void definition.start({}, { journal, metadata, jobId: 'dead' });
  await vi.waitFor(async () => expect(await journal.job('dead')).toMatchObject({ state: 'running' }));
};

/** Keeps a job whose process died as soon as something had happened, once that was kept. */
const diedAt = async (file: string, db: string, happened: (event: JobEvent) => boolean): Promise<void> => {
  const { definition } = await loadWorkflow(file);
  const { journal, die } = mortal(opened(db));
  const metadata = runMetadata(file, { workers: 4, grace: 2000 });
  const job = definition.start({}, { journal, metadata, jobId: 'dead' });
  await new Promise<void>((resolve) => {
    job.events$.subscribe((event) => {
      if (happened(event)) resolve();
    });
  });
  await job.saved();
  die();
};

const comesTo =
  (task: string, to: TaskState) =>
  (event: JobEvent): boolean =>
    event.type === 'task.transition' && event.task === task && event.to === to;

/** A task that a journal holds as running, and that is quick in the next process. */
const HANGS = `command: 'echo up; test -e go || until [ -e go ]; do sleep 0.01; done'`;

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

describe('tintype retry', () => {
  test('shows what would run, then runs that under the same id', async () => {
    const { file, db, folder, log } = project(CHECKED);
    expect((await tintype(['run', file, '--db', db])).exitCode).toBe(1);
    const { id } = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    const preview = await tintype(['retry', 'last', '--db', db, '--dry-run']);
    expect(preview).toMatchObject({ exitCode: 0, stderr: '' });
    expect(preview.stdout).toBe(
      `${id.slice(0, 8)} (nightly) would run 2 tasks and keep the results of 2 tasks:\n\n  runs   check, report\n  keeps  extract, side\n`,
    );
    expect(jsonOf(await tintype(['retry', 'last', '--db', db, '--dry-run', '--json']))).toEqual({
      jobId: id,
      name: 'nightly',
      runs: ['check', 'report'],
      keeps: ['extract', 'side'],
    });
    expect(log().filter((line) => line === 'report')).toEqual([]);
    writeFileSync(join(folder, 'ok'), '');
    const { exitCode, stdout, stderr } = await tintype(['retry', id, '--db', db]);
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^Should this be killed/)]);
    expect(stdout).toMatch(/ check {4}running \(attempt 2\)$/m);
    expect(stdout).toMatch(/ check {4}completed in \d/m);
    expect(stdout).toMatch(/^extract +completed +1 +\+\d+ms /m);
    expect(log().toSorted()).toEqual(['check 3', 'check 3', 'extract', 'report', 'side']);
    expect(jsonOf(await tintype(['jobs', '--json', '--db', db]))).toMatchObject([{ id, state: 'completed' }]);
  });

  test('takes chosen tasks, and leaves alone what came after them', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await tintype(['run', file, '--db', db]);
    const runs = async (...args: string[]) =>
      jsonOf(await tintype(['retry', 'last', '--db', db, '--dry-run', '--json', ...args])).runs;
    expect(await runs('--task', 'extract,side')).toEqual(['extract', 'check', 'report', 'side']);
    expect(await runs('--task', 'extract', '--no-downstream')).toEqual(['extract']);
    const nothing = await tintype(['retry', 'last', '--db', db]);
    expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('has no failed task to retry') });
    const unknown = await tintype(['retry', 'last', '--db', db, '--task', 'extrac']);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean "extract"?') });
  });

  test('tells how long it has lasted since it first began, and what its tasks took since they are tried again', async () => {
    const { file, db, folder } = project(CHECKED);
    await tintype(['run', file, '--db', db]);
    const first = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    const at = Date.now();
    writeFileSync(join(folder, 'ok'), '');
    const result = jsonOf(await tintype(['retry', 'last', '--json', '--db', db]));
    const end = result.startedAt + result.durationMs;
    expect(result.startedAt).toBe(first.startedAt);
    expect(result.tasks.extract).toMatchObject({ startedAt: first.tasks.extract.startedAt });
    const { check } = result.tasks;
    expect(check).toMatchObject({ state: 'completed', attempts: 2 });
    expect(check.startedAt).toBeGreaterThanOrEqual(at);
    expect(check.startedAt + check.durationMs).toBeLessThanOrEqual(end);
    const shown = jsonOf(await tintype(['show', 'last', '--json', '--db', db]));
    expect(shown).toMatchObject({ startedAt: first.startedAt, endedAt: end, durationMs: result.durationMs });
    expect(shown.tasks.check).toMatchObject({ startedAt: check.startedAt, durationMs: check.durationMs });
    expect(jsonOf(await tintype(['jobs', '--json', '--db', db]))).toMatchObject([
      { startedAt: first.startedAt, durationMs: result.durationMs },
    ]);
  });

  test('prints a command that repeats what it was told', async () => {
    const { file, db, folder } = project(CHECKED);
    const events = join(folder, 'events.ndjson');
    const first = await tintype(['run', file, '--db', db, '-w', '2', '--json', '--events', events]);
    const { jobId } = jsonOf(first);
    const id = jobId.slice(0, 8);
    expect(first.stderr).toContain(`goes on with: tintype resume ${id} --json --events ${events} --db ${db}\n`);
    const told = ['-w', '1', '--timeout', '20s', '--on-failure', 'drain', '--grace', '1500ms'];
    const { stderr } = await tintype(['retry', 'last', '--db', db, ...told]);
    expect(stderr).toContain(`goes on with: tintype resume ${id} ${told.join(' ')} --db ${db}\n`);
    expect(stderr).toContain(`  tintype retry ${id} ${told.join(' ')} --db ${db}\n`);
  });

  test('says by which option is named what is to run again, and which gives more time', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await tintype(['run', file, '--db', db]);
    expect((await tintype(['retry', 'last', '--db', db])).stderr).toContain('Name what is to run again: --task TASKS');
    expect((await tintype(['rerun', 'last', '--db', db])).stderr).toContain('Name what is to run again: --from TASKS');
    writeFileSync(file, 'name: x\ntasks: [{ name: a, type: external }]\n');
    const late = await tintype(['run', file, '--db', db, '--timeout', '10ms'], { stdin: new PassThrough() });
    expect(late.exitCode).toBe(124);
    expect(late.stderr).toContain('To try again what did not complete (--timeout gives it more time):\n');
  });

  test('accepts a task that was added, though the handlers wait for that one too', async () => {
    const yaml = `
name: x
tasks:
  - { name: a, type: bash, command: 'test -e ok' }
  - { name: b, type: bash, dependencies: [a], command: 'echo b >> log' }
handlers:
  failure: [{ name: mourn, type: bash, command: 'echo mourn >> log' }]
  always: [{ name: tidy, type: bash, command: 'echo tidy >> log' }]
`;
    const { file, db, folder, log } = project(yaml);
    await tintype(['run', file, '--db', db]);
    writeFileSync(join(folder, 'ok'), '');
    const more = yaml.replace('handlers:', "  - { name: c, type: bash, command: 'echo c >> log' }\nhandlers:");
    writeFileSync(file, more);
    const refused = await tintype(['retry', 'last', '--db', db]);
    expect(refused.stderr.split('\n').slice(1)).toEqual([
      '- "c" was added',
      expect.stringContaining('--changed accept goes on'),
      '',
    ]);
    const accepted = ['retry', 'last', '--changed', 'accept', '--db', db];
    writeFileSync(file, more.replace('name: b,', 'name: b, trigger: all_done,'));
    expect((await tintype(accepted)).stderr.split('\n').slice(1)).toEqual([
      '- "b" has the rule allDone instead of allSuccess',
      '--changed force goes on all the same.',
      '',
    ]);
    writeFileSync(file, more);
    expect((await tintype(accepted)).exitCode).toBe(0);
    expect(log().toSorted()).toEqual(['b', 'c', 'mourn', 'tidy', 'tidy']);
  });

  test('refuses a job that is not over', async () => {
    const { file, db } = project(CHECKED);
    await interrupted(file, db, 2);
    const { exitCode, stderr } = await tintype(['retry', 'dead', '--db', db]);
    expect([exitCode, stderr]).toEqual([
      2,
      `error: dead (nightly) can't be tried again: it is interrupted. It has to go on first: tintype resume dead --db ${db}\n`,
    ]);
  });
});

test('tintype show has the order of what waits for what, times as they are typed, and handlers below the drawing', async () => {
  const { file, db } = project(`
name: x
tasks:
  - { name: z, type: bash, command: 'true' }
  - { name: b, type: bash, dependencies: [z], command: exit 1 }
  - { name: a, type: bash, dependencies: [b], command: 'true' }
handlers:
  failure: [{ name: mourn, type: bash, command: 'true' }]
  always: [{ name: clean, type: bash, command: 'true' }]
`);
  await tintype(['run', file, '--db', db, '--grace', '3s', '--timeout', '1h']);
  const { stdout } = await tintype(['show', 'last', '--graph', '--db', db]);
  expect(stdout).toMatch(/^grace +3s$/m);
  expect(stdout).toMatch(/^timeout +1h 00m$/m);
  const table = stdout.slice(stdout.indexOf('TASK')).split('\n\n', 1)[0] ?? '';
  const names = table.split('\n').map((line) => line.split(' ', 1)[0]);
  expect(names).toEqual(['TASK', 'z', 'b', 'a', 'mourn', 'clean']);
  expect(table).toMatch(/^a +skipped .*because b failed$/m);
  expect(table).toMatch(/^mourn +completed/m);
  const picture = stdout.slice(stdout.indexOf('x (3 tasks)'));
  expect(picture).toMatch(/Handlers, when all is over: clean, mourn\n$/);
  expect(picture).not.toMatch(/[●○].*(clean|mourn)/);
});

test('tintype show takes no failure that was allowed for that of the job, and counts no handler that was passed over', async () => {
  const { file, db } = project(`
name: x
tasks:
  - { name: opt, type: bash, command: exit 9, continue_on_failure: true }
  - { name: fan, type: bash, dependencies: [opt], command: '[ "$TINTYPE_INDEX" = 0 ] && sleep 0.1; true', map: { over: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } }
  - { name: left, type: bash, command: exit 1 }
  - { name: out, type: bash, command: exit 1 }
handlers:
  failure: [{ name: mourn, type: bash, command: 'true' }]
`);
  expect((await tintype(['run', file, '--db', db, '--skip', 'left,out', '-w', '11'])).exitCode).toBe(0);
  const { stdout } = await tintype(['show', 'last', '--db', db]);
  expect(stdout).toMatch(/^opt +failed .* 9 {2}The bash command exited with code 9\. \(allowed to fail\)$/m);
  expect(stdout).not.toContain('First error');
  expect(stdout).toMatch(/^skip +left, out$/m);
  expect((await tintype(['jobs', '--db', db])).stdout).toMatch(/ completed .* 1\/2$/m);
  await tintype(['rerun', 'last', '--from', 'fan[1]', '--grace', '3s', '-w', '2', '--db', db]);
  const again = (await tintype(['show', 'last', '--db', db])).stdout;
  expect([...again.matchAll(/^fan\[(\d+)\]/gm)].map(([, index]) => Number(index))).toEqual([...Array(11).keys()]);
  // It was told how it runs.
  expect(again).toMatch(/^workers +2$/m);
  expect(again).toMatch(/^grace +3s$/m);
  expect(jsonOf(await tintype(['show', 'last', '--json', '--db', db])).options).toMatchObject({ maxConcurrency: 2 });
});

test('tintype logs tells what became of the job', async () => {
  const { file, db, folder } = project(CHECKED);
  await interrupted(file, db, 2);
  await tintype(['resume', 'dead', '--db', db]);
  writeFileSync(join(folder, 'ok'), '');
  await tintype(['retry', 'dead', '--db', db]);
  const { stdout } = await tintype(['logs', 'dead', '--db', db]);
  const told = [...stdout.matchAll(/^\S+ {2}nightly {2}(.*)$/gm)].map(([, text]) => text);
  expect(told).toEqual([
    expect.stringMatching(/^goes on: process \d+ on \S+$/),
    expect.stringMatching(/^failed in \d+ms: .*"check" failed/),
    'is tried again',
    expect.stringMatching(/^completed in \d/),
  ]);
  const one = await tintype(['logs', 'dead', 'check', '--db', db]);
  expect(one.stdout).not.toContain('nightly');
});

describe('a job that a program started', () => {
  /** It waits, and its process has died. */
  const program = async () => {
    const db = join(newFolder(), 'jobs.db');
    const { journal, die } = mortal(opened(db));
    const job = defineJob('programmed')
      .external('approve')
      .task('publish', { dependsOn: ['approve'] }, () => {})
      .start({}, { journal, jobId: 'foreign' });
    await vi.waitFor(async () => expect((await journal.job('foreign'))?.lastSeq).toBe(1));
    await job.saved();
    die();
    return (...args: string[]) => tintype([...args, '--db', db]);
  };

  test('is sent to that, and not to commands that can not work', async () => {
    const command = await program();
    const hint = 'An interrupted job of a program goes on there, by engine.recover().\n';
    for (const args of [['jobs'], ['show', 'foreign']]) {
      const { stdout } = await command(...args);
      expect(stdout).toContain(hint);
      expect(stdout).not.toContain('tintype resume');
    }
    expect((await command('resume', 'foreign')).stderr).toContain('There engine.recover() goes on with it');
    for (const args of [
      ['retry', 'foreign'],
      ['complete', 'foreign', 'approve'],
    ]) {
      const { exitCode, stderr } = await command(...args);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/It has to go on first: in the program that started it, by engine\.recover\(\)\n$/);
    }
  });

  test('is cancelled without what only the program can run', async () => {
    const command = await program();
    const { exitCode, stderr } = await command('cancel', 'foreign');
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      'foreign (programmed) is interrupted, and cancelled here: its tasks are in the program that started it, so its handlers do not run.\nJob "programmed" was cancelled.\n',
    );
    expect(jsonOf(await command('show', 'foreign', '--json')).state).toBe('cancelled');
    expect((await command('cancel', 'foreign')).stdout).toBe(
      'foreign (programmed) is over: it was cancelled. To try it again: engine.retry() in the program that started it\n',
    );
  });
});

test('tintype cancel says that it cancels once it can', async () => {
  const { file, db } = project(
    `name: x\nsecrets: [TOK]\ntasks: [{ name: a, type: bash, command: 'true', env: { TOK: "\${{ secrets.TOK }}" } }]\n`,
  );
  const { definition } = await loadWorkflow(file, { env: { TOK: 'pa55word-0123456789' } });
  const { journal, die } = mortal(opened(db));
  const metadata = runMetadata(file, { workers: 4, grace: 2000 });
  const job = definition.start({}, { journal, metadata, jobId: 'dead' });
  await job.saved();
  die();
  const { exitCode, stderr } = await tintype(['cancel', 'dead', '--db', db]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('SECRET_MISSING');
  expect(stderr).not.toContain('cancelled here');
});

test('tintype rerun starts another job with the results of one', async () => {
  const { file, db, folder, log } = project(CHECKED);
  await tintype(['run', file, '--db', db]);
  writeFileSync(join(folder, 'ok'), '');
  const { stdout } = await tintype(['rerun', 'last', '--from', 'check', '--dry-run', '--db', db]);
  expect(stdout).toContain('  runs   check, report\n  keeps  extract, side\n');
  const { exitCode, stderr } = await tintype(['rerun', 'last', '--from', 'check', '--db', db]);
  expect(exitCode).toBe(0);
  expect(log().toSorted()).toEqual(['check 3', 'check 3', 'extract', 'report', 'side']);
  const [second, first] = jsonOf(await tintype(['jobs', '--json', '--db', db]));
  expect([second.state, first.state, second.forkedFrom]).toEqual(['completed', 'failed', first.id]);
  const shown = (job: { id: string }): string => `${job.id.slice(0, 8)} (nightly)`;
  expect(stderr).toContain(`${shown(second)} takes over 2 results of ${shown(first)}.`);
  // It can be taken up like any other.
  expect(jsonOf(await tintype(['show', second.id, '--json', '--db', db])).metadata.file).toBe(file);
});

test('a preview counts what stands in the file, and names the instances that are kept', async () => {
  const { file, db } = project(`
name: x
tasks:
  - { name: a, type: bash, command: 'true' }
  - { name: fan, type: bash, dependencies: [a], command: 'true', map: { over: [1, 2, 3] } }
`);
  await tintype(['run', file, '--db', db]);
  const { stdout } = await tintype(['rerun', 'last', '--from', 'fan[1]', '--dry-run', '--db', db]);
  expect(stdout).toMatch(
    /would run 1 task and keep the results of 1 task:\n\n {2}runs {3}fan, fan\[1\]\n {2}keeps {2}a, fan\[0\], fan\[2\]\n$/,
  );
});

describe('tintype resume', () => {
  test('goes on with a job whose process died, as run does', async () => {
    const { file, db, folder, log } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const events = join(folder, 'events.ndjson');
    const result = await tintype(['resume', 'dead', '--db', db, '--json', '--events', events]);
    expect(result.exitCode).toBe(0);
    expect(jsonOf(result)).toMatchObject({ jobId: 'dead', state: 'completed', ctx: { extract: '3' } });
    expect(result.stderr).toMatch(/^dead \(nightly\) goes on, with \d of 4 tasks completed\.$/m);
    expect(linesOf(events)[0]).toContain('"type":"job.resumed"');
    expect(log()).toContain('check 3');
  });

  test('goes on with the file of events that the job has, and with no other', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const events = join(folder, 'events.ndjson');
    const { stdout: kept } = await tintype(['logs', 'dead', '--json', '--db', db]);
    const last = JSON.parse(kept.trimEnd().split('\n').at(-1) ?? '');
    // The process died with one more event told than kept, and in the midst of another.
    writeFileSync(events, `${kept}${JSON.stringify({ ...last, seq: last.seq + 1 })}\n{"type":"task.tr`);
    await tintype(['resume', 'dead', '--db', db, '--events', events]);
    const { stdout: all } = await tintype(['logs', 'dead', '--json', '--db', db]);
    expect(linesOf(events)).toEqual(all.trimEnd().split('\n'));
    await tintype(['retry', 'dead', '--task', 'side', '--db', db, '--events', events]);
    expect(JSON.parse(linesOf(events)[0] ?? '').seq).toBe(0);
    await tintype(['retry', 'dead', '--dry-run', '--task', 'side', '--db', db, '--events', events]);
    expect(readFileSync(events, 'utf8')).toContain('"jobId":"dead"');
    await tintype(['rerun', 'dead', '--from', 'side', '--db', db, '--events', events]);
    expect(readFileSync(events, 'utf8')).not.toContain('"jobId":"dead"');
    await tintype(['retry', 'dead', '--task', 'side', '--db', db, '--events', events]);
    expect(new Set(linesOf(events).map((line) => JSON.parse(line).jobId))).toEqual(new Set(['dead']));
  });

  test('started twice at once, leaves the job to the one that was quicker', async () => {
    const { file, db, folder } = project(`name: x\ntasks: [{ name: a, type: bash, ${HANGS} }]\n`);
    await diedAt(file, db, comesTo('a', 'running'));
    const both = [1, 2].map(() => tintype(['resume', 'dead', '--db', db]));
    const loser = await Promise.race(both);
    writeFileSync(join(folder, 'go'), '');
    expect(loser.exitCode).toBe(2);
    expect(loser.stderr).toMatch(
      /^error: dead \(x\) can't go on here: process \d+ on \S+ runs it\. tintype cancel dead /,
    );
    expect((await Promise.all(both)).map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 2]);
  });

  test('says of a job that is over how it ended', async () => {
    const { file, db } = project(CHECKED);
    await tintype(['run', file, '--db', db]);
    const failed = await tintype(['resume', 'last', '--db', db]);
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
    expect(failed.stderr).toMatch(/is over: it failed\. To try it again: tintype retry /);
    const json = await tintype(['resume', 'last', '--db', db, '--json']);
    expect([json.exitCode, jsonOf(json).state]).toEqual([1, 'failed']);
    const journal = opened(db);
    for (const [state, exitCode] of [
      ['completed', 0],
      ['notReady', 3],
      ['timedOut', 124],
      ['cancelled', 130],
    ] as const) {
      journal.create(newJob(state), lease());
      journal.append([batch(state, { state, endedAt: 2000, release: true })]);
      expect((await tintype(['resume', state, '--db', db, '-q'])).exitCode, state).toBe(exitCode);
    }
    const data = JSON.stringify({ type: 'job.transition', from: 'running', to: 'cancelled', reason: 'SIGTERM' });
    journal.create(newJob('terminated'), lease());
    journal.append([batch('terminated', { state: 'cancelled', release: true, events: [{ seq: 0, data }] })]);
    expect((await tintype(['resume', 'terminated', '--db', db, '-q'])).exitCode).toBe(143);
  });

  test('leaves a job to the process that runs it', async () => {
    const { file, db } = project(CHECKED);
    const journal = opened(db);
    const { definition } = await loadWorkflow(file);
    const metadata = JSON.stringify(runMetadata(file, { workers: 4, grace: 2000 }));
    const { fingerprint } = definition;
    journal.create(
      newJob('alive', { name: 'nightly', metadata, fingerprint }),
      lease({ at: Date.now(), leaseMs: 60_000 }),
    );
    journal.append([batch('alive', { state: 'running' })]);
    const { exitCode, stderr } = await tintype(['resume', 'alive', '--db', db]);
    expect(exitCode).toBe(2);
    const who = `process ${process.pid} on \\S+ runs it\\. tintype cancel alive --db \\S+ ends it, tintype logs alive --follow --db \\S+ shows it\\.\\n$`;
    expect(stderr).toMatch(new RegExp(`can't go on here: ${who}`));
    const retried = await tintype(['retry', 'alive', '--db', db]);
    expect(retried.stderr).toMatch(new RegExp(`can't be tried again: ${who}`));
  });

  test('asks before it goes on with another definition', async () => {
    const { file, db, folder, log } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    writeFileSync(file, CHECKED.replace('dependencies: [check]', 'dependencies: [check, side]'));
    const refused = await tintype(['resume', 'dead', '--db', db]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr.split('\n').slice(0, 3)).toEqual([
      'error: The workflow has changed since dead (nightly) was started:',
      '- "report" depends on check, side instead of check',
      expect.stringContaining('--changed accept goes on'),
    ]);
    expect(log()).not.toContain('report');
    expect((await tintype(['resume', 'dead', '--db', db, '--changed', 'accept'])).exitCode).toBe(0);
    expect(log()).toContain('report');
  });

  test('says of a removed task that it has begun, and counts it no more where that is forced', async () => {
    const yaml = `
name: nightly
tasks:
  - { name: a, type: bash, command: 'true' }
  - { name: b, type: bash, ${HANGS} }
`;
    const { file, db, folder } = project(yaml);
    await diedAt(file, db, comesTo('b', 'running'));
    writeFileSync(join(folder, 'go'), '');
    writeFileSync(file, yaml.replace(/^.*name: b,.*$/m, "  - { name: c, type: bash, command: 'true' }"));
    const accepted = await tintype(['resume', 'dead', '--db', db, '--changed', 'accept']);
    expect(accepted).toMatchObject({ exitCode: 2, stdout: '' });
    expect(accepted.stderr.split('\n')).toEqual([
      'error: The workflow has changed since dead (nightly) was started, and --changed accept does not go on, since these have begun:',
      '- "b" was removed',
      '--changed force goes on all the same.',
      '',
    ]);
    expect((await tintype(['resume', 'dead', '--db', db, '--changed', 'force'])).exitCode).toBe(0);
    const [job] = jsonOf(await tintype(['jobs', '--json', '--db', db]));
    expect(job.tasks).toEqual({ total: 2, completed: 2 });
    expect(Object.keys(jsonOf(await tintype(['show', 'dead', '--json', '--db', db])).tasks)).toEqual(['a', 'c']);
  });

  test('tells of a task that failed before what its process said', async () => {
    const { file, db, folder } = project(`
name: x
tasks:
  - { name: bad, type: bash, command: 'echo first >&2; echo no file ok >&2; exit 7' }
  - { name: slow, type: bash, dependencies: [bad], trigger: always, ${HANGS} }
`);
    await diedAt(file, db, comesTo('slow', 'running'));
    writeFileSync(join(folder, 'go'), '');
    const { exitCode, stdout, stderr } = await tintype(['resume', 'dead', '--db', db]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^bad +failed +1 +\S+ +\S+ +7 {2}no file ok$/m);
    expect(stderr).toContain('(PROCESS_FAILED)\nLast lines of its stderr:\n  first\n  no file ok\n');
    const shown = await tintype(['show', 'dead', '--db', db]);
    expect(shown.stdout).toMatch(/^bad +failed +1 +\S+ +\S+ +7 {2}no file ok$/m);
    expect(shown.stdout).toMatch(
      /\nFirst error: .* code 7\. \(PROCESS_FAILED\)\nLast lines of its stderr:\n {2}first\n {2}no file ok\n$/,
    );
  });

  test('asks again for what waits for somebody outside, be it in a nested job', async () => {
    const { file, db, folder } = project(`
name: x
tasks:
  - { name: approve, type: external, description: Shall it be published }
  - { name: nest, type: job, file: inner.yaml }
`);
    writeFileSync(
      join(folder, 'inner.yaml'),
      'name: inner\ntasks: [{ name: ask, type: external, description: Who is there }]\n',
    );
    await diedAt(file, db, comesTo('nest/ask', 'ready'));
    const stdin = new PassThrough();
    const ended = tintype(['resume', 'dead', '--db', db], { stdin });
    stdin.write('approve\nnest/ask {"by": "Ada"}\n');
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    for (const [task, what] of [
      ['approve', 'Shall it be published'],
      ['nest/ask', 'Who is there'],
    ]) {
      expect(stdout).toContain(`${task} waits: ${what}. Type "${task}" to complete it,`);
      expect(stdout).toContain(`To complete ${task} from elsewhere: tintype complete dead ${task} --db ${db}\n`);
    }
    expect(jsonOf(await tintype(['show', 'dead', '--json', '--db', db])).tasks['nest/ask'].output).toEqual({
      by: 'Ada',
    });
  });

  test('says what is wrong with the file, and takes another', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const moved = join(folder, 'moved.yaml');
    const errorOf = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await tintype(['resume', 'dead', '--db', db, ...args]);
      expect([exitCode, stdout]).toEqual([2, '']);
      return stderr;
    };
    writeFileSync(file, CHECKED.replace('nightly', 'weekly'));
    expect(await errorOf()).toContain('that is the workflow "weekly" now');
    rmSync(file);
    expect(await errorOf()).toMatch(/^error: The workflow file .*flow\.yaml of the job dead \(nightly\) is gone\./);
    writeFileSync(moved, CHECKED);
    const { exitCode, stderr } = await tintype(['resume', 'dead', '--db', db, '--file', moved]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`tintype resume dead --file ${moved} --db ${db}\n`);
    opened(db).create(newJob('foreign'), lease());
    const { stderr: told } = await tintype(['resume', 'foreign', '--db', db]);
    expect(told).toContain('does not say of which file it is');
  });
});

test('tintype cancel ends an interrupted job whose file is gone, without its handlers', async () => {
  const { file, db, folder, log } = project(`
name: x
tasks:
  - { name: slow, type: bash, ${HANGS} }
  - { name: next, type: bash, dependencies: [slow], command: 'echo next >> log' }
  - { name: ask, type: external }
handlers:
  failure: [{ name: mourn, type: bash, command: 'echo mourn >> log' }]
  always: [{ name: tidy, type: bash, command: 'echo tidy >> log' }]
`);
  await diedAt(file, db, comesTo('slow', 'running'));
  renameSync(file, `${file}.gone`);
  writeFileSync(join(folder, 'go'), '');
  const { exitCode, stderr } = await tintype(['cancel', 'dead', '--reason', 'wrong day', '--db', db]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain(
    `dead (x) is interrupted, and cancelled here: its workflow file ${file} is gone, so its handlers do not run.\n`,
  );
  expect(log()).toEqual([]);
  const job = jsonOf(await tintype(['show', 'dead', '--json', '--db', db]));
  expect(job).toMatchObject({
    state: 'cancelled',
    tasks: { slow: { state: 'cancelled' }, mourn: { state: 'skipped' } },
  });
  expect(job.tasks.tidy).toMatchObject({ state: 'failed', error: { cause: { code: 'TASK_LOST' } } });
  // Nothing of it has changed: with the file in its place it can be tried again.
  renameSync(`${file}.gone`, file);
  const preview = jsonOf(await tintype(['retry', 'dead', '--dry-run', '--json', '--db', db]));
  expect(preview.runs).toEqual(expect.arrayContaining(['slow', 'next', 'tidy']));
});

test('tintype cancel says of a job that is over that it is', async () => {
  const { file, db } = project(CHECKED);
  await tintype(['run', file, '--db', db]);
  const { exitCode, stdout, stderr } = await tintype(['cancel', 'last', '--db', db]);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/is over: it failed\./);
});

const APPROVAL = `
name: approval
tasks:
  - { name: approve, type: external, description: Shall it be published }
  - { name: publish, type: bash, dependencies: [approve], command: 'echo "by $WHO" >> log', env: { WHO: "\${{ ctx.by }}" } }
`;

describe('tintype complete', () => {
  /** A job that waits for somebody, and what it has told. */
  const waiting = async (yaml = APPROVAL) => {
    const { file, db, log } = project(yaml);
    const stdin = new PassThrough();
    stdin.end();
    const ended = tintype(['run', file, '--db', db], { stdin });
    await vi.waitFor(async () => {
      const { stdout } = await tintype(['show', 'last', '--json', '--db', db]);
      expect(JSON.parse(stdout).tasks.approve.state).toBe('ready');
    });
    const complete = (...args: string[]) => tintype(['complete', 'last', ...args, '--db', db]);
    return { ended, complete, db, log };
  };

  test('completes a task of a job whose standard input has ended', async () => {
    const { ended, complete, log } = await waiting();
    expect(await complete('publish')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/performs "publish" itself\. Its external tasks are approve\.\n$/),
    });
    expect((await complete('aprove')).stderr).toContain('Did you mean "approve"?');
    expect(await complete('approve', '--output', '{"by"')).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await complete('approve', '--output', '1', '--fail', 'no')).exitCode).toBe(2);
    expect(await complete('approve', '--output', '{"by": "Ada"}')).toEqual({
      exitCode: 0,
      stdout: 'approve completed.\n',
      stderr: '',
    });
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^approve waits: Shall it be published\./m);
    expect(stdout).toMatch(
      /^To complete approve from elsewhere: tintype complete [\da-f]{8} approve --db \S+jobs\.db$/m,
    );
    expect(log()).toEqual(['by Ada']);
    expect(await complete('approve')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is over') });
  });

  test('fails one, and tells what the process that runs the job refuses', async () => {
    const { ended, complete, db } = await waiting(
      `${APPROVAL}  - { name: last, type: external }\n  - { name: after, type: external, dependencies: [last] }\n`,
    );
    expect(await complete('approve', '--fail', 'too expensive')).toEqual({
      exitCode: 0,
      stdout: 'approve failed.\n',
      stderr: '',
    });
    const again = await complete('approve');
    expect(again).toMatchObject({ exitCode: 1, stderr: 'error: Task "approve" can\'t be completed: it is failed.\n' });
    const early = await complete('after');
    expect(early).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has not begun') });
    expect(early.stderr).toMatch(
      /It waits for last\. Complete it once tintype show [\da-f]{8} .*says that it is ready\.\n$/,
    );
    // An empty variable of a shell decides nothing.
    expect(await complete('last', '--output', '')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('The output of last is no JSON: it is empty.'),
    });
    expect(await complete('last', '--fail', ' ')).toMatchObject({
      exitCode: 2,
      stderr: 'error: --fail is empty: say why last fails.\n',
    });
    expect(jsonOf(await tintype(['show', 'last', '--json', '--db', db])).tasks.last.state).toBe('ready');
    expect((await tintype(['cancel', 'last', '--reason', 'wrong day', '--db', db])).exitCode).toBe(0);
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('Job "approval" was cancelled: wrong day\n');
    expect(stderr).toContain('too expensive');
  });

  test('sends whoever asks of an interrupted job to resume', async () => {
    const { file, db } = project(APPROVAL);
    await interrupted(file, db, 1);
    const { exitCode, stderr } = await tintype(['complete', 'dead', 'approve', '--db', db]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`It has to go on first: tintype resume dead --db ${db}\n`);
  });
});

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
