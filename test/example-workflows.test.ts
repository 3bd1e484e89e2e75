import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tintype } from './support/cli.ts';

const examples = join(import.meta.dirname, '../examples');
const yamlFiles = (folder: string): string[] =>
  readdirSync(join(examples, folder)).filter((file) => file.endsWith('.yaml'));
const others = yamlFiles('from-other-tools').map((file) => `from-other-tools/${file}`);
const files = [...yamlFiles(''), ...others];
const read = (file: string): string => readFileSync(join(examples, file), 'utf8');

/** What a run prints of its tasks, `task | line` or `task state …`, in the order in which it happened. */
const told = async (file: string, ...options: string[]): Promise<string[]> => {
  const { exitCode, stdout, stderr } = await tintype(['run', join(examples, file), ...options]);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return linesOf(stdout);
};

type State = 'completed' | 'failed' | 'skipped';

/** The tasks of a run by the state in which they ended: `{ completed: ['a'], skipped: ['b'] }`. */
const states = async (file: string, ...options: string[]): Promise<{ [state in State]?: string[] }> => {
  const { stdout } = await tintype(['run', join(examples, file), '--json', ...options]);
  const { tasks } = JSON.parse(stdout) as { tasks: Record<string, { state: State }> };
  const byState: { [state in State]?: string[] } = {};
  for (const [task, { state }] of Object.entries(tasks)) byState[state] = [...(byState[state] ?? []), task].sort();
  return byState;
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

describe('from other tools', () => {
  const readme = read('from-other-tools/README.md');

  test('are eight, each of which the table names', () => {
    expect(others).toHaveLength(8);
    expect([...readme.matchAll(/^\| \[[\w-]+\]\(([\w-]+\.yaml)\)/gm)].map(([, file]) => file).sort()).toEqual(
      yamlFiles('from-other-tools').sort(),
    );
  });

  test.each(others)('%s says what it follows, and what is said otherwise here', (file) => {
    const comment = read(file).split('\n\n')[0] ?? '';
    const [, link = ''] = /^# Follows [\s\S]*?\((https:\/\/github\.com\/\S+)\)/.exec(comment) ?? [];
    expect(readme).toContain(`(${link}) |`);
    expect(comment).toContain('\n# Said otherwise here: ');
  });

  test.each(others)('%s is drawn with all of its tasks', async (file) => {
    const { exitCode, stdout } = await tintype(['graph', join(examples, file)]);
    const names = [...read(file).matchAll(/^ {2}- (?:\{ )?name: ([\w]+)/gm)].map(([, name = '']) => name);
    expect(names.filter((name) => !stdout.includes(name))).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test('dagu-parallel-files adds up what is right, and counts what is not', async () => {
    const lines = await told('from-other-tools/dagu-parallel-files.yaml');
    expect(printedBy('results', lines)).toEqual(['2 of 3 files, 47 in all']);
    expect(lines).toContain('process[0]/check | orders/july.csv has other columns');
  });

  test('dagu-error-handling tries again, lets the optional fail, and cleans', async () => {
    const lines = await told('from-other-tools/dagu-error-handling.yaml');
    expect(printedBy('fetch', lines)).toEqual(['busy, try again', 'busy, try again', 'three rows']);
    expect(printedBy('praise', lines)).toEqual(['all went well']);
    expect(existsSync(join(examples, 'output/from-other-tools/errors'))).toBe(false);
    const production = await told('from-other-tools/dagu-error-handling.yaml', '--param', 'stage=production');
    expect(printedBy('publish', production)).toEqual(['published']);
  });

  test('dagu-error-handling alerts and cleans when it fails', async () => {
    const file = join(examples, 'from-other-tools/dagu-error-handling.yaml');
    const { exitCode, stdout } = await tintype(['run', file, '--param', 'broken=true']);
    expect(exitCode).toBe(1);
    expect(printedBy('alert', linesOf(stdout))).toEqual([
      'after 3 tries of fetch: Task "validate" failed in attempt 1: The bash command exited with code 3.',
    ]);
    expect(existsSync(join(examples, 'output/from-other-tools/errors'))).toBe(false);
  });

  test('argo-map-reduce adds up as many parts as were asked for', async () => {
    const folder = join(examples, 'output/from-other-tools/map-reduce');
    rmSync(folder, { recursive: true, force: true });
    const lines = await told('from-other-tools/argo-map-reduce.yaml', '--param', 'parts=3');
    expect(printedBy('reduce', lines)).toEqual(['48 slices of 3 parts']);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('argo-enhanced-depends runs what should be executed, and nothing else', async () => {
    expect(await states('from-other-tools/argo-enhanced-depends.yaml')).toEqual({
      completed: ['A', 'B', 'should_execute_1', 'should_execute_2', 'should_execute_3'],
      failed: ['C'],
      skipped: ['should_not_execute'],
    });
  });

  test.each([
    ['true_1', 'here, straight', ['branch_2', 'false_1', 'false_2', 'false_3', 'join_2', 'true_2']],
    ['false_1', 'here, by branch_2', ['false_2', 'true_1']],
  ])('airflow-nested-branch goes by %s', async (first, said, skipped) => {
    const file = 'from-other-tools/airflow-nested-branch.yaml';
    expect(printedBy('join_1', await told(file, '--param', `first=${first}`))).toEqual([said]);
    expect((await states(file, '--param', `first=${first}`)).skipped).toEqual(skipped);
  });

  test('airflow-sensors goes on without those that ran out of time', async () => {
    expect((await states('from-other-tools/airflow-sensors.yaml')).skipped).toEqual([
      'bash_fails',
      'python_fails',
      'wait_too_long',
      'weekday',
    ]);
  });

  test('github-actions-ci tests each combination, and deploys nothing but tags', async () => {
    const lines = await told('from-other-tools/github-actions-ci.yaml');
    const tested = lines.flatMap((line) => /^test\[\d+\]\/pytest \| (.*)/.exec(line)?.[1] ?? []);
    expect(tested).toHaveLength(13);
    expect(tested).toContain('pypy-3.9 on ubuntu, compiled false');
    expect(tested.filter((line) => /macos|windows/.test(line) && line.endsWith('false'))).toEqual([]);
    expect(printedBy('check', lines)).toEqual(['lint completed, test completed, experimental failed']);
    expect(lines.join('\n')).toMatch(/^deploy skipped/m);
  });

  test('github-actions-ci deploys a tag, with a wheel for each platform', async () => {
    const lines = await told('from-other-tools/github-actions-ci.yaml', '--param', 'ref=refs/tags/v1.2.3');
    expect(printedBy('deploy', lines)).toEqual(['v1.2.3 with 8 files']);
  });

  test('taskfile-website builds again only what has changed', async () => {
    rmSync(join(examples, 'output/from-other-tools/website'), { recursive: true, force: true });
    const db = join(mkdtempSync(join(tmpdir(), 'tintype-')), 'jobs.db');
    const run = async (...options: string[]): Promise<string[]> => {
      const file = join(examples, 'from-other-tools/taskfile-website.yaml');
      const { stdout } = await tintype(['run', file, '--db', db, ...options]);
      return linesOf(stdout);
    };
    const built = (lines: readonly string[]): string[] => lines.filter((line) => /^(build|install)\w* \| /.test(line));
    expect(built(await run()).sort()).toEqual([
      'build_latest | latest is built',
      'build_next | next is built',
      'install | installed',
    ]);
    const again = await run('--param', 'host=example.test');
    expect(built(again)).toEqual([]);
    expect(printedBy('preview', again)).toEqual(['http://example.test:3001 <h1>Task (next)</h1>']);
    expect(built(await run('--param', 'name=Tin', '--only', '+deploy_prod'))).toEqual([
      'build_latest | latest is built',
    ]);
  });
});
