import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');

/** Each folder, and the folders it may import from. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  events: [],
  machines: ['events'],
  engine: ['events', 'machines'],
  testing: ['events', 'machines', 'engine'],
  executors: ['events', 'machines', 'engine'],
  journal: ['events', 'machines', 'engine'],
  workflow: ['events', 'machines', 'engine', 'executors', 'journal'],
  server: ['events', 'machines', 'engine', 'executors', 'journal', 'workflow'],
  cluster: ['events', 'machines', 'engine', 'executors', 'journal', 'workflow'],
  cli: ['events', 'machines', 'engine', 'executors', 'journal', 'workflow', 'server', 'cluster'],
};

/** The packages that importing the core may load. */
const CORE_PACKAGES = ['immer', 'rxjs', 'xstate'];

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(src, file));

const codeOf = (file: string): string => readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

/** Import and export specifiers of a file, static and dynamic. */
const importsOf = (file: string): string[] => {
  return [...codeOf(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] as string);
};

const folderOf = (file: string): string => {
  const [first = '', ...rest] = relative(src, file).split(sep);
  return rest.length === 0 ? 'door' : first;
};

const localImports = (file: string): string[] =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(file), specifier));

describe('imports run one way', () => {
  test.each(files.map((file) => [relative(root, file), file]))('%s', (_name, file) => {
    const folder = folderOf(file);
    if (folder === 'door') return;
    expect(Object.keys(MAY_IMPORT)).toContain(folder);
    for (const target of localImports(file)) {
      expect(
        [folder, ...(MAY_IMPORT[folder] ?? [])],
        `${relative(root, file)} imports ${relative(root, target)}`,
      ).toContain(folderOf(target));
    }
  });
});

test('only the doors re-export', () => {
  for (const file of files.filter((file) => folderOf(file) !== 'door')) {
    expect(readFileSync(file, 'utf8'), relative(root, file)).not.toMatch(/^export .* from '/m);
  }
});

test('the doors hold nothing but exports', () => {
  for (const file of files.filter((file) => folderOf(file) === 'door')) {
    const statements = readFileSync(file, 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/export (?:type )?(?:\{[^}]*\}|\*) from '[^']+';/g, '');
    expect(statements.trim(), relative(root, file)).toBe('');
  }
});

test('importing the core loads xstate, rxjs and immer alone', () => {
  const seen = new Set<string>([join(src, 'index.ts')]);
  const packages = new Set<string>();
  for (const file of seen) {
    for (const target of localImports(file)) seen.add(target);
    for (const specifier of importsOf(file)) if (!/^(\.|node:)/.test(specifier)) packages.add(specifier);
  }
  expect([...packages].sort()).toEqual(CORE_PACKAGES);
});

test('machines and engine are handed time and chance', () => {
  const reach =
    /\bDate\.now\b|\bnew Date\b|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|\brandomUUID\b|\bperformance\b/;
  for (const file of files.filter((file) => ['machines', 'engine'].includes(folderOf(file)))) {
    expect(codeOf(file), relative(root, file)).not.toMatch(reach);
  }
});

test('every door named in package.json is a file of src', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  for (const [door, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const source = target.default.replace('./dist/', './src/').replace(/\.js$/, '.ts');
    expect(
      files.map((file) => `./${relative(root, file)}`),
      door,
    ).toContain(source);
    expect(target.types, door).toBe(target.default.replace(/\.js$/, '.d.ts'));
  }
});
