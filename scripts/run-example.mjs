// Compiles one of examples/*.ts, or a folder with a main.ts, beside the built library and runs it: npm run example smoothie
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../', import.meta.url);
const name = (process.argv[2] ?? 'smoothie').replace(/\.ts$/, '');
const program = [name, `${name}/main`].find((path) => existsSync(new URL(`examples/${path}.ts`, root)));
if (program === undefined) {
  console.error(`There is no examples/${name}.ts, and no examples/${name}/main.ts.`);
  process.exit(2);
}
// The programs of a folder start one another.
const beside =
  program === name ? [] : readdirSync(new URL(`examples/${name}/`, root)).filter((file) => file.endsWith('.ts'));
const files = [`${program}.ts`, ...beside.map((file) => `${name}/${file}`)];
// Of it and what it imports alone: another one may be half written.
const config = fileURLToPath(new URL(`build/tsconfig.${process.pid}.json`, root));
mkdirSync(new URL('build/', root), { recursive: true });
const about = { extends: '../tsconfig.examples.json', files: files.map((file) => `../examples/${file}`), include: [] };
writeFileSync(config, JSON.stringify(about));
const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
const { status } = spawnSync(process.execPath, [tsc, '-p', config], { cwd: fileURLToPath(root), stdio: 'inherit' });
rmSync(config);
if (status !== 0) process.exit(status ?? 1);
await import(pathToFileURL(fileURLToPath(new URL(`build/examples/${program}.js`, root))).href);
