import { errorData, textOf } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection } from '../../events/thenable.ts';
import {
  type Branch,
  type Directive,
  directiveOf,
  type Expand,
  kindOfDirective,
  type NotReady,
} from '../definition/directive.ts';
import { reachable } from '../definition/graph.ts';
import { formatValue } from '../definition/option-rules.ts';
import { intervalMs, isPoll, type Poll } from '../definition/sensor.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import {
  isA,
  type JobError,
  SchemaError,
  SerialisationError,
  TaskError,
  type TaskErrorCode,
} from '../errors/errors.ts';
import { didYouMean } from '../errors/suggest.ts';
import { boundedReason } from '../model/bounded-reason.ts';
import type { Overlap } from '../model/context.ts';
import { isStopped, type JobRun, type TaskRun } from '../model/run.ts';
import { HEARTBEAT } from '../model/task-record.ts';
import { reportConflicts } from './conflict.ts';
import { addTasks } from './dynamic-tasks.ts';
import { decideRetry, type RetryDecision } from './retry-decision.ts';
import { cancelTask } from './shutdown.ts';

/** Handles what an attempt returned: an output, nothing, a special value such as `notReady`, or something invalid. */
export const handleResult = (job: JobRun, task: TaskRun, value: unknown, ready?: ReadyOutput): void => {
  if (value === undefined) {
    unlessPaused(task, () => job.commandTask(task, { type: 'attempt.succeeded' }));
    return;
  }
  const result = classify(value, job.isFanOut);
  if (result.kind === 'refused') rejectOutput(job, task, result.what, value, ...result.cause);
  else if (result.kind === 'directive') applyDirective(job, task, result.directive);
  else if (result.kind === 'poll') pollAgain(job, task, value as Poll);
  else if (result.kind === 'item') completeInstance(job, task, value);
  else complete(job, task, value as object, ready);
};

/**
 * Applies the outcome of an attempt; if one of the hooks called for it has paused the task, when the task resumes. Drops
 * it if a hook has ended the attempt.
 */
const unlessPaused = (task: TaskRun, apply: () => void, attempt = task.attempt): void => {
  if (!attempt || task.attempt !== attempt) return;
  if (task.state === 'paused') attempt.deferredEnd = apply;
  else apply();
};

/** Marks a value as frozen already; `text` is its JSON, if the job has a journal. */
type ReadyOutput = { readonly text: string | undefined };

type Classified =
  | { readonly kind: 'poll' | 'item' | 'output' }
  | { readonly kind: 'directive'; readonly directive: Directive }
  | { readonly kind: 'refused'; readonly what: string; readonly cause: [cause?: unknown] };

/** Classifies a returned value; refuses a value that throws when it is read. */
const classify = (value: unknown, isItem: boolean): Classified => {
  try {
    if (isPoll(value)) return { kind: 'poll' };
    const directive = directiveOf(value);
    if (directive) return { kind: 'directive', directive };
    if (isItem) return { kind: 'item' };
    if (isPlainObject(value)) return { kind: 'output' };
    return { kind: 'refused', what: unmergeable(value), cause: [] };
  } catch (error) {
    return { kind: 'refused', what: `an object that can't be read: ${messageOf(error)}`, cause: [error] };
  }
};

/** Handles a sensor's "not yet": schedules the next check. The wait for it takes no slot and uses up no retry. */
const pollAgain = (job: JobRun, task: TaskRun, { reason }: Poll): void => {
  if (isStopped(task)) {
    cancelTask(job, task);
    return;
  }
  const polls = (task.polls ?? 0) + 1;
  let waitMs: number;
  try {
    waitMs = intervalMs(task.definition.sensor ?? {}, polls);
  } catch (error) {
    fail(job, task, attemptError(task, error), 'error');
    return;
  }
  const dueAt = job.clock.now() + waitMs;
  job.commandTask(task, { type: 'attempt.poll' }, { reason: boundedReason(textOf(reason), polls), dueAt });
};

const applyDirective = (job: JobRun, task: TaskRun, directive: Directive): void => {
  const kind = kindOfDirective(directive);
  if (kind === 'notReady') {
    const reason = textOf((directive as NotReady).reason);
    unlessPaused(task, () => job.commandTask(task, { type: 'attempt.notReady', reason }, { reason }));
  } else if (job.isFanOut) {
    rejectOutput(job, task, `${kind}(…), which is not for the instances of a fan-out`, directive);
  } else if (kind === 'branch') {
    applyBranch(job, task, directive as Branch<unknown>);
  } else {
    applyExpand(job, task, directive as Expand<unknown>);
  }
};

/** Handles a branch: this task counts as skipped for downstream tasks neither picked nor downstream of a pick. */
const applyBranch = (job: JobRun, task: TaskRun, branch: Branch<unknown>): void => {
  const { picks, output } = branch;
  const { graph } = job.plan;
  const downstream = graph.downstream[task.index] ?? [];
  const names = downstream.map((index) => graph.names[index] as string);
  for (const pick of picks as readonly unknown[]) {
    if (typeof pick === 'string' && names.includes(pick)) continue;
    const hint = (typeof pick === 'string' && didYouMean(pick, names)) || ` Those are ${names.join(', ') || 'none'}.`;
    rejectOutput(
      job,
      task,
      `branch(…) with ${formatValue(pick)}, which does not directly depend on it.${hint}`,
      branch,
    );
    return;
  }
  const picked = new Set(picks.map((name) => graph.indexOf.get(name) as number));
  for (const index of [...picked]) for (const further of reachable(index, graph.downstream)) picked.add(further);
  if (output === undefined || isPlainObject(output)) {
    task.branchesNotTaken = new Set(downstream.filter((index) => !picked.has(index)));
    const notTaken = [...task.branchesNotTaken].map((index) => graph.names[index] as string);
    job.recorder?.put(task.path, 'branch', JSON.stringify(notTaken));
  }
  completeWith(job, task, output);
};

const applyExpand = (job: JobRun, task: TaskRun, expand: Expand<unknown>): void => {
  const { tasks, output } = expand;
  if (output !== undefined && !isPlainObject(output)) {
    completeWith(job, task, output);
    return;
  }
  if (!job.stop) {
    try {
      addTasks(job, tasks as readonly AnyTaskSpec[], task.definition.name);
    } catch (error) {
      rejectOutput(job, task, `tasks that can't join the job: ${messageOf(error)}`, expand, error);
      return;
    }
  }
  completeWith(job, task, output);
};

const completeWith = (job: JobRun, task: TaskRun, output: unknown): void => {
  if (output === undefined) unlessPaused(task, () => job.commandTask(task, { type: 'attempt.succeeded' }));
  else if (isPlainObject(output)) complete(job, task, output);
  else rejectOutput(job, task, unmergeable(output), output);
};

/** Completes an instance of a fan-out. Its result may be any value; the fan-out collects the results of all. */
const completeInstance = (job: JobRun, task: TaskRun, value: unknown): void => {
  const text = encodeForJournal(job, task, value);
  if (text === REJECTED) return;
  let output: object;
  try {
    output = (typeof value === 'object' && value !== null ? job.frozen(value) : value) as object;
  } catch (error) {
    rejectOutput(job, task, `an object that can't be read: ${messageOf(error)}`, value, error);
    return;
  }
  job.commandTask(task, { type: 'attempt.succeeded', output: value }, { output, text });
};

/** Returns an output's JSON; undefined if there is no journal or output; REJECTED if encoding failed and so the task. */
const encodeForJournal = (job: JobRun, task: TaskRun, output: unknown): string | typeof REJECTED | undefined => {
  if (!job.recorder || output === undefined) return undefined;
  try {
    return job.recorder.encodeOutput(`The output of task "${task.path}"`, output, job.isFanOut);
  } catch (error) {
    const isTooLarge = isA(error, SerialisationError) && error.code === 'OUTPUT_TOO_LARGE';
    const code = isTooLarge ? 'OUTPUT_TOO_LARGE' : 'UNSERIALISABLE_OUTPUT';
    const reason = isTooLarge ? 'outputTooLarge' : 'unserialisableOutput';
    fail(job, task, taskError(task, code, `failed: ${messageOf(error)}`, [error], { value: output }), reason);
    return REJECTED;
  }
};

const REJECTED = Symbol('refused');

const complete = (job: JobRun, task: TaskRun, value: object, ready?: ReadyOutput): void => {
  const { attempt } = task;
  const text = ready ? ready.text : encodeForJournal(job, task, value);
  if (text === REJECTED) return;
  let output = value;
  try {
    if (!ready) output = job.frozen(value);
  } catch (error) {
    rejectOutput(job, task, `an object that can't be read: ${messageOf(error)}`, value, error);
    return;
  }
  unlessPaused(task, () => completeWithOutput(job, task, output, text), attempt);
};

const completeWithOutput = (job: JobRun, task: TaskRun, output: object, text: string | undefined): void => {
  let overlaps: readonly Overlap[];
  try {
    overlaps = job.context.merge(output, job.plan.positions[task.index] as number);
    task.version = job.context.version;
  } catch (error) {
    rejectOutput(job, task, `an object that can't be read: ${messageOf(error)}`, output, error);
    return;
  }
  const succeed = (): void => {
    job.commandTask(task, { type: 'attempt.succeeded', output }, { output, text });
  };
  // Merging reads the output once more: a getter may have paused the task.
  unlessPaused(task, () => {
    if (overlaps.length === 0) {
      succeed();
      return;
    }
    job.batch(() => {
      succeed();
      reportConflicts(job, overlaps);
    });
  });
};

/** Fails a task because of an invalid output, which the error holds. It is not retried. */
const rejectOutput = (job: JobRun, task: TaskRun, what: string, value: unknown, ...cause: [cause?: unknown]): void => {
  const error = taskError(task, 'INVALID_OUTPUT', `put out ${what}`, cause, { value });
  fail(job, task, error, 'invalidOutput');
};

const unmergeable = (value: unknown): string =>
  `${describe(value)}: expected a plain object, which is merged into the context, or nothing`;

const describe = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'a class'}`;
  return typeof value === 'function' ? 'a function' : `the ${typeof value} ${textOf(value)}`.slice(0, 80);
};

/** Handles an error that an attempt threw: retries if the policy and the error allow it. */
export const handleError = (job: JobRun, task: TaskRun, thrown: unknown): void => {
  if (isA(thrown, SchemaError) && thrown.code === 'INVALID_OUTPUT') {
    const { message, value } = thrown;
    fail(job, task, taskError(task, 'INVALID_OUTPUT', `failed: ${message}`, [thrown], { value }), 'invalidOutput');
    return;
  }
  if (isA(thrown, SerialisationError) && thrown.code === 'UNSERIALISABLE_OUTPUT') {
    const error = taskError(task, 'UNSERIALISABLE_OUTPUT', `failed: ${thrown.message}`, [thrown]);
    fail(job, task, error, 'unserialisableOutput');
    return;
  }
  failOrRetry(job, task, attemptError(task, thrown), thrown, 'error');
};

/** Fails a fan-out because an instance failed for good. No retry: the instance has made its own retries. */
export const handleInstanceFailure = (job: JobRun, task: TaskRun, cause: TaskError | JobError | undefined): void => {
  fail(job, task, attemptError(task, cause), 'error');
};

/** Fails a task whose condition threw, without performing or retrying it. */
export const failCondition = (job: JobRun, task: TaskRun, thrown: unknown): void => {
  fail(
    job,
    task,
    taskError(task, 'TASK_FAILED', `failed: its condition threw: ${messageOf(thrown)}`, [thrown]),
    'error',
  );
};

/** Fails or retries an attempt that exceeded its time limit. */
export const timeOutAttempt = (job: JobRun, task: TaskRun, limitMs: number): void => {
  const error = taskError(task, 'TASK_TIMEOUT', `timed out in attempt ${task.attempts}, after ${limitMs} ms`);
  failOrRetry(job, task, error, error, 'timeout');
};

/** Fails or retries an external task whose worker missed a heartbeat. */
export const handleMissedHeartbeat = (job: JobRun, task: TaskRun, worker: string, limitMs: number): void => {
  const what = `missed its heartbeat in attempt ${task.attempts}: nothing was heard of ${worker} for ${limitMs} ms`;
  const error = taskError(task, 'HEARTBEAT_MISSED', what);
  failOrRetry(job, task, error, error, HEARTBEAT);
};

/** Fails a task that exceeded its deadline, which covers all attempts. */
export const expireTask = (job: JobRun, task: TaskRun, limitMs: number): void => {
  const cause: [TaskError?] = task.lastError ? [task.lastError] : [];
  const what = `was not done within its deadline of ${limitMs} ms${looksOf(task)}`;
  const error = taskError(task, 'TASK_DEADLINE', what, cause);
  job.commandTask(task, { type: 'task.expire', error }, { reason: 'deadline', error });
};

/** Returns how often a sensor looked in vain, and what came last; an empty text for other tasks. */
const looksOf = ({ definition, polls = 0, pollReason }: TaskRun): string => {
  if (definition.kind !== 'sensor') return '';
  const last = pollReason === undefined ? '' : `, the last time because: ${pollReason}`;
  return `: it looked ${polls === 1 ? 'once' : `${polls} times`} in vain${last}`;
};

const failOrRetry = (job: JobRun, task: TaskRun, error: TaskError, thrown: unknown, reason: string): void => {
  const { attempt } = task;
  const decision = decideRetry(job, task, thrown);
  unlessPaused(task, () => applyDecision(job, task, error, decision, reason), attempt);
};

const applyDecision = (job: JobRun, task: TaskRun, error: TaskError, decision: RetryDecision, reason: string): void => {
  if (isStopped(task)) {
    // A hook of the retry policy, or someone while the task was paused, has stopped the job.
    fail(job, task, error, reason);
  } else if (decision.retry) {
    const dueAt = job.clock.now() + decision.waitMs;
    job.commandTask(task, { type: 'attempt.failed', error }, { reason, error, dueAt });
  } else if ('thrown' in decision) {
    const message = `failed in attempt ${task.attempts}, and its retry policy threw: ${messageOf(decision.thrown)}`;
    fail(job, task, taskError(task, 'TASK_FAILED', message, [decision.thrown]), reason);
  } else if (decision.exhausted) {
    task.deadlineTimer?.pause();
    job.commandTask(task, { type: 'attempt.failed', error, pause: true }, { reason, error });
  } else {
    fail(job, task, error, reason);
  }
};

const fail = (job: JobRun, task: TaskRun, error: TaskError, reason: string): void => {
  unlessPaused(task, () => job.commandTask(task, { type: 'attempt.failed', error, final: true }, { reason, error }));
};

/** Creates the error of an attempt that threw. */
const attemptError = (task: TaskRun, thrown: unknown): TaskError =>
  taskError(task, 'TASK_FAILED', `failed in attempt ${task.attempts}: ${messageOf(thrown)}`, [thrown]);

const taskError = (
  task: TaskRun,
  code: TaskErrorCode,
  what: string,
  cause: readonly [cause?: unknown] = [],
  more: { readonly value?: unknown } = {},
): TaskError => {
  // A function may throw a promise, too, that nobody awaits.
  ignoreRejection(cause[0]);
  const { path, definition } = task;
  const tolerated = definition.continueOnFailure ?? false;
  const about = { taskName: path, attempt: task.attempts, tolerated, ...more };
  return new TaskError(code, `Task "${path}" ${what}`, cause.length === 0 ? about : { ...about, cause: cause[0] });
};

const messageOf = (thrown: unknown): string => errorData(thrown).message;
