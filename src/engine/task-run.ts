import type { Actor } from 'xstate';
import type { TaskState } from '../events/event.ts';
import type { RetryPolicy } from '../machines/retry.ts';
import type { taskLogic } from '../machines/task.ts';
import type { Attempt } from './attempt.ts';
import type { TaskError } from './errors.ts';
import type { JobRun } from './job-run.ts';
import type { Lane } from './limits/lane.ts';
import type { PausableTimer } from './pausable-timer.ts';
import type { TaskDefinition } from './plan.ts';
import type { Span } from './views/graph-view.ts';

/** One task within one job: what the engine remembers of it. Made when something first happens to the task. */
export type TaskRun = {
  readonly job: JobRun;
  readonly index: number;
  readonly definition: TaskDefinition;
  /** Its name in the stream: that of the tasks around it before its own. */
  readonly path: string;
  /** Where it stands in its job's order among tasks that are ready. */
  readonly place: number;
  readonly retry: RetryPolicy;
  /** Gone once the task has settled. */
  actor: Actor<typeof taskLogic> | undefined;
  state: TaskState;
  /** Attempts begun; those of a sensor that brought "not yet" left out. */
  attempts: number;
  /** The attempt under way. */
  attempt: Attempt | undefined;
  /** Where it waits for its slots, once it has been ready; none for what takes none. */
  lane: Lane | undefined;
  /** When it was last ready, first ran and settled, in epoch ms. */
  queuedAt: number | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Whether its outcome has been counted by its downstream. */
  counted: boolean;
  output: object | undefined;
  /** The version of the context that first held the output. */
  version: number;
} & Rarely;

/** What most tasks never have: absent until it is needed, so that a task of a large job is small. */
type Rarely = {
  /** Why it failed for good, or why its upstream's failure skipped it. */
  error?: TaskError | undefined;
  reason?: string | undefined;
  /** When its last attempt began, if that was not its first. */
  lastStartedAt?: number;
  /** The attempts before the last. */
  spans?: Span[];
  /** Attempts made before a person asked for more. */
  forgiven?: number;
  /** Attempts that died with their process, since a person last asked for more. */
  interruptions?: number;
  /** Checks that brought "not yet". */
  polls?: number;
  /** Why the last attempt failed, where another followed. */
  lastError?: TaskError;
  /** How long it is `retrying` or `polling`, in ms, and until when, in epoch ms. */
  backoffMs?: number;
  dueAt?: number | undefined;
  /** What its condition threw, so that its attempt will fail. */
  refusal?: { readonly thrown: unknown } | undefined;
  /** Whether its condition has been asked. */
  asked?: boolean;
  /** Of a branch: the direct downstream that it did not pick. */
  passedOver?: ReadonlySet<number> | undefined;
  /** The stay in the queue after a first attempt, and the attempt that followed. */
  openSpan?: { readonly readyAt: number; startedAt: number | undefined } | undefined;
  /** How many results came too late. */
  lateResults?: number;
  /** Who paused it, in words. */
  pausedBy?: string | undefined;
  /** Of an external task: who works on it. */
  claim?: Claim;
  /** The job that it runs, or ran last; and, until it has begun to, that of the attempt before. */
  child?: JobRun;
  earlier?: JobRun;
  /** Of a nested job or fan-out that is tried again: which of its tasks are, by path; what else it completed is used again. */
  reuses?: ReadonlySet<string>;
  /** The JSON of what it saved last. */
  checkpoint?: string | undefined;
  /** Calls off the wait of a backoff. */
  cancelBackoff?: (() => void) | undefined;
  deadlineTimer?: PausableTimer | undefined;
};

/** The record of a task to which nothing has happened yet. */
export const newTaskRun = (job: JobRun, index: number, definition: TaskDefinition, retry: RetryPolicy): TaskRun => ({
  job,
  index,
  definition,
  path: job.pathOf(definition.name),
  place: (job.options.sequential ? job.plan.positions : job.plan.ranks)[index] as number,
  retry,
  actor: undefined,
  state: 'unscheduled',
  attempts: 0,
  attempt: undefined,
  lane: undefined,
  queuedAt: undefined,
  startedAt: undefined,
  endedAt: undefined,
  counted: false,
  output: undefined,
  version: 0,
});

/** Who works on an external task, and the timer of its heartbeat. */
export type Claim = {
  readonly owner: string;
  readonly token: string;
  readonly leaseMs: number | undefined;
  heartbeatTimer: PausableTimer | undefined;
};

/** The states in which nothing more happens to a task, but that a person asks for another attempt. */
export const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** Whether a task runs on every way out of its job. */
export const isCleanUp = ({ definition }: TaskRun): boolean => definition.trigger === 'always';
