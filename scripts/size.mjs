// Measures what `defineJob` adds to a bundle, minified and gzipped, and fails if it is too much: node scripts/size.mjs [dist]
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const MAX_KB = 75;

const root = fileURLToPath(new URL('..', import.meta.url));
const index = join(resolve(process.argv[2] ?? join(root, 'dist')), 'index.js');
const entry = 'entry.mjs';

const sizeKb = async (alias) => {
  const bundle = await rolldown({
    input: entry,
    platform: 'node',
    resolve: { alias },
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? `export { defineJob } from ${JSON.stringify(index)};` : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  return gzipSync(output[0].code).length / 1024;
};

const size = await sizeKb({ rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js') });
const without = await sizeKb({});
console.log(
  `defineJob: ${size.toFixed(2)} KB gzipped, ${without.toFixed(2)} KB without the alias for RxJS. Limit: ${MAX_KB} KB.`,
);
if (size >= MAX_KB) process.exitCode = 1;
