import { execFile, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packedProject } from './support/packed-project.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/durability.md'), 'utf8');
const prints = /^```text\n([\s\S]*?)^```/m.exec(page)?.[1];

const RUNTIMES: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['Bun', 'bun', []],
  ['Deno', 'deno', ['run', '--allow-all']],
];

const required = process.env.TINTYPE_TEST_RUNTIMES === 'required';

let project: string;
beforeAll(async () => {
  project = await packedProject();
  cpSync(join(root, 'docs/programs/durability.ts'), join(project, 'durability.ts'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
}, 60_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

for (const [name, command, args] of RUNTIMES) {
  const found = spawnSync(command, ['--version'], { encoding: 'utf8' });
  const missing = found.status !== 0 && !required;
  if (missing) console.warn(`${name} is not installed: the program of docs/durability.md is not tried there.`);

  describe.skipIf(missing)(name, () => {
    test('runs the program of docs/durability.md, which resumes a job from SQLite', async () => {
      const { stdout } = await promisify(execFile)(command, [...args, 'durability.ts'], { cwd: project });
      expect(stdout).toBe(prints);
    });

    test('is the version that the page names', () => {
      const version = /\d+\.\d+\.\d+/.exec(found.stdout ?? '')?.[0];
      expect(page).toContain(`${name} ${version}`);
    });
  });
}
