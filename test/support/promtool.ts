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

type Checked = { readonly code: number; readonly out: string };

/** Runs promtool in a folder. Returns its exit code, and what it printed. */
export const promtool = (folder: string, ...args: readonly string[]): Checked => run(args, { cwd: folder });

/** Has promtool check an exposition. Without complaint, the code is 0 and it prints nothing. */
export const promtoolCheck = (exposition: string): Checked => run(['check', 'metrics'], { input: exposition });

const run = (args: readonly string[], options: { readonly cwd?: string; readonly input?: string }): Checked => {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { ...options, encoding: 'utf8' });
  if (error) throw error;
  return { code: status ?? -1, out: `${stdout}${stderr}` };
};
