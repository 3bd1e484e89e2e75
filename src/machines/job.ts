import type { JobState } from '../events/event.ts';
import { memoized, SharedSnapshots } from './memoize.ts';
import { setup } from './setup.ts';

export type JobCommand =
  | { readonly type: 'job.start' }
  /** All tasks have settled; the counts decide the final state. */
  | { readonly type: 'job.finish'; readonly failed: number; readonly notReady: number }
  /** The job ends early, because of a failure, its time limit or a cancellation. */
  | { readonly type: 'job.fail' }
  | { readonly type: 'job.timeOut' }
  | { readonly type: 'job.cancel'; readonly reason?: string }
  /** A job that is over continues: some of its tasks run again. */
  | { readonly type: 'job.retry' }
  | { readonly type: 'job.pause' }
  | { readonly type: 'job.resume' };

/** Commands that end a running or paused job. */
const ENDS = {
  'job.finish': [
    { guard: 'hasFailed', target: 'failed' },
    { guard: 'isNotReady', target: 'notReady' },
    { target: 'completed' },
  ],
  'job.fail': 'failed',
  'job.timeOut': 'timedOut',
  'job.cancel': 'cancelled',
} as const;

/**
 * The state machine of a job. Task actors get the job's actor as `parent` but are not spawned by it: XState copies
 * `children` at each change, which would cost n² for n tasks.
 */
export const jobMachine = setup({
  types: {} as { events: JobCommand },
  guards: {
    hasFailed: ({ event }) => event.type === 'job.finish' && event.failed > 0,
    isNotReady: ({ event }) => event.type === 'job.finish' && event.notReady > 0,
  },
}).createMachine({
  id: 'job',
  initial: 'idle',
  states: {
    idle: { on: { 'job.start': 'running', 'job.fail': 'failed', 'job.cancel': 'cancelled' } },
    running: { on: { ...ENDS, 'job.pause': 'paused' } },
    paused: { on: { ...ENDS, 'job.resume': 'running' } },
    completed: { on: { 'job.retry': 'running' } },
    failed: { on: { 'job.retry': 'running' } },
    timedOut: { on: { 'job.retry': 'running' } },
    cancelled: { on: { 'job.retry': 'running' } },
    notReady: { on: { 'job.retry': 'running' } },
  },
});

export type JobSnapshot = ReturnType<typeof jobMachine.resolveState>;

const snapshots = new SharedSnapshots();

/** Returns the snapshot that all jobs in this state share. */
export const jobSnapshot = (state: JobState): JobSnapshot =>
  snapshots.share(state, () => jobMachine.resolveState({ value: state }));

/** The actor logic of jobs: `jobMachine`, with each distinct step computed only once. */
export const jobLogic = memoized(jobMachine, snapshots, {
  initial: () => jobSnapshot('idle'),
  key: ({ value }) => value,
  command: (command: JobCommand) => {
    if (command.type !== 'job.finish') return command.type;
    return command.failed > 0 ? 'job.finish, failed' : command.notReady > 0 ? 'job.finish, not ready' : command.type;
  },
});
