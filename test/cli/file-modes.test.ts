import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildCli, start } from '../support/cli.ts';
import { newFolder } from '../support/sqlite-files.ts';

let program: string;
let umask: number;

beforeAll(async () => {
  program = await buildCli();
  umask = process.umask(0o022);
}, 120_000);

afterAll(() => void process.umask(umask));

let folder: string;
let started: string;

beforeEach(() => {
  folder = newFolder();
  started = process.cwd();
  process.chdir(folder);
});

afterEach(() => process.chdir(started));

/** The modes of a folder and all in it that others may use, by path. */
const openToOthers = (path: string): readonly string[] => {
  const stat = statSync(path);
  const inner = stat.isDirectory() ? readdirSync(path).flatMap((name) => openToOthers(join(path, name))) : [];
  return (stat.mode & 0o077) === 0 ? inner : [`${path} ${(stat.mode & 0o777).toString(8)}`, ...inner];
};

const tintype = async (...args: string[]): Promise<void> => {
  const { exitCode, stderr } = await start(process.execPath, [program, ...args]).ended;
  expect([exitCode, stderr]).toEqual([0, '']);
};

test('files and folders that the command line makes are for their owner alone', { timeout: 60_000 }, async () => {
  writeFileSync(
    'w.yaml',
    `name: w
tasks:
  - { name: shop, type: sql, database: shop.db, query: "CREATE TABLE IF NOT EXISTS tea (leaf TEXT)" }
  - name: look
    type: bash
    dependencies: [shop]
    command: find "$(dirname "$TINTYPE_CONTEXT")" .tintype -perm -040 -o -perm -004 > seen-while-it-runs.txt
`,
    { mode: 0o600 },
  );
  await tintype('run', 'w.yaml', '-q', '--events', 'events.ndjson');
  await tintype('run', 'w.yaml', '-q', '--db', 'deep/er/jobs.db');
  await tintype('db', 'backup', 'copy.db');
  await tintype('db', 'backup', 'copy.db', '--force');
  await tintype('export', 'last', '-o', 'job.ndjson');
  await tintype('graph', 'w.yaml', '--format', 'dot', '-o', 'w.dot');
  await tintype('init', 'example.yaml');
  expect(readFileSync('seen-while-it-runs.txt', 'utf8')).toBe('');
  // Made by the command itself.
  rmSync('seen-while-it-runs.txt');
  expect(openToOthers(folder)).toEqual([]);
});

test('a file that is there keeps its mode', { timeout: 60_000 }, async () => {
  writeFileSync('w.yaml', 'name: w\ntasks:\n  - { name: a, type: bash, command: "true" }\n');
  writeFileSync('events.ndjson', '', { mode: 0o640 });
  await tintype('run', 'w.yaml', '-q', '--events', 'events.ndjson', '--no-db');
  expect(statSync('events.ndjson').mode & 0o777).toBe(0o640);
});
