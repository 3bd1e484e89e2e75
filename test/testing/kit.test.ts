import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import {
  createEngine,
  defineJob,
  type JobEvent,
  jobFrom,
  memoryJournal,
  OptionError,
  type TaskState,
  UnknownTaskError,
} from 'tintype';
import { expectTransitions, recordEvents, type TintypeMatchers, tintypeMatchers, virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

declare module 'vitest' {
  interface Matchers<T> extends TintypeMatchers {}
}

expect.extend(tintypeMatchers);

let looks = 0;

/** A task that completes at its second attempt, one that fails for good, one after that, and a sensor. */
const salad = defineJob('salad')
  .task('wash', { maxRetries: 1, retry: { delayMs: 10 } }, ({ attempt }) => {
    if (attempt === 1) throw new Error('no water\nat all');
  })
  .task('dice', { dependsOn: ['wash'] }, () => {
    throw new Error('blunt knife');
  })
  .task('toss', { dependsOn: ['dice'] }, () => {})
  .sensor('guests', { interval: 10 }, () => ++looks % 3 === 0)
  .seal();

const salads = async () => {
  const clock = virtualClock();
  const job = salad.start({}, { clock, jobId: 's1', onFailure: 'continue' });
  const events = recordEvents(job);
  await clock.runAll();
  return { job, events, result: await job };
};

const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It did not throw.');
};

const TWICE: readonly TaskState[] = ['ready', 'running', 'retrying', 'ready', 'running', 'completed'];

describe('recordEvents', () => {
  test('records all events of a job from its start to its end, as they come', async () => {
    const clock = virtualClock();
    const job = salad.start({}, { clock });
    const events = recordEvents(job);
    expect(events).toEqual([]);
    await clock.advance(0);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at));
    expect(events.at(0)).toMatchObject({ type: 'job.transition', to: 'running' });
    await clock.runAll();
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'failed' });
  });

  test('records the events of all jobs of an engine', async () => {
    const engine = createEngine();
    const events = recordEvents(engine);
    const greet = jobFrom('greet', [{ name: 'hello', run: () => {} }]);
    await Promise.all([engine.start(greet, {}, { jobId: 'a' }), engine.start(greet, {}, { jobId: 'b' })]);
    expect(new Set(events.map(({ jobId }) => jobId))).toEqual(new Set(['a', 'b']));
    expectTransitions(
      events.filter(({ jobId }) => jobId === 'b'),
      'hello',
      ['ready', 'running', 'completed'],
    );
  });

  test('of what has no events is refused', () => {
    const call = () => recordEvents(salad as unknown as { readonly events$: never });
    expect(call).toThrow(OptionError);
    expect(call).toThrow('expected a job or an engine');
  });
});

describe('expectTransitions', () => {
  test('passes if the states are those of the task, in order, and nothing else', async () => {
    const { events } = await salads();
    expectTransitions(events, 'wash', TWICE);
    expectTransitions(events, 'dice', ['ready', 'running', 'failed']);
    expectTransitions(events, 'toss', ['skipped']);
    expectTransitions([], 'wash', []);
  });

  test('otherwise shows what is missing and what is too much, with attempts and errors', async () => {
    const { events } = await salads();
    expect(messageOf(() => expectTransitions(events, 'wash', ['ready', 'running', 'failed']))).toMatchInlineSnapshot(`
      "Task "wash" did not go through the expected states (+ expected, - recorded):
          ready
          running     attempt 1
        - retrying    Task "wash" failed in attempt 1: no water
        - ready
        - running     attempt 2
        - completed   attempt 2
        + failed"
    `);
    expect(messageOf(() => expectTransitions(events, 'dice', TWICE))).toMatchInlineSnapshot(`
      "Task "dice" did not go through the expected states (+ expected, - recorded):
          ready
          running     attempt 1
        - failed      Task "dice" failed in attempt 1: blunt knife
        + retrying
        + ready
        + running
        + completed"
    `);
    expect(messageOf(() => expectTransitions(events, 'guests', []))).toMatchInlineSnapshot(`
      "Task "guests" did not go through the expected states (+ expected, - recorded):
        - ready
        - running     attempt 1
        - polling     attempt 1, not yet
        - ready
        - running     attempt 1
        - polling     attempt 1, not yet
        - ready
        - running     attempt 1
        - completed   attempt 1"
    `);
  });

  test('says when the task has no events, or the recording began too late', async () => {
    const { events } = await salads();
    expect(messageOf(() => expectTransitions(events, 'wahs', ['ready']))).toMatchInlineSnapshot(`
      "Task "wahs" did not go through the expected states (+ expected, - recorded):
        + ready
      No event is about this task. Did you mean "wash"? Known are wash, guests, dice, toss."
    `);
    expect(messageOf(() => expectTransitions(events.slice(5), 'wash', TWICE))).toMatchInlineSnapshot(`
      "Task "wash" did not go through the expected states (+ expected, - recorded):
        + ready
        + running
          retrying    Task "wash" failed in attempt 1: no water
          ready
          running     attempt 2
          completed   attempt 2
      The recording begins with event 5 of job "salad": what happened before is not in it."
    `);
    expect(messageOf(() => expectTransitions([], 'wash', ['ready']))).toMatchInlineSnapshot(`
      "Task "wash" did not go through the expected states (+ expected, - recorded):
        + ready
      No events were recorded. Call recordEvents in the tick of the start."
    `);
  });

  test('does not mix up the tasks of two jobs', async () => {
    const [{ events }, others] = [await salads(), await salads()];
    const both = [...events, ...others.events.map((event) => ({ ...event, jobId: 's2' }))];
    expect(messageOf(() => expectTransitions(both, 'dice', ['ready', 'running', 'failed']))).toMatchInlineSnapshot(
      `"2 jobs have a task "dice". Take the events of one: events.filter(({ jobId }) => jobId === "s1")."`,
    );
  });

  test('leaves out most of what is the same in a long list', async () => {
    const polls = Array.from({ length: 40 }, (): TaskState[] => ['ready', 'running', 'polling']).flat();
    const event = (to: TaskState, seq: number): JobEvent => ({
      type: 'task.transition',
      jobId: 'j',
      jobName: 'job',
      seq,
      at: 0,
      task: 'look',
      from: 'ready',
      to,
      attempt: 1,
    });
    const recorded = [...polls, 'failed' as const].map(event);
    expect(messageOf(() => expectTransitions(recorded, 'look', [...polls, 'completed']))).toMatchInlineSnapshot(`
      "Task "look" did not go through the expected states (+ expected, - recorded):
          … 118 the same
          running     attempt 1
          polling     attempt 1
        - failed      attempt 1
        + completed"
    `);
    const message = messageOf(() => expectTransitions(recorded, 'look', []));
    expect(message.split('\n')).toHaveLength(62);
    expect(message).toMatch(/… 61 more$/);
  });

  test('the error is one of node:assert, with what was recorded and expected', async () => {
    const { events } = await salads();
    expect(() => expectTransitions(events, 'dice', ['ready'])).toThrow(
      expect.objectContaining({
        name: 'AssertionError',
        code: 'ERR_ASSERTION',
        operator: 'expectTransitions',
        showDiff: false,
        actual: ['ready', 'running', 'failed'],
        expected: ['ready'],
        stack: expect.stringMatching(/^AssertionError.*(\n {2}.*)+\n {4}at .*kit\.test\.ts/),
      }),
    );
  });
});

describe('the matchers', () => {
  test('look at a job, its result, recorded events, and a job that was found', async () => {
    const { job, events, result } = await salads();
    for (const received of [job, result, events]) {
      expect(received).toHaveCompleted('wash');
      expect(received).not.toHaveCompleted('dice');
      expect(received).toHaveAttempts('wash', 2);
      expect(received).toHaveAttempts('dice', 1);
      expect(received).toHaveAttempts('toss', 0);
      expect(received).toHaveAttempts('guests', 1);
      expect(received).not.toHaveAttempts('wash', 1);
    }
    await expect(job).resolves.toHaveCompleted('guests');
    const engine = createEngine({ journal: memoryJournal() });
    await engine.start(jobFrom('greet', [{ name: 'hello', run: () => {} }]), {}, { jobId: 'g' });
    expect(await engine.find('g')).toHaveCompleted('hello');
  });

  test('look at a job while it runs', async () => {
    const clock = virtualClock();
    const job = salad.start({}, { clock });
    await clock.advance(0);
    expect(job).not.toHaveCompleted('wash');
    expect(job).toHaveAttempts('wash', 1);
    await job.cancel('enough');
  });

  test('find tasks of nested jobs and fan-outs by their paths', async () => {
    const inner = defineJob('inner')
      .task('a', () => {})
      .map('each', { over: () => [1, 2] }, () => {})
      .seal();
    const job = defineJob('outer')
      .job('part', {}, inner)
      .map('many', { over: () => [1] }, () => {})
      .seal()
      .start({});
    const events = recordEvents(job);
    const result = await job;
    for (const received of [job, result, events]) {
      for (const path of ['part', 'part/a', 'part/each', 'part/each[1]', 'many[0]'])
        expect(received).toHaveCompleted(path);
    }
    expect(() => expect(result).toHaveCompleted('part/b')).toThrow(UnknownTaskError);
    expect(() => expect(job).toHaveCompleted('part/b' as string)).toThrow(UnknownTaskError);
  });

  test('say how the task stands, and why', async () => {
    const { job, events, result } = await salads();
    expect(messageOf(() => expect(result).toHaveCompleted('dice'))).toMatchInlineSnapshot(`
      "Task "dice" of job "salad" has not completed: it is failed after 1 attempt.
      TASK_FAILED: Task "dice" failed in attempt 1: blunt knife"
    `);
    expect(messageOf(() => expect(job).toHaveCompleted('toss'))).toMatchInlineSnapshot(`
      "Task "toss" of job "salad" has not completed: it is skipped.
      UPSTREAM_FAILED: Task "toss" was skipped, because "dice" upstream of it failed."
    `);
    expect(messageOf(() => expect(events).toHaveAttempts('dice', 3))).toMatchInlineSnapshot(`
      "Task "dice" of job "salad" has not had 3 attempts: it is failed after 1 attempt.
      TASK_FAILED: Task "dice" failed in attempt 1: blunt knife"
    `);
    expect(messageOf(() => expect(result).toHaveAttempts('wash', 1))).toMatchInlineSnapshot(
      `"Task "wash" of job "salad" has not had 1 attempt: it is completed after 2 attempts."`,
    );
    expect(messageOf(() => expect(result).not.toHaveCompleted('wash'))).toMatchInlineSnapshot(
      `"Task "wash" of job "salad" has completed."`,
    );
    expect(messageOf(() => expect(job).not.toHaveAttempts('dice', 1))).toMatchInlineSnapshot(
      `"Task "dice" of job "salad" has had 1 attempt."`,
    );
    expect(messageOf(() => expect(events).toHaveCompleted('tosss'))).toMatchInlineSnapshot(
      `"Task "tosss" of job "salad" has not completed: it is unscheduled. No event is about it. Did you mean "toss"?"`,
    );
    expect(messageOf(() => expect(result).not.toHaveCompleted('tosss'))).toMatchInlineSnapshot(
      `"Job "salad" has no task "tosss". Did you mean "toss"? Known are wash, dice, toss, guests."`,
    );
  });

  test.each([
    ['undefined', undefined],
    ['a definition', salad],
    ['a promise', Promise.resolve()],
    ['a text', 'salad'],
  ])('refuse %s', (_what, received) => {
    expect(messageOf(() => expect(received).toHaveCompleted('dice'))).toMatch(
      /expect was given .*: expected a job, its result, or recorded events\./,
    );
  });

  test('refuse events of several jobs, and a number of attempts that is none', async () => {
    const { events } = await salads();
    const both = [...events, ...events.map((event) => ({ ...event, jobId: 's2' }))];
    expect(() => expect(both).toHaveCompleted('dice')).toThrow('The events are of 2 jobs');
    for (const attempts of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => expect(events).not.toHaveAttempts('dice', attempts)).toThrow(OptionError);
  });
});

test('recordEvents and expectTransitions serve node:test, whose report shows the difference', async () => {
  const root = join(import.meta.dirname, '../..');
  const folder = join(root, 'node_modules/.cache', `tintype-node-test-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const source = join(folder, 'salad.ts');
  writeFileSync(
    source,
    `import { test } from 'node:test';
    import { jobFrom } from ${JSON.stringify(join(root, 'src/index.ts'))};
    import { expectTransitions, recordEvents } from ${JSON.stringify(join(root, 'src/testing.ts'))};
    const job = jobFrom('salad', [{ name: 'wash', run: () => {} }]).start({});
    const events = recordEvents(job);
    await job;
    test('washed', () => expectTransitions(events, 'wash', ['ready', 'running', 'completed']));
    test('not washed', () => expectTransitions(events, 'wash', ['ready', 'skipped']));`,
  );
  try {
    const bundle = await rolldown({ input: source, platform: 'node', external: [/^node:/, 'xstate', 'rxjs', 'immer'] });
    const file = join(folder, 'salad.test.mjs');
    await bundle.write({ file });
    await bundle.close();
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const run = promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { env });
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
    expect(stdout).toMatch(/^ *ok 1 - washed$/m);
    expect(stdout).toMatch(/^ *not ok 2 - not washed$/m);
    expect(stdout).toContain('- running     attempt 1');
    expect(stdout).toContain('+ skipped');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
