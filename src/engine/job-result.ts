import type { TaskState } from '../events/event.ts';
import { lazyProperties } from './definition/lazy-properties.ts';
import type { JobError, TaskError } from './errors/errors.ts';
import { durationOf, type JobRun, type TaskRun } from './model/run.ts';
import { boundaryOf, type FrontierItem, frontierOf } from './views/frontier.ts';
import { ganttOf } from './views/gantt.ts';
import { viewOfJob } from './views/view-of.ts';

export type TaskResult = {
  readonly state: TaskState;
  /** Number of attempts begun. */
  readonly attempts: number;
  /** Start of the first attempt, in epoch ms. */
  readonly startedAt: number | undefined;
  /** Time in ms from the start of the first attempt to the end of the task, with all retries and waits. */
  readonly durationMs: number | undefined;
  readonly error: TaskError | undefined;
  /** Why the task did not complete: `error`, `timeout`, `deadline`, `invalidOutput`, `upstreamFailed` … */
  readonly reason: string | undefined;
  /** For a sensor: number of checks that returned "not yet". */
  readonly polls?: number;
  /** For a nested job: its tasks by name. For a fan-out: its instances, as `[0]`, `[1]` … */
  readonly tasks?: Readonly<Record<string, TaskResult>>;
};

/** An interface: in TypeScript 5.4 and 5.5 no other type may say `this is`. */
interface ResultBase<Names extends string> {
  readonly jobId: string;
  readonly jobName: string;
  readonly tasks: Readonly<Record<Names, TaskResult>>;
  /** Final failures of tasks in time order. Includes tolerated failures, which have `tolerated` set. */
  readonly errors: readonly TaskError[];
  /** Start of the job in epoch ms; `undefined` if the job ended before it started. */
  readonly startedAt: number | undefined;
  /** Time in ms from the start of the job to its end. */
  readonly durationMs: number;
  isReady(): this is { readonly state: 'completed' };
  isNotReady(): this is { readonly state: 'notReady' };
  isFailed(): this is { readonly state: 'failed' };
  isTimedOut(): this is { readonly state: 'timedOut' };
  isCancelled(): this is { readonly state: 'cancelled' };
  /** Returns the earliest task failure that was not tolerated. */
  readonly firstError: () => TaskError | undefined;
  /** Returns the first name, in sort order, of a task that is not ready. */
  readonly firstInProgress: () => Names | undefined;
  /** Returns, sorted by name, uncompleted tasks whose upstreams have all completed, and tasks failed or not ready. */
  readonly frontier: () => readonly FrontierItem[];
  /** Returns, sorted by name, the completed tasks that have an uncompleted task anywhere downstream. */
  readonly boundarySubtrees: () => readonly FrontierItem[];
  /** Renders when each task waited and ran, as a Mermaid Gantt chart. */
  readonly toGantt: () => string;
}

/** How a job ended. `ctx` is certain to be complete only if `state` is `completed`. */
export type JobResult<Final = Readonly<Record<string, unknown>>, Partial = Final, Names extends string = string> =
  | (ResultBase<Names> & { readonly state: 'completed'; readonly ctx: Final; readonly error: undefined })
  | (ResultBase<Names> & { readonly state: 'notReady'; readonly ctx: Partial; readonly error: undefined })
  | (ResultBase<Names> & {
      readonly state: 'failed' | 'timedOut' | 'cancelled';
      readonly ctx: Partial;
      readonly error: JobError;
    });

/** Returns the result of a job that is over. The context and the tasks are copied on first read. @internal */
export const resultOf = (run: JobRun): JobResult => {
  const { state, error } = run;
  const errors = Object.freeze([...run.errors]);
  const result = {
    jobId: run.id,
    jobName: run.plan.name,
    state,
    error,
    errors,
    startedAt: run.startedAt,
    durationMs: Math.max(0, (run.endedAt ?? 0) - (run.startedAt ?? run.endedAt ?? 0)),
    isReady: () => state === 'completed',
    isNotReady: () => state === 'notReady',
    isFailed: () => state === 'failed',
    isTimedOut: () => state === 'timedOut',
    isCancelled: () => state === 'cancelled',
    firstError: () => errors.find(({ tolerated }) => !tolerated),
    firstInProgress: () => firstNotReady((result as unknown as JobResult).tasks),
    frontier: () => frontierOf(viewOfJob(run)),
    boundarySubtrees: () => boundaryOf(viewOfJob(run)),
    toGantt: () => ganttOf(viewOfJob(run)),
  };
  return withRecords(result, { run, ctx: undefined, tasks: undefined }) as unknown as JobResult;
};

type Records = {
  readonly run: JobRun;
  ctx: Readonly<Record<string, unknown>> | undefined;
  tasks: Readonly<Record<string, TaskResult>> | undefined;
};

const withRecords = lazyProperties<Records, Pick<JobResult, 'ctx' | 'tasks'>>({
  ctx: (records) => {
    records.ctx ??= records.run.context.final();
    return records.ctx;
  },
  tasks: (records) => {
    records.tasks ??= tasksOf(records.run);
    return records.tasks;
  },
});

const firstNotReady = (tasks: Readonly<Record<string, TaskResult>>): string | undefined =>
  Object.keys(tasks)
    .filter((name) => tasks[name]?.state === 'notReady')
    .sort()[0];

const tasksOf = ({ plan, tasks, removed }: JobRun): Readonly<Record<string, TaskResult>> =>
  Object.freeze(
    Object.fromEntries(
      plan.graph.names.flatMap((name, index) => (removed?.has(index) ? [] : [[name, taskResultOf(tasks[index])]])),
    ),
  );

const taskResultOf = (task: TaskRun | undefined): TaskResult =>
  Object.freeze({
    state: task?.state ?? 'unscheduled',
    attempts: task?.attempts ?? 0,
    startedAt: task?.startedAt,
    durationMs: durationOf(task, () => task?.endedAt ?? 0),
    error: task?.error,
    reason: task?.reason,
    ...(task?.definition.kind === 'sensor' && { polls: task.polls ?? 0 }),
    ...(task?.child && { tasks: tasksOf(task.child) }),
  });
