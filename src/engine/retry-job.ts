import { find } from './address.ts';
import { CommandError } from './errors.ts';
import { appraise, appraiseAll } from './flow.ts';
import { extend, publishAdded, takeOut, tasksMissing, unknownFunction } from './grow.ts';
import type { JobRun } from './job-run.ts';
import { NO_VALUE } from './journal.ts';
import { answerSettled } from './reactions/answer-outputs.ts';
import { endIfSettled } from './reactions/settle.ts';
import { failedPaths, insideOf, type Leads, leadsOf, reuse, reuseLater, standing } from './reuse.ts';
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
  const { leads, over, gone } = retryOf(job, selection);
  const runs = (index: number): boolean => over.has(index) || !isSettled(job, index);
  return previewOf(job, leads, gone, runs);
};

export const previewRerun = (job: JobRun, selection: RerunSelection): Preview => {
  const { leads, stand, gone } = rerunOf(job, selection);
  return previewOf(job, leads, gone, (index) => !stand.has(index));
};

const previewOf = (job: JobRun, leads: Leads, gone: ReadonlySet<number>, runs: (index: number) => boolean): Preview => {
  const all = job.plan.order.filter((index) => !job.removed?.has(index) && !gone.has(index));
  const path = (index: number): string => job.pathOf(job.plan.graph.names[index] as string);
  const inside = (index: number): readonly string[] => {
    const task = job.tasks[index];
    const paths = task?.child && insideOf(task, leads);
    return paths && task?.child ? runsInside(task.child, paths) : [];
  };
  return {
    runs: all.filter(runs).flatMap((index) => [path(index), ...inside(index)]),
    keeps: all.filter((index) => !runs(index) && job.tasks[index]?.state === 'completed').map(path),
  };
};

const runsInside = (child: JobRun, again: ReadonlySet<string>): readonly string[] => {
  if (child.instances)
    return child.plan.tasks
      .map(({ name }, index) => ({ path: child.pathOf(name), state: child.tasks[index]?.state }))
      .filter(({ path, state }) => state !== 'completed' || again.has(path))
      .map(({ path }) => path);
  const leads = leadsOf(child, again);
  const stand = standing(child, leads);
  return previewOf(child, leads, NONE, (index) => !stand.has(index)).runs;
};

const NONE: ReadonlySet<number> = new Set();

/** What a retry comes to: which tasks start over, and which go, to be added anew by those. @throws UnknownTaskError @throws CommandError */
const retryOf = (job: JobRun, selection: RetrySelection) => {
  const leads = leadsOf(job, pathsAgain(job, selection.tasks, 'retry'));
  const over = startingOver(job, leads, selection);
  const gone = addedBy(job, (index) => over.has(index));
  for (const index of gone) over.delete(index);
  return { leads, over, gone };
};

/** What a rerun comes to: which results stand, and which tasks are left to be added anew. @throws UnknownTaskError @throws CommandError */
const rerunOf = (job: JobRun, { from }: RerunSelection) => {
  const paths = from === undefined || typeof from !== 'string' ? from : [from];
  const leads = leadsOf(job, pathsAgain(job, paths, 'rerun'));
  const stand = new Set(standing(job, leads));
  const gone = addedBy(job, (index) => !stand.has(index));
  for (const index of gone) stand.delete(index);
  return { leads, stand, gone };
};

/** @throws UnknownTaskError @throws CommandError */
const pathsAgain = (job: JobRun, tasks: readonly string[] | undefined, what: 'retry' | 'rerun'): readonly string[] => {
  const { name } = job.plan;
  if (!job.over)
    throw new CommandError('INVALID_STATE', `Job "${name}" is ${job.state}: it can't ${what} before it is over.`);
  const paths = tasks ?? failedPaths(job);
  for (const path of paths) find(job, path);
  // Something in it may never have come to its turn.
  if (paths.length > 0 || (what === 'retry' && job.settled < job.size)) return paths;
  const message = `Job "${name}" is ${job.state}, and has no failed task to ${what}. Name the tasks that are to run again.`;
  throw new CommandError('INVALID_STATE', message);
};

/** The tasks that start over: those chosen, and what depends on them; clean-up in any case. */
const startingOver = (job: JobRun, leads: Leads, { downstream = true }: RetrySelection): Set<number> => {
  const { graph, order, cleanUps } = job.plan;
  const late = new Set(cleanUps);
  const over = new Set<number>();
  for (const index of order) {
    const task = job.tasks[index];
    if (job.removed?.has(index) || !task || !SETTLED.has(task.state)) continue;
    const follows = (graph.upstream[index] ?? []).some((upstream) => over.has(upstream) || !isSettled(job, upstream));
    const isStale = follows && (downstream || task.state !== 'completed');
    const cleansUpAgain = follows && late.has(index);
    if (leads.has(index) || cleansUpAgain || task.state === 'cancelled' || isStale) over.add(index);
  }
  return over;
};

const isSettled = (job: JobRun, index: number): boolean => SETTLED.has(job.tasks[index]?.state ?? 'unscheduled');

/** The tasks that were added by tasks which run again, and what depends on them. */
const addedBy = ({ plan, removed }: JobRun, runsAgain: (index: number) => boolean): ReadonlySet<number> => {
  const gone = new Set<number>();
  if (!plan.sealed) return gone;
  const { graph, tasks } = plan;
  for (const index of plan.order.slice(plan.sealed.tasks.length)) {
    if (removed?.has(index)) continue;
    const by = tasks[index]?.addedBy;
    const adder = by === undefined ? undefined : graph.indexOf.get(by);
    const again = adder !== undefined && (runsAgain(adder) || gone.has(adder));
    if (again || (graph.upstream[index] ?? []).some((upstream) => gone.has(upstream))) gone.add(index);
  }
  return gone;
};

/** @throws JournalError where a task is to run whose function is not known here */
const requireFunctions = (job: JobRun, indexes: Iterable<number>): void => {
  const unknown = [...indexes].filter((index) => job.plan.tasks[index]?.run === unknownFunction);
  if (unknown.length > 0)
    throw tasksMissing(
      job,
      unknown.map((index) => job.plan.graph.names[index] as string),
    );
};

/**
 * Makes a job to which nothing has happened what another of the same id came to, with all that is not to run again.
 * Answers what lets it go on. @throws UnknownTaskError @throws CommandError @throws JournalError
 */
export const reopen = (job: JobRun, earlier: JobRun, selection: RetrySelection): (() => void) => {
  const { leads, over, gone } = retryOf(earlier, selection);
  const open = earlier.plan.order.filter(
    (index) => !earlier.removed?.has(index) && !gone.has(index) && !isSettled(earlier, index),
  );
  requireFunctions(earlier, [...over, ...open]);
  job.adopt(earlier.state, earlier.context.at(0));
  job.startedAt = earlier.startedAt;
  if (earlier.removed) job.removed = new Set(earlier.removed);
  if (earlier.heldTasks) job.heldTasks = new Map(earlier.heldTasks);
  const kept = earlier.tasks.filter(
    (task): task is TaskRun => task !== undefined && !earlier.removed?.has(task.index) && !gone.has(task.index),
  );
  for (const was of kept) copyOf(job, was, !over.has(was.index));
  mergeKept(job, kept, over);
  countKept(job, earlier, kept);
  job.goOnFrom(earlier.nextSeq);
  if (earlier.recorder) job.recorder?.inherit(earlier.recorder);
  return () =>
    job.together(() => {
      if (earlier.stop) job.recorder?.note('', 'stop', NO_VALUE);
      job.commandJob({ type: 'job.retry' }, { reason: 'retried' });
      for (const index of [...gone].reverse()) leaveOut(job, index);
      for (const index of job.plan.order) if (over.has(index)) startOver(job, index, over, leads);
      appraiseAll(job);
      answerSettled(job);
      endIfSettled(job);
      job.dispatcher.dispatch();
    });
};

/** Of its own, so that the earlier job stays what it was. */
const copyOf = (job: JobRun, was: TaskRun, withOutput: boolean): void => {
  const { job: _, index: __, definition: ___, path: ____, place: _____, retry: ______, ...rest } = was;
  Object.assign(job.known(was.index), rest, {
    actor: undefined,
    attempt: undefined,
    lane: undefined,
    counted: SETTLED.has(was.state),
    version: 0,
    ...(was.spans && { spans: [...was.spans] }),
    ...(was.openSpan && { openSpan: { ...was.openSpan } }),
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

const countKept = (job: JobRun, earlier: JobRun, kept: readonly TaskRun[]): void => {
  const errors = new Set(kept.filter(({ state }) => state === 'failed').map(({ error }) => error));
  job.errors = earlier.errors.filter((error) => errors.has(error));
  job.failed = job.errors.filter(({ tolerated }) => !tolerated).length;
  job.notReady = kept.filter(({ state }) => state === 'notReady').length;
  job.settled = kept.filter(({ state }) => SETTLED.has(state)).length;
};

const leaveOut = (job: JobRun, index: number): void => {
  const task = job.pathOf(job.plan.graph.names[index] as string);
  takeOut(job, index);
  job.publish({ type: 'task.removed', task });
};

const startOver = (job: JobRun, index: number, over: ReadonlySet<number>, leads: Leads): void => {
  const task = job.tasks[index] as TaskRun;
  const { recorder } = job;
  const { state } = task;
  if (task.passedOver) recorder?.note(task.path, 'branch', NO_VALUE);
  const inside = task.child && insideOf(task, leads);
  job.revive(task);
  if (inside) reuseLater(task, inside);
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

/**
 * What lets a new job begin with the results of another that stand.
 * @throws UnknownTaskError @throws CommandError @throws JournalError @throws SerialisationError of a result that its journal can't keep
 */
export const forkOf = (job: JobRun, earlier: JobRun, selection: RerunSelection): (() => void) => {
  const { leads, stand, gone } = rerunOf(earlier, selection);
  const { plan, removed } = earlier;
  const added = plan.tasks
    .map((definition, index) => ({ definition, index }))
    .slice(plan.sealed?.tasks.length ?? plan.tasks.length)
    .filter(({ index }) => !removed?.has(index) && !gone.has(index));
  const later = added.filter(({ index }) => !stand.has(index));
  requireFunctions(
    earlier,
    later.map(({ index }) => index),
  );
  for (const index of stand) {
    const { output, path } = earlier.tasks[index] as TaskRun;
    if (output !== undefined) job.recorder?.encoded(`The output of task "${path}"`, output);
  }
  return () =>
    job.together(() => {
      job.commandJob({ type: 'job.start' });
      if (added.length > 0)
        extend(
          job,
          added.map(({ definition }) => definition),
        );
      for (const { definition } of added) publishAdded(job, definition);
      reuse(job, earlier, leads, stand);
      for (const { index } of added) {
        const here = job.plan.graph.indexOf.get(plan.graph.names[index] as string);
        if (here !== undefined && (job.tasks[here]?.state ?? 'unscheduled') === 'unscheduled') appraise(job, here);
      }
    });
};

/** The input that a job started with. */
export const inputOf = ({ context }: JobRun): object => context.at(0);
