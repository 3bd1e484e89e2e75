import type { TaskState } from 'tintype';
import { type TaskCommand, taskMachine } from 'tintype/machines';
import { describe, expect, test } from 'vitest';
import { type Actor, createActor } from 'xstate';

type Task = Actor<typeof taskMachine>;

const start = (maxRetries = 0): Task =>
  createActor(taskMachine, { input: { task: 'dice', retry: { maxRetries } } }).start();

const error = new Error('blunt knife');
const schedule: TaskCommand = { type: 'task.schedule' };
const run: TaskCommand = { type: 'task.run' };
const skip: TaskCommand = { type: 'task.skip', reason: 'upstreamFailed' };
const succeed: TaskCommand = { type: 'attempt.succeeded', output: { slices: 3 } };
const fail: TaskCommand = { type: 'attempt.failed', error };
const failForGood: TaskCommand = { type: 'attempt.failed', error, final: true };
const notReady: TaskCommand = { type: 'attempt.notReady', reason: 'no banana' };
const poll: TaskCommand = { type: 'attempt.poll' };
const expire: TaskCommand = { type: 'task.expire', error };
const pause: TaskCommand = { type: 'task.pause' };
const resume: TaskCommand = { type: 'task.resume' };
const cancel: TaskCommand = { type: 'task.cancel', reason: 'jobCancelled' };

const COMMANDS = [
  schedule,
  run,
  skip,
  succeed,
  fail,
  failForGood,
  notReady,
  poll,
  expire,
  pause,
  resume,
  cancel,
] as const;

/** A state, the commands that lead there, and where each command that it takes leads; it takes no others. */
type Row = {
  readonly state: TaskState;
  readonly how?: string;
  readonly path: readonly TaskCommand[];
  readonly maxRetries?: number;
  readonly takes: ReadonlyMap<TaskCommand, TaskState>;
};

const NOTHING: ReadonlyMap<TaskCommand, TaskState> = new Map();

const TABLE: readonly Row[] = [
  {
    state: 'unscheduled',
    path: [],
    takes: new Map<TaskCommand, TaskState>([
      [schedule, 'ready'],
      [skip, 'skipped'],
    ]),
  },
  {
    state: 'ready',
    path: [schedule],
    takes: new Map<TaskCommand, TaskState>([
      [run, 'running'],
      [skip, 'skipped'],
      [expire, 'failed'],
      [pause, 'paused'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'running',
    how: 'with a retry left',
    path: [schedule, run],
    maxRetries: 1,
    takes: new Map<TaskCommand, TaskState>([
      [succeed, 'completed'],
      [fail, 'retrying'],
      [failForGood, 'failed'],
      [notReady, 'notReady'],
      [poll, 'polling'],
      [skip, 'skipped'],
      [expire, 'failed'],
      [pause, 'paused'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'running',
    how: 'without a retry left',
    path: [schedule, run, fail, schedule, run],
    maxRetries: 1,
    takes: new Map<TaskCommand, TaskState>([
      [succeed, 'completed'],
      [fail, 'failed'],
      [failForGood, 'failed'],
      [notReady, 'notReady'],
      [poll, 'polling'],
      [skip, 'skipped'],
      [expire, 'failed'],
      [pause, 'paused'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'retrying',
    path: [schedule, run, fail],
    maxRetries: 1,
    takes: new Map<TaskCommand, TaskState>([
      [schedule, 'ready'],
      [skip, 'skipped'],
      [expire, 'failed'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'polling',
    path: [schedule, run, poll],
    takes: new Map<TaskCommand, TaskState>([
      [schedule, 'ready'],
      [skip, 'skipped'],
      [expire, 'failed'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'paused',
    how: 'while ready',
    path: [schedule, pause],
    takes: new Map<TaskCommand, TaskState>([
      [resume, 'ready'],
      [cancel, 'cancelled'],
    ]),
  },
  {
    state: 'paused',
    how: 'while running',
    path: [schedule, run, pause],
    takes: new Map<TaskCommand, TaskState>([
      [resume, 'running'],
      [cancel, 'cancelled'],
    ]),
  },
  { state: 'completed', path: [schedule, run, succeed], takes: NOTHING },
  { state: 'failed', path: [schedule, run, fail], takes: NOTHING },
  { state: 'failed', how: 'past its deadline', path: [schedule, expire], takes: NOTHING },
  { state: 'notReady', path: [schedule, run, notReady], takes: NOTHING },
  { state: 'skipped', path: [skip], takes: NOTHING },
  { state: 'skipped', how: 'by its own attempt', path: [schedule, run, skip], takes: NOTHING },
  { state: 'cancelled', path: [schedule, cancel], takes: NOTHING },
];

const label = (command: TaskCommand): string =>
  command === failForGood ? 'attempt.failed (final)' : command.type.replace('attempt.failed', 'attempt.failed (once)');

const brought = ({ path, maxRetries, state }: Row): Task => {
  const task = start(maxRetries);
  for (const command of path) task.send(command);
  expect(task.getSnapshot().value).toBe(state);
  return task;
};

describe.each(
  TABLE.map((row) => [row.how ? `${row.state} ${row.how}` : row.state, row] as const),
)('a task that is %s', (_title, row) => {
  test.each(
    [...row.takes].map(([command, to]) => [to, label(command), command] as const),
  )('goes to %s on %s', (to, _label, command) => {
    const task = brought(row);
    expect(task.getSnapshot().can(command)).toBe(true);
    task.send(command);
    expect(task.getSnapshot().value).toBe(to);
  });

  test(row.takes.size === 0 ? 'takes no more commands' : 'stays where it is on any other command', () => {
    const task = brought(row);
    const before = task.getSnapshot();
    for (const command of COMMANDS.filter((one) => !row.takes.has(one))) {
      expect.soft(before.can(command), label(command)).toBe(false);
      task.send(command);
      expect.soft(task.getSnapshot().value, label(command)).toBe(row.state);
      expect.soft(task.getSnapshot().context, label(command)).toEqual(before.context);
    }
  });
});

test('a task that may be retried twice fails for good on its third attempt', () => {
  const task = createActor(taskMachine, { input: { task: 'dice', retry: { maxRetries: 2 } } }).start();
  task.send({ type: 'task.schedule' });
  for (const next of ['retrying', 'retrying', 'failed']) {
    task.send({ type: 'task.run' });
    task.send({ type: 'attempt.failed', error: new Error('blunt knife') });
    expect(task.getSnapshot().value).toBe(next);
    task.send({ type: 'task.schedule' });
  }
  expect(task.getSnapshot().context.attempt).toBe(3);
});

test('a task counts an attempt each time it runs, and not when it resumes one', () => {
  const task = start(1);
  const attempt = (): number => task.getSnapshot().context.attempt;
  task.send(schedule);
  expect(attempt()).toBe(0);
  task.send(run);
  expect(attempt()).toBe(1);
  for (const command of [pause, resume]) task.send(command);
  expect(task.getSnapshot().value).toBe('running');
  expect(attempt()).toBe(1);
  for (const command of [fail, schedule, run]) task.send(command);
  expect(attempt()).toBe(2);
});

test('a task that was held while ready takes no attempt by resuming', () => {
  const task = start();
  for (const command of [schedule, pause, resume]) task.send(command);
  expect(task.getSnapshot()).toMatchObject({ value: 'ready', context: { attempt: 0 } });
});

test('a task that answers "not yet" uses up no retry', () => {
  const task = start(1);
  task.send(schedule);
  for (let polls = 0; polls < 5; polls++) for (const command of [run, poll, schedule]) task.send(command);
  task.send(run);
  task.send(fail);
  expect(task.getSnapshot().value).toBe('retrying');
});

test('a task without a limit to its retries never fails by itself', () => {
  const task = start(Number.POSITIVE_INFINITY);
  task.send(schedule);
  for (let attempt = 1; attempt <= 100; attempt++) {
    for (const command of [run, fail]) task.send(command);
    expect(task.getSnapshot().value).toBe('retrying');
    task.send(schedule);
  }
  task.send(run);
  task.send(failForGood);
  expect(task.getSnapshot()).toMatchObject({ value: 'failed', context: { attempt: 101 } });
});
