import { find } from './address.ts';
import { CommandError } from './errors.ts';
import { appraise } from './flow.ts';
import type { JobRun } from './job-run.ts';
import { NO_VALUE } from './journal.ts';
import { answerSettled } from './reactions/answer-outputs.ts';
import { endIfSettled } from './reactions/settle.ts';
import { failedPaths, indexesOf, insideOf, reusable, reuse } from './reuse.ts';
import { SETTLED, type TaskRun } from './task-run.ts';

/** Which tasks of a job that is over are tried again. */
export type RetrySelection<Path extends string = string> = {
  /** By path. Default those that failed without leave, were not ready or were cancelled; of a nested job, those within. */
  readonly tasks?: readonly Path[] | undefined;
  /** Whether what completed downstream of them runs again too. Default true. */
  readonly downstream?: boolean | undefined;
};

/** From which tasks on a job runs anew, in another job. */
export type RerunSelection<Path extends string = string> = {
  /** By path. Default those that failed without leave, were not ready or were cancelled. */
  readonly from?: Path | readonly Path[] | undefined;
};

/** What would be done, by path, in topological order. */
export type Preview = {
  /** What would run, as far as rules and conditions allow. */
  readonly runs: readonly string[];
  /** What has completed and would not run again. */
  readonly keeps: readonly string[];
};

export const previewRetry = (job: JobRun, selection: RetrySelection): Preview => {
  const again = pathsAgain(job, selection.tasks, 'retry');
  const over = startingOver(job, again, selection);
  return previewOf(job, again, (index) => over.has(index) || !SETTLED.has(job.tasks[index]?.state ?? 'unscheduled'));
};

export const previewRerun = (job: JobRun, { from }: RerunSelection): Preview => {
  const again = pathsAgain(job, listOf({ from }), 'rerun');
  const stand = new Set(reusable(job, job, again));
  return previewOf(job, again, (index) => !stand.has(index));
};

const listOf = ({ from }: RerunSelection): readonly string[] | undefined =>
  from === undefined || Array.isArray(from) ? (from as readonly string[] | undefined) : [from as string];

const previewOf = (job: JobRun, again: ReadonlySet<string>, runs: (index: number) => boolean): Preview => {
  const all = job.plan.order.filter((index) => !job.removed?.has(index));
  const path = (index: number): string => job.pathOf(job.plan.graph.names[index] as string);
  const inside = (index: number): readonly string[] => {
    const task = job.tasks[index];
    const paths = task?.child ? insideOf(task, again) : undefined;
    return paths && task?.child ? partOf(task.child, paths).runs : [];
  };
  return {
    runs: all.filter(runs).flatMap((index) => [path(index), ...inside(index)]),
    keeps: all.filter((index) => !runs(index) && job.tasks[index]?.state === 'completed').map(path),
  };
};

const partOf = (child: JobRun, again: ReadonlySet<string>): Preview => {
  if (child.instances)
    return { runs: child.tasks.flatMap((task) => (task && again.has(task.path) ? task.path : [])), keeps: [] };
  const stand = new Set(reusable(child, child, again));
  return previewOf(child, again, (index) => !stand.has(index));
};

/** @throws UnknownTaskError @throws CommandError */
const pathsAgain = (job: JobRun, tasks: readonly string[] | undefined, what: string): ReadonlySet<string> => {
  if (!job.over)
    throw new CommandError(
      'INVALID_STATE',
      `Job "${job.plan.name}" is ${job.state}: it can't ${what} before it is over.`,
    );
  const paths = tasks ?? failedPaths(job);
  for (const path of paths) find(job, path);
  if (paths.length > 0 || (what === 'retry' && unfinished(job))) return new Set(paths);
  const message = `Job "${job.plan.name}" is ${job.state}, and has no failed task to ${what}. Name the tasks that are to run again.`;
  throw new CommandError('INVALID_STATE', message);
};

/** Whether anything in it has never come to its turn. */
const unfinished = (job: JobRun): boolean => job.settled < job.size;

/** The tasks that start over: those chosen, what depends on them, and clean-up, which has its turn again at the end. */
const startingOver = (
  job: JobRun,
  again: ReadonlySet<string>,
  { downstream = true }: RetrySelection,
): ReadonlySet<number> => {
  const { graph, order, cleanUps } = job.plan;
  const chosen = indexesOf(job, again);
  const late = new Set(cleanUps);
  const over = new Set<number>();
  for (const index of order) {
    const task = job.tasks[index];
    if (job.removed?.has(index) || !task || !SETTLED.has(task.state)) continue;
    const follows = (graph.upstream[index] ?? []).some((upstream) => over.has(upstream) || !isSettled(job, upstream));
    const isStale = follows && (downstream || task.state !== 'completed');
    if (chosen.has(index) || late.has(index) || task.state === 'cancelled' || isStale) over.add(index);
  }
  return over;
};

const isSettled = (job: JobRun, index: number): boolean => SETTLED.has(job.tasks[index]?.state ?? 'unscheduled');

/**
 * Makes a job to which nothing has happened what another of the same id came to, with all that is not to run again.
 * Answers what lets it go on. @throws UnknownTaskError @throws CommandError
 */
export const reopen = (job: JobRun, earlier: JobRun, selection: RetrySelection): (() => void) => {
  const again = pathsAgain(earlier, selection.tasks, 'retry');
  const over = startingOver(earlier, again, selection);
  job.adopt(earlier.state, earlier.context.at(0));
  job.startedAt = earlier.startedAt;
  if (earlier.removed) job.removed = new Set(earlier.removed);
  job.missing.length = job.plan.tasks.length;
  const kept = earlier.tasks.filter((task): task is TaskRun => task !== undefined);
  for (const was of kept) copyOf(job, was, !over.has(was.index));
  mergeKept(job, kept, over);
  job.errors = [...earlier.errors];
  Object.assign(job, { settled: earlier.settled, failed: earlier.failed, notReady: earlier.notReady });
  job.goOnFrom(earlier.nextSeq);
  if (earlier.recorder) job.recorder?.inherit(earlier.recorder);
  return () =>
    job.together(() => {
      if (earlier.stop) job.recorder?.note('', 'stop', NO_VALUE);
      job.commandJob({ type: 'job.retry' }, { reason: 'retried' });
      for (const index of job.plan.order) if (over.has(index)) startOver(job, index, over, again);
      for (const index of job.plan.order)
        if (!job.removed?.has(index) && (job.tasks[index]?.state ?? 'unscheduled') === 'unscheduled')
          appraise(job, index);
      answerSettled(job);
      endIfSettled(job);
      job.dispatcher.dispatch();
    });
};

const copyOf = (job: JobRun, was: TaskRun, withOutput: boolean): void => {
  const { job: _, index: __, definition: ___, path: ____, place: _____, retry: ______, ...rest } = was;
  Object.assign(job.known(was.index), rest, {
    actor: undefined,
    attempt: undefined,
    lane: undefined,
    counted: SETTLED.has(was.state),
    version: 0,
    ...(!withOutput && { output: undefined }),
  });
};

/** In the order in which it was merged before. */
const mergeKept = (job: JobRun, kept: readonly TaskRun[], over: ReadonlySet<number>): void => {
  const merged = kept.filter(({ index, output }) => output !== undefined && !over.has(index));
  for (const { index, output } of merged.sort((a, b) => a.version - b.version)) {
    job.context.merge(output as object, job.plan.positions[index] as number);
    (job.tasks[index] as TaskRun).version = job.context.version;
  }
};

const startOver = (job: JobRun, index: number, over: ReadonlySet<number>, again: ReadonlySet<string>): void => {
  const task = job.tasks[index] as TaskRun;
  const { recorder } = job;
  const { state } = task;
  if (task.passedOver) recorder?.note(task.path, 'branch', NO_VALUE);
  const inside = task.child && insideOf(task, again);
  job.revive(task);
  if (inside) task.reuses = inside;
  const waits = (job.plan.graph.upstream[index] ?? []).some(
    (upstream) => over.has(upstream) || !isSettled(job, upstream),
  );
  if (state === 'failed' && !waits && !task.refusal) {
    job.commandTask(task, { type: 'task.retry' });
    return;
  }
  if (state === 'completed' && task.checkpoint !== undefined) {
    task.checkpoint = undefined;
    recorder?.note(task.path, 'checkpoint', NO_VALUE);
  }
  job.commandTask(task, { type: 'task.reset' });
  job.release(task);
};

/** What lets a new job begin with the results of another that stand. @throws UnknownTaskError @throws CommandError */
export const forkOf = (job: JobRun, earlier: JobRun, { from }: RerunSelection): (() => void) => {
  const again = pathsAgain(earlier, listOf({ from }), 'rerun');
  return () =>
    job.together(() => {
      job.commandJob({ type: 'job.start' });
      reuse(job, earlier, again);
    });
};

/** The input that a job started with. */
export const inputOf = ({ context }: JobRun): object => context.at(0);
