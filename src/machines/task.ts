import { assign, getNextSnapshot, setup } from 'xstate';
import type { TaskState } from '../events/event.ts';
import { remembering, SharedSnapshots } from './memo.ts';
import { mayRetry, type RetryPolicy } from './retry.ts';

export type TaskInput = { readonly task: string; readonly retry: Pick<RetryPolicy, 'maxRetries'> };

export type TaskCommand =
  | { readonly type: 'task.schedule' }
  | { readonly type: 'task.run' }
  | { readonly type: 'task.skip'; readonly reason: string }
  /** What an earlier job put out stands for it. */
  | { readonly type: 'task.reuse' }
  | { readonly type: 'attempt.succeeded'; readonly output?: unknown }
  /** `final`: no retry, whatever the policy says. `pause`: no retry is left, and a person is to decide. */
  | { readonly type: 'attempt.failed'; readonly error: unknown; readonly final?: boolean; readonly pause?: boolean }
  | { readonly type: 'attempt.notReady'; readonly reason: string }
  | { readonly type: 'attempt.poll' }
  /** The process that made the attempt is dead: another one, that uses up no retry. */
  | { readonly type: 'attempt.interrupted' }
  | { readonly type: 'task.expire'; readonly error: unknown }
  | { readonly type: 'task.pause' }
  | { readonly type: 'task.resume' }
  /** By a person: another attempt, with all retries anew. */
  | { readonly type: 'task.retry' }
  /** What became of it holds no longer: it, or an upstream, is tried again. */
  | { readonly type: 'task.reset' }
  | { readonly type: 'task.cancel'; readonly reason: string };

type TaskContext = {
  readonly maxRetries: number;
  readonly attempt: number;
  /** Attempts made before a person asked for more: those use up no retry. */
  readonly forgiven: number;
  /** Where a paused task goes on. */
  readonly held: 'ready' | 'running';
};

/** Whether the policy allows another attempt after those made so far. */
export const hasRetryLeft = (context: Pick<TaskContext, 'maxRetries' | 'attempt' | 'forgiven'>): boolean =>
  mayRetry(context, context.attempt - context.forgiven);

/** Whatever a task came to, it may start over; its attempts go on counting. */
const RESET = { 'task.reset': { target: 'unscheduled', actions: 'forgive' } } as const;

/**
 * The life of one task. It decides what may happen next; the engine publishes each transition as an event, and
 * reactions to the event act: start the attempt, wait out the backoff, schedule what comes after.
 *
 * The end states are plain states: a `final` one would relay an event per actor id to the job, which XState caches.
 * The context holds what decides and nothing of the one task, so that tasks in the same situation are in the same state.
 * `retrying` and `polling` have no `after`: their timers are the job's clock, so that a virtual clock turns them and
 * a journal can resume them.
 */
export const taskMachine = setup({
  types: {} as {
    context: TaskContext;
    input: TaskInput;
    events: TaskCommand;
  },
  actions: {
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    discountAttempt: assign({ attempt: ({ context }) => context.attempt - 1 }),
    holdReady: assign({ held: 'ready' }),
    holdRunning: assign({ held: 'running' }),
    forgive: assign({ forgiven: ({ context }) => context.attempt }),
    forgiveOne: assign({ forgiven: ({ context }) => context.forgiven + 1 }),
  },
  guards: {
    mayRetry: ({ context, event }) => !(event.type === 'attempt.failed' && event.final) && hasRetryLeft(context),
    mayPause: ({ event }) => event.type === 'attempt.failed' && event.pause === true,
    wasRunning: ({ context }) => context.held === 'running',
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => ({ maxRetries: input.retry.maxRetries, attempt: 0, forgiven: 0, held: 'ready' }),
  initial: 'unscheduled',
  states: {
    unscheduled: { on: { 'task.schedule': 'ready', 'task.skip': 'skipped', 'task.reuse': 'completed' } },
    ready: {
      on: {
        'task.run': { target: 'running', actions: 'countAttempt' },
        'task.expire': 'failed',
        'task.pause': { target: 'paused', actions: 'holdReady' },
        'task.cancel': 'cancelled',
      },
    },
    running: {
      on: {
        'attempt.succeeded': 'completed',
        'attempt.failed': [
          { guard: 'mayPause', target: 'paused', actions: 'holdReady' },
          { guard: 'mayRetry', target: 'retrying' },
          { target: 'failed' },
        ],
        'attempt.notReady': 'notReady',
        'attempt.interrupted': { target: 'retrying', actions: 'forgiveOne' },
        'attempt.poll': { target: 'polling', actions: 'discountAttempt' },
        'task.expire': 'failed',
        'task.pause': { target: 'paused', actions: 'holdRunning' },
        'task.cancel': 'cancelled',
      },
    },
    retrying: { on: { 'task.schedule': 'ready', 'task.expire': 'failed', 'task.cancel': 'cancelled' } },
    polling: { on: { 'task.schedule': 'ready', 'task.expire': 'failed', 'task.cancel': 'cancelled' } },
    paused: {
      on: {
        'task.resume': [{ guard: 'wasRunning', target: 'running' }, { target: 'ready' }],
        'task.retry': { target: 'ready', actions: 'forgive' },
        'task.cancel': 'cancelled',
      },
    },
    completed: { on: RESET },
    failed: { on: { 'task.retry': { target: 'ready', actions: 'forgive' }, ...RESET } },
    notReady: { on: RESET },
    skipped: { on: RESET },
    cancelled: { on: RESET },
  },
});

export type TaskSnapshot = ReturnType<typeof taskMachine.resolveState>;

const snapshots = new SharedSnapshots();

const keyOf = (state: TaskState, { attempt, forgiven, maxRetries, held }: TaskContext): string =>
  `${state} ${attempt} ${forgiven} ${maxRetries} ${held}`;

/** Returns the snapshot that all tasks in this situation share. */
export const taskSnapshot = (
  state: TaskState,
  {
    maxRetries,
    attempt,
    forgiven = 0,
    held = 'ready',
  }: Pick<TaskContext, 'maxRetries' | 'attempt'> & Partial<TaskContext>,
): TaskSnapshot => {
  const context = { maxRetries, attempt, forgiven, held };
  return snapshots.share(keyOf(state, context), () => taskMachine.resolveState({ value: state, context }));
};

const untouched = new Map<number, TaskSnapshot>();

/** Returns the snapshot of a task to which nothing has happened yet. */
export const untouchedTask = (maxRetries: number): TaskSnapshot => {
  const known = untouched.get(maxRetries);
  if (known) return known;
  const snapshot = taskSnapshot('unscheduled', { maxRetries, attempt: 0 });
  if (untouched.size < MOST_UNTOUCHED) untouched.set(maxRetries, snapshot);
  return snapshot;
};

/** The size of this map is bounded: past it, a snapshot is found by its key. */
const MOST_UNTOUCHED = 1_000;

const keyOfSnapshot = ({ value, context }: TaskSnapshot): string => keyOf(value, context);

const commandKey = (command: TaskCommand): string => {
  if (command.type !== 'attempt.failed') return command.type;
  return command.pause ? 'attempt.failed, pause' : command.final ? 'attempt.failed, final' : command.type;
};

/** The logic of the engine's task actors: the machine, each of its steps computed once. */
export const taskLogic = remembering(taskMachine, snapshots, {
  initial: ({ retry }: TaskInput) => untouchedTask(retry.maxRetries),
  key: keyOfSnapshot,
  command: commandKey,
});

/** Returns the snapshot after a command, without an actor; the same snapshot if the command changes nothing. */
export const nextTask = (snapshot: TaskSnapshot, command: TaskCommand): TaskSnapshot =>
  snapshots.step(snapshot, commandKey(command), keyOfSnapshot, () => getNextSnapshot(taskMachine, snapshot, command));

/** Returns the same situation with another number of retries. */
export const withRetries = ({ value, context }: TaskSnapshot, maxRetries: number): TaskSnapshot =>
  taskSnapshot(value, { ...context, maxRetries });
