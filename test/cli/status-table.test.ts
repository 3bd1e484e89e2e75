import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { statusTable } from '../../src/cli/attend/status-table.ts';
import { tintype } from '../support/cli.ts';
import { project } from '../support/stored-jobs.ts';

test.for([
  [21, '… and 1 completed task; --verbose shows all'],
  [22, '… and 2 completed tasks; --verbose shows all'],
] as const)('a table that leaves out fast tasks counts them: %i completed', ([completed, last]) => {
  const names = Array.from({ length: 120 }, (_, index) => `t${index}`);
  const tasks = Object.fromEntries(
    names.map((name, index) => [
      name,
      { state: index < completed ? 'completed' : 'skipped', attempts: 0, durationMs: index },
    ]),
  );
  const definition = { tasks: names.map((name) => ({ name })) };
  const printer = { columns: 80, style: (_: unknown, text: string) => text, sanitize: (text: string) => text };
  const lines = statusTable(
    { tasks: [] },
    definition as never,
    { state: 'completed', tasks } as never,
    printer as never,
    false,
  );
  expect(lines.at(-1)).toBe(last);
});

/** A job that fails, of a task with a long name that was tried twice, and what came of the others. */
const failed = () =>
  project(`
name: nightly
tasks:
  - { name: extract_all_orders_of_the_warehouse, type: bash, command: 'echo "no such table: rows" >&2; exit 7', max_retries: 1, retry: { delay: 1ms } }
  - { name: report, type: bash, dependencies: [extract_all_orders_of_the_warehouse], command: 'true' }
  - { name: side, type: bash, command: 'true' }
`);

test.for([
  'run',
  'show',
] as const)('the table of %s fits a window of 40 columns, and says all the same', async (command) => {
  const { file, db } = failed();
  const ran = await tintype(['run', file, '--db', db], { columns: 40 });
  const { stdout } = command === 'run' ? ran : await tintype(['show', 'last', '--db', db], { columns: 40 });
  const text = stripVTControlCharacters(stdout).replace(/\r/g, '');
  const table = text.slice(text.lastIndexOf('TASK')).split('\n\n')[0] ?? '';
  for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
  expect(table).toMatch(/^TASK +STATE +DURATION\nextract_\S*…\S*warehouse +failed +[\d.]+m?s\n/);
  expect(table).toContain('\n  2 attempts, exit 7, no such table:\n  rows\n');
  expect(table).toMatch(/^report +skipped\n {2}because\n {2}extract_all_orders_of_the_warehouse\n {2}failed$/m);
  expect(table).toMatch(/^side +completed +[\d.]+m?s$/m);
});

test('on a terminal the last lines say where to look, and how to try again what failed', async () => {
  const { file, db } = failed();
  const bad = await tintype(['run', file, '--db', db], { columns: 80, env: { NO_COLOR: '1' } });
  expect(bad.stderr).toMatch(
    /\nWhat happened in it: tintype logs ([\da-f]{8}) --db .*\nTo try again what failed:\n {2}tintype retry \1 --db .*\n$/,
  );
  const good = await tintype(['run', file, '--db', db, '--only', 'side'], { columns: 80, env: { NO_COLOR: '1' } });
  expect(good.stderr).toMatch(/^What happened in it: tintype logs [\da-f]{8} --db .*\n$/);
  const unkept = await tintype(['run', file, '--only', 'side'], { columns: 80, env: { NO_COLOR: '1' } });
  expect(unkept.stderr).toBe('');
});
