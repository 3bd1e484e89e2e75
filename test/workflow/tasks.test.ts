// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/events/event.ts';
import { MAX_OUTPUT_BYTES } from '../../src/executors/process/output-error.ts';
import { type VirtualClock, virtualClock } from '../../src/testing/virtual-clock.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { failureOf, folderOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

describe('a command', () => {
  test('ends at the first part that fails, be it in a pipe', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: first, type: bash, command: 'false; echo on > on' }
  - { name: pipe, type: bash, command: 'false | cat; echo on > on' }
`);
    expect(run.states).toEqual({ first: 'failed', pipe: 'failed' });
    expect(existsSync(join(run.folder, 'on'))).toBe(false);
  });

  test('finds its arguments where its language has them', async () => {
    const { result } = await runWorkflow(`
params: { name: it's $HOME }
tasks:
  - { name: bash, type: bash, args: &args [one two, "\${{ params.name }}", 3, true], command: 'printf "%s\\n" "$@"', output: lines }
  - { name: python, type: python, args: *args, command: 'import sys, json; print(json.dumps(sys.argv[1:]))', output: json }
  - { name: node, type: node, args: *args, command: output(process.argv.slice(1)) }
`);
    const args = ['one two', "it's $HOME", '3', 'true'];
    expect(result.ctx).toMatchObject({ bash: args, python: args, node: args });
  });

  test('runs in the folder of its file, or from there', async () => {
    const { result, folder } = await runWorkflow(
      `
params: { where: sub }
tasks:
  - { name: here, type: bash, command: pwd, output: text }
  - { name: there, type: bash, cwd: "\${{ params.where }}", command: pwd, output: text }
  - { name: root, type: bash, cwd: /, command: pwd, output: text }
`,
      { files: { 'sub/file': '' } },
    );
    expect(result.ctx).toMatchObject({ here: folder, there: join(folder, 'sub'), root: '/' });
  });

  test('does not run in a folder that is not there, however often it may be tried', async () => {
    const run = await runWorkflow("tasks: [{ name: a, type: bash, cwd: nope, command: 'true', max_retries: 3 }]");
    expect(failureOf(run, 'a')).toContain(`can't run in ${join(run.folder, 'nope')}, which is not a directory.`);
    expect(run.result.tasks.a?.attempts).toBe(1);
  });

  test('has the variables of its task before the defaults, as text', async () => {
    const { result } = await runWorkflow(`
params: { day: 2024-02-29 }
defaults: { env: { A: default, B: default } }
tasks:
  - name: a
    type: bash
    env: { B: task, N: 15, F: 1.5, T: true, D: "on \${{ params.day }}, \${{ 1 + 1 }} times", E: "" }
    command: printf '%s|' "$A" "$B" "$N" "$F" "$T" "$D" "$E" "$TINTYPE_TASK" "$TINTYPE_ATTEMPT" "$TINTYPE_JOB_NAME"
    output: text
`);
    expect(result.ctx.a).toBe('default|task|15|1.5|true|on 2024-02-29, 2 times||a|1|main|');
  });

  test.for([
    ['sh', 'false; echo on', undefined],
    ['[bash, -c]', 'false; echo on $1', 'on x'],
    ['[python3, -c]', 'import sys; print(sys.argv[-1])', 'x'],
  ] as const)('may be that of another shell: %s', async ([shell, command, output]) => {
    const { result } = await runWorkflow(`
tasks: [{ name: a, type: bash, shell: ${shell}, command: '${command}', args: [x], output: text }]
`);
    expect(result.ctx.a).toBe(output);
  });

  test('of a shell that is not there says so', async () => {
    const run = await runWorkflow(
      "defaults: { shell: fishy }\ntasks: [{ name: a, type: bash, command: 'true', max_retries: 3 }]",
    );
    expect(failureOf(run, 'a')).toContain('needs fishy, which is not on the PATH. Install it, or correct PATH.');
    expect(run.result.tasks.a?.attempts).toBe(1);
  });
});

describe('a Node.js task', () => {
  test('finds the context, its params and its item as globals', async () => {
    const { result } = await runWorkflow(`
params: { by: 10 }
tasks:
  - { name: rows, type: node, command: "output([1, 2])" }
  - { name: sums, type: node, dependencies: [rows], map: { over: ctx.rows }, command: 'output([ctx.rows.length, params.by * item, index])' }
`);
    expect(result.ctx).toMatchObject({
      rows: [1, 2],
      sums: [
        [2, 10, 0],
        [2, 20, 1],
      ],
    });
  });

  test('is a module: it imports from the folder of the file, and awaits', async () => {
    const { result } = await runWorkflow(
      `tasks: [{ name: a, type: node, command: "import { two } from './two.mjs';\\noutput({ sum: await Promise.resolve(two + two) })" }]`,
      { files: { 'two.mjs': 'export const two = 2;' } },
    );
    expect(result.ctx).toMatchObject({ sum: 4 });
  });

  test('calls what a module exports', async () => {
    const { result } = await runWorkflow(
      `
params: { by: 10 }
tasks:
  - { name: rows, type: node, module: lib/tasks.mjs, export: rows }
  - { name: times, type: node, module: lib/tasks.mjs, dependencies: [rows] }
`,
      {
        files: {
          'lib/tasks.mjs': `
            export const rows = [1, 2];
            export default async ({ ctx, params, attempt, taskName, signal }) =>
              ({ times: ctx.rows.map((row) => row * params.by), by: [attempt, taskName, signal.aborted] });`,
        },
      },
    );
    expect(result.ctx).toMatchObject({ rows: [1, 2], times: [10, 20], by: [1, 'times', false] });
  });

  test('of a module without that export names those it has', async () => {
    const { events } = await runWorkflow('tasks: [{ name: a, type: node, module: m.mjs, export: lod }]', {
      files: { 'm.mjs': 'export const load = 1, save = 2;' },
    });
    expect(logsOf(events, 'a')).toContain('The module has no export "lod". It exports load, save.');
  });
});

describe('an output', () => {
  test.for([
    [
      'JSON that is a mapping is merged',
      'json',
      `{"rows": 3, "more": {"a": [null]}}`,
      { rows: 3, more: { a: [null] } },
    ],
    ['JSON of another kind goes under the name of the task', 'json', '[1, 2]', { a: [1, 2] }],
    ['JSON may be null', 'json', 'null', { a: null }],
    ['nothing at all is no JSON and no output', 'json', '', {}],
    ['text loses the newline at its end', 'text', 'two\\nlines\\n\\n', { a: 'two\nlines\n' }],
    ['text may be empty', 'text', '', { a: '' }],
    ['text that looks like JSON stays text', 'text', '{"rows": 3}', { a: '{"rows": 3}' }],
    ['invalid UTF-8 becomes replacement characters', 'text', '\\377é', { a: '\uFFFDé' }],
    ['lines are a list', 'lines', 'one\\r\\n\\ntwo\\n', { a: ['one', '', 'two'] }],
    ['no lines are an empty list', 'lines', '', { a: [] }],
  ] as const)('%s', async ([, form, printed, ctx]) => {
    const { result } = await runWorkflow(`
tasks: [{ name: a, type: bash, output: ${form}, env: { P: ${JSON.stringify(printed)} }, command: 'printf "%b" "$P"' }]
`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual(ctx);
  });

  test('may be written as a file, which comes before what is printed', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: a, type: bash, command: 'echo "{\\"a\\": 1}" > "$TINTYPE_OUTPUT"' }
  - { name: both, type: bash, output: json, command: 'echo "{\\"b\\": 1, \\"c\\": 1}"; echo "{\\"c\\": 2}" > "$TINTYPE_OUTPUT"' }
  - { name: list, type: bash, output: text, command: 'echo printed; echo "[1]" > "$TINTYPE_OUTPUT"' }
  - { name: none, type: bash, command: 'echo printed' }
`);
    expect(result.ctx).toEqual({ a: 1, b: 1, c: 2, list: [1] });
  });

  test.for([
    ['a folder', 'mkdir "$TINTYPE_OUTPUT"; touch "$TINTYPE_OUTPUT/file"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['a link', 'ln -s "$PWD/main.yaml" "$TINTYPE_OUTPUT"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['a pipe without an end', 'mkfifo "$TINTYPE_OUTPUT"', 'OUTPUT_UNREADABLE', 'is no file'],
    ['no JSON', 'echo "{rows" > "$TINTYPE_OUTPUT"', 'OUTPUT_NOT_JSON', 'It begins with "{rows\\n".'],
    [
      'too large',
      `head -c ${MAX_OUTPUT_BYTES + 1} /dev/zero > "$TINTYPE_OUTPUT"`,
      'OUTPUT_TOO_LARGE',
      'The file $TINTYPE_OUTPUT is larger than 10 MiB. Write it to a file of your own, and put out its path.',
    ],
    [
      'too much of the standard output',
      `head -c ${MAX_OUTPUT_BYTES + 1} /dev/zero`,
      'OUTPUT_TOO_LARGE',
      'The standard output is larger than 10 MiB.',
    ],
  ] as const)('that is %s fails the task', async ([, command, code, message]) => {
    const run = await runWorkflow(`tasks: [{ name: a, type: bash, output: text, command: '${command}' }]`);
    expect(run.states).toEqual({ a: 'failed' });
    expect(run.result.tasks.a?.error?.cause).toMatchObject({ code });
    expect(failureOf(run, 'a')).toContain(message);
  });

  test.for([
    ['spaces alone', "echo ' ' > $TINTYPE_OUTPUT", {}],
    ['a byte order mark', `printf '\\357\\273\\277{"a": 1}' > $TINTYPE_OUTPUT`, { a: 1 }],
  ] as const)('that is a file with %s is read as if it were printed', async ([, command, ctx]) => {
    const { result } = await runWorkflow(`tasks: [{ name: a, type: bash, command: ${JSON.stringify(command)} }]`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual(ctx);
  });

  test.for([
    ['a key', `{ name: a, type: bash, output: json, command: 'echo "{\\"params\\": 1}"' }`],
    ['a task', `{ name: params, type: bash, output: text, command: 'echo hi' }`],
    ['a map', `{ name: params, type: bash, output: text, command: 'echo hi', map: { over: [1] } }`],
    ['a job', '{ name: params, type: job, file: other.yaml }'],
    ['a sensor', '{ name: params, type: sensor, file: . }'],
  ] as const)('never replaces the params: %s of that name', async ([, task]) => {
    const files = { 'other.yaml': 'name: other\ntasks: [{ name: o, type: bash, command: echo, output: text }]' };
    const ended = await runWorkflow(`params: { day: 1 }\ntasks: [${task}]`, { files }).then(
      ({ result }) => ({ state: result.state, ctx: result.ctx }),
      (error: Error) => ({ state: 'refused', ctx: { params: { day: 1 } }, message: error.message }),
    );
    expect(ended.state).not.toBe('completed');
    expect(ended.ctx).toEqual({ params: { day: 1 } });
  });

  test('with odd text and odd keys arrives as it left', async () => {
    const odd = {
      'é \u2028\u0000': '\u202E🙂 \uD83D',
      "a'b`$(id)": '"; rm -rf / #',
      constructor: { __proto__x: 1, toString: 2 },
    };
    const { result } = await runWorkflow(`
tasks:
  - { name: write, type: node, command: ${JSON.stringify(`output(JSON.parse(${JSON.stringify(JSON.stringify(odd))}))`)} }
  - { name: read, type: python, dependencies: [write], command: 'import json, os; print(json.dumps({"copy": json.load(open(os.environ["TINTYPE_CONTEXT"]))}))', output: json }
  - { name: node, type: node, dependencies: [read], command: 'output({ again: ctx.copy })' }
`);
    expect(result.state).toBe('completed');
    expect(result.ctx).toEqual({ ...odd, copy: odd, again: odd });
  });

  test('of tasks that run at once, each with 1 MB, reaches all of their downstream', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: a, type: node, command: 'output({ a: "x".repeat(1e6) })' }
  - { name: b, type: node, command: 'output({ b: "x".repeat(1e6) })' }
  - { name: c, type: node, dependencies: [a, b], map: { over: [1, 2, 3, 4] }, command: 'output(ctx.a.length + ctx.b.length)' }
`);
    expect(result.ctx.c).toEqual([2e6, 2e6, 2e6, 2e6]);
  });
});

describe('a map', () => {
  test('runs once for each item of a list, and puts out what they did in the order of the list', async () => {
    const { result } = await runWorkflow(`
params: { first: 6 }
tasks:
  - name: each
    type: bash
    map: { over: ["\${{ params.first }}", x y, null, { k: [1] }, true], concurrency: 2 }
    env: { ITEM: "\${{ item }}", AT: "\${{ index }}" }
    command: echo "$TINTYPE_INDEX $TINTYPE_ITEM / $AT $ITEM"
    output: text
`);
    expect(result.ctx.each).toEqual([
      '0 6 / 0 6',
      '1 "x y" / 1 x y',
      '2 null / 2 ',
      '3 {"k":[1]} / 3 {"k":[1]}',
      '4 true / 4 true',
    ]);
  });

  test('runs over what an upstream found, as many at once as it says', async () => {
    const { result, events } = await runWorkflow(`
tasks:
  - { name: ls, type: bash, command: seq 300, output: lines }
  - { name: each, type: bash, command: 'echo "$1"', args: ["\${{ int(item) * 2 }}"], dependencies: [ls], output: json, map: { over: ctx.ls, concurrency: 3 } }
`);
    expect(result.ctx.each).toEqual(Array.from({ length: 300 }, (_, at) => (at + 1) * 2));
    expect(mostAtOnce(events, /^each\[/)).toBe(3);
  });

  test('puts out any JSON for an item, and null for nothing', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: each, type: bash, map: { over: [1, s, null, { params: 1 }, [2]] }, command: 'echo "$TINTYPE_ITEM"', output: json }
  - { name: none, type: bash, map: { over: [1, 2] }, command: 'true' }
  - { name: empty, type: bash, map: { over: [] }, command: 'exit 1' }
`);
    expect(result.ctx).toEqual({ each: [1, 's', null, { params: 1 }, [2]], none: [null, null], empty: [] });
  });

  test.for([
    ['params.n', 'runs over number: expected a list. Let "over" give one.'],
    ['params.m', 'runs over object: expected a list.'],
    ['null', 'runs over nothing: expected a list.'],
    ['ctx.rows', 'ctx.rows has no value: there is no key "rows".'],
  ] as const)('over %s, which is no list, fails', async ([over, message]) => {
    const run = await runWorkflow(
      `params: { n: 5, m: { default: { a: 1 } } }\ntasks: [{ name: each, type: bash, command: 'true', map: { over: "${over}" } }]`,
    );
    expect(failureOf(run, 'each')).toContain(message);
  });

  test('with an item that fails fails, and says which', async () => {
    const run = await runWorkflow(`
tasks: [{ name: each, type: bash, command: '[ "$TINTYPE_INDEX" != 1 ]', map: { over: [a, b, c] } }]
`);
    expect(failureOf(run, 'each')).toContain(
      'Task "each[1]" failed in attempt 1: The bash command exited with code 1.',
    );
  });
});

describe('whether and when a task runs', () => {
  test('is said by an expression, on its own or wrapped', async () => {
    const { states } = await runWorkflow(`
params: { n: 3 }
tasks:
  - { name: yes, type: bash, command: 'true', when: params.n > 2 && params.n + 1 == 4 }
  - { name: wrapped, type: bash, command: 'true', when: "\${{ params.n == 3 }}" }
  - { name: no, type: bash, command: 'true', when: "params.n > 3" }
  - { name: after, type: bash, command: 'true', dependencies: [no] }
  - { name: anyway, type: bash, command: 'true', dependencies: [no], trigger: all_done }
  - { name: lastly, type: bash, command: 'true', dependencies: [after], trigger: none_failed }
`);
    expect(states).toEqual({
      yes: 'completed',
      wrapped: 'completed',
      no: 'skipped',
      after: 'skipped',
      anyway: 'completed',
      lastly: 'completed',
    });
  });

  test('fails the task where the expression has no answer', async () => {
    const run = await runWorkflow(`
params: { flag: "true" }
tasks:
  - { name: text, type: bash, command: 'true', when: params.flag }
  - { name: missing, type: bash, command: 'true', when: ctx.rows > 1 }
`);
    expect(failureOf(run, 'text')).toContain('"when" of task "text" is "true": expected true or false.');
    expect(failureOf(run, 'missing')).toContain('Task "missing" failed');
    expect(failureOf(run, 'missing')).toContain('ctx.rows > 1 has no value: there is no key "rows".');
  });

  test('follows from what became of its upstreams', async () => {
    const { states } = await runWorkflow(`
tasks:
  - { name: bad, type: bash, command: exit 1 }
  - { name: good, type: bash, command: 'true' }
  - { name: tolerated, type: bash, command: exit 1, continue_on_failure: true }
  - { name: one_failed, type: bash, command: 'true', dependencies: [bad, good], trigger: one_failed }
  - { name: one_success, type: bash, command: 'true', dependencies: [bad, good], trigger: one_success }
  - { name: all_failed, type: bash, command: 'true', dependencies: [bad, good], trigger: all_failed }
  - { name: all_success, type: bash, command: 'true', dependencies: [bad, good] }
  - { name: after_tolerated, type: bash, command: 'true', dependencies: [tolerated] }
  - { name: always, type: bash, command: 'true', dependencies: [all_success], trigger: always }
`);
    expect(states).toMatchObject({
      one_failed: 'completed',
      one_success: 'completed',
      all_failed: 'skipped',
      all_success: 'skipped',
      after_tolerated: 'completed',
      always: 'completed',
    });
  });

  test.for([
    ['continue', { bad: 'failed', slow: 'completed', late: 'completed' }],
    ['drain', { bad: 'failed', slow: 'completed', late: 'unscheduled' }],
    ['abort', { bad: 'failed', slow: 'cancelled', late: 'unscheduled' }],
  ] as const)('after a failure is said by on_failure: %s', async ([policy, states]) => {
    const run = await runWorkflow(
      `
on_failure: ${policy}
tasks:
  - { name: slow, type: bash, command: 'touch started; until [ -e go ]; do sleep 0.01; done' }
  - { name: bad, type: bash, command: 'until [ -e started ]; do sleep 0.01; done; exit 1' }
  - { name: late, type: bash, command: 'true', dependencies: [slow] }
`,
      {
        on: (event, _job, folder) => {
          const failed = event.type === 'task.transition' && event.task === 'bad' && event.to === 'failed';
          if (failed && policy !== 'abort') writeFileSync(join(folder, 'go'), '');
        },
      },
    );
    expect(run.states).toEqual(states);
  });

  test('is held back by the slots of its pool', async () => {
    const tasks = Array.from({ length: 6 }, (_, at) => `{ name: t${at}, type: bash, command: 'true', slots: 2 }`);
    const { events, result } = await runWorkflow(
      `pools: { db: { slots: 4 } }\ndefaults: { pool: db }\ntasks: [${tasks.join(', ')}]`,
    );
    expect(result.state).toBe('completed');
    expect(mostAtOnce(events, /^t/)).toBe(2);
  });

  test('is held back by the rate of its pool', async () => {
    const clock = virtualClock();
    const tasks = Array.from({ length: 5 }, (_, at) => `{ name: t${at}, type: bash, command: 'true', pool: api }`);
    const { events } = await runWorkflow(`pools: { api: { limit: 2, period: 1m } }\ntasks: [${tasks.join(', ')}]`, {
      start: { clock },
      on: turnAfter(clock, ({ to }) => to === 'completed', 60_000),
    });
    const starts = transitions(events).filter(({ to }) => to === 'running');
    expect(starts).toHaveLength(5);
    for (const [at, start] of starts.entries()) {
      const third = starts[at + 2];
      if (third) expect(third.at - start.at).toBeGreaterThanOrEqual(60_000);
    }
  });

  test('is a question of priority when there is one worker', async () => {
    const { events } = await runWorkflow(
      `
defaults: { priority: 1 }
tasks:
  - { name: default, type: bash, command: 'true' }
  - { name: low, type: bash, command: 'true', priority: -5 }
  - { name: high, type: bash, command: 'true', priority: 5 }
`,
      { start: { maxConcurrency: 1 } },
    );
    const order = transitions(events).flatMap(({ task, to }) => (to === 'running' ? [task] : []));
    expect(order).toEqual(['high', 'default', 'low']);
  });
});

describe('time', () => {
  test('passes between tries as the task says, and as the defaults say of the rest', async () => {
    const clock = virtualClock();
    const { events, result } = await runWorkflow(
      `
defaults: { max_retries: 5, retry: { delay: 1h, backoff: exponential, factor: 3 } }
tasks:
  - { name: a, type: bash, command: '[ $TINTYPE_ATTEMPT = 4 ]', retry: { max_delay: 4h } }
`,
      { start: { clock }, on: turnAfter(clock, ({ to }) => to === 'retrying', 4 * HOUR) },
    );
    expect(result.state).toBe('completed');
    const starts = transitions(events).filter(({ to }) => to === 'running');
    const waits = transitions(events).filter(({ to }) => to === 'retrying');
    expect(waits.map(({ at }, nth) => ((starts[nth + 1]?.at ?? 0) - at) / HOUR)).toEqual([1, 3, 4]);
  });

  test('0 retries of a task come before the default', async () => {
    const { result } = await runWorkflow(
      'defaults: { max_retries: 1, retry: { delay: 1ms } }\ntasks: [{ name: no, type: bash, command: exit 1, max_retries: 0 }, { name: yes, type: bash, command: exit 1 }]',
    );
    expect(result.tasks).toMatchObject({ no: { attempts: 1 }, yes: { attempts: 2 } });
  });

  test('ends a try after its timeout, and all tries at the deadline', async () => {
    const clock = virtualClock();
    const { result } = await runWorkflow(
      `
tasks:
  - { name: try, type: bash, command: 'echo up; sleep 600', timeout: 5m, max_retries: 1, retry: { backoff: none } }
  - { name: all, type: bash, command: 'echo up; sleep 600', timeout: 6m, deadline: 11m, max_retries: 9, retry: { backoff: none } }
`,
      { start: { clock }, on: turnAfter(clock, ({ type }) => type === 'task.log', 6 * 60_000) },
    );
    expect(result.tasks).toMatchObject({
      try: { state: 'failed', reason: 'timeout', attempts: 2 },
      all: { state: 'failed', reason: 'deadline' },
    });
  });
});

describe('a sensor', () => {
  test('waits for a file, from the folder of the workflow, and puts out its path', async () => {
    const clock = virtualClock();
    const { result, events, folder } = await runWorkflow(
      `
params: { name: flag }
tasks:
  - { name: flag, type: sensor, file: "in/\${{ params.name }}", interval: 30s }
  - { name: after, type: bash, command: 'true', dependencies: [flag] }
`,
      {
        files: { 'in/other': '' },
        start: { clock },
        on: (event, _job, folder) => {
          if (event.type !== 'task.transition' || event.to !== 'polling') return;
          if (event.at >= 60_000) writeFileSync(join(folder, 'in/flag'), '');
          setImmediate(() => void clock.advance(30_000));
        },
      },
    );
    expect(result.ctx).toMatchObject({ flag: join(folder, 'in/flag') });
    expect(result.tasks.after?.state).toBe('completed');
    expect(transitions(events).filter(({ to }) => to === 'polling')).toHaveLength(3);
  });

  test('waits for a command to exit with 0, and puts out what it writes', async () => {
    const { result } = await runWorkflow(`
tasks:
  - { name: count, type: sensor, interval: 1ms, command: 'echo x >> tries; n=$(wc -l < tries); [ $n -ge 3 ]; echo "{\\"tries\\": $n}" > $TINTYPE_OUTPUT' }
`);
    expect(result.ctx).toEqual({ tries: 3 });
  });

  test.for([
    ['a command that is not there', "command: 'no-such-program-1'", 'exited with code 127'],
    ['a command that a signal ends', "command: 'kill -9 $$'", 'was ended by SIGKILL'],
  ] as const)('does not wait for %s', async ([, what, message]) => {
    const run = await runWorkflow(`tasks: [{ name: s, type: sensor, interval: 1h, ${what} }]`);
    expect(failureOf(run, 's')).toContain(message);
  });

  test('that waits past its deadline fails', async () => {
    const clock = virtualClock();
    const { result } = await runWorkflow(
      'tasks: [{ name: s, type: sensor, file: nope, interval: 10m, deadline: 25m }]',
      { start: { clock }, on: turnAfter(clock, ({ to }) => to === 'polling', 10 * 60_000) },
    );
    expect(result.tasks.s).toMatchObject({ state: 'failed', reason: 'deadline' });
  });
});

describe('an external task', () => {
  test('is completed by whoever was asked, and its downstream reads what they say', async () => {
    const { result } = await runWorkflow(
      `
tasks:
  - { name: approve, type: external }
  - { name: go, type: bash, dependencies: [approve], env: { BY: "\${{ ctx.by }}" }, command: echo "$BY", output: text }
`,
      {
        on: (event, job) => {
          if (event.type !== 'task.transition' || event.task !== 'approve' || event.to !== 'ready') return;
          queueMicrotask(() => (job.task('approve' as never) as unknown as External).complete({ by: 'ada' }));
        },
      },
    );
    expect(result.ctx).toMatchObject({ by: 'ada', go: 'ada' });
  });

  test('nobody answers fails at its deadline', async () => {
    const clock = virtualClock();
    const { result } = await runWorkflow('tasks: [{ name: approve, type: external, deadline: 2d }]', {
      start: { clock },
      on: turnAfter(clock, ({ to }) => to === 'ready', 48 * HOUR),
    });
    expect(result.tasks.approve).toMatchObject({ state: 'failed', reason: 'deadline' });
  });
});

describe('handlers', () => {
  const HANDLERS = `
handlers:
  success: [{ name: ok, type: bash, command: 'true' }]
  failure: [{ name: bad, type: bash, command: 'echo "$TINTYPE_JOB_STATE: $TINTYPE_JOB_ERROR"', output: text }]
  always: [{ name: any, type: bash, command: 'echo "$TINTYPE_JOB_STATE"', output: text }]
`;

  test.for([
    ['completed', "tasks: [{ name: a, type: bash, command: 'true' }]", { ok: 'completed', bad: 'skipped' }],
    ['completed', 'tasks: []', { ok: 'completed', bad: 'skipped' }],
    [
      'completed',
      "tasks: [{ name: a, type: bash, command: 'true', when: 'false' }]",
      { a: 'skipped', ok: 'completed', bad: 'skipped' },
    ],
    ['failed', 'tasks: [{ name: a, type: bash, command: exit 3 }]', { ok: 'skipped', bad: 'completed' }],
    [
      'failed',
      'on_failure: abort\ntasks: [{ name: a, type: bash, command: exit 3 }, { name: b, type: bash, command: sleep 600 }]',
      { b: 'cancelled', ok: 'skipped', bad: 'completed' },
    ],
  ] as const)('run when the job is %s: %s', async ([state, tasks, states]) => {
    const run = await runWorkflow(tasks + HANDLERS);
    expect(run.result.state).toBe(state);
    expect(run.states).toMatchObject({ ...states, any: 'completed' });
    expect(run.result.ctx).toMatchObject({ any: state });
    if (states.bad === 'completed')
      expect(run.result.ctx.bad).toMatch(/^failed: Job "main" failed: Task "a" failed .* code 3/);
  });

  test('begin when all other tasks are over, whatever is skipped before', async () => {
    const steps: string[] = [];
    const { result } = await runWorkflow(
      `
tasks:
  - { name: a, type: bash, command: exit 1 }
  - { name: slow, type: bash, command: 'until [ -e go ]; do sleep 0.01; done; exit 2' }
  - { name: last, type: bash, command: 'true', dependencies: [a, slow] }${HANDLERS}`,
      {
        on: (event, _, folder) => {
          if (event.type !== 'task.transition') return;
          steps.push(`${event.task} ${event.to}`);
          if (event.task === 'last') writeFileSync(join(folder, 'go'), '');
        },
      },
    );
    const handled = steps.filter((step) => /^(ok|bad|any) (ready|running|skipped)/.test(step));
    expect(handled.toSorted()).toEqual(['any ready', 'any running', 'bad ready', 'bad running', 'ok skipped']);
    const begin = Math.min(...handled.map((step) => steps.indexOf(step)));
    expect(steps.slice(0, begin)).toContain('slow failed');
    expect(steps.indexOf('any ready')).toBeGreaterThan(steps.indexOf('bad completed'));
    expect(result.errors.map(({ taskName }) => taskName)).toEqual(['a', 'slow']);
  });

  test('run when the job ran out of time', async () => {
    const clock = virtualClock();
    const run = await runWorkflow(
      `timeout: 1h\ntasks: [{ name: a, type: bash, command: 'echo up; sleep 600' }]${HANDLERS}`,
      {
        start: { clock, graceMs: 60_000 },
        on: turnAfter(clock, ({ type, task }) => type === 'task.log' && task === 'a', HOUR),
      },
    );
    expect(run.result.state).toBe('timedOut');
    expect(run.states).toMatchObject({ a: 'cancelled', ok: 'skipped', bad: 'completed', any: 'completed' });
    expect(run.result.ctx).toMatchObject({
      any: 'timedOut',
      bad: expect.stringMatching(/^timedOut: Job "main" was not done within/),
    });
  });

  test('run when the job was cancelled, those that always do', async () => {
    const run = await runWorkflow(`tasks: [{ name: a, type: bash, command: 'echo up; sleep 600' }]${HANDLERS}`, {
      on: (event, job) => {
        if (event.type === 'task.log') job.cancel('enough');
      },
    });
    expect(run.result.state).toBe('cancelled');
    expect(run.states).toEqual({ a: 'cancelled', ok: 'skipped', bad: 'skipped', any: 'completed' });
    expect(run.result.ctx).toEqual({ any: 'cancelled' });
  });

  test('may wait for one another, have conditions, and see how the job ended', async () => {
    const { result, states } = await runWorkflow(`
tasks: [{ name: a, type: bash, command: exit 1 }]
handlers:
  always:
    - { name: mail, type: bash, dependencies: [text], env: { TEXT: "\${{ ctx.text }}" }, command: 'echo "<$TEXT>"', output: text }
    - { name: text, type: bash, env: { E: "\${{ job.name }} \${{ job.state }} \${{ job.error }}" }, command: 'echo "$E"', output: text }
    - { name: cheer, type: bash, command: 'true', when: job.state == "completed" }
    - { name: each, type: bash, command: 'echo $TINTYPE_ITEM $TINTYPE_JOB_STATE', map: { over: [1, 2] }, output: text }
`);
    expect(result.ctx.mail).toMatch(/^<main failed Job "main" failed: Task "a" failed/);
    expect(result.ctx.each).toEqual(['1 failed', '2 failed']);
    expect(states).toEqual({ a: 'failed', mail: 'completed', text: 'completed', cheer: 'skipped', each: 'completed' });
  });

  test('that fail fail the job, unless they may', async () => {
    const handler = (more: string) =>
      `tasks: []\nhandlers: { success: [{ name: ok, type: bash, command: exit 1${more} }], always: [{ name: any, type: bash, command: 'true' }] }`;
    const strict = await runWorkflow(handler(''));
    expect([strict.result.state, strict.states.any]).toEqual(['failed', 'completed']);
    const lax = await runWorkflow(handler(', continue_on_failure: true'));
    expect([lax.result.state, lax.states.any]).toEqual(['completed', 'completed']);
  });

  test.for([
    [
      'with the name of a task',
      '{ success: [{ name: a, type: bash, command: echo }] }',
      'DUPLICATE_TASK Two tasks are named "a".',
    ],
    [
      'with the name of another',
      '{ success: [{ name: h, type: bash, command: echo }], failure: [{ name: h, type: bash, command: echo }] }',
      'DUPLICATE_TASK Two tasks are named "h".',
    ],
    [
      'that wait for one another',
      '{ always: [{ name: b, type: bash, command: echo, dependencies: [c] }, { name: c, type: bash, command: echo, dependencies: [b] }] }',
      'CYCLE Tasks wait on one another: b → c → b.',
    ],
    [
      'of success that wait for those that run after them',
      '{ success: [{ name: b, type: bash, command: echo, dependencies: [c] }], always: [{ name: c, type: bash, command: echo }] }',
      'CYCLE',
    ],
    [
      'with a trigger of their own, which they never heed',
      '{ always: [{ name: b, type: bash, command: echo, trigger: all_success }] }',
      'trigger',
    ],
  ] as const)('%s are refused', async ([, handlers, message]) => {
    const problems = await problemsOf(`tasks: [{ name: a, type: bash, command: echo }]\nhandlers: ${handlers}`);
    expect(problems).toEqual([expect.stringContaining(message)]);
  });

  test('are no dependencies of tasks', async () => {
    const problems = await problemsOf(
      'tasks: [{ name: a, type: bash, command: echo, dependencies: [ok] }]\nhandlers: { success: [{ name: ok, type: bash, command: echo }] }',
    );
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ /)]);
  });
});

describe('a file that runs another', () => {
  test('reads it from its own folder, where it also runs', async () => {
    const { result, folder } = await runWorkflow('tasks: [{ name: child, type: job, file: sub/child.yaml }]', {
      files: {
        'sub/child.yaml': `
name: child
tasks:
  - { name: pwd, type: bash, command: 'pwd; cat here.txt', output: lines }
  - { name: up, type: bash, cwd: .., command: pwd, output: text }
  - { name: grandchild, type: job, file: ../other/grandchild.yaml }
`,
        'sub/here.txt': 'here',
        'other/grandchild.yaml': 'name: g\ntasks: [{ name: where, type: bash, command: pwd, output: text }]',
      },
    });
    expect(result.ctx).toEqual({
      child: {
        pwd: [join(folder, 'sub'), 'here'],
        up: folder,
        grandchild: { where: join(folder, 'other') },
      },
    });
  });

  const CHILD = `
name: child
params: { n: 5, text: { type: string } }
tasks: [{ name: say, type: bash, env: { T: "\${{ params.text }} \${{ params.n + 1 }}" }, command: 'echo "$T"', output: text }]
`;

  test('gives it params, each time its own', async () => {
    const { result } = await runWorkflow(
      `
params: { who: ada }
tasks:
  - { name: one, type: job, file: child.yaml, params: { text: "\${{ params.who }}" } }
  - { name: two, type: job, file: child.yaml, params: { text: "after \${{ ctx.one.say }}", n: "\${{ params.who.size() }}" }, dependencies: [one] }
`,
      { files: { 'child.yaml': CHILD } },
    );
    expect(result.ctx).toMatchObject({ one: { say: 'ada 6' }, two: { say: 'after ada 6 4' } });
  });

  test.for([
    ['unknown', '{ text: x, m: 1 }', 'There is no param "m".'],
    ['of another type', '{ text: x, n: many }', 'The param "n" is "many": expected a whole number.'],
    ['missing', '{}', 'The param "text" has no value and no default'],
  ] as const)('with params that are %s is told so', async ([, params, message]) => {
    const told = await runWorkflow(`tasks: [{ name: child, type: job, file: child.yaml, params: ${params} }]`, {
      files: { 'child.yaml': CHILD },
    }).then(
      (run) => failureOf(run, 'child'),
      (error: Error) => error.message,
    );
    expect(told).toContain(message);
  });

  test.for([
    [
      'is not there',
      'nope.yaml',
      ['The file nope.yaml, which this task runs, has a problem:', 'There is no such file.'],
    ],
    ['is a folder', 'sub', ['The file sub, which this task runs, has a problem:', 'This is a directory.']],
    ['is itself', './sub/../main.yaml', ['The file runs itself: main.yaml → main.yaml.']],
    [
      'is itself by another name',
      'link.yaml',
      ['The file link.yaml, which this task runs, has a problem:', 'runs itself'],
    ],
    [
      'runs it',
      'sub/back.yaml',
      ['The file sub/back.yaml, which', 'runs itself: ../main.yaml → back.yaml → ../main.yaml'],
    ],
    [
      'is wrong',
      'bad.yaml',
      ['which this task runs, has 2 problems:', 'Task "x" has "type" = "bsh"', 'Task "y" has no "command"'],
    ],
  ] as const)('that %s is told so, with the places in both', async ([, file, messages]) => {
    const text = `tasks: [{ name: child, type: job, file: ${file} }]`;
    const problems = await problemsOf(text, {
      files: {
        'link.yaml': `name: main\n${text}`,
        'sub/back.yaml': 'name: back\ntasks: [{ name: b, type: job, file: ../main.yaml }]',
        'bad.yaml': 'name: bad\ntasks: [{ name: x, type: bsh, command: x }, { name: y, type: bash }]',
      },
    });
    for (const message of messages) expect(problems.join('\n')).toContain(message);
    expect(problems[0]).toMatch(/^2:\d+ NESTED_WORKFLOW /);
  });

  test('twice that is wrong tells its problems once', async () => {
    const problems = await problemsOf(
      'tasks: [{ name: a, type: job, file: bad.yaml }, { name: b, type: job, file: bad.yaml }]',
      { files: { 'bad.yaml': 'name: bad\ntasks: [{ name: x, type: bsh, command: x }]' } },
    );
    expect(problems.filter((problem) => problem.includes('"bsh"'))).toHaveLength(1);
  });

  test('by many ways is read no oftener than there are files', async () => {
    const level = (at: number) =>
      `name: l${at}\ntasks: [{ name: a, type: job, file: a${at + 1}.yaml }, { name: b, type: job, file: ./b${at + 1}.yaml }]`;
    const last = "name: last\ntasks: [{ name: a, type: bash, command: 'true' }]";
    const files = Object.fromEntries(
      Array.from({ length: 16 }, (_, at) => at + 1).flatMap((at) =>
        ['a', 'b'].map((letter) => [`${letter}${at}.yaml`, at === 16 ? last : level(at)]),
      ),
    );
    const folder = folderOf({ 'main.yaml': level(0), ...files });
    const { definition } = await loadWorkflow(join(folder, 'main.yaml'), { env: {} });
    expect(definition.tasks).toHaveLength(2);
  }, 10_000);

  test('fails when that does, with the first cause', async () => {
    const run = await runWorkflow(
      "tasks: [{ name: child, type: job, file: c.yaml }, { name: after, type: bash, command: 'true', dependencies: [child] }]",
      { files: { 'c.yaml': 'name: c\ntasks: [{ name: x, type: bash, command: exit 7 }]' } },
    );
    expect(run.states).toEqual({ child: 'failed', after: 'skipped' });
    expect(failureOf(run, 'child')).toContain(
      'Task "child/x" failed in attempt 1: The bash command exited with code 7.',
    );
  });

  test('is cancelled together with it, and the handlers of both run', async () => {
    const handlers = `handlers:
  failure: [{ name: no, type: bash, command: touch no }]
  always: [{ name: yes, type: bash, command: 'echo "$TINTYPE_JOB_STATE $TINTYPE_JOB_NAME" >> ended' }]`;
    const { result, folder } = await runWorkflow(`tasks: [{ name: child, type: job, file: sub/c.yaml }]\n${handlers}`, {
      files: {
        'sub/c.yaml': `name: c\ntasks: [{ name: x, type: bash, command: 'echo up; sleep 600 & wait' }]\n${handlers}`,
      },
      on: (event, job) => {
        if (event.type === 'task.log') job.cancel('enough');
      },
    });
    expect(result.state).toBe('cancelled');
    expect(readFileSync(join(folder, 'sub/ended'), 'utf8')).toBe('cancelled c\n');
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('cancelled main\n');
    expect(existsSync(join(folder, 'no')) || existsSync(join(folder, 'sub/no'))).toBe(false);
  });
});

describe('a file in YAML', () => {
  test('may share env, tasks and defaults by anchors and merge keys', async () => {
    const { result } = await runWorkflow(`
x-env: &env { A: 1, B: 2 }
x-task: &task { type: bash, env: *env, command: 'echo "$A $B $C"', output: text }
defaults: { env: { <<: *env, C: 3 } }
tasks:
  - { name: plain, <<: *task }
  - { <<: *task, name: own, env: { <<: *env, B: 5 } }
  - { name: later, command: echo own, <<: *task }
`);
    expect(result.ctx).toEqual({ plain: '1 2 3', own: '1 5 3', later: 'own' });
  });

  test('has dates, yes and on as text, and numbers as YAML 1.2 has them', async () => {
    const { result } = await runWorkflow(`
params: { date: 2024-01-01, yes: yes, octal: 0o17, hex: 0x1F }
tasks: [{ name: 2024-01-01, type: node, command: output(params) }]
`);
    expect(result.ctx).toMatchObject({ date: '2024-01-01', yes: 'yes', octal: 15, hex: 31 });
  });

  test.for([
    ['name: 123', 'Task number 1 has "name" = 123: expected text. Put it in quotes: "123".'],
    ['name: null', 'Task number 1 has "name" = nothing: expected text.'],
    ['name: a, continue_on_failure: yes', 'has "continue_on_failure" = "yes": expected true or false. Write true.'],
    [
      'name: a, env: { A: null }',
      'Task "a", under "env", has "A" = nothing: expected text, a number, or true or false.',
    ],
    ['name: a, env: { A: .inf }', '"A"'],
    ['name: a, env: { V: 3.10 }', '"3.10"'],
    ['name: a, env: { ID: 12345678901234567890 }', '"12345678901234567890"'],
    ['name: a, continue_on_failure: constructor', 'expected true or false.'],
    ['name: a, constructor: 1', 'Task "a" has an unknown key "constructor".'],
    ['name: a, env: { __proto__: x }', '__proto__'],
  ] as const)('with %s is told what is meant', async ([task, message]) => {
    const problems = await problemsOf(`tasks: [{ ${task}, type: bash, command: 'true' }]`);
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(problems[0]).not.toContain('native code');
  });

  test.for(['constructor', 'toString', 'hasOwnProperty', 'then', '__proto__'])('may name a task %s', async (name) => {
    const { result, states } = await runWorkflow(`
tasks:
  - { name: ${name}, type: bash, command: echo hi, output: text }
  - { name: b, type: node, dependencies: [${name}], command: 'output(Object.entries(ctx))' }
`);
    expect(Object.entries(states)).toEqual([
      [name, 'completed'],
      ['b', 'completed'],
    ]);
    expect(result.ctx.b).toEqual([[name, 'hi']]);
  });

  test.for(['{}', '{ period: 1s }'])('with a pool %s, which limits nothing, is told where', async (pool) => {
    const problems = await problemsOf(`pools: { db: ${pool} }\ntasks: []`);
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ .*db/)]);
  });
});

const HOUR = 3_600_000;

type External = { readonly complete: (output: object) => void };

type Told = { readonly type: string; readonly task?: string; readonly to?: string };

/** Turns the clock once the work that follows an event has begun. */
const turnAfter =
  (clock: VirtualClock, which: (event: Told) => boolean, ms: number) =>
  (event: JobEvent): void => {
    if (which(event as Told)) setImmediate(() => void clock.advance(ms));
  };

const transitions = (events: readonly JobEvent[]) => events.filter((event) => event.type === 'task.transition');

const logsOf = (events: readonly JobEvent[], task: string): string =>
  events.flatMap((event) => (event.type === 'task.log' && event.task === task ? [event.message] : [])).join('\n');

/** How many tasks of such names ran at the same time. */
const mostAtOnce = (events: readonly JobEvent[], names: RegExp): number => {
  let [now, most] = [0, 0];
  for (const { task, from, to } of transitions(events)) {
    if (!names.test(task)) continue;
    if (to === 'running') now++;
    else if (from === 'running') now--;
    most = Math.max(most, now);
  }
  return most;
};
