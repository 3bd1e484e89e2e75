import { expect, test } from 'vitest';
import { statusTable } from '../../src/cli/attend/status-table.ts';

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
