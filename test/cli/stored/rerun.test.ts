import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Captured, tintype } from '../../support/cli.ts';
import { CHECKED, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

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
