// Bundles the sources and the programs of the crash tests, so that every Node.js runs them as processes of their own:
// node scripts/bundle-chaos.mjs FOLDER
// The folder must be inside of the package, for what stays outside of the bundles is looked for from there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const doors = ['server', 'sqlite', 'testing'];

/** Writes the programs of test/chaos, and the doors index.mjs, server.mjs, sqlite.mjs and testing.mjs. */
export const bundleChaos = async (folder) => {
  const bundle = await rolldown({
    input: {
      child: join(root, 'test/chaos/child.ts'),
      ...Object.fromEntries(
        ['long-form', 'schedule-child', 'schedule-kills'].map((name) => [name, join(root, `test/chaos/${name}.ts`)]),
      ),
      index: join(root, 'src/index.ts'),
      ...Object.fromEntries(doors.map((door) => [door, join(root, `src/${door}.ts`)])),
    },
    platform: 'node',
    external: [/^node:/, ...Object.keys(peerDependencies), '@photostructure/sqlite'],
    resolve: {
      alias: {
        ...Object.fromEntries(doors.map((door) => [`tintype/${door}`, join(root, `src/${door}.ts`)])),
        tintype: join(root, 'src/index.ts'),
        rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js'),
      },
    },
  });
  await bundle.write({ dir: folder, entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  await bundle.close();
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleChaos(process.argv[2]);
