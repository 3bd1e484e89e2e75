// Builds the web UI into dist/ui, and compresses it: node scripts/build-ui.mjs [dist]
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const ui = join(root, 'ui');
if (existsSync(join(ui, 'index.html'))) {
  const { build } = await import('vite');
  const outDir = join(resolve(process.argv[2] ?? join(root, 'dist')), 'ui');
  await build({ root: ui, base: './', logLevel: 'warn', build: { outDir, emptyOutDir: true } });
  execFileSync(process.execPath, [join(root, 'scripts/compress-ui.mjs'), outDir], { stdio: 'inherit' });
}
