import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const DOORS = ['client', 'server', 'sqlite'];
const EXAMPLES = ['server', 'barker', 'cook', 'waiter', 'main'];

/**
 * Bundles the command line (`tintype.mjs`), the programs of the kitchen (`kitchen/server.mjs` and so on) and the worker of
 * these tests (`worker.mjs`) with the sources as they are, into `dist/cli`, for processes of their own. Resolves to the
 * folder of that, which is inside of the package, since what stays outside of the bundles is looked for from there.
 */
export const bundlePrograms = async (): Promise<string> => {
  const folder = join(root, 'node_modules/.cache', `tintype-service-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  // The command line looks for it.
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const bundle = await rolldown({
    input: {
      tintype: join(root, 'src/cli/main.ts'),
      worker: join(import.meta.dirname, 'worker.ts'),
      ...Object.fromEntries(EXAMPLES.map((name) => [`kitchen/${name}`, join(root, `examples/kitchen/${name}.ts`)])),
    },
    platform: 'node',
    external: [/^node:/, ...Object.keys(peerDependencies), '@photostructure/sqlite'],
    resolve: {
      alias: {
        ...Object.fromEntries(DOORS.map((door) => [`tintype/${door}`, join(root, `src/${door}.ts`)])),
        tintype: join(root, 'src/index.ts'),
        rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js'),
        yaml: join(root, 'node_modules/yaml/browser/index.js'),
      },
    },
    logLevel: 'silent',
  });
  const dir = join(folder, 'dist/cli');
  await bundle.write({ dir, entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  await bundle.close();
  return folder;
};
