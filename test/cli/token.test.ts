import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { tintype } from '../support/cli.ts';
import { newFile, newFolder } from '../support/sqlite-files.ts';

const create = (db: string, ...args: string[]) => tintype(['token', 'create', '--db', db, ...args]);

const listed = async (db: string): Promise<readonly Record<string, unknown>[]> =>
  JSON.parse((await tintype(['token', 'list', '--json', '--db', db])).stdout);

test('token create prints the secret alone on stdout, once, and makes the database', async () => {
  const db = newFile();
  const { exitCode, stdout, stderr } = await create(db, '--role', 'worker', '--owner', 'cook', '--owner', 'barker');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^tt_[a-z2-9]{8}_[\w-]{43}\n$/);
  const secret = stdout.trim();
  expect(stderr).toBe(`Token ${secret.slice(3, 11)} (worker). Its secret is shown here alone.\n`);
  expect(await listed(db)).toMatchObject([
    { id: secret.slice(3, 11), name: 'worker', roles: ['worker'], owners: ['cook', 'barker'] },
  ]);
  const all = [await tintype(['token', 'list', '--db', db]), await tintype(['token', 'list', '--json', '--db', db])];
  for (const { stdout: text } of all) expect(text).not.toContain(secret.slice(12));
  expect(all[0]?.stdout).toMatch(
    /^TOKEN +NAME +ROLES +OWNERS +MADE +USED +EXPIRES\n\w{8} +worker +worker +cook, barker +\S+ \S+ +never +never\n$/,
  );
});

test('a token has each role once, a name, and a time at which it expires', async () => {
  const db = newFile();
  const made = Date.now();
  const args = ['--role', 'viewer', '--role', 'worker', '--role', 'viewer', '--name', 'ci', '--expires', '90d'];
  expect((await create(db, ...args)).stderr).toMatch(/^Token \w{8} \(viewer, worker\), until \d{4}-/);
  const [token] = await listed(db);
  expect(token).toMatchObject({ name: 'ci', roles: ['viewer', 'worker'] });
  const days = ((token?.expiresAt as number) - made) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(90);
  expect(days).toBeLessThan(90.01);
});

test('token revoke removes one; there is none a second time', async () => {
  const db = newFile();
  await create(db, '--role', 'admin');
  const [token] = await listed(db);
  const revoke = () => tintype(['token', 'revoke', token?.id as string, '--db', db]);
  expect(await revoke()).toMatchObject({ exitCode: 0, stdout: `Revoked ${token?.id}.\n` });
  expect(await revoke()).toMatchObject({
    exitCode: 2,
    stderr: `error: There is no token "${token?.id}". tintype token list shows all.\n`,
  });
  expect((await tintype(['token', 'list', '--db', db])).stdout).toBe('There are no tokens.\n');
});

test.each([
  [[], /required option '--role <role>' not specified/],
  [['--role', 'king'], /It must be one of viewer, worker, operator, admin/],
  [['--role', 'amdin'], /Did you mean "?admin/],
  [['--role', 'viewer', '--owner', 'cook'], /owners, which bind the role worker/],
  [['--role', 'worker', '--owner', ''], /owners/],
  [['--role', 'viewer', '--name', ''], /a name/],
  [['--role', 'viewer', '--expires', 'soon'], /must be a duration/],
])('token create %j is refused, and nothing is kept', async (args, message) => {
  const db = newFile();
  const { exitCode, stdout, stderr } = await create(db, ...args);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(existsSync(db) ? await listed(db) : []).toEqual([]);
});

test('list and revoke make no database; the variable of the server names it', async () => {
  const folder = newFolder();
  const db = join(folder, 'env.db');
  vi.stubEnv('TINTYPE_DB', db);
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const args of [['list'], ['revoke', 'abcdefgh']])
    expect(await tintype(['token', ...args])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(db) });
  expect(existsSync(db)).toBe(false);
  expect((await tintype(['token', 'create', '--role', 'admin'])).exitCode).toBe(0);
  expect(await listed(db)).toHaveLength(1);
});

test('the name and owners of a token can not act on the terminal', async () => {
  const db = newFile();
  await create(db, '--role', 'worker', '--name', 'a\u001b[31mb\u0007', '--owner', 'x\u001b]0;y\u0007');
  const { stdout } = await tintype(['token', 'list', '--db', db]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
  expect(stdout).not.toMatch(/[\u001b\u0007]/);
});
