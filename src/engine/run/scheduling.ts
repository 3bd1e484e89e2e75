import { SETTLED } from '../../events/states.ts';
import { ignoreRejection } from '../../events/thenable.ts';
import { requireBoolean } from '../definition/hook-results.ts';
import { sortByRank } from '../definition/plan.ts';
import {
  type Decision,
  evaluateRule,
  type Outcome,
  type OutcomeCounts,
  type TriggerRule,
} from '../definition/trigger.ts';
import { TaskError } from '../errors/errors.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';
import { type Found, lookupOf } from './lookup.ts';
import { completeAs } from './reuse.ts';
import { createConditionScope } from './scope.ts';

/** Why a task was skipped, if it did not say so itself by `skip(reason)`. `deadline`, `timeout`: a sensor with `softFail`. */
export type SkipReason =
  | 'upstreamFailed'
  | 'upstreamNotReady'
  | 'upstreamSkipped'
  | 'branch'
  | 'triggerRule'
  | 'when'
  | 'deadline'
  | 'timeout';

/** Counts a settled task's outcome for its downstream tasks. Schedules or skips tasks whose rule is now decided. */
export const onUpstreamSettled = (job: JobRun, task: TaskRun): void => {
  task.counted = true;
  const downstream = job.plan.graph.downstream[task.index] ?? [];
  if (downstream.length === 0) return;
  const due: number[] = [];
  const hopeless: number[] = [];
  for (const next of downstream) {
    const decision = countOutcome(job, next, task);
    if (decision === 'wait' || !isUnscheduled(job, next)) continue;
    (decision === 'run' ? due : hopeless).push(next);
  }
  if (hopeless.length > 0) job.sweep(hopeless, (index) => skip(job, index));
  if (due.length > 0) scheduleTasks(job, due);
};

/** Schedules tasks, or skips a task whose condition is false. All become ready before any of them runs. */
export const scheduleTasks = (job: JobRun, indexes: number[]): void => {
  if (indexes.length === 1) scheduleTask(job, indexes[0] as number);
  else job.sweep(sortByRank(job.plan, job.options.sequential, indexes), (index) => scheduleTask(job, index));
};

const scheduleTask = (job: JobRun, index: number): void => {
  // A task that reuses an earlier result has already settled.
  if (job.over || !isUnscheduled(job, index)) return;
  // A condition evaluated before may have stopped the job.
  if (job.ending && job.plan.tasks[index]?.trigger !== 'always') return;
  const task = job.activate(index);
  if (task.conditionEvaluated) return;
  const { when } = task.definition;
  if (!when) {
    makeReady(job, task);
  } else {
    task.conditionEvaluated = true;
    applyCondition(job, task, evaluateCondition(job, task, when));
  }
};

/** Applies the result of a condition, unless the condition itself has ended the job. */
const applyCondition = (job: JobRun, task: TaskRun, run: boolean): void => {
  if (job.over || (job.ending && !isCleanUp(task))) job.deactivate(task);
  else if (run) makeReady(job, task);
  else job.commandTask(task, { type: 'task.skip', reason: 'when' }, { reason: 'when' });
};

/** Makes a task ready, after its lookup if it has one that may find its result. */
const makeReady = (job: JobRun, task: TaskRun): void => {
  const lookup = lookupOf(task);
  if (lookup) {
    task.conditionEvaluated = true;
    job.waitFor(
      () => lookup(task),
      (found) => applyLookup(job, task, found),
    );
  } else job.commandTask(task, { type: 'task.schedule' });
};

/** Applies what was found, unless the job is stopping or an upstream runs again. */
const applyLookup = (job: JobRun, task: TaskRun, found: Found | undefined): void => {
  if (job.over || job.ending || job.isLeaving || !isUnscheduled(job, task.index) || decide(job, task.index) !== 'run') {
    job.deactivate(task);
    return;
  }
  if (found && 'run' in found) task.run = found.run;
  else if (found && completeAs(job, task, found.output, 'upToDate')) return;
  job.commandTask(task, { type: 'task.schedule' });
};

/**
 * Evaluates a task's trigger rule after the task was added or an upstream was retried. An upstream whose settling has
 * not been delivered yet is counted on delivery.
 */
export const evaluateTask = (job: JobRun, index: number): void => {
  const rule = job.plan.tasks[index]?.trigger;
  const counts = outcomeCountsOf(job, index);
  const total = job.plan.upstreamCounts[index] ?? 0;
  job.pendingUpstreams[index] = total - counts.success - counts.tolerated;
  if (rule && rule !== 'allSuccess') storeCounts(job, index, counts);
  if (job.stop || job.startedAt === undefined) return;
  const decision = evaluateRule(rule ?? 'allSuccess', counts, total);
  if (decision === 'run') scheduleTasks(job, [index]);
  else if (decision === 'skip') skip(job, index);
};

/** Evaluates a restored ready task's condition again, only to find out whether it throws: then the task must fail. */
export const recheckCondition = (job: JobRun, task: TaskRun): void => {
  const { when } = task.definition;
  if (when && task.attempts === 0) evaluateCondition(job, task, when);
};

/** Creates the error of a task skipped after a failure. `among` selects the upstreams that settled before the skip. */
export const upstreamError = (
  job: JobRun,
  task: TaskRun,
  among: (upstream: TaskRun) => boolean,
): TaskError | undefined => {
  const { upstream } = skipCause(job, task.index, among);
  return upstream?.error && upstreamFailed(task, upstream, upstream.error);
};

const decide = (job: JobRun, index: number): Decision =>
  evaluateRule(
    job.plan.tasks[index]?.trigger ?? 'allSuccess',
    outcomeCountsOf(job, index),
    job.plan.upstreamCounts[index] ?? 0,
  );

/** Evaluates the rules of all unscheduled tasks again, upstreams first; then calls `done`. */
export const evaluateAll = (job: JobRun, done?: () => void): void => {
  const unscheduled = job.plan.order.filter((index) => isUnscheduled(job, index));
  job.sweep(unscheduled, (index) => isUnscheduled(job, index) && evaluateTask(job, index), done);
};

/** Whether a task of the job, which has not been removed, is still unscheduled. */
export const isUnscheduled = (job: JobRun, index: number): boolean =>
  (job.tasks[index]?.state ?? 'unscheduled') === 'unscheduled' && !job.removed?.has(index);

/** Counts an upstream's outcome and evaluates the rule. The default rule only needs the number of pending upstreams. */
const countOutcome = (job: JobRun, index: number, upstream: TaskRun): Decision => {
  const rule = job.plan.tasks[index]?.trigger ?? 'allSuccess';
  const outcome = outcomeOf(upstream, index);
  if (rule === 'allSuccess') {
    if (outcome === 'failed' || outcome === 'skipped') return 'skip';
    const pending = (job.pendingUpstreams[index] ?? 0) - 1;
    job.pendingUpstreams[index] = pending;
    return pending === 0 ? 'run' : 'wait';
  }
  const before = job.outcomeCounts?.get(index) ?? NO_OUTCOMES;
  const counts = { ...before, [outcome]: before[outcome] + 1 };
  storeCounts(job, index, counts);
  return evaluateRule(rule, counts, job.plan.upstreamCounts[index] ?? 0);
};

const storeCounts = (job: JobRun, index: number, counts: OutcomeCounts): void => {
  job.outcomeCounts ??= new Map();
  job.outcomeCounts.set(index, counts);
};

const NO_OUTCOMES: OutcomeCounts = { success: 0, failed: 0, tolerated: 0, skipped: 0 };

const outcomeCountsOf = (job: JobRun, index: number): OutcomeCounts => {
  const counts = { ...NO_OUTCOMES };
  for (const upstream of job.plan.graph.upstream[index] ?? []) {
    const task = job.tasks[upstream];
    if (task?.counted) counts[outcomeOf(task, index)]++;
  }
  return counts;
};

/** Returns a settled task's outcome for one downstream task: a branch is `skipped` for tasks that it did not pick. */
const outcomeOf = (task: TaskRun, consumer: number): Outcome => {
  if (task.state === 'completed') return task.branchesNotTaken?.has(consumer) ? 'skipped' : 'success';
  if (task.state === 'failed') return task.error?.tolerated ? 'tolerated' : 'failed';
  return task.state === 'skipped' && task.error ? 'failed' : 'skipped';
};

const evaluateCondition = (job: JobRun, task: TaskRun, when: NonNullable<TaskRun['definition']['when']>): boolean => {
  try {
    return requireBoolean('when', when(createConditionScope(job, task)));
  } catch (thrown) {
    ignoreRejection(thrown);
    task.conditionError = { thrown };
    return true;
  }
};

const skip = (job: JobRun, index: number): void => {
  if (job.stop || job.over || !isUnscheduled(job, index)) return;
  const task = job.activate(index);
  const { reason, upstream } = skipCause(job, index);
  const error = reason === 'upstreamFailed' && upstream?.error;
  job.commandTask(
    task,
    { type: 'task.skip', reason },
    error ? { reason, error: upstreamFailed(task, upstream, error) } : { reason },
  );
};

/** Returns why a task is skipped, with the first upstream, in declared order, that its rule does not accept. */
const skipCause = (
  job: JobRun,
  index: number,
  among: (upstream: TaskRun) => boolean = ({ state }) => SETTLED.has(state),
): { readonly reason: SkipReason; readonly upstream?: TaskRun | undefined } => {
  const rule = job.plan.tasks[index]?.trigger ?? 'allSuccess';
  const settled = (job.plan.graph.upstream[index] ?? [])
    .map((upstream) => job.tasks[upstream])
    .filter((task): task is TaskRun => task !== undefined && among(task));
  const of = (outcome: Outcome): TaskRun | undefined => settled.find((task) => outcomeOf(task, index) === outcome);
  const failed = FORBID_FAILURE.has(rule) ? of('failed') : undefined;
  if (failed) return { reason: 'upstreamFailed', upstream: failed };
  const skipped = FORBID_SKIPS.has(rule) ? of('skipped') : undefined;
  return skipped ? { reason: skipReason(skipped), upstream: skipped } : { reason: 'triggerRule' };
};

/** Trigger rules under which a failed (here) or skipped (`FORBID_SKIPS`) upstream is the reason for a skip. */
const FORBID_FAILURE = new Set<TriggerRule>(['allSuccess', 'oneSuccess', 'noneFailed', 'noneFailedMinOneSuccess']);

const FORBID_SKIPS: ReadonlySet<TriggerRule> = new Set([
  'allSuccess',
  'oneSuccess',
  'oneDone',
  'noneFailedMinOneSuccess',
  'noneSkipped',
]);

const skipReason = ({ state, reason }: TaskRun): SkipReason => {
  if (state === 'completed') return 'branch';
  return state === 'notReady' || reason === 'upstreamNotReady' ? 'upstreamNotReady' : 'upstreamSkipped';
};

const upstreamFailed = (task: TaskRun, upstream: TaskRun, cause: TaskError): TaskError => {
  const what = upstream.state === 'failed' ? 'failed' : 'was skipped';
  const message = `Task "${task.path}" was skipped, because "${upstream.path}" upstream of it ${what}.`;
  return new TaskError('UPSTREAM_FAILED', message, { taskName: task.path, attempt: 0, cause });
};
