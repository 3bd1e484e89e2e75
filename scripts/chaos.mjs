// npm run chaos: jobs of random graphs, in processes that are killed at random moments until the jobs are over, beside the
// same jobs undisturbed. Ends with exit code 1 where something did not hold.
//
//   CHAOS_KILLS=300     how many kills, at least
//   CHAOS_SEED=1        the seed of the first round; default the time
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleChaos } from './bundle-chaos.mjs';

const number = (name, otherwise) => {
  const value = Number(process.env[name] ?? otherwise);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`${name} is ${JSON.stringify(process.env[name])}: expected a whole number.`);
  process.exit(2);
};
const kills = number('CHAOS_KILLS', 300);
const seed = number('CHAOS_SEED', Date.now() % 1_000_000);

const folder = fileURLToPath(new URL(`../node_modules/.cache/tintype-chaos-${process.pid}`, import.meta.url));
mkdirSync(folder, { recursive: true });
try {
  await bundleChaos(folder);
  const { playLong } = await import(pathToFileURL(join(folder, 'long-form.mjs')).href);
  console.log(`Node.js ${process.versions.node}, ${kills} kills or more, from seed ${seed}`);
  const rounds = await playLong({ child: join(folder, 'child.mjs'), seed, kills, say: (line) => console.log(line) });
  if (rounds.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
