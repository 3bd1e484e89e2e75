// Compiles examples/*.ts beside the built library and runs one: npm run example smoothie
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../', import.meta.url);
const name = process.argv[2] ?? 'smoothie';
if (!existsSync(new URL(`examples/${name}.ts`, root))) {
  console.error(`There is no examples/${name}.ts.`);
  process.exit(2);
}
const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.examples.json'], { cwd: root, stdio: 'inherit' });
await import(pathToFileURL(fileURLToPath(new URL(`build/examples/${name}.js`, root))).href);
