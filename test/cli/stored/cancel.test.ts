import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { runMetadata } from '../../../src/cli/attend/stored-workflow.ts';
import { loadWorkflow } from '../../../src/workflow/workflow.ts';
import { type Captured, tintype } from '../../support/cli.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { opened } from '../../support/sqlite-files.ts';
import { CHECKED, comesTo, diedAt, HANGS, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

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
