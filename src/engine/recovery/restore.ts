import type { ErrorData } from '../../events/error-data.ts';
import type { JobState } from '../../events/event.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { SETTLED } from '../../events/states.ts';
import { taskSnapshot } from '../../machines/task.ts';
import type { TaskDefinition } from '../definition/plan.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import { reviveCause, setHidden } from '../durable/error-revive.ts';
import type { NoteKind } from '../durable/journal.ts';
import { isWorthReference } from '../durable/output-parts.ts';
import { readStored } from '../durable/read-stored.ts';
import { AbortError, TaskError, type TaskErrorCode } from '../errors/errors.ts';
import { claimOf } from '../kinds/external.ts';
import { attachChild, recreateChild } from '../kinds/nested.ts';
import { Attempt } from '../model/attempt.ts';
import type { StoredTask } from '../model/job-record.ts';
import type { LogsNote } from '../model/logs-note.ts';
import type { ClaimNote, InputNote, ItemsNote } from '../model/notes.ts';
import { isTolerated, type JobRun, type TaskRun } from '../model/run.ts';
import type { Stop, StopNote } from '../model/stopping.ts';
import { isBegun } from '../model/task-record.ts';
import { resolveSettled } from '../reactions/resolve-outputs.ts';
import {
  addedTasks,
  appendTasks,
  missingTasksError,
  removeFromPlan,
  replacePriority,
  unknownFunction,
} from '../run/dynamic-tasks.ts';
import { jobErrorOf } from '../run/end.ts';
import { upstreamError } from '../run/scheduling.ts';
import { applyLimits, changedLimits } from '../run/set-limits.ts';
import type { JobHistory } from './job-history.ts';
import { orderAsKept } from './order-by-history.ts';
import { decodeOptions } from './stored-options.ts';
import { taskFrom } from './task-from.ts';

/** Finds the definition of a task that was added to the job while it ran. */
export type AddedTask = (path: string, dependsOn: readonly string[]) => TaskDefinition | undefined;

/**
 * Restores a job from its history into a fresh run: its state, tasks and context, nested jobs included. Starts nothing.
 * @throws JournalError
 */
export const restoreJob = (job: JobRun, history: JobHistory, added: AddedTask): void =>
  readStored(history.job.id, 'what is kept of its tasks', () => restore(job, history, added));

const restore = (job: JobRun, history: JobHistory, added: AddedTask): void => {
  const { record } = history;
  orderAsKept(job, history);
  job.restoreState(record.state, history.input);
  if (history.job.key !== undefined) job.keptInput = history.job.input;
  job.startedAt = record.startedAt;
  job.endedAt = record.endedAt;
  if (record.state === 'paused') job.pausedBy = record.reason;
  const limits = history.noteText('', 'limits');
  if (limits !== undefined) applyLimits(job, changedLimits(decodeOptions(limits), job.givenLimits ?? {}));
  job.kept = history.note('', 'trace');
  restoreTasks(job, history, added);
  job.stop = stopOf(history.note<StopNote>('', 'stop')) ?? stopFromState(record.state, record.error);
  if (job.over) job.error = jobErrorOf(job);
  job.continueAt(record.lastSeq + 1, history.last);
  resolveSettled(job);
};

/** Returns how an ended job was stopped, if no note says so. */
const stopFromState = (state: JobState, error: ErrorData | undefined): Stop | undefined => {
  if (state === 'timedOut') return { to: 'timedOut', mode: 'abort' };
  if (state === 'cancelled') return { to: 'cancelled', mode: 'abort', cause: error?.cause && reviveCause(error.cause) };
  return undefined;
};

const stopOf = (note: StopNote | undefined): Stop | undefined => {
  if (!note) return undefined;
  const { to, mode, endsCleanUp, cause, conflict } = note;
  return {
    to,
    mode,
    ...(endsCleanUp && { endsCleanUp }),
    ...(cause && { cause: reviveCause(cause) }),
    ...(conflict && { conflict }),
  };
};

/** `outerVersion`: for a fan-out, the version of the context that its instances read. */
const restoreTasks = (job: JobRun, history: JobHistory, added: AddedTask, outerVersion = 0): void => {
  restoreGrowth(job, history, added);
  const settled: (readonly [TaskRun, StoredTask])[] = [];
  for (const index of job.plan.order) {
    const name = job.plan.graph.names[index] as string;
    const record = history.record.tasks.get(job.pathOf(name));
    if (job.removed?.has(index) || !record || isUntouched(record)) continue;
    const task = restoreTask(job, index, record, history);
    if (SETTLED.has(task.state)) settled.push([task, record]);
  }
  settled.sort(([, a], [, b]) => (a.endedSeq ?? 0) - (b.endedSeq ?? 0));
  const merges = mergeOutputs(job, settled, history);
  for (const [task, record] of history.record.nested.size === 0 ? [] : recordsOf(job, history))
    if (task.definition.nested)
      restoreChild(job, task, record, history, versionAt(record.runningSeq, job, merges, outerVersion));
  // Upstreams first: the error of a skipped task has an upstream's error as its cause.
  for (const index of job.plan.order) {
    const task = job.tasks[index];
    const record = task && history.record.tasks.get(task.path);
    if (task && record && !(job.isFanOut && SETTLED.has(task.state))) restoreErrors(job, task, record, history);
  }
  for (const [task, record] of settled) {
    // Whether a failure of an instance is tolerated depends on how many came before it.
    if (job.isFanOut) restoreErrors(job, task, record, history);
    job.count(task);
  }
  restoreActive(job, history, merges, outerVersion);
  restoreRequests(job, history);
};

/** Starts actors for tasks neither settled nor unscheduled, and restores the attempts that outlive a process. */
const restoreActive = (job: JobRun, history: JobHistory, merges: readonly number[], outerVersion: number): void => {
  for (const [task, record] of recordsOf(job, history)) {
    if (SETTLED.has(task.state) || task.state === 'unscheduled') continue;
    const logs = history.note<LogsNote>(task.path, 'logs');
    if (logs) job.restoreLogs(task.path, logs);
    // Who works on an external task has not died with the job's process, so the claim continues.
    const continues = isBegun(record) && (task.child ?? task.claim) !== undefined;
    // The paused task's attempt died with its process, and such an attempt uses up no retry.
    if (isBegun(record) && !continues && task.state === 'paused')
      task.snapshot = taskSnapshot('paused', {
        ...task.snapshot.context,
        resumesAs: 'ready',
        attemptsNotCounted: task.attemptsNotCounted + 1,
      });
    job.startActor(task);
    if (!continues) continue;
    // An attempt reads the context as it was when the attempt began.
    task.attempt = new Attempt(task.attempts, versionAt(record.runningSeq, job, merges, outerVersion));
    task.attempt.begun = true;
    if (task.child) attachChild(job, task, task.attempt, task.child);
  }
};

/** Returns a note of a task if it is about the task's current attempt. */
const noteOfAttempt = <Value extends { readonly attempt?: number | undefined }>(
  { path, attempts }: TaskRun,
  kind: NoteKind,
  history: JobHistory,
): Value | undefined => {
  const note = history.note<Value>(path, kind);
  return note?.attempt === attempts ? note : undefined;
};

const recordsOf = (job: JobRun, history: JobHistory): (readonly [TaskRun, StoredTask])[] =>
  job.tasks.flatMap((task) => {
    const record = task && history.record.tasks.get(task.path);
    return task && record ? [[task, record] as const] : [];
  });

const isUntouched = ({ state, attempts, polls }: StoredTask): boolean =>
  state === 'unscheduled' && attempts === 0 && !polls;

const restoreTask = (job: JobRun, index: number, record: StoredTask, history: JobHistory): TaskRun => {
  const task = taskFrom(job, index, record);
  if (SETTLED.has(task.state) && (record.endedSeq ?? 0) < (history.retriedSeq ?? 0)) task.measured = true;
  const checkpoint = history.noteText(task.path, 'checkpoint');
  if (checkpoint !== undefined) task.checkpoint = checkpoint;
  const claim = task.definition.kind === 'external' ? noteOfAttempt<ClaimNote>(task, 'claim', history) : undefined;
  if (claim) {
    task.claim = claimOf(claim);
    // The events of earlier versions do not name the worker.
    task.worker ??= task.claim.worker;
  }
  const branchesNotTaken = history.note<readonly string[]>(task.path, 'branch');
  if (branchesNotTaken)
    task.branchesNotTaken = new Set(branchesNotTaken.flatMap((name) => job.plan.graph.indexOf.get(name) ?? []));
  return task;
};

/** Merges outputs in their original order. Returns the `seq` of the event that completed each merged task. */
const mergeOutputs = (
  job: JobRun,
  settled: readonly (readonly [TaskRun, StoredTask])[],
  history: JobHistory,
): number[] => {
  const merges: number[] = [];
  for (const [task, record] of settled) {
    if (task.state !== 'completed') continue;
    const output = history.output(record);
    if (output === undefined) continue;
    task.output = job.frozen(output) as object;
    if (job.parent && isWorthReference(record.output as string)) task.storedSeq = record.endedSeq;
    if (job.isFanOut) continue;
    job.context.merge(task.output, job.plan.positions[task.index] as number);
    task.version = job.context.version;
    merges.push(record.endedSeq ?? 0);
  }
  return merges;
};

const versionAt = (seq: number | undefined, job: JobRun, merges: readonly number[], outerVersion: number): number => {
  if (job.isFanOut) return outerVersion;
  const after = merges.findIndex((merged) => merged > (seq ?? 0));
  return after < 0 ? merges.length : after;
};

/** Restores the child job that a task runs or last ran, if its items or input are known. */
const restoreChild = (job: JobRun, task: TaskRun, record: StoredTask, history: JobHistory, version: number): void => {
  const itemsNote = noteOfAttempt<ItemsNote>(task, 'items', history);
  const inputNote = noteOfAttempt<InputNote>(task, 'input', history);
  const items = itemsNote?.items;
  const redacted = itemsNote?.redacted ?? inputNote?.redacted;
  const digest = itemsNote?.digest ?? inputNote?.digest;
  const begun = history.record.nested.has(task.path);
  if (!begun && !items) return;
  // The items were stored, but the task ended before it had instances.
  if (!begun && SETTLED.has(record.state) && items?.length !== 0) return;
  if (history.growthInside(task.path).length > 0) return;
  const child = recreateChild(job, task, { items, input: inputNote?.input, redacted, digest }, version);
  if (!child) return;
  task.child = child;
  const { state, startedAt, lastStartedAt, endedAt } = record;
  child.restoreState((isBegun(record) ? 'running' : CHILD_STATES[state]) ?? 'failed');
  child.startedAt = lastStartedAt ?? startedAt;
  child.endedAt = endedAt;
  restoreTasks(child, history, () => undefined, version);
  const stop = noteOfAttempt<StopNote>(task, 'stop', history);
  if (stop) {
    const { code, cause } = stop;
    const message = cause?.message ?? 'The task was stopped.';
    child.stop = { ...(stopOf(stop) as Stop), ...(code && { reason: new AbortError(code, message) }) };
  }
  if (child.over) child.error = jobErrorOf(child);
};

/** The state of an ended child job, by the state of its task. For any other state of the task, it is `failed`. */
const CHILD_STATES: Readonly<Partial<Record<TaskRun['state'], JobState>>> = {
  completed: 'completed',
  notReady: 'notReady',
  cancelled: 'cancelled',
};

const restoreErrors = (job: JobRun, task: TaskRun, record: StoredTask, history: JobHistory): void => {
  const { error, lastError, state, endedSeq = 0 } = record;
  if (job.isFanOut && state === 'failed') task.storedSeq = record.endedSeq;
  const hadSettled = ({ path }: TaskRun): boolean => (history.record.tasks.get(path)?.endedSeq ?? endedSeq) < endedSeq;
  if (lastError) task.lastError = reviveTaskError(task, lastError, record.lastErrorAttempt ?? task.attempts);
  if (state === 'skipped' && error)
    task.error = upstreamError(job, task, hadSettled) ?? reviveTaskError(task, error, task.attempts);
  else if (error && SETTLED.has(state)) task.error = reviveTaskError(task, error, task.attempts);
};

/** Restores a task's error. For a nested job or a fan-out, the cause is the restored error of the child job or task. */
const reviveTaskError = (task: TaskRun, data: ErrorData, attempt: number): TaskError => {
  const { path, attempts, child } = task;
  const isInner = attempt === attempts && data.cause !== undefined && CAUSED_INSIDE.has(data.cause.name);
  const nearer = data.code === 'TASK_DEADLINE' ? task.lastError : innerError(child);
  const inner = isInner ? nearer : undefined;
  const cause = inner ?? (data.cause && reviveCause(data.cause));
  const code = (data.code ?? 'TASK_FAILED') as TaskErrorCode;
  const about = {
    taskName: path,
    attempt,
    tolerated: code !== 'UPSTREAM_FAILED' && isTolerated(task),
  };
  const error = new TaskError(code, data.message, cause === undefined ? about : { ...about, cause });
  setHidden(error, 'stack', data.stack ?? `${data.name}: ${data.message}`);
  return error;
};

const CAUSED_INSIDE: ReadonlySet<string> = new Set(['TaskError', 'JobError']);

const innerError = (child: JobRun | undefined): Error | undefined =>
  child?.isFanOut ? child.errors.find(({ tolerated }) => !tolerated) : child?.error;

/** Restores what was requested for tasks: pauses of those that were not ready, and priorities. */
const restoreRequests = (job: JobRun, history: JobHistory): void => {
  for (const [index, name] of job.plan.graph.names.entries()) {
    const path = job.pathOf(name);
    const priority = history.note<number>(path, 'priority');
    if (priority !== undefined) replacePriority(job, index, priority);
    const heldBy = history.note<string>(path, 'held');
    if (heldBy === undefined) continue;
    job.pauseRequests ??= new Map();
    job.pauseRequests.set(index, heldBy);
  }
};

/** Repeats the additions and removals of tasks from the history. */
const restoreGrowth = (job: JobRun, history: JobHistory, added: AddedTask): void => {
  const growth = history.growthInside(job.parent?.path);
  const nameOf = (path: string): string => path.slice(job.pathOf('').length);
  const missing: string[] = [];
  const toAppend: TaskDefinition[] = [];
  const expansions = new Map<string, AddedTask>();
  /** Finds the tasks that the task of a path has added, by what it put out. */
  const expanded = (path: string): AddedTask => {
    let found = expansions.get(path);
    if (!found) {
      const name = nameOf(path);
      const index = job.plan.graph.indexOf.get(name);
      const definition = toAppend.find((one) => one.name === name) ?? (index !== undefined && job.plan.tasks[index]);
      const record = history.record.tasks.get(path);
      const output = record && history.output(record);
      const specs = definition && isPlainObject(output) && definition.expansion?.(output as never);
      found = addedTasks(job.plan.name, (specs || []) as readonly AnyTaskSpec[]);
      expansions.set(path, found);
    }
    return found;
  };
  for (const { task: path, dependsOn, by } of growth) {
    const name = nameOf(path);
    if (!dependsOn) {
      appendTasks(job, toAppend.splice(0));
      const index = job.plan.graph.indexOf.get(name);
      if (index !== undefined) removeFromPlan(job, index);
      continue;
    }
    const known = added(path, dependsOn) ??
      (by === undefined ? undefined : expanded(by)(name, dependsOn)) ?? { name, dependsOn, run: unknownFunction };
    if (known.run === unknownFunction && !isDone(history.record.tasks.get(path)) && !isRemoved(growth, path))
      missing.push(name);
    toAppend.push(by === undefined ? known : { ...known, addedBy: nameOf(by) });
  }
  if (toAppend.length > 0) appendTasks(job, toAppend);
  // A job that is over runs nothing, so it needs no functions.
  if (missing.length > 0 && !history.last) throw missingTasksError(job, missing);
};

const isRemoved = (growth: ReturnType<JobHistory['growthInside']>, path: string): boolean =>
  growth.findLast(({ task }) => task === path)?.dependsOn === undefined;

/** Whether a task has ended and will not need its function again. A failed one may be retried. */
const isDone = (record: StoredTask | undefined): boolean =>
  record !== undefined && SETTLED.has(record.state) && record.state !== 'failed';
