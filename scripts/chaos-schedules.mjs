// npm run chaos:schedules: a server with a job each second, killed around its due times. Ends with exit code 1 where a due
// time was lost, or started twice.
//
//   CHAOS_KILLS=100     how many kills
//   CHAOS_SEED=1        what the moments are drawn from; default the time
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleChaos } from './bundle-chaos.mjs';

const kills = Number(process.env.CHAOS_KILLS ?? 100);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

const bundles = fileURLToPath(new URL(`../node_modules/.cache/tintype-chaos-${process.pid}`, import.meta.url));
mkdirSync(bundles, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'tintype-chaos-'));
try {
  await bundleChaos(bundles);
  const { killSchedules } = await import(pathToFileURL(join(bundles, 'schedule-kills.mjs')).href);
  const violations = await killSchedules({ child: join(bundles, 'schedule-child.mjs'), folder, seed, kills });
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  console.log(`${kills} kills from seed ${seed}, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  rmSync(bundles, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}
