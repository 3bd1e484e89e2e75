// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { failureOf, runWorkflow } from '../support/run-workflow.ts';
import { mostAtOnce, transitions, turnAfter } from '../support/workflow-events.ts';

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
  - { name: left, type: bash, command: 'true', when: 'false' }
  - { name: all_skipped, type: bash, command: 'true', dependencies: [left], trigger: all_skipped }
  - { name: some_skipped, type: bash, command: 'true', dependencies: [left, good], trigger: all_skipped }
`);
    expect(states).toMatchObject({
      one_failed: 'completed',
      one_success: 'completed',
      all_failed: 'skipped',
      all_success: 'skipped',
      after_tolerated: 'completed',
      always: 'completed',
      all_skipped: 'completed',
      some_skipped: 'skipped',
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
  - { name: high, type: bash, command: 'true', priority: 1.5 }
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

const HOUR = 3_600_000;
