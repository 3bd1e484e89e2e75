import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = readdirSync(`${root}docs`).filter((file) => file.endsWith('.md'));
const programs = readdirSync(`${root}docs/programs`).map((file) => file.replace(/\.ts$/, ''));

afterEach(() => vi.restoreAllMocks());

/** The first fenced block of a language. */
const block = (page: string, language: string): string | undefined =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)?.[1];

test('every page has its program, and every program its page', () => {
  expect(pages.map((page) => page.replace(/\.md$/, '')).sort()).toEqual(programs.sort());
});

describe.each(pages)('docs/%s', (file) => {
  const page = readFileSync(`${root}docs/${file}`, 'utf8');
  const name = file.replace(/\.md$/, '');

  test('shows its program as it is', () => {
    expect(block(page, 'ts')).toBe(readFileSync(`${root}docs/programs/${name}.ts`, 'utf8'));
  });

  test('says what the program prints', async () => {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line = '') => void lines.push(String(line)));
    await import(`../docs/programs/${name}.ts`);
    expect(`${lines.join('\n')}\n`).toBe(block(page, 'text'));
  });

  test('is named in the README, and links only to what is there', () => {
    expect(readFileSync(`${root}README.md`, 'utf8')).toContain(`docs/${file}`);
    for (const [, link = ''] of page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(() => readFileSync(`${root}docs/${link}`), link).not.toThrow();
    }
  });
});
