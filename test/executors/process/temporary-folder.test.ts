import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ProcessIdentity, thisProcess } from '../../../src/engine/durable/process-identity.ts';

test('the first command removes the folders of processes that are dead, and no others', async () => {
  const { pid } = spawnSync('true');
  const folder = mkdtempSync(join(tmpdir(), 'tintype-'));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const make = (name: string, owner: ProcessIdentity | undefined): void => {
    mkdirSync(join(folder, name, 'inner'), { recursive: true });
    if (owner) writeFileSync(join(folder, name, 'owner.json'), JSON.stringify(owner));
  };
  make('tintype-run-dead', { ...thisProcess(), pid });
  make('tintype-run-reused', { ...thisProcess(), processStart: '1' });
  make('tintype-run-alive', thisProcess());
  make('tintype-run-elsewhere', { ...thisProcess(), pid, host: 'another machine' });
  make('tintype-run-unknown', undefined);
  make('other', { ...thisProcess(), pid });
  vi.resetModules();
  const { temporaryFolder } = await import('../../../src/executors/process/temporary-folder.ts');
  const own = temporaryFolder();
  const kept = ['other', 'tintype-run-alive', 'tintype-run-elsewhere', 'tintype-run-unknown'];
  expect(
    readdirSync(folder)
      .map((name) => join(folder, name))
      .toSorted(),
  ).toEqual([...kept.map((name) => join(folder, name)), own].toSorted());
});
