import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (file: string): string => readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
const readme = read('README.md');

/** The fenced blocks of a language. */
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1] as string);

test('the program of the README is examples/smoothie.ts', () => {
  expect(blocks('ts')[0]).toBe(read('examples/smoothie.ts'));
});

test('what the README says it prints is what the test of the example expects', () => {
  const lines = blocks('text')[0]?.trim().split('\n') ?? [];
  const expected = read('test/examples.test.ts');
  expect(lines).toHaveLength(15);
  for (const line of lines) expect(expected).toContain(`'${line}'`);
});

test.each(['definition/options.ts', '../machines/retry.ts'])('every option of src/engine/%s has its row', (file) => {
  const names = [...read(`src/engine/${file}`).matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1] as string);
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) expect(readme, name).toMatch(new RegExp(`\`(?:retry\\.)?${name}\``));
});

test('every script that the README names is one of package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1] as string);
  expect(named).toContain('pipeline');
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});
