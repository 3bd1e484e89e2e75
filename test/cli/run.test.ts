import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { textWidth } from '../../src/events/text-width.ts';
import { type Captured, tintype, workflowFile } from '../support/cli.ts';

const example = join(import.meta.dirname, '../fixtures/workflow/example.yaml');

describe('tintype run', () => {
  test('prints what happens line by line, then a table and totals', async () => {
    const { exitCode, stdout, stderr } = await tintype(['run', example, '-w', '2']);
    expect(withoutTimes(stdout)).toBe(
      `
hh:mm:ss.mmm  extract    running
hh:mm:ss.mmm  extract    | Extracting data...
hh:mm:ss.mmm  extract    completed in ##
hh:mm:ss.mmm  transform  running
hh:mm:ss.mmm  transform  | transforming
hh:mm:ss.mmm  transform  completed in ##

TASK       STATE      ATTEMPTS  START  DURATION  EXIT  NOTE
extract    completed         1  ##  ##     0
transform  completed         1  ##  ##     0

example_pipeline completed in ##: 2 completed
Critical path: extract ## → transform ##
`.trimStart(),
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test('shows retries and failures with their reason, and the first error in full', async () => {
    const file = workflowFile(`
name: nightly
tasks:
  - { name: load, type: bash, command: "echo 'no such table: rows' >&2; exit 7", max_retries: 1 }
  - { name: report, type: bash, command: "true", dependencies: [load] }
  - { name: mail, type: bash, command: "true", dependencies: [report] }
`);
    const { exitCode, stdout, stderr } = await tintype(['run', file]);
    expect(withoutTimes(stdout)).toBe(
      `
hh:mm:ss.mmm  load    running
hh:mm:ss.mmm  load    | no such table: rows
hh:mm:ss.mmm  load    retrying: The bash command exited with code 7.
hh:mm:ss.mmm  load    running (attempt 2)
hh:mm:ss.mmm  load    | no such table: rows
hh:mm:ss.mmm  load    failed: The bash command exited with code 7.
hh:mm:ss.mmm  report  skipped: a task upstream of it failed
hh:mm:ss.mmm  mail    skipped: a task upstream of it failed

TASK    STATE    ATTEMPTS  START  DURATION  EXIT  NOTE
load    failed          2  ##  ##     7  no such table: rows
report  skipped         0         because load failed
mail    skipped         0         because load failed

nightly failed in ##: 1 failed, 2 skipped
`.trimStart(),
    );
    expect(stderr).toBe(
      `
First error: Task "load" failed in attempt 2: The bash command exited with code 7. (PROCESS_FAILED)
Last lines of its stderr:
  no such table: rows
To run again only what failed:
  tintype run ${file} --only load+
`.trimStart(),
    );
    expect(exitCode).toBe(1);
  });

  test('completes when what failed was allowed to', async () => {
    const file = workflowFile(`
name: nightly
tasks:
  - { name: optional, type: bash, command: "false", continue_on_failure: true }
  - { name: next, type: bash, command: "true", dependencies: [optional] }
`);
    const { exitCode, stdout, stderr } = await tintype(['run', file]);
    expect(stdout).toMatch(
      /^optional +failed .* 1 {3}\(allowed to fail\)$|^optional +failed .* 1 {2}\(allowed to fail\)$/m,
    );
    expect(stdout).toMatch(/^nightly completed in .*: 1 completed, 1 failed$/m);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test('lets what does not depend on a failure finish, unless told otherwise', async () => {
    const file = workflowFile(`
name: x
tasks:
  - { name: fails, type: bash, command: "false" }
  - { name: other, type: bash, command: "echo reached" }
`);
    const run = async (...options: string[]) => (await tintype(['run', file, '-w', '1', ...options])).stdout;
    expect(await run()).toContain('other  | reached');
    expect(await run('--on-failure', 'continue')).toContain('other  | reached');
    expect(await run('--on-failure', 'drain')).toMatch(/^other +(cancelled|unscheduled)/m);
    expect(await run('--on-failure=abort')).toMatch(/^other +(cancelled|unscheduled)/m);
  });

  test('runs so many at once as there are workers', async () => {
    const directory = '"$(pwd)"';
    // Each waits for the other, so that both run at once or none ends.
    const meet = (mine: string, other: string) =>
      `touch ${directory}/${mine}; until [ -e ${other} ]; do sleep 0.01; done`;
    const file = workflowFile(`
name: x
tasks:
  - { name: a, type: bash, command: '${meet('a', 'b')}', timeout: 5s }
  - { name: b, type: bash, command: '${meet('b', 'a')}', timeout: 5s }
`);
    expect((await tintype(['run', '-f', file, '--workers', '2'])).exitCode).toBe(0);
  });

  test('runs so many at once as the file says, unless the command does', async () => {
    const file = workflowFile('name: x\nworkers: 2\ntasks: [{ name: a, type: bash, command: "true" }]\n');
    const workersOf = async (...args: string[]) =>
      JSON.parse((await tintype(['run', file, '--dry-run', '--json', ...args])).stdout).workers;
    expect([await workersOf(), await workersOf('-w', '3')]).toEqual([2, 3]);
  });

  test('completes a workflow without tasks', async () => {
    const { exitCode, stdout } = await tintype(['run', workflowFile('name: empty\ntasks: []\n')]);
    expect(withoutTimes(stdout)).toBe('\nempty completed in ##: no tasks\n');
    expect(exitCode).toBe(0);
  });

  test('runs commands in the directory of the file', async () => {
    const file = workflowFile('name: x\ntasks: [{name: where, type: bash, command: "ls"}]', 'here.yaml');
    expect((await tintype(['run', file])).stdout).toContain('where  | here.yaml');
  });

  test('ends a task and what it started at its timeout', async () => {
    const file = workflowFile(`
name: x
tasks:
  - { name: slow, type: bash, command: "sleep 60 & wait", timeout: 50ms, max_retries: 1 }
`);
    const { exitCode, stdout } = await tintype(['run', file]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/slow {2}retrying: timed out in attempt 1/);
    expect(stdout).toMatch(/slow {2}failed: timed out in attempt 2/);
    expect(stdout).toMatch(/^slow +failed +2 .* timed out in attempt 2, after 50 ms/m);
  });
});

describe('names and output from outside', () => {
  const file = workflowFile(String.raw`
name: x
tasks:
  - name: 数据 🚀
    type: bash
    command: printf '\033[31mred\033[0m\033[2J\033]0;title\007 \a\tend\n'; printf 'a\xffb'
  - { name: constructor, type: bash, command: "true" }
  - { name: "2", type: bash, command: "true" }
  - { name: "1", type: bash, command: "true" }
  - { name: "a_name_that_is_far_too_long_for_a_terminal_of_eighty_columns_and_then_some", type: bash, command: "exit 9" }
`);

  test('do no harm to a file or a pipe', async () => {
    const { stdout } = await tintype(['run', file, '-w', '1']);
    expect(stdout).toMatch(/数据 🚀 {35}\| red ␇\tend$/m);
    expect(stdout).toMatch(/\| a\uFFFDb$/m);
    expect(stdout).not.toMatch(/[^\P{Cc}\n\t]/u);
  });

  test('keep their colours on a terminal, and nothing else', async () => {
    const { stdout } = await tintype(['run', file, '--verbose'], { columns: 80 });
    const esc = String.fromCharCode(27);
    expect(stdout).toContain(`${esc}[31mred${esc}[0m ␇\tend${esc}[0m`);
    expect(stdout).not.toContain(`${esc}[2J`);
    expect(stdout).not.toContain(`${esc}]0`);
  });

  test.for([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('have no colours with %o', async (env) => {
    const { stdout } = await tintype(['run', file], { columns: 80, env });
    // On a terminal the live view moves the cursor; colours there are none.
    expect(stdout.split(String.fromCharCode(27)).filter((part) => /^\[[\d;]*m/.test(part))).toEqual([]);
    for (const line of stdout.slice(stdout.indexOf('\nTASK')).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^a_name_that_is_far…eighty_columns_and…|^a_name_that.*…/m);
  });

  test('stand in the order of the file', async () => {
    const { stdout } = await tintype(['run', file]);
    const table = stdout.slice(stdout.indexOf('\nTASK')).split('\n').slice(2, 7);
    expect(table.map((line) => line.split(/ {2,}/)[0])).toEqual([
      '数据 🚀',
      'constructor',
      '2',
      '1',
      'a_name_that_is_far_too_long_for_a_terminal_of_eighty_columns_and_then_some',
    ]);
  });
});

describe('a file that can not run', () => {
  test('is told with every problem, its place, its lines and exit code 2', async () => {
    const file = workflowFile(`name: x
tasks:
  - name: load
    type: bsh
    command: "true"
    dependencies: [extrakt]
  - name: extract
    type: bash
    command: "true"
`);
    const { exitCode, stdout, stderr } = await tintype(['run', file]);
    expect(stdout).toBe('');
    expect(
      stderr.replaceAll(file, 'FILE'),
    ).toBe(`FILE:4:11 INVALID_VALUE Task "load" has "type" = "bsh": expected "bash", "python", "node", "spark", "http", "sql", "sensor", "job", "external". Did you mean "bash"?
  2 | tasks:
  3 |   - name: load
> 4 |     type: bsh
    |           ^
  5 |     command: "true"

FILE:6:20 UNKNOWN_DEPENDENCY Task "load" waits on "extrakt", which is not a task of this job. Did you mean "extract"?
  4 |     type: bsh
  5 |     command: "true"
> 6 |     dependencies: [extrakt]
    |                    ^
  7 |   - name: extract

FILE can't run: 2 problems.
`);
    expect(exitCode).toBe(2);
  });

  test('because it is missing or a directory is told so', async () => {
    expect(await tintype(['run', '/no/such/file.yaml'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        "/no/such/file.yaml FILE_NOT_FOUND There is no such file. Check the path.\n/no/such/file.yaml can't run: 1 problem.\n",
    });
    expect((await tintype(['run', import.meta.dirname])).stderr).toContain('FILE_IS_DIRECTORY');
  });

  test('with hundreds of problems shows the first', async () => {
    const { stderr } = await tintype(['run', workflowFile(`name: x\ntasks: [${'a, '.repeat(500)}]`)]);
    expect(stderr).toContain("can't run: 500 problems; the first 100 are shown.");
    expect(stderr.match(/INVALID_TYPE/g)).toHaveLength(100);
  });
});

describe('wrong usage', () => {
  test.for<[argv: string[], message: string]>([
    [['rum'], '(Did you mean run?)'],
    [['pipeline.yaml'], 'To run a file: tintype run pipeline.yaml'],
    [['run'], 'error: no file is named'],
    [['run', ''], 'error: no file is named'],
    [['run', 'a.yaml', 'b.yaml'], 'too many arguments'],
    [['run', 'a.yaml', '-f', 'b.yaml'], "error: two files are named, 'a.yaml' and 'b.yaml': name one"],
    [['run', example, '--worker', '2'], '(Did you mean --workers?)'],
    [['run', example, '-w'], 'argument missing'],
    ...['0', '-1', '1e3', 'abc', '1.5', '', ' ', '99999999999999999999', 'Infinity'].map(
      (count): [string[], string] => [['run', example, `--workers=${count}`], 'It must be a whole number, 1 or more.'],
    ),
    [['run', example, '--on-failure', 'ignore'], 'Allowed choices are abort, drain, continue.'],
  ])('%j is told, with exit code 2', async ([argv, message]) => {
    const { exitCode, stdout, stderr } = await tintype(argv);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });

  test('nothing at all is told three commands to begin with', async () => {
    const { exitCode, stdout, stderr } = await tintype([]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.match(/^ {2}tintype .*?(?= {2,})/gm)).toEqual([
      '  tintype init',
      '  tintype run workflow.yaml',
      '  tintype show last',
    ]);
    expect(stdout).toMatch(/\nAll commands: tintype --help\n$/);
  });

  test('help has commands and options in groups', async () => {
    const headings = ({ stdout }: Captured) => stdout.match(/^\w.*(?=:$)/gm);
    expect(headings(await tintype(['--help']))).toEqual([
      'Options',
      'A server elsewhere',
      'Workflow files',
      'Look at jobs',
      'Act on jobs',
      'Serve',
      'The database of jobs',
      'Editors, shells, help',
      'Examples',
      'Exit codes',
    ]);
    const ofRun = ['What runs', 'Once', 'How it runs', 'What is kept', 'What is printed'];
    expect(headings(await tintype(['run', '--help']))).toEqual(['Arguments', ...ofRun, 'Examples', 'Exit codes']);
    for (const command of ['resume', 'retry', 'rerun']) {
      const groups = ['What runs', 'How it runs', 'What is printed'];
      expect(headings(await tintype([command, '--help']))).toEqual(['Arguments', ...groups, 'Examples']);
    }
  });

  test.for([40, 80])('help fits a window of %i columns, but for what is to be copied', async (columns) => {
    const commands = [
      'run',
      'resume',
      'retry',
      'rerun',
      'cancel',
      'complete',
      'validate',
      'graph',
      'jobs',
      'show',
      'logs',
    ];
    for (const args of [
      [],
      ...[...commands, 'prune', 'export', 'import', 'db', 'init', 'schema'].map((one) => [one]),
    ]) {
      const { stdout } = await tintype([...args, '--help'], { columns });
      const wide = stdout.split('\n').filter((line) => textWidth(line) > columns);
      // Commands, and lines of a file.
      expect(columns === 80 ? wide : wide.filter((line) => !/^ {2}(tintype|#) |^ {4}/.test(line)), args[0]).toEqual([]);
      expect(stdout).toMatch(/^Usage: tintype /);
    }
    const [, after] = (await tintype(['--help'], { columns: 40 })).stdout.split('\n  graph [options] [file]\n');
    expect(after).toMatch(/^ {6}draw the tasks of a workflow file\n {6}and what they wait for\n\nLook at jobs:\n/);
  });

  test('help and version are no errors', async () => {
    const help = await tintype(['--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('tintype run workflow.yaml -w 8');
    expect(help.stdout).toContain('130  cancelled by Ctrl-C');
    expect((await tintype(['run', '--help'])).stdout).toContain('--on-failure <policy>');
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await tintype(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });
});

/** Times in the lines, and those in the table with the spaces before them, for they differ in width. */
const withoutTimes = (text: string): string =>
  text
    .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, 'hh:mm:ss.mmm')
    .replace(/TASK( +)STATE( +)ATTEMPTS +START +DURATION/g, 'TASK$1STATE$2ATTEMPTS  START  DURATION')
    .replace(/(?<= in )[\d.]+m?s/g, '##')
    .replace(/(?<=^Critical path:.*) [\d.]+m?s/gm, ' ##')
    .replace(/ +\+[\d.]+m?s +[\d.]+m?s/g, '  ##  ##')
    .replace(/ {10,}(?=because)/g, '         ');
