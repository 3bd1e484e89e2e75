import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { tintype } from '../support/cli.ts';

const directory = mkdtempSync(join(tmpdir(), 'tintype-commands-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
const file = (text: string, name = `w${files++}.yaml`): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

const chain = file(`
name: chain
params: { who: World, times: { type: integer, default: 1, description: how often } }
tasks:
  - { name: a, type: bash, command: 'echo "$WHO"', env: { WHO: "\${{ params.who }}" }, output: text }
  - { name: b, type: bash, command: 'true', dependencies: [a] }
  - { name: c, type: bash, command: 'true', dependencies: [a], when: params.times > 1 }
  - { name: d, type: bash, command: 'true', dependencies: [b, c], trigger: none_failed }
handlers:
  failure: [{ name: tell, type: bash, command: 'true' }]
  always: [{ name: bye, type: bash, command: 'true' }]
`);

describe('tintype run --dry-run', () => {
  test('prints the order and what may run side by side, and runs nothing', async () => {
    const marker = join(directory, 'marker');
    const text = `name: x\nsecrets: [NOWHERE]\ntasks: [{ name: a, type: bash, command: 'touch ${marker}' }]`;
    expect((await tintype(['run', file(text), '--dry-run'])).exitCode).toBe(0);
    expect(existsSync(marker)).toBe(false);
    expect(await tintype(['run', chain, '--dry-run'])).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `chain would run 4 tasks, at most 4 at once:

  1  a
  2  b, c
  3  d

Tasks on one line may run side by side.
c runs only if params.times > 1
tell runs at the end if the job failed or ran out of time
bye runs at the end in any case
`,
    });
  });

  test('can be JSON', async () => {
    const { stdout } = await tintype(['run', chain, '--dry-run', '--json', '--skip', 'b', '-w', '2']);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'chain', workers: 2, stages: [['a'], ['c'], ['d']] });
  });
});

describe('the params of a run', () => {
  test('come from the command line, then from a file, then from the defaults', async () => {
    const params = file('who: File\ntimes: 2', 'params.yaml');
    const ctxOf = async (...argv: string[]) =>
      JSON.parse((await tintype(['run', chain, '--json', ...argv])).stdout).ctx;
    expect(await ctxOf()).toEqual({ params: { who: 'World', times: 1 }, a: 'World' });
    expect(await ctxOf('--params-file', params)).toEqual({ params: { who: 'File', times: 2 }, a: 'File' });
    expect(await ctxOf('--params-file', params, '--param', 'who=a=b')).toMatchObject({
      params: { who: 'a=b', times: 2 },
    });
  });

  test('that are wrong are told all at once, and nothing runs', async () => {
    expect(await tintype(['run', chain, '-p', 'times=often', '-p', 'whom=x'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `error: There is no param "whom". Did you mean "who"?
The param "times" is "often": expected a whole number.
Give params as --param name=value, or in a file by --params-file.
`,
    });
    expect((await tintype(['run', chain, '-p', 'who'])).stderr).toContain('--param is "who": expected name=value.');
    const missing = await tintype(['run', chain, '--params-file', join(directory, 'none.yaml')]);
    expect(missing).toMatchObject({ exitCode: 2, stdout: '' });
    expect(missing.stderr).toContain("can't be read: ENOENT");
  });
});

describe('what a run tells', () => {
  const failing = file(`
name: failing
tasks:
  - { name: load, type: bash, command: 'echo "{\\"rows\\": 3}" > "$TINTYPE_OUTPUT"' }
  - { name: check, type: bash, dependencies: [load], command: 'echo one; echo two >&2; exit 7' }
  - { name: report, type: bash, dependencies: [check], command: 'true' }
  - { name: other, type: bash, command: 'true' }
`);

  test('as JSON is one value on stdout, and all else is on stderr', async () => {
    const { exitCode, stdout, stderr } = await tintype(['run', failing, '--json']);
    expect(exitCode).toBe(1);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'failing',
      state: 'failed',
      exitCode: 1,
      error: { code: 'JOB_FAILED' },
      errors: [{ task: 'check', tolerated: false, code: 'TASK_FAILED' }],
      tasks: {
        load: { state: 'completed', attempts: 1 },
        check: { state: 'failed', exitCode: 7, error: { cause: { code: 'PROCESS_FAILED' } } },
        report: { state: 'skipped', reason: 'upstreamFailed' },
      },
      ctx: { rows: 3 },
    });
    expect(stderr).toContain('First error: Task "check" failed');
  });

  test('ends with the command that runs again what failed, and that whose output it builds on', async () => {
    const { stderr } = await tintype(['run', failing, '-w', '2', '--on-failure', 'continue']);
    const command = /^ {2}tintype (run .*)$/m.exec(stderr)?.[1] ?? '';
    expect(command).toBe(`run ${failing} -w 2 --on-failure continue --only load,check+`);
    const again = JSON.parse((await tintype([...command.split(' '), '--json'])).stdout);
    expect(Object.keys(again.tasks)).toEqual(['load', 'check', 'report']);
  });

  test('repeats what was stopped as well', async () => {
    const text = `name: x\ntasks:\n  - { name: slow, type: bash, command: 'sleep 60' }\n  - { name: next, type: bash, dependencies: [slow], command: 'true' }`;
    const { stderr } = await tintype(['run', file(text, 'slow.yaml'), '-q', '--timeout', '50ms', '--grace', '1s']);
    expect(stderr).toContain('was not done within 50 ms.');
    expect(stderr).toMatch(
      /To run again only what did not complete:\n {2}tintype run \S+slow.yaml --timeout 50ms --only slow\+$/m,
    );
  });

  test('shows no secret, nor a part of one that an error cuts', async () => {
    const env = { PATH: process.env.PATH ?? '', TOK: 'abcDEF1/23456?tail99' };
    const secretive = file(`
name: secretive
secrets: [TOK]
params: { q: v }
tasks:
  - { name: ask, type: http, url: 'http://127.0.0.1:1/\${{ secrets.TOK }}' }
  - { name: odd, type: http, url: 'nonsense://\${{ secrets.TOK }}' }
  - { name: base, type: sql, database: '/nope/\${{ secrets.TOK }}', query: SELECT 1 }
`);
    const events = join(directory, 'secret.ndjson');
    const { stdout, stderr } = await tintype(['run', secretive, '--json', '-p', `q=${env.TOK}`, '--events', events], {
      env,
    });
    expect(JSON.parse(stdout).state).toBe('failed');
    const all = `${stdout}${stderr}${readFileSync(events, 'utf8')}`;
    for (const part of ['abcDEF', '23456', 'tail99']) expect(all).not.toContain(part);
    expect(stderr).toContain("--param 'q=***'");
  });

  test('nests outputs only so deep', async () => {
    const deep = file(
      `name: x\ntasks: [{ name: a, type: bash, output: json, command: 'printf "[%.0s" {1..600}; printf "]%.0s" {1..600}' }]`,
    );
    expect((await tintype(['run', deep, '-q'])).stderr).toContain('nests lists or mappings more than 500 deep');
  });

  test('overwrites no workflow', async () => {
    expect((await tintype(['run', chain, '--events', chain])).stderr).toContain('would overwrite the workflow file');
    expect((await tintype(['graph', chain, '-o', chain])).exitCode).toBe(2);
    expect(readFileSync(chain, 'utf8')).toContain('name: chain');
  });

  test('that is to be of no task is refused', async () => {
    expect(await tintype(['run', chain, '--only', 'a', '--skip', '+b'])).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await tintype(['run', chain, '--only', ','])).stderr).toContain('It must name a task.');
  });

  test('is errors alone with --quiet', async () => {
    const { stdout, stderr } = await tintype(['run', failing, '--quiet']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^First error: Task "check" failed in attempt 1.*\nLast lines of its stderr:\n {2}two\n/);
    expect(await tintype(['run', chain, '--quiet'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('is only what is worth the level', async () => {
    const lines = async (level: string) => {
      const { stdout } = await tintype(['run', failing, '--log-level', level]);
      return stdout
        .slice(0, stdout.indexOf('\nTASK'))
        .split('\n')
        .map((line) => line.slice(14).replace(/ in \d+ms/, ''));
    };
    expect((await lines('error')).filter(Boolean)).toEqual(['check   failed: The bash command exited with code 7.']);
    expect((await lines('warn')).filter(Boolean)).toEqual([
      'check   | two',
      'check   failed: The bash command exited with code 7.',
    ]);
    expect((await lines('info')).join()).toContain('check   | one');
  });

  test('can be lines of JSON', async () => {
    const { stdout } = await tintype(['run', failing, '--log-format', 'json']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.find(({ task, msg }) => task === 'check' && msg === 'two')).toMatchObject({
      level: 'warn',
      event: 'task.log',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(lines.at(-1)).toMatchObject({ level: 'error', event: 'job.transition', to: 'failed' });
  });

  test('goes to a file of events, without a gap', async () => {
    const events = join(directory, 'events.ndjson');
    await tintype(['run', failing, '--quiet', '--events', events]);
    const lines = readFileSync(events, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index));
    expect(lines[0]).toMatchObject({ type: 'job.transition', from: 'idle', to: 'running' });
    expect(lines.at(-1)).toMatchObject({ type: 'job.transition', to: 'failed' });
  });

  test('says when events can not be written', async () => {
    const nowhere = await tintype(['run', chain, '--events', join(directory, 'no/such/file')]);
    expect(nowhere).toMatchObject({ exitCode: 2, stdout: '' });
    expect(nowhere.stderr).toContain("The events can't be written to");
    if (!existsSync('/dev/full')) return;
    const full = await tintype(['run', chain, '--events', '/dev/full', '--quiet']);
    expect(full.exitCode).toBe(1);
    expect(full.stderr).toContain("The events can't be written to /dev/full: ENOSPC");
  });

  test.for([
    ['completed', "command: 'true'", [], 0],
    ['failed', "command: 'false'", [], 1],
    ['timed out', "command: 'sleep 60'", ['--timeout', '50ms', '--grace', '1s'], 124],
    ['killed at once', `command: 'trap "" TERM; sleep 60'`, ['--timeout', '50ms', '--grace', '0'], 124],
  ] as const)('that is %s is told by its exit code', async ([, command, options, exitCode]) => {
    const text = `name: x\ntasks: [{ name: a, type: bash, ${command} }]`;
    expect((await tintype(['run', file(text), '-q', ...options])).exitCode).toBe(exitCode);
  });
});

describe('external tasks', () => {
  const approval = file(`
name: approval
tasks:
  - { name: approve, type: external, description: Shall it be published }
  - { name: publish, type: bash, dependencies: [approve], command: 'echo "by $WHO"', env: { WHO: "\${{ ctx.by }}" }, output: text }
`);
  const answered = async (...lines: string[]) => {
    const stdin = new PassThrough();
    const ended = tintype(['run', approval, '--json'], { stdin });
    stdin.write(lines.map((line) => `${line}\n`).join(''));
    const { stdout, stderr, exitCode } = await ended;
    return { result: JSON.parse(stdout), stderr, exitCode };
  };

  test('are completed by a line on the standard input', async () => {
    const { result, stderr } = await answered('aprove', 'approve {"by": ', 'approve {"by": "Ada"}');
    expect(result).toMatchObject({ state: 'completed', ctx: { by: 'Ada', publish: 'by Ada' } });
    expect(stderr).toContain('approve waits: Shall it be published. Type "approve" to complete it');
    expect(stderr).toContain('"aprove" names no external task. Those are approve.');
    expect(stderr).toContain('The output of approve is no JSON');
  });

  test('are failed by one', async () => {
    const { result, exitCode } = await answered('approve fail too expensive');
    expect(exitCode).toBe(1);
    expect(result.errors[0]).toMatchObject({ task: 'approve', cause: { message: 'too expensive' } });
  });

  test('fail when nobody is there', async () => {
    const stdin = new PassThrough();
    stdin.end();
    const { exitCode, stderr } = await tintype(['run', approval, '-q'], { stdin });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Nobody can complete "approve": the standard input has ended.');
    expect((await tintype(['run', approval, '-q'])).stderr).toContain('(UNATTENDED)');
  });
});

describe('tintype validate', () => {
  test('says that a file is right, without its secrets', async () => {
    const right = file('name: x\nsecrets: [NOWHERE]\ntasks: [{ name: a, type: bash, command: x }]');
    expect(await tintype(['validate', right])).toEqual({
      exitCode: 0,
      stdout: `${right} is right: 1 task.\n`,
      stderr: '',
    });
  });

  test('tells all problems, for people or as JSON', async () => {
    const wrong = file('name: x\ntasks: [{ name: a, type: bash, comand: x }]');
    const { exitCode, stderr } = await tintype(['validate', wrong]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean "command"?');
    const { problems } = JSON.parse((await tintype(['validate', wrong, '--json'])).stdout);
    expect(problems).toMatchObject([{ code: 'UNKNOWN_KEY', line: 2, column: 32, frame: expect.stringContaining('^') }]);
  });
});

describe('what tintype validate warns of', () => {
  const text = `name: x
tasks:
  - { name: file, type: sensor, file: "in/{{ params.day }}.csv" }
  - name: load
    type: bash
    dependencies: [file]
    env: { DAY: "{{ day }}", FORMAT: "{{json .}} {{.Names}} \${{ ctx.file }}" }
    command: echo '{{ item }}' '{{ day }}' '{{ item }}'
`;

  test('is shown, and the file is right', async () => {
    const path = file(text);
    const { exitCode, stdout, stderr } = await tintype(['validate', path]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${path} is right: 2 tasks, 5 warnings.\n`);
    expect(stderr.match(/^\S+:\d+:\d+ [A-Z].*/gm)).toEqual([
      `${path}:3:19 NO_DEADLINE Task "file" has no "deadline": if what it looks for never comes, it looks for ever. Add one: deadline: 1h.`,
      `${path}:3:43 NOT_AN_EXPRESSION Task "file" has "file" with {{ params.day }}, which stays as it is. An expression is written \${{ params.day }}.`,
      `${path}:7:18 NOT_AN_EXPRESSION Task "load" has "env.DAY" with {{ day }}, which stays as it is. An expression is written \${{ day }}.`,
      `${path}:8:20 NOT_AN_EXPRESSION Task "load" has "command" with {{ item }}, which stays as it is. Pass the value in the environment, by "env", and read it from there.`,
      `${path}:8:45 NOT_AN_EXPRESSION Task "load" has "command" with {{ item }}, which stays as it is. Pass the value in the environment, by "env", and read it from there.`,
    ]);
  });

  test('is in its JSON, also of a file that another one runs', async () => {
    const inner = file(text);
    const outer = file(`name: y\ntasks: [{ name: run, type: job, file: ${JSON.stringify(inner)} }]`);
    const { exitCode, stdout } = await tintype(['validate', outer, '--json']);
    const { problems, warnings } = JSON.parse(stdout);
    expect({ exitCode, problems }).toEqual({ exitCode: 0, problems: [] });
    expect(warnings).toHaveLength(5);
    expect(warnings[0]).toMatchObject({
      code: 'NO_DEADLINE',
      line: 3,
      column: 19,
      frame: expect.stringContaining('^'),
    });
    expect(warnings[0].file).toMatch(/\.yaml$/);
  });

  test.for([
    ['a deadline', '', ', deadline: 1h'],
    ['a default deadline', 'defaults: { deadline: 1h }', ''],
    ['a time limit of the job', 'timeout: 1h', ''],
  ] as const)('is no sensor with %s', async ([, head, more]) => {
    const path = file(`name: x\n${head}\ntasks: [{ name: s, type: sensor, file: in${more} }]`);
    expect(await tintype(['validate', path])).toMatchObject({ stdout: `${path} is right: 1 task.\n`, stderr: '' });
  });
});

describe('tintype init and schema', () => {
  test('init writes an example that runs, and overwrites nothing', async () => {
    const folder = mkdtempSync(join(directory, 'init-'));
    const target = join(folder, 'new.yaml');
    expect(await tintype(['init', target])).toMatchObject({ exitCode: 0 });
    expect((await tintype(['run', target, '-q'])).exitCode).toBe(0);
    writeFileSync(target, 'mine');
    const refused = await tintype(['init', target]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('is there already');
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect((await tintype(['init', target, '--force'])).exitCode).toBe(0);
  });

  test('init writes the schema that the first line of the example names, beside it', async () => {
    const folder = mkdtempSync(join(directory, 'init-'));
    const [target, schema] = [join(folder, 'new.yaml'), join(folder, 'tintype.schema.json')];
    const { stdout } = await tintype(['init', target]);
    expect(stdout).toContain(`Wrote ${schema}, by which editors check and complete it.\n`);
    const [first] = readFileSync(target, 'utf8').split('\n');
    expect(first).toBe('# yaml-language-server: $schema=./tintype.schema.json');
    const printed = await tintype(['schema']);
    expect(readFileSync(schema, 'utf8')).toBe(printed.stdout);
    // A schema that somebody changed stays, unless that is forced.
    writeFileSync(schema, 'mine');
    const again = await tintype(['init', join(folder, 'other.yaml')]);
    expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('was there already') });
    expect(readFileSync(schema, 'utf8')).toBe('mine');
    expect((await tintype(['init', target, '--force'])).exitCode).toBe(0);
    expect(readFileSync(schema, 'utf8')).toBe(printed.stdout);
    expect((await tintype(['init', schema, '--force'])).stderr).toContain('Name another file.');
  });

  test('schema prints a JSON Schema', async () => {
    const { stdout } = await tintype(['schema']);
    expect(JSON.parse(stdout)).toMatchObject({ title: 'tintype workflow', required: ['name', 'tasks'] });
  });
});
