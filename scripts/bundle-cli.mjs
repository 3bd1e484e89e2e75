// Puts the command line into a few files with all that it needs, so that it starts faster, in the place of what tsc wrote:
// node scripts/bundle-cli.mjs [dist]
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(process.argv[2] ?? join(root, 'dist'), 'cli');
const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Modules that every command needs; the rest is loaded by the command that runs. */
const early = new Set();
const findEarly = {
  name: 'find-early',
  buildEnd() {
    const add = (id) => {
      if (early.has(id)) return;
      early.add(id);
      this.getModuleInfo(id)?.importedIds.forEach(add);
    };
    add(join(root, 'src/cli/run-cli.ts'));
  },
};

/** What `cli/serving` has of other folders is not bundled: modules of the user have to share it. */
const leaveInstalled = {
  name: 'leave-installed',
  resolveId(id, importer) {
    if (!id.startsWith('.') || !importer || dirname(importer) !== join(root, 'src/cli/serving')) return null;
    const target = relative(join(root, 'src'), resolve(dirname(importer), id))
      .split(sep)
      .join('/');
    return target.startsWith('cli/') ? null : { id: `../${target.replace(/\.ts$/, '.js')}`, external: true };
  },
};

/** What works on the jobs of a server, which commands load for `--server` alone. */
const REMOTE = /[\\/]src[\\/](?:client|cli[\\/]remote)[\\/]|-remote\.ts$|[\\/]eventsource-parser[\\/]/;

const bundle = await rolldown({
  input: join(root, 'src/cli/main.ts'),
  platform: 'node',
  external: [/^node:/, ...Object.keys(peerDependencies), 'pg', 'mysql2', '@photostructure/sqlite'],
  resolve: {
    // Node.js gets these as CommonJS, which can't be shaken.
    alias: {
      rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js'),
      yaml: join(root, 'node_modules/yaml/browser/index.js'),
    },
  },
  plugins: [findEarly, leaveInstalled],
});
rmSync(out, { recursive: true, force: true });
const { output } = await bundle.write({
  dir: out,
  format: 'esm',
  chunkFileNames: '[name].js',
  // Names stay, for the sake of stack traces.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  codeSplitting: {
    groups: [
      { name: 'start', test: (id) => early.has(id), priority: 2 },
      {
        name: 'core',
        test: (id) => !id.endsWith('/src/cli/main.ts') && !REMOTE.test(id),
        minShareCount: 2,
        priority: 1,
      },
      { name: 'remote', test: (id) => REMOTE.test(id), priority: 0 },
    ],
  },
});
await bundle.close();

/** Roots of the packages of which something is in the bundle. */
const packages = new Set();
for (const chunk of output) {
  for (const [id, { renderedLength }] of Object.entries(chunk.modules ?? {})) {
    const at = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0];
    if (at !== undefined && renderedLength > 0) packages.add(at);
  }
}

const licenceOf = (directory) => {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)\b/i.test(entry));
  if (file === undefined) throw new Error(`${name} says nowhere on what terms it may be copied: ${directory}`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
};

const RULE = `\n${'-'.repeat(80)}\n\n`;
writeFileSync(
  join(out, 'LICENSES.txt'),
  `The command line of tintype holds parts of these packages.\n${RULE}${[...packages].map(licenceOf).sort().join(RULE)}`,
);
// Written as a plain file; the command has to be executable. On Windows this changes nothing.
chmodSync(join(out, 'main.js'), 0o755);
