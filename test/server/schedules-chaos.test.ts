import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleChaos } from '../chaos/bundle.ts';
import { killSchedules } from '../chaos/schedule-kills.ts';

let bundles = '';
const folder = mkdtempSync(join(tmpdir(), 'tintype-schedules-'));
beforeAll(async () => {
  bundles = await bundleChaos();
}, 60_000);
afterAll(() => {
  for (const made of [bundles, folder]) if (made) rmSync(made, { recursive: true, force: true });
});

test('a server that is killed at due times loses none, and starts none twice', async () => {
  const child = join(bundles, 'schedule-child.mjs');
  expect(await killSchedules({ child, folder, seed: 1, kills: 3 })).toEqual([]);
}, 120_000);
