import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const missing = ['prometheus', 'promtool'].filter((program) => !has(program));

/**
 * Tests that run Prometheus and its promtool (Debian's package `prometheus` has both). Without them they are skipped, out
 * loud; with TINTYPE_TEST_PROMETHEUS=required they run, and fail.
 */
export const describeWithPrometheus = (name: string, tests: () => void): void => {
  const skipped = missing.length > 0 && process.env.TINTYPE_TEST_PROMETHEUS !== 'required';
  if (skipped) console.warn(`Not found: ${missing.join(', ')}. Skipped: ${name}`);
  describe.skipIf(skipped)(name, tests);
};

/** Runs promtool in a folder. Returns its exit code, and what it printed. */
export const promtool = (
  folder: string,
  ...args: readonly string[]
): { readonly code: number; readonly out: string } => {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return { code: status ?? -1, out: `${stdout}${stderr}` };
};
