// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { problemsOf, runWorkflow } from '../support/run-workflow.ts';
import { turnAfter } from '../support/workflow-events.ts';

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
        if (event.type === 'task.log' && event.task === 'a') job.cancel('enough');
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

const HOUR = 3_600_000;
