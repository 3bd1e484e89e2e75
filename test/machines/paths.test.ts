import type { JobState, TaskState } from 'tintype';
import { type JobCommand, jobMachine, type TaskCommand, taskMachine } from 'tintype/machines';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { createTestModel } from 'xstate/graph';
import { jobLogic } from '../../src/machines/job.ts';
import { taskLogic } from '../../src/machines/task.ts';

/**
 * The transitions of the design: where each state may lead. A deadline fails a task that waits or runs, or skips it; what has settled
 * may be reset by a person who tries again, and an output of an earlier job may stand for a task that never ran.
 */
const TASK_WAYS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  unscheduled: ['ready', 'skipped', 'completed'],
  ready: ['running', 'paused', 'skipped', 'cancelled', 'failed'],
  running: ['ready', 'completed', 'failed', 'retrying', 'polling', 'notReady', 'skipped', 'paused', 'cancelled'],
  retrying: ['ready', 'skipped', 'cancelled', 'failed'],
  polling: ['ready', 'skipped', 'cancelled', 'failed'],
  paused: ['ready', 'running', 'cancelled'],
  completed: ['unscheduled'],
  failed: ['ready', 'unscheduled'],
  notReady: ['unscheduled'],
  skipped: ['unscheduled'],
  cancelled: ['unscheduled'],
};

const JOB_WAYS: Readonly<Record<JobState, readonly JobState[]>> = {
  idle: ['running', 'failed', 'cancelled'],
  running: ['completed', 'failed', 'timedOut', 'cancelled', 'notReady', 'paused'],
  paused: ['running', 'completed', 'failed', 'timedOut', 'cancelled', 'notReady'],
  completed: ['running'],
  failed: ['running'],
  timedOut: ['running'],
  cancelled: ['running'],
  notReady: ['running'],
};

const error = new Error('blunt knife');
const TASK_COMMANDS: readonly TaskCommand[] = [
  { type: 'task.schedule' },
  { type: 'task.run' },
  { type: 'task.reuse' },
  { type: 'attempt.interrupted' },
  { type: 'attempt.released' },
  { type: 'task.skip', reason: 'upstreamFailed' },
  { type: 'attempt.succeeded', output: {} },
  { type: 'attempt.failed', error },
  { type: 'attempt.failed', error, final: true },
  { type: 'attempt.failed', error, pause: true },
  { type: 'attempt.notReady', reason: 'no banana' },
  { type: 'attempt.poll' },
  { type: 'task.expire', error },
  { type: 'task.pause' },
  { type: 'task.resume' },
  { type: 'task.retry' },
  { type: 'task.reset' },
  { type: 'task.cancel', reason: 'jobCancelled' },
];

const JOB_COMMANDS: readonly JobCommand[] = [
  { type: 'job.start' },
  { type: 'job.finish', failed: 0, notReady: 0 },
  { type: 'job.finish', failed: 1, notReady: 0 },
  { type: 'job.finish', failed: 0, notReady: 1 },
  { type: 'job.fail' },
  { type: 'job.timeOut' },
  { type: 'job.cancel' },
  { type: 'job.retry' },
  { type: 'job.pause' },
  { type: 'job.resume' },
];

type Ways = Readonly<Record<string, readonly string[]>>;
type Reached = { readonly state: { readonly value: unknown } };
type Adjacencies = Readonly<Record<string, Reached & { readonly transitions: Readonly<Record<string, Reached>> }>>;

/** Every transition of a table, as `from -> to`. */
const allowed = (ways: Ways): string[] =>
  Object.entries(ways)
    .flatMap(([from, targets]) => targets.map((to) => `${from} -> ${to}`))
    .sort();

/** Every transition that a machine can take from a state that it can reach. */
const possible = (adjacencies: object): string[] => {
  const steps = Object.values(adjacencies as Adjacencies).flatMap(({ state, transitions }) =>
    Object.values(transitions)
      .filter((way) => way.state.value !== state.value)
      .map((way) => `${state.value} -> ${way.state.value}`),
  );
  return [...new Set(steps)].sort();
};

/** The states that only `again` leaves. */
const endsOf = (ways: Ways, again: string): string[] =>
  Object.keys(ways).filter((state) => ways[state]?.join() === again);

/** All situations of a task: its state, its attempt, and what it was doing when it was paused. */
const taskModel = (maxRetries: number, attended = true) =>
  createTestModel(taskMachine, {
    input: { task: 'dice', retry: { maxRetries } },
    events: TASK_COMMANDS,
    serializeState: ({ value, context }) =>
      JSON.stringify([value, context.attempt, context.attemptsNotCounted, context.resumesAs]),
    serializeEvent: (command) => JSON.stringify(command),
    // Polls have no end of their own, nor does a person who tries again or releases: nor a process that dies: here once, after the first attempt.
    filterEvents: ({ context }, command) => {
      if (command.type === 'attempt.poll') return context.attempt <= maxRetries;
      const unusual = 'pause' in command || /retry|reset|interrupted|released/.test(command.type);
      if (!unusual) return true;
      return attended && (command.type === 'task.reset' ? context.attempt <= 1 : context.attempt === 1);
    },
  });

describe.each([[1], [2]])('a task with a limit of retries of %d', (maxRetries) => {
  const model = taskModel(maxRetries);
  // What a person does multiplies the paths beyond what can be walked: the tests of the machine walk those one by one.
  const paths = taskModel(maxRetries, false).getSimplePaths({ allowDuplicatePaths: true });

  test('takes the transitions of the design, each of them and no others', () => {
    expect(possible(model.getAdjacencyMap())).toEqual(allowed(TASK_WAYS));
  });

  test('reaches every state that its events know', () => {
    expect([...new Set(paths.map(({ state }) => state.value))].sort()).toEqual(Object.keys(TASK_WAYS).sort());
  });

  test.each([
    ['its machine', taskMachine],
    ['the steps that the engine remembers of its machine', taskLogic],
  ])('comes on every path to where the path leads, by %s', (_name, logic) => {
    expect(paths.length).toBeGreaterThan(80);
    for (const { steps } of paths) {
      const task = createActor(logic, { input: { task: 'dice', retry: { maxRetries } } }).start();
      for (const { event, state } of steps) {
        task.send(event as TaskCommand);
        const { value, context } = task.getSnapshot();
        if (value !== state.value || context.attempt !== state.context.attempt) {
          expect.fail(`${event.type} led to ${value}, attempt ${context.attempt}, not to ${JSON.stringify(state)}`);
        }
      }
    }
  });

  test('fails no more often than it may, and counts the attempts from 1', () => {
    for (const { steps } of paths) {
      const states = steps.map(({ state }) => state);
      expect(
        states.filter((state, at) => state.value === 'retrying' && states[at - 1]?.value === 'running').length,
      ).toBeLessThanOrEqual(maxRetries);
      // How polls count is the sensor's affair.
      if (states.some((state) => state.value === 'polling')) continue;
      for (const [at, { event, state }] of steps.entries()) {
        const before = states[at - 1];
        const begins = event.type === 'task.run' && before?.value === 'ready';
        expect(state.context.attempt - (before?.context.attempt ?? 0)).toBe(begins ? 1 : 0);
      }
    }
  });

  test.each(endsOf(TASK_WAYS, 'unscheduled'))('has no way out but a reset once it is %s', (end) => {
    const ended = paths.filter(({ state }) => state.value === end);
    expect(ended.length).toBeGreaterThan(0);
    const ways = [{ type: 'task.reset' }];
    for (const { state } of ended) expect(TASK_COMMANDS.filter((command) => state.can(command))).toEqual(ways);
  });

  test.each([
    ['its machine', taskMachine],
    ['the steps that the engine remembers of its machine', taskLogic],
  ])('that a person tries again has all its retries anew, by %s', (_name, logic) => {
    const task = createActor(logic, { input: { task: 'dice', retry: { maxRetries } } }).start();
    const send = (command: TaskCommand): unknown => {
      task.send(command);
      return task.getSnapshot().value;
    };
    const failAll = (last: TaskCommand): unknown => {
      for (let tries = 0; tries < maxRetries; tries++) {
        send({ type: 'task.run' });
        expect(send({ type: 'attempt.failed', error })).toBe('retrying');
        send({ type: 'task.schedule' });
      }
      send({ type: 'task.run' });
      return send(last);
    };
    send({ type: 'task.schedule' });
    expect(failAll({ type: 'attempt.failed', error, pause: true })).toBe('paused');
    expect(send({ type: 'task.retry' })).toBe('ready');
    expect(failAll({ type: 'attempt.failed', error })).toBe('failed');
    expect(send({ type: 'task.retry' })).toBe('ready');
    expect(failAll({ type: 'attempt.failed', error })).toBe('failed');
    expect(task.getSnapshot().context.attempt).toBe(3 * (maxRetries + 1));
  });

  test('that was skipped may be unscheduled again', () => {
    const task = createActor(taskMachine, { input: { task: 'dice', retry: { maxRetries } } }).start();
    task.send({ type: 'task.skip', reason: 'upstreamFailed' });
    task.send({ type: 'task.reset' });
    expect(task.getSnapshot().value).toBe('unscheduled');
  });
});

test('a task without retries goes from its only attempt straight to its end', () => {
  const steps = possible(taskModel(0, false).getAdjacencyMap());
  expect(steps.filter((step) => step.includes('retrying'))).toEqual([]);
  expect(steps).toContain('running -> failed');
});

describe('a job', () => {
  const model = createTestModel(jobMachine, {
    events: JOB_COMMANDS,
    serializeState: ({ value }) => String(value),
    serializeEvent: (command) => JSON.stringify(command),
  });
  const paths = model.getSimplePaths({ allowDuplicatePaths: true });

  test('takes the transitions of the design, each of them and no others', () => {
    expect(possible(model.getAdjacencyMap())).toEqual(allowed(JOB_WAYS));
  });

  test('reaches every state that its events know', () => {
    expect([...new Set(paths.map(({ state }) => state.value))].sort()).toEqual(Object.keys(JOB_WAYS).sort());
  });

  test.each([
    ['its machine', jobMachine],
    ['the steps that the engine remembers of its machine', jobLogic],
  ])('comes on every path to where the path leads, by %s', async (_name, logic) => {
    for (const path of paths) {
      const job = createActor(logic).start();
      const send = ({ event }: { readonly event: { readonly type: string } }): void => job.send(event as JobCommand);
      await path.test({
        events: Object.fromEntries(JOB_COMMANDS.map(({ type }) => [type, send])),
        states: { '*': ({ value }) => expect(job.getSnapshot().value).toBe(value) },
      });
    }
  });

  test.each(endsOf(JOB_WAYS, 'running'))('has no way out but a retry once it is %s', (end) => {
    const ended = paths.filter(({ state }) => state.value === end);
    expect(ended.length).toBeGreaterThan(0);
    const ways = [{ type: 'job.retry' }];
    for (const { state } of ended) expect(JOB_COMMANDS.filter((command) => state.can(command))).toEqual(ways);
  });
});
