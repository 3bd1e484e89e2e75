import { SETTLED } from '../../events/states.ts';
import type { TaskDefinition } from '../definition/plan.ts';
import { NO_VALUE } from '../durable/journal.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { copyDefined } from '../model/task-record.ts';
import { resolveSettled } from '../reactions/resolve-outputs.ts';
import { appendTasks, missingTasksError, publishAdded, removeFromPlan, unknownFunction } from '../run/dynamic-tasks.ts';
import { pathsInside, type RerunPaths, reuseResults, reuseWhenStarted } from '../run/reuse.ts';
import { evaluateAll, evaluateTask } from '../run/scheduling.ts';
import { endIfSettled } from '../run/shutdown.ts';
import { isSettled, planRerun, planRetry, type RerunSelection, type RetrySelection, waitsAgain } from './retry-plan.ts';
import { taskFrom } from './task-from.ts';

/** @throws JournalError if the function of any of the tasks is not known */
const requireFunctions = (job: JobRun, indexes: Iterable<number>): void => {
  const { tasks } = job.plan;
  const unknown = [...indexes].flatMap((index) => (tasks[index]?.run === unknownFunction ? tasks[index].name : []));
  if (unknown.length > 0) throw missingTasksError(job, unknown);
};

/**
 * Restores an ended job into a fresh run of the same id. Returns a function that starts the retry.
 * @throws UnknownTaskError @throws CommandError @throws JournalError
 */
export const reopenJob = (job: JobRun, earlier: JobRun, selection: RetrySelection): (() => void) => {
  const { rerunPaths, restarting, dropped } = planRetry(earlier, selection);
  const remains = (index: number): boolean => !earlier.removed?.has(index) && !dropped.has(index);
  const open = earlier.plan.order.filter((index) => remains(index) && !isSettled(earlier, index));
  requireFunctions(earlier, [...restarting, ...open]);
  job.restoreState(earlier.state, earlier.context.at(0));
  job.startedAt = earlier.startedAt;
  job.estimates = earlier.estimates;
  if (earlier.removed) job.removed = new Set(earlier.removed);
  if (earlier.pauseRequests) job.pauseRequests = new Map(earlier.pauseRequests);
  const reused = earlier.tasks.filter((task): task is TaskRun => task !== undefined && remains(task.index));
  for (const previous of reused) restoreTask(job, previous, !restarting.has(previous.index));
  mergeReused(job, reused, restarting);
  countReused(job, earlier, reused);
  job.continueAt(earlier.nextSeq);
  if (earlier.recorder) job.recorder?.copyNotes(earlier.recorder);
  return () =>
    job.batch(() => {
      if (earlier.stop) job.recorder?.put('', 'stop', NO_VALUE);
      job.commandJob({ type: 'job.retry' }, { reason: 'retried' });
      for (const index of [...dropped].reverse()) dropTask(job, index);
      const again = job.plan.order.filter((index) => restarting.has(index));
      const restart = (index: number): void => restartTask(job, index, restarting, rerunPaths);
      job.sweep(again, restart, () =>
        evaluateAll(job, () => {
          resolveSettled(job);
          endIfSettled(job);
          job.dispatcher.dispatch();
        }),
      );
    });
};

/** Copies a task's record from the earlier job, which stays unchanged, to the new run. */
const restoreTask = (job: JobRun, earlier: TaskRun, withOutput: boolean): void => {
  const task = taskFrom(job, earlier.index, earlier);
  if (SETTLED.has(earlier.state)) task.measured = true;
  copyDefined(task, earlier, RESTORED_FIELDS);
  if (withOutput) task.output = earlier.output;
};

const RESTORED_FIELDS = [
  'error',
  'lastError',
  'conditionError',
  'conditionEvaluated',
  'branchesNotTaken',
  'child',
  'previousChild',
  'pathsToRerun',
  'checkpoint',
] as const satisfies readonly (keyof TaskRun)[];

/** Merges outputs in their original order. */
const mergeReused = (job: JobRun, reused: readonly TaskRun[], restarting: ReadonlySet<number>): void => {
  const merged = reused.filter(({ index, output }) => output !== undefined && !restarting.has(index));
  for (const { index, output } of merged.sort((a, b) => a.version - b.version)) {
    job.context.merge(output as object, job.plan.positions[index] as number);
    (job.tasks[index] as TaskRun).version = job.context.version;
  }
};

const countReused = (job: JobRun, earlier: JobRun, reused: readonly TaskRun[]): void => {
  const errors = new Set(reused.filter(({ state }) => state === 'failed').map(({ error }) => error));
  job.errors = earlier.errors.filter((error) => errors.has(error));
  job.failed = job.errors.filter(({ tolerated }) => !tolerated).length;
  job.notReady = reused.filter(({ state }) => state === 'notReady').length;
  job.settled = reused.filter(({ state }) => SETTLED.has(state)).length;
};

const dropTask = (job: JobRun, index: number): void => {
  const task = job.pathOf(job.plan.graph.names[index] as string);
  removeFromPlan(job, index);
  job.publish({ type: 'task.removed', task });
};

const restartTask = (job: JobRun, index: number, restarting: ReadonlySet<number>, rerunPaths: RerunPaths): void => {
  const task = job.tasks[index] as TaskRun;
  const { recorder } = job;
  const { state } = task;
  if (task.branchesNotTaken) recorder?.put(task.path, 'branch', NO_VALUE);
  const inside = task.child && pathsInside(task, rerunPaths);
  task.measured = false;
  job.reopen(task);
  if (inside) reuseWhenStarted(task, inside);
  if (state === 'failed' && !waitsAgain(job, index, restarting) && !task.conditionError) {
    job.commandTask(task, { type: 'task.retry' });
    return;
  }
  if (state === 'completed' && task.checkpoint !== undefined) {
    task.checkpoint = undefined;
    recorder?.put(task.path, 'checkpoint', NO_VALUE);
  }
  job.commandTask(task, { type: 'task.reset' });
  job.deactivate(task);
};

/**
 * Returns a function that starts a new job with the reusable results of an earlier one.
 * @throws UnknownTaskError @throws CommandError @throws JournalError @throws SerialisationError
 */
export const forkJob = (job: JobRun, earlier: JobRun, selection: RerunSelection): (() => void) => {
  const { rerunPaths, reusable, dropped } = planRerun(earlier, selection);
  const { plan, removed } = earlier;
  const added = [...plan.tasks.keys()]
    .slice(plan.sealed?.tasks.length ?? plan.tasks.length)
    .filter((index) => !removed?.has(index) && !dropped.has(index));
  const definitions = added.map((index) => plan.tasks[index] as TaskDefinition);
  requireFunctions(
    earlier,
    added.filter((index) => !reusable.has(index)),
  );
  for (const index of reusable) {
    const { output, path, child } = earlier.tasks[index] as TaskRun;
    // A fan-out or nested job whose results are too large in one piece reuses them one by one.
    if (output !== undefined && !child) job.recorder?.encodeOutput(`The output of task "${path}"`, output);
  }
  return () =>
    job.batch(() => {
      job.commandJob({ type: 'job.start' });
      if (added.length > 0) appendTasks(job, definitions);
      for (const definition of definitions) publishAdded(job, definition);
      reuseResults(job, earlier, rerunPaths, reusable);
      for (const index of added) {
        const here = job.plan.graph.indexOf.get(plan.graph.names[index] as string);
        if (here !== undefined && (job.tasks[here]?.state ?? 'unscheduled') === 'unscheduled') evaluateTask(job, here);
      }
    });
};
