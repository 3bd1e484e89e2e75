// Copies the program of the page /docs to where the server reads it: node scripts/copy-redoc.mjs [dist]
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundles = join(root, 'node_modules/redoc/bundles');
const out = join(process.argv[2] ?? join(root, 'dist'), 'server/http');
for (const file of ['redoc.standalone.js', 'redoc.standalone.js.LICENSE.txt'])
  copyFileSync(join(bundles, file), join(out, file));
