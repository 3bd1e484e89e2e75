/* State machines that decide what may happen, without effects. `task.ts` is the machine of a task, `job.ts` the machine
 * of a job. `retry.ts` computes retries and backoffs. `memoize.ts` caches the steps of both machines, so that XState
 * computes each distinct step once. `stop-child.ts` stops the actor of a task or of a nested job, `setup.ts` is XState's
 * `setup` in fewer bytes. */
import { assign, getNextSnapshot } from 'xstate';
import type { TaskState } from '../events/event.ts';
import { memoized, SharedSnapshots } from './memoize.ts';
import { mayRetry, type RetryPolicy } from './retry.ts';
import { setup } from './setup.ts';

export type TaskInput = { readonly task: string; readonly retry: Pick<RetryPolicy, 'maxRetries'> };

export type TaskCommand =
  | { readonly type: 'task.schedule' }
  | { readonly type: 'task.run' }
  /** The task does not run; or its attempt found nothing to do, or its time is over and that is no failure. */
  | { readonly type: 'task.skip'; readonly reason: string }
  /** The task takes over the result of an earlier job or attempt. */
  | { readonly type: 'task.reuse' }
  | { readonly type: 'attempt.succeeded'; readonly output?: unknown }
  /** `final`: never retry, whatever the policy says. `pause`: no retry is left, wait for a person. */
  | { readonly type: 'attempt.failed'; readonly error: unknown; readonly final?: boolean; readonly pause?: boolean }
  | { readonly type: 'attempt.notReady'; readonly reason: string }
  | { readonly type: 'attempt.poll' }
  /** The process died during the attempt. The next attempt uses up no retry. */
  | { readonly type: 'attempt.interrupted' }
  /** Whoever works on an external task has returned it, or was lost. The next attempt uses up no retry. */
  | { readonly type: 'attempt.released' }
  | { readonly type: 'task.expire'; readonly error: unknown }
  | { readonly type: 'task.pause' }
  | { readonly type: 'task.resume' }
  /** A person requests another attempt, with all retries available again. */
  | { readonly type: 'task.retry' }
  /** The task starts over, because a person retries it or one of its upstreams. */
  | { readonly type: 'task.reset' }
  | { readonly type: 'task.cancel'; readonly reason: string };

type TaskContext = {
  readonly maxRetries: number;
  readonly attempt: number;
  /** Attempts that use up no retry: interrupted and released attempts, and all attempts before the last retry or reset. */
  readonly attemptsNotCounted: number;
  /** The state to which a paused task returns when it resumes. */
  readonly resumesAs: 'ready' | 'running';
};

/** Returns whether the policy allows another attempt. */
export const hasRetryLeft = (context: Pick<TaskContext, 'maxRetries' | 'attempt' | 'attemptsNotCounted'>): boolean =>
  mayRetry(context, context.attempt - context.attemptsNotCounted);

/** A settled task may start over. Its attempt numbers continue. */
const RESET = { 'task.reset': { target: 'unscheduled', actions: 'restoreRetries' } } as const;

/** What may happen to a task that waits for its next attempt or check. */
const WAITING = {
  'task.schedule': 'ready',
  'task.skip': 'skipped',
  'task.expire': 'failed',
  'task.cancel': 'cancelled',
} as const;

/**
 * The state machine of a task. It only decides what may happen. The engine publishes each transition as an event, and
 * reactions to the event act: they start the attempt, wait for the backoff, schedule the downstream.
 *
 * The end states are not `final`: XState would send the job an event for each task, and cache the event. The context
 * holds only what affects decisions, so that tasks in the same situation share a snapshot. `retrying` and `polling`
 * have no `after`: their timers run on the job's clock, which may be virtual, and can be resumed from a journal.
 */
export const taskMachine = setup({
  types: {} as { context: TaskContext; input: TaskInput; events: TaskCommand },
  actions: {
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    discountAttempt: assign({ attempt: ({ context }) => context.attempt - 1 }),
    resumeAsReady: assign({ resumesAs: 'ready' }),
    resumeAsRunning: assign({ resumesAs: 'running' }),
    restoreRetries: assign({ attemptsNotCounted: ({ context }) => context.attempt }),
    keepRetry: assign({ attemptsNotCounted: ({ context }) => context.attemptsNotCounted + 1 }),
  },
  guards: {
    mayRetry: ({ context, event }) => !(event.type === 'attempt.failed' && event.final) && hasRetryLeft(context),
    mayPause: ({ event }) => event.type === 'attempt.failed' && event.pause === true,
    wasRunning: ({ context }) => context.resumesAs === 'running',
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => ({
    maxRetries: input.retry.maxRetries,
    attempt: 0,
    attemptsNotCounted: 0,
    resumesAs: 'ready',
  }),
  initial: 'unscheduled',
  states: {
    unscheduled: { on: { 'task.schedule': 'ready', 'task.skip': 'skipped', 'task.reuse': 'completed' } },
    ready: {
      on: {
        'task.run': { target: 'running', actions: 'countAttempt' },
        'task.skip': 'skipped',
        'task.expire': 'failed',
        'task.pause': { target: 'paused', actions: 'resumeAsReady' },
        'task.cancel': 'cancelled',
      },
    },
    running: {
      on: {
        'attempt.succeeded': 'completed',
        'attempt.failed': [
          { guard: 'mayPause', target: 'paused', actions: 'resumeAsReady' },
          { guard: 'mayRetry', target: 'retrying' },
          { target: 'failed' },
        ],
        'attempt.notReady': 'notReady',
        'attempt.interrupted': { target: 'retrying', actions: 'keepRetry' },
        'attempt.released': { target: 'ready', actions: 'keepRetry' },
        'attempt.poll': { target: 'polling', actions: 'discountAttempt' },
        'task.skip': 'skipped',
        'task.expire': 'failed',
        'task.pause': { target: 'paused', actions: 'resumeAsRunning' },
        'task.cancel': 'cancelled',
      },
    },
    retrying: { on: WAITING },
    polling: { on: WAITING },
    paused: {
      on: {
        'task.resume': [{ guard: 'wasRunning', target: 'running' }, { target: 'ready' }],
        'task.retry': { target: 'ready', actions: 'restoreRetries' },
        'task.cancel': 'cancelled',
      },
    },
    completed: { on: RESET },
    failed: { on: { 'task.retry': { target: 'ready', actions: 'restoreRetries' }, ...RESET } },
    notReady: { on: RESET },
    skipped: { on: RESET },
    cancelled: { on: RESET },
  },
});

export type TaskSnapshot = ReturnType<typeof taskMachine.resolveState>;

const snapshots = new SharedSnapshots();

const keyOf = (state: TaskState, { attempt, attemptsNotCounted, maxRetries, resumesAs }: TaskContext): string =>
  `${state} ${attempt} ${attemptsNotCounted} ${maxRetries} ${resumesAs}`;

/** Returns the snapshot that all tasks in this situation share. */
export const taskSnapshot = (
  state: TaskState,
  about: Pick<TaskContext, 'maxRetries' | 'attempt'> & Partial<TaskContext>,
): TaskSnapshot => {
  const context: TaskContext = { attemptsNotCounted: 0, resumesAs: 'ready', ...about };
  return snapshots.share(keyOf(state, context), () => taskMachine.resolveState({ value: state, context }));
};

const initialSnapshots = new Map<number, TaskSnapshot>();

/** Returns the snapshot of a task before its first command. */
export const initialTaskSnapshot = (maxRetries: number): TaskSnapshot => {
  const known = initialSnapshots.get(maxRetries);
  if (known) return known;
  const snapshot = taskSnapshot('unscheduled', { maxRetries, attempt: 0 });
  if (initialSnapshots.size < MAX_INITIAL_SNAPSHOTS) initialSnapshots.set(maxRetries, snapshot);
  return snapshot;
};

/** Maximum number of entries in `initialSnapshots`. Other initial snapshots are looked up by key. */
const MAX_INITIAL_SNAPSHOTS = 1_000;

const keyOfSnapshot = ({ value, context }: TaskSnapshot): string => keyOf(value, context);

const commandKey = (command: TaskCommand): string => {
  if (command.type !== 'attempt.failed') return command.type;
  return command.pause ? 'attempt.failed, pause' : command.final ? 'attempt.failed, final' : command.type;
};

/** The actor logic of tasks: `taskMachine`, with each distinct step computed only once. */
export const taskLogic = memoized(taskMachine, snapshots, {
  initial: ({ retry }: TaskInput) => initialTaskSnapshot(retry.maxRetries),
  key: keyOfSnapshot,
  command: commandKey,
});

/** Returns the snapshot after a command, without an actor; the same snapshot if the command changes nothing. */
export const nextTask = (snapshot: TaskSnapshot, command: TaskCommand): TaskSnapshot =>
  snapshots.step(snapshot, commandKey(command), keyOfSnapshot, () => getNextSnapshot(taskMachine, snapshot, command));

/** Returns the same snapshot with another maximum number of retries. */
export const withRetries = ({ value, context }: TaskSnapshot, maxRetries: number): TaskSnapshot =>
  taskSnapshot(value, { ...context, maxRetries });
