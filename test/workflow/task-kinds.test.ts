// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { failureOf, runWorkflow } from '../support/run-workflow.ts';
import { mostAtOnce, transitions, turnAfter } from '../support/workflow-events.ts';

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

  test('lets so many items fail as max_failures says, and gathers nothing with collect: false', async () => {
    const { states, result } = await runWorkflow(`
tasks:
  - { name: some, type: bash, command: 'echo "$TINTYPE_INDEX"; [ "$TINTYPE_INDEX" != 1 ]', output: json, map: { over: [a, b, c, d], max_failures: 25% } }
  - { name: many, type: bash, command: '[ "$TINTYPE_INDEX" = 1 ]', map: { over: [a, b, c, d], max_failures: 1, concurrency: 1 } }
  - { name: dropped, type: bash, command: 'echo "$TINTYPE_INDEX"', output: json, map: { over: [a, b], collect: false, rate_limit: { limit: 1, period: 10ms } } }
`);
    expect(states).toMatchObject({ some: 'completed', many: 'failed', dropped: 'completed' });
    expect(result.ctx.some).toMatchObject([{ value: 0 }, { status: 'rejected' }, { value: 2 }, { value: 3 }]);
    expect(result.ctx).not.toHaveProperty('dropped');
    expect(result.tasks.many?.error?.message).toContain('2 of 4 items failed, of which at most 1 may');
    const [first, second] = ['[0]', '[1]'].map((name) => result.tasks.dropped?.tasks?.[name]?.startedAt ?? 0);
    expect((second as number) - (first as number)).toBeGreaterThanOrEqual(10);
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

  test('that waits past its deadline is skipped with soft_fail, and the job completes', async () => {
    const clock = virtualClock();
    const { result, states } = await runWorkflow(
      `tasks:
  - { name: s, type: sensor, file: nope, interval: 10m, deadline: 25m, soft_fail: true }
  - { name: load, type: bash, command: 'true', dependencies: [s] }`,
      { start: { clock }, on: turnAfter(clock, ({ to }) => to === 'polling', 10 * 60_000) },
    );
    expect([result.state, states, result.tasks.s?.reason]).toEqual([
      'completed',
      { s: 'skipped', load: 'skipped' },
      'deadline',
    ]);
  });

  test('that waits past its deadline fails', async () => {
    const clock = virtualClock();
    const { result } = await runWorkflow(
      'tasks: [{ name: s, type: sensor, file: nope, interval: 10m, deadline: 25m }]',
      { start: { clock }, on: turnAfter(clock, ({ to }) => to === 'polling', 10 * 60_000) },
    );
    expect(result.tasks.s).toMatchObject({ state: 'failed', reason: 'deadline' });
  });

  test.for([
    ['file: nope', /in vain, the last time because: \S+\/nope does not exist yet$/],
    ['command: "test -e nope\\nexit 3"', /because: exit code 1: test -e nope…$/],
    ["sql: { database: ':memory:', query: 'SELECT 1 WHERE false' }", /because: no row yet: SELECT 1 WHERE false$/],
  ] as const)('that ran out says what it looked for, how often, and what came last: %s', async ([what, last]) => {
    const clock = virtualClock();
    const run = await runWorkflow(`tasks: [{ name: s, type: sensor, ${what}, interval: 10m, deadline: 25m }]`, {
      start: { clock },
      on: turnAfter(clock, ({ to }) => to === 'polling', 10 * 60_000),
    });
    expect(failureOf(run, 's')).toContain(
      'Task "s" was not done within its deadline of 1500000 ms: it looked 3 times in vain, the last time',
    );
    expect(failureOf(run, 's')).toMatch(last);
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

  test('names whom it is for, and has data for them', async () => {
    const asked: unknown[] = [];
    await runWorkflow(
      'tasks: [{ name: approve, type: external, owner: legal, data: { pages: [1, 2], until: null } }]',
      {
        on: (event, job) => {
          if (event.type !== 'task.transition' || event.to !== 'ready') return;
          const approve = job.task('approve' as never) as unknown as External & { owner: unknown; data: unknown };
          asked.push(event.owner, approve.owner, approve.data);
          queueMicrotask(() => approve.complete({}));
        },
      },
    );
    expect(asked).toEqual(['legal', 'legal', { pages: [1, 2], until: null }]);
  });

  test('is released for the next worker after a missed heartbeat, if it says so', async () => {
    const clock = virtualClock();
    const file =
      'tasks: [{ name: approve, type: external, heartbeat_timeout: 1h, on_missed_heartbeat: release, max_interruptions: 0 }]';
    const { result } = await runWorkflow(file, {
      start: { clock },
      on: (event, job) => {
        if (event.type !== 'task.transition' || event.to !== 'ready') return;
        queueMicrotask(() => (job.task('approve' as never) as unknown as { claim(by: string): string }).claim('ada'));
        setImmediate(() => void clock.advance(HOUR));
      },
    });
    expect(result.tasks.approve?.error).toMatchObject({ code: 'TASK_INTERRUPTED' });
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

const HOUR = 3_600_000;

type External = { readonly complete: (output: object) => void };

test('max_delay, be it a default, is the longest wait that a server can ask for', async () => {
  const server = createServer((_, response) => response.writeHead(429, { 'retry-after': '99999999999' }).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { result } = await runWorkflow(`
on_failure: continue
defaults: { max_retries: 1, retry: { max_delay: 20ms } }
tasks:
  - { name: own, type: http, url: "${url}", retry: { max_delay: 10ms } }
  - { name: default, type: http, url: "${url}", retry: { backoff: exponential } }
`);
  for (const name of ['own', 'default']) expect(result.tasks[name]).toMatchObject({ state: 'failed', attempts: 2 });
  expect(result.tasks.own?.error?.message).toContain('longer than retry.max_delay, 0.01 s.');
});
