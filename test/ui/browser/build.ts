import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** What the web UI is made of. */
const SOURCES = ['ui', 'src/wire', 'src/engine/views', 'src/events', 'scripts/build-ui.mjs'];

/**
 * Builds the web UI as it ships, and returns the folder. All test files share a build: its name says which sources it is
 * of, and it gets that name when it is whole.
 */
export const builtUi = (): string => {
  const prefix = `tintype-ui-${shortHash(root)}-`;
  const name = prefix + shortHash(SOURCES.flatMap((source) => stampsOf(join(root, source))).join('\n'));
  const folder = join(tmpdir(), name);
  if (existsSync(folder)) return join(folder, 'ui');
  const made = mkdtempSync(join(tmpdir(), 'tintype-ui-made-'));
  // Test runners set NODE_ENV, and React would be the slow one for developers.
  execFileSync(process.execPath, [join(root, 'scripts/build-ui.mjs'), made], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    renameSync(made, folder);
  } catch (error) {
    // Another file was faster.
    if (!existsSync(folder)) throw error;
    rmSync(made, { recursive: true });
  }
  for (const old of readdirSync(tmpdir()).filter((one) => one.startsWith(prefix) && one !== name))
    rmSync(join(tmpdir(), old), { recursive: true, force: true });
  return join(folder, 'ui');
};

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Path, size and time of change of all files. */
const stampsOf = (path: string): readonly string[] => {
  const stat = statSync(path);
  if (!stat.isDirectory()) return [`${path} ${stat.size} ${stat.mtimeMs}`];
  return readdirSync(path)
    .sort()
    .flatMap((name) => stampsOf(join(path, name)));
};
