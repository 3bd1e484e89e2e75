// Compiles one of examples/*.ts beside the built library and runs it: npm run example smoothie
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../', import.meta.url);
const name = (process.argv[2] ?? 'smoothie').replace(/\.ts$/, '');
if (!existsSync(new URL(`examples/${name}.ts`, root))) {
  console.error(`There is no examples/${name}.ts.`);
  process.exit(2);
}
// Of it and what it imports alone: another one may be half written.
const config = fileURLToPath(new URL(`build/tsconfig.${process.pid}.json`, root));
mkdirSync(new URL('build/', root), { recursive: true });
const about = { extends: '../tsconfig.examples.json', files: [`../examples/${name}.ts`], include: [] };
writeFileSync(config, JSON.stringify(about));
const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
const { status } = spawnSync(process.execPath, [tsc, '-p', config], { cwd: fileURLToPath(root), stdio: 'inherit' });
rmSync(config);
if (status !== 0) process.exit(status ?? 1);
await import(pathToFileURL(fileURLToPath(new URL(`build/examples/${name}.js`, root))).href);
