import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json'));

/** The files of the tarball, apart from what the build writes. */
const packed = (): ReadonlySet<string> => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const [{ files }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  return new Set((files as { path: string }[]).map(({ path }) => path));
};

const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)];
const markdown = pages.filter((file) => file.endsWith('.md'));

test('whatever the README and the docs link to is in the tarball', () => {
  const files = packed();
  const isPacked = (path: string): boolean => files.has(path) || [...files].some((file) => file.startsWith(`${path}/`));
  const links = markdown.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => ({
      page,
      target: normalize(join(page, '..', link as string)).replace(/\/$/, ''),
    })),
  );
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter(({ target }) => !isPacked(target))).toEqual([]);
  expect([...files].filter((file) => /^(?:src|test|examples\/output)\//.test(file))).toEqual([]);
});

test('the manifest names the repository, and no script that npm runs on install', () => {
  expect(manifest.repository.url).toMatch(/^git\+https:.*\.git$/);
  for (const link of [manifest.homepage, manifest.bugs]) expect(link).toContain(manifest.repository.url.slice(4, -4));
  for (const script of ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare'])
    expect(manifest.scripts).not.toHaveProperty(script);
});

test('the README, the docs and package.json say the same of Node.js', () => {
  const oldest = manifest.engines.node.replace('>=', '');
  for (const page of ['README.md', 'docs/durability.md', 'docs/bundling.md'])
    expect(read(page)).toContain(`tintype runs on Node.js ${oldest} or newer`);
  for (const page of markdown)
    for (const [said, version] of read(page).matchAll(/Node(?:\.js)? (?:>= ?)?(\d+[.\d]*) or (?:newer|later)/g))
      expect({ page, said, version }).toEqual({ page, said, version: oldest });
});

test('the declarations hold for TypeScript 5.4, where only classes and interfaces may say `this is`', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.ts$/.test(file),
  );
  const holders = sources.flatMap((file) => {
    const lines = read(join('src', file)).split('\n');
    return lines.flatMap((line, at) => (/\): this is /.test(line) ? [holderOf(lines.slice(0, at))] : []));
  });
  expect(holders.length).toBeGreaterThan(0);
  expect(holders.filter((holder) => !/^(?:export )?(?:abstract )?(?:interface|class) /.test(holder))).toEqual([]);
});

/** Returns the last line that begins a declaration. */
const holderOf = (lines: readonly string[]): string => lines.findLast((line) => /^[a-z]/.test(line)) ?? '';
