// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Job } from '../../src/engine/job.ts';
import type { JobEvent } from '../../src/events/event.ts';
import { failureOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('the standard input of a command', () => {
  test.for([
    ['bash', 'cat'],
    ['python', 'import sys; print(sys.stdin.read(), end="")'],
    ['node', 'process.stdin.pipe(process.stdout)'],
  ] as const)('of %s is a text, which may hold expressions and be of any length', async ([type, command]) => {
    const { result } = await runWorkflow(
      `
params: { who: "" }
tasks: [{ name: a, type: ${type}, stdin: "\${{ params.who }}, $HOME\\n", output: lines, command: '${command}' }]
`,
      { params: { who: 'ann'.repeat(100_000) } },
    );
    expect(result.ctx.a).toEqual([`${'ann'.repeat(100_000)}, $HOME`]);
  });

  test('may be a file, from the folder of the workflow file', async () => {
    const { result } = await runWorkflow(
      `
params: { day: monday }
tasks: [{ name: a, type: bash, cwd: /, stdin: { file: "in/\${{ params.day }}.csv" }, output: lines, command: sort }]
`,
      { files: { 'in/monday.csv': 'b\na\n' } },
    );
    expect(result.ctx.a).toEqual(['a', 'b']);
  });

  test.for([
    ['nope.csv', 'ENOENT'],
    ['.', 'it is a directory'],
    ['pipe', 'it is a named pipe'],
  ] as const)('that is %s fails the attempt, which is tried again', async ([file, why]) => {
    const run = await runWorkflow(
      `
tasks:
  - { name: pipe, type: bash, command: mkfifo pipe }
  - { name: a, type: bash, dependencies: [pipe], stdin: { file: ${file} }, max_retries: 1, command: cat }
`,
    );
    expect(failureOf(run, 'a')).toContain(why);
    expect(run.result.tasks.a?.attempts).toBe(2);
  });

  test('is the command of a sensor, too', async () => {
    const { states } = await runWorkflow(
      'tasks: [{ name: s, type: sensor, deadline: 1m, stdin: ready, command: grep -q ready }]',
    );
    expect(states).toEqual({ s: 'completed' });
  });

  test('is refused beside the code of a node task that is too long for an argument', async () => {
    const run = await runWorkflow(
      `tasks: [{ name: a, type: node, stdin: x, max_retries: 2, command: '//${'x'.repeat(100_001)}' }]`,
    );
    expect(failureOf(run, 'a')).toContain('Put the code into a file, and name that as the module.');
    expect(run.result.tasks.a?.attempts).toBe(1);
  });
});

describe('a file for the output of a command', () => {
  test('gets it as it is, attempt after attempt, beside the log; folders are made', async () => {
    const { folder, events, result } = await runWorkflow(
      `
secrets: [TOKEN]
tasks:
  - name: a
    type: bash
    max_retries: 1
    stdout: "out/\${{ task.name }}/log.txt"
    stderr: out/err.txt
    output: text
    command: printf 'try %s\\r\\n%s\\n\\377' "$TINTYPE_ATTEMPT" "$TOKEN"; echo oops >&2; test "$TINTYPE_ATTEMPT" = 2
`,
      { env: { TOKEN: 'swordfish-9' } },
    );
    const printed = (attempt: number): Buffer =>
      Buffer.concat([Buffer.from(`try ${attempt}\r\nswordfish-9\n`), Buffer.from([0xff])]);
    expect(readFileSync(join(folder, 'out/a/log.txt'))).toEqual(Buffer.concat([printed(1), printed(2)]));
    expect(readFileSync(join(folder, 'out/err.txt'), 'utf8')).toBe('oops\noops\n');
    expect(statSync(join(folder, 'out/a/log.txt')).mode & 0o777).toBe(0o600);
    const lines = events.flatMap((event) => (event.type === 'task.log' ? [event.message] : []));
    expect(lines).toEqual(expect.arrayContaining(['try 1', '***', 'oops']));
    expect(result.ctx.a).toContain('try 2');
  });

  test('may be one for both', async () => {
    const { folder } = await runWorkflow(
      "tasks: [{ name: a, type: bash, stdout: log, stderr: ./log, command: 'echo a; sleep 0.1; echo b >&2' }]",
    );
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('a\nb\n');
  });

  test.for([
    ['.', 'EISDIR'],
    ['main.yaml/log', 'main.yaml/log for the output of the command'],
    ['/dev/full', 'ENOSPC'],
  ] as const)('that can not be written fails the attempt: %s', async ([file, why]) => {
    const run = await runWorkflow(`tasks: [{ name: a, type: bash, stdout: ${file}, command: echo done }]`);
    expect(failureOf(run, 'a')).toContain(why);
    expect(run.result.tasks.a?.error?.cause).toMatchObject({ code: 'OUTPUT_NOT_WRITTEN' });
  });

  test('reads declared params alone', async () => {
    expect(await problemsOf('tasks: [{ name: a, type: bash, command: x, stdout: "${{ params.x }}" }]')).toEqual([
      expect.stringContaining('reads params.x, which the workflow does not declare.'),
    ]);
  });
});

describe('the signal that stops a command', () => {
  const cancelAtGo = (event: JobEvent, job: Job): void => {
    if (event.type === 'task.log' && event.message === 'go') job.cancel();
  };

  test.for([
    ['bash', 'trap "echo got INT; exit 0" INT; trap "" TERM; echo go; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done'],
    [
      'node',
      'process.on("SIGINT", () => { console.log("got INT"); process.exit(); }); process.on("SIGTERM", () => {}); console.log("go"); setTimeout(() => {}, 60_000)',
    ],
  ] as const)('of %s is what the file says', async ([type, command]) => {
    const { folder } = await runWorkflow(
      `tasks: [{ name: a, type: ${type}, stop_signal: SIGINT, stdout: log, command: '${command}' }]`,
      { start: { graceMs: 20_000 }, on: cancelAtGo },
    );
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('go\ngot INT\n');
  });

  test('aborts the signal of a module', async () => {
    const module =
      'export default ({ signal }) => new Promise((resolve) => { console.log("go"); const timer = setTimeout(resolve, 60_000); signal.addEventListener("abort", () => { console.log("aborted"); clearTimeout(timer); resolve(); }); });';
    const { folder } = await runWorkflow(
      'tasks: [{ name: a, type: node, stop_signal: SIGHUP, stdout: log, module: m.mjs }]',
      {
        files: { 'm.mjs': module },
        start: { graceMs: 20_000 },
        on: cancelAtGo,
      },
    );
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('go\naborted\n');
  });

  test.for([
    ['stop_signal: INT', '"SIGTERM", "SIGINT"'],
    ['signal_on_stop: SIGINT', 'It is called "stop_signal" here.'],
  ] as const)('is refused with a way out: %s', async ([key, way]) => {
    expect(await problemsOf(`tasks: [{ name: a, type: bash, command: x, ${key} }]`)).toEqual([
      expect.stringContaining(way),
    ]);
  });
});

describe('a command of 200,000 characters', () => {
  const installed = (program: string): boolean => {
    try {
      execFileSync(program, ['-c', '1'], { stdio: 'ignore' });
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  };

  test.for([
    ['[perl, -e]', `# ${'x'.repeat(200_000)}\nprint join("|", @ARGV), "\\n";`, 'perl|a b|c'],
    ['[python3, -c]', `# ${'x'.repeat(200_000)}\nimport sys; print("|".join(sys.argv[1:]))`, 'python3|a b|c'],
    ['[fish, -c]', `# ${'x'.repeat(200_000)}\nstring join "|" $argv`, 'fish|a b|c'],
    ['sh', `# ${'x'.repeat(200_000)}\necho "$0|$1|$2"`, 'sh|a b|c'],
  ] as const)('runs in %s, with the arguments that a short one has', async ([shell, command, output], { skip }) => {
    if (!installed(shell.replace(/[[\],].*|\[/g, '') || shell.slice(1).split(',')[0] || '')) skip();
    const short = command.replace(/x{200000}/, '');
    const { result } = await runWorkflow(
      `tasks:\n${[short, command]
        .map(
          (text, at) =>
            `  - { name: t${at}, type: bash, shell: ${shell}, args: [a b, c], output: text, command: ${JSON.stringify(text)} }`,
        )
        .join('\n')}`,
    );
    expect([result.ctx.t0, result.ctx.t1]).toEqual([output, output]);
  });

  test('says that it is too long where its shell is a list that starts another program', async () => {
    const run = await runWorkflow(
      `tasks: [{ name: a, type: bash, shell: [env, python3, -c], command: '# ${'x'.repeat(200_000)}' }]`,
    );
    expect(run.result.tasks.a?.error?.cause).toMatchObject({ message: expect.stringContaining('E2BIG') });
  });
});
