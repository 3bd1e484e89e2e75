import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tintype } from './support/cli.ts';

const examples = join(import.meta.dirname, '../examples');
const files = readdirSync(examples).filter((file) => file.endsWith('.yaml'));
const read = (file: string): string => readFileSync(join(examples, file), 'utf8');

/** What a run prints of its tasks, `task | line` or `task state …`, in the order in which it happened. */
const told = async (file: string, ...options: string[]): Promise<string[]> => {
  const { exitCode, stdout, stderr } = await tintype(['run', join(examples, file), ...options]);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return linesOf(stdout);
};

const linesOf = (stdout: string): string[] =>
  [...stdout.matchAll(/^\d\d:\d\d:\d\d\.\d{3} {2}(.*)$/gm)].map(([, line = '']) => line.replace(/ {2,}/, ' '));

const printedBy = (task: string, lines: readonly string[]): string[] =>
  lines.flatMap((line) => (line.startsWith(`${task} | `) ? [line.slice(task.length + 3)] : []));

describe.each(files)('examples/%s', (file) => {
  test('is right', async () => {
    const { exitCode, stdout, stderr } = await tintype(['validate', join(examples, file)]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/ is right: \d+ tasks\.\n$/);
    expect(exitCode).toBe(0);
  });

  test('names the command that runs it', () => {
    if (file !== 'greetings.yaml') expect(read(file)).toContain(` run examples/${file}`);
  });
});

describe('greetings', () => {
  const readme = readFileSync(join(examples, '../README.md'), 'utf8');
  const blocks = (language: string): string[] =>
    [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block);

  test('is the file that the README shows', () => {
    expect(blocks('yaml')[0]).toBe(read('greetings.yaml'));
    expect(blocks('sh')).toContain('tintype run examples/greetings.yaml\n');
  });

  test('prints what the README says, in whichever order the three come', async () => {
    const { stdout } = await tintype(['run', join(examples, 'greetings.yaml')]);
    expect(inAnyOrder(stdout)).toEqual(inAnyOrder(blocks('text')[1] ?? ''));
  });

  test('greets whom it is told to', async () => {
    const lines = await told('greetings.yaml', '--param', 'people=["Lin", "Max"]');
    expect(lines).toContain('greet[0] | Hello, Lin!');
    expect(printedBy('count', lines)).toEqual(['2 people were greeted.']);
  });
});

/** Lines without times and the spaces that depend on their width, sorted. */
const inAnyOrder = (text: string): string[] =>
  text
    .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, 'hh:mm:ss.mmm')
    .replace(/\+?\b[\d.]+m?s\b/g, '##')
    .replace(/ +/g, ' ')
    .split('\n')
    .sort();

test('extract_transform_load drops an order without an amount, and keeps the sums twice', async () => {
  const lines = await told('extract_transform_load.yaml', '--param', 'currency=GBP');
  expect(printedBy('warn', lines)).toEqual(['1 order without an amount was dropped']);
  expect(JSON.parse(read('output/etl/sums.json'))).toEqual({ north: 120.5, south: 99.9, west: 42.25 });
  expect(read('output/etl/sums.md')).toBe(
    '| region | GBP |\n|---|---:|\n| north | 120.50 |\n| south | 99.90 |\n| west | 42.25 |\n',
  );
  expect(printedBy('tell', lines)).toHaveLength(5);
  expect(lines.join('\n')).toMatch(/^complain skipped/m);
});

test('extract_transform_load refuses a currency that it does not know', async () => {
  const file = join(examples, 'extract_transform_load.yaml');
  const { exitCode, stderr } = await tintype(['run', file, '--param', 'currency=EURO']);
  expect(stderr).toContain('The param "currency" is "EURO": expected one of "EUR", "GBP". Did you mean "EUR"?');
  expect(exitCode).toBe(2);
});

test('parallel_dag looks at a text from four sides, of which two never at the same time', async () => {
  const lines = await told('parallel_dag.yaml', '--param', 'file=parallel_dag.yaml');
  const running = new Set<string>();
  for (const line of lines) {
    const [, task = '', state = ''] = /^(\w+) (running|completed)/.exec(line) ?? [];
    if (state === 'running') running.add(task);
    if (state === 'completed') running.delete(task);
    expect([...running].filter((one) => one === 'links' || one === 'headings').length).toBeLessThan(2);
  }
  const text = read('parallel_dag.yaml');
  const headings = text.split('\n').filter((line) => line.startsWith('#')).length;
  expect(JSON.parse(read('output/parallel/report.json'))).toMatchObject({
    words: text.split(/\s+/).filter((word) => word !== '').length,
    headings,
  });
});

test('parallel_dag says beforehand what would run side by side', async () => {
  const { stdout } = await tintype(['run', join(examples, 'parallel_dag.yaml'), '--dry-run']);
  expect(stdout).toContain('  1  read\n  2  words, links, headings, spelling\n  3  report\n');
});

test('parallel_dag is drawn as the page on the command line shows', async () => {
  const { stdout } = await tintype(['graph', join(examples, 'parallel_dag.yaml')], { env: { LANG: 'C.UTF-8' } });
  expect(readFileSync(join(examples, '../docs/command-line.md'), 'utf8')).toContain(`\`\`\`console\n${stdout}\`\`\`\n`);
});

test('sensor waits for an upload, until all of it is there', async () => {
  const lines = await told('sensor.yaml');
  expect(printedBy('import', lines)).toEqual(['Bergen: 7 °C', 'Oslo: 4 °C']);
  // However often they look, they say when they begin and when they are ready.
  expect(lines.filter((line) => /^(upload|complete) /.test(line))).toHaveLength(4);
});

test('map counts the words of each page, in the order of the pages', async () => {
  const lines = await told('map.yaml', '--param', 'longest=1');
  const table = JSON.parse(read('output/map/words.json')) as { page: string; words: number }[];
  const pages = readdirSync(join(examples, '../docs')).filter((file) => file.endsWith('.md'));
  expect(table.map(({ page }) => page).sort()).toEqual(pages.sort());
  for (const { page, words } of table) {
    const text = readFileSync(join(examples, '../docs', page), 'utf8');
    expect(words, page).toBe(text.split(/\s+/).filter((word) => word !== '').length);
  }
  expect(printedBy('report', lines)).toEqual([`${table[0]?.page}: ${table[0]?.words} words`]);
});

test('sql fills a table, without running what is in the values, and thanks the best customers', async () => {
  const lines = await told('sql.yaml');
  expect(lines).toContain('thank[0] | Thank you for 150, Ada!');
  expect(lines).not.toContain(expect.stringContaining('thank[1]'));
  expect(await told('sql.yaml', '--param', 'least=7')).toEqual(
    expect.arrayContaining([
      'thank[0] | Thank you for 150, Ada!',
      'thank[1] | Thank you for 42.5, Grace!',
      "thank[2] | Thank you for 7, Robert'); DROP TABLE orders;--!",
    ]),
  );
});

test('http asks a server of its own, and stops it', async () => {
  const lines = await told('http.yaml');
  expect(read('output/http/report.txt')).toBe('2 orders packed, 0 left\n');
  expect(printedBy('server', lines).slice(1).sort()).toEqual([
    'order 1 is packed, says http',
    'order 3 is packed, says http',
  ]);
  const [, address = ''] = /open at (.*)/.exec(printedBy('server', lines)[0] ?? '') ?? [];
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await expect(fetch(address)).rejects.toThrow();
  expect(existsSync(join(examples, 'output/http/address.json.part'))).toBe(false);
});
