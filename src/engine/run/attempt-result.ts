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
  type Skip,
} from '../definition/directive.ts';
import { reachable } from '../definition/graph.ts';
import { formatValue } from '../definition/option-rules.ts';
import type { FanOut } from '../definition/plan.ts';
import { intervalMs, isPoll, type Poll } from '../definition/sensor.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import {
  InterruptedError,
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
import { isStopped, isTolerated, type JobRun, type TaskRun } from '../model/run.ts';
import { HEARTBEAT } from '../model/task-record.ts';
import { reportConflicts } from './conflict.ts';
import { addTasks } from './dynamic-tasks.ts';
import { interruptAttempt } from './interruption.ts';
import { decideRetry, type RetryDecision } from './retry-decision.ts';
import { cancelTask } from './shutdown.ts';

/** Handles what an attempt returned: an output, nothing, a special value such as `notReady`, or something invalid. */
export const handleResult = (job: JobRun, task: TaskRun, value: unknown, ready?: ReadyOutput): void => {
  if (value === undefined) {
    completeWith(job, task, value);
    return;
  }
  let apply: () => void;
  try {
    apply = outcomeOf(job, task, value, ready);
  } catch (error) {
    rejectUnreadable(job, task, value, error);
    return;
  }
  apply();
};

/** Returns what to do with a returned value. Throws what reading the value throws. */
const outcomeOf = (job: JobRun, task: TaskRun, value: unknown, ready: ReadyOutput | undefined): (() => void) => {
  if (isPoll(value)) return () => pollAgain(job, task, value);
  const directive = directiveOf(value);
  if (directive) return () => applyDirective(job, task, directive);
  const { expansion } = task.definition;
  if (expansion && !job.isFanOut && isPlainObject(value))
    return () => grow(job, task, value, () => expansion(value) as readonly AnyTaskSpec[]);
  if (job.isFanOut || isPlainObject(value)) return () => complete(job, task, value as object, ready);
  const what = unmergeable(value);
  return () => rejectOutput(job, task, what, { value });
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
    fail(job, task, attemptError(task, error));
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
    rejectOutput(job, task, `${kind}(…), which is not for the instances of a fan-out`, { value: directive });
  } else if (kind === 'skip') {
    const reason = textOf((directive as Skip).reason);
    unlessPaused(task, () => skipTask(job, task, reason));
  } else if (kind === 'branch') {
    applyBranch(job, task, directive as Branch<unknown>);
  } else {
    const { tasks, output } = directive as Expand<unknown>;
    grow(job, task, output, () => tasks as readonly AnyTaskSpec[], directive);
  }
};

const skipTask = (job: JobRun, task: TaskRun, reason: string): void => {
  job.commandTask(task, { type: 'task.skip', reason }, { reason });
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
    const what = `branch(…) with ${formatValue(pick)}, which does not directly depend on it.${hint}`;
    rejectOutput(job, task, what, { value: branch });
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

/** Adds tasks to the job, and completes the task with its output. */
const grow = (
  job: JobRun,
  task: TaskRun,
  output: unknown,
  specs: () => readonly AnyTaskSpec[],
  value: unknown = output,
): void => {
  if (!job.stop && (output === undefined || isPlainObject(output))) {
    try {
      addTasks(job, specs(), task.definition.name);
    } catch (error) {
      rejectOutput(job, task, `tasks that can't join the job: ${messageOf(error)}`, { value, cause: error });
      return;
    }
  }
  completeWith(job, task, output);
};

const completeWith = (job: JobRun, task: TaskRun, output: unknown): void => {
  if (output === undefined) unlessPaused(task, () => job.commandTask(task, { type: 'attempt.succeeded' }));
  else if (isPlainObject(output)) complete(job, task, output);
  else rejectOutput(job, task, unmergeable(output), { value: output });
};

/** Whether a fan-out collects the results of its instances. Otherwise nothing keeps them. */
const gathers = ({ parent }: JobRun): boolean => (parent?.definition.nested as FanOut).collect !== false;

/** Completes a task with its output, or an instance of a fan-out with any value; the fan-out collects those of all. */
const complete = (job: JobRun, task: TaskRun, value: object, ready?: ReadyOutput): void => {
  const { attempt } = task;
  if (job.isFanOut && !gathers(job)) {
    job.commandTask(task, { type: 'attempt.succeeded' });
    return;
  }
  const output = ready ?? prepared(job, task, value);
  if (!output) return;
  const { text } = output;
  unlessPaused(
    task,
    () => {
      if (job.isFanOut) succeed(job, task, value, text);
      else mergeAndSucceed(job, task, value, text);
    },
    attempt,
  );
};

/** Freezes an output and returns its JSON, for the journal. Fails the task if that can't be done. */
const prepared = (job: JobRun, task: TaskRun, value: unknown): ReadyOutput | undefined => {
  let text: string | undefined;
  try {
    text = job.recorder?.encodeOutput(`The output of task "${task.path}"`, value, job.isFanOut);
  } catch (cause) {
    const isTooLarge = isA(cause, SerialisationError) && cause.code === 'OUTPUT_TOO_LARGE';
    const code = isTooLarge ? 'OUTPUT_TOO_LARGE' : 'UNSERIALISABLE_OUTPUT';
    fail(job, task, taskError(task, code, `failed: ${messageOf(cause)}`, { cause, value }));
    return undefined;
  }
  try {
    job.frozen(value);
  } catch (error) {
    rejectUnreadable(job, task, value, error);
    return undefined;
  }
  return { text };
};

const succeed = (job: JobRun, task: TaskRun, output: object, text: string | undefined): void => {
  job.commandTask(task, { type: 'attempt.succeeded', output }, { output, text });
};

const mergeAndSucceed = (job: JobRun, task: TaskRun, output: object, text: string | undefined): void => {
  let overlaps: readonly Overlap[];
  try {
    overlaps = job.context.merge(output, job.plan.positions[task.index] as number);
    task.version = job.context.version;
  } catch (error) {
    rejectUnreadable(job, task, output, error);
    return;
  }
  // Merging reads the output once more: a getter may have paused the task.
  unlessPaused(task, () => {
    if (overlaps.length === 0) {
      succeed(job, task, output, text);
      return;
    }
    job.batch(() => {
      succeed(job, task, output, text);
      reportConflicts(job, overlaps);
    });
  });
};

/** Fails a task because of an invalid output, which the error holds. It is not retried. */
const rejectOutput = (job: JobRun, task: TaskRun, what: string, about: About): void => {
  fail(job, task, taskError(task, 'INVALID_OUTPUT', `put out ${what}`, about));
};

const rejectUnreadable = (job: JobRun, task: TaskRun, value: unknown, cause: unknown): void => {
  rejectOutput(job, task, `an object that can't be read: ${messageOf(cause)}`, { value, cause });
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
  if (task.place && isA(thrown, InterruptedError)) {
    interruptAttempt(job, task, `${thrown.message} ${NOT_REPEATED}`);
  } else if (isA(thrown, SchemaError) && thrown.code === 'INVALID_OUTPUT') {
    const { code, message, value } = thrown;
    fail(job, task, taskError(task, code, `failed: ${message}`, { cause: thrown, value }));
  } else if (isA(thrown, SerialisationError) && thrown.code === 'UNSERIALISABLE_OUTPUT') {
    fail(job, task, taskError(task, thrown.code, `failed: ${thrown.message}`, { cause: thrown }));
  } else {
    failOrRetry(job, task, attemptError(task, thrown), thrown);
  }
};

const NOT_REPEATED = 'It is not tried again, since it may be what its workers die of.';

/** Fails a fan-out because an instance failed for good. No retry: the instance has made its own retries. */
export const handleInstanceFailure = (job: JobRun, task: TaskRun, child: JobRun): void => {
  const cause: TaskError | JobError | undefined = child.errors.find(({ tolerated }) => !tolerated) ?? child.error;
  const { errors, size, maxFailures } = child;
  const many = `failed: ${errors.length} of ${size} items failed, of which at most ${maxFailures} may: `;
  const error =
    errors.length > maxFailures
      ? taskError(task, 'TASK_FAILED', many + messageOf(cause), { cause })
      : attemptError(task, cause);
  fail(job, task, error);
};

/** Fails a task whose condition threw, without performing or retrying it. */
export const failCondition = (job: JobRun, task: TaskRun, thrown: unknown): void => {
  const what = `failed: its condition threw: ${messageOf(thrown)}`;
  fail(job, task, taskError(task, 'TASK_FAILED', what, { cause: thrown }));
};

/** Fails or retries an attempt that exceeded its time limit. */
export const timeOutAttempt = (job: JobRun, task: TaskRun, limitMs: number): void => {
  const error = taskError(task, 'TASK_TIMEOUT', `timed out in attempt ${task.attempts}, after ${limitMs} ms`);
  failOrRetry(job, task, error);
};

/** Fails or retries an external task whose worker missed a heartbeat. */
export const handleMissedHeartbeat = (job: JobRun, task: TaskRun, worker: string, limitMs: number): void => {
  const what = `missed its heartbeat in attempt ${task.attempts}: nothing was heard of ${worker} for ${limitMs} ms`;
  const error = taskError(task, 'HEARTBEAT_MISSED', what);
  failOrRetry(job, task, error);
};

/** Fails a task that exceeded its deadline, which covers all attempts; skips a sensor with `softFail`. */
export const expireTask = (job: JobRun, task: TaskRun, limitMs: number): void => {
  if (task.definition.sensor?.softFail) {
    skipTask(job, task, 'deadline');
    return;
  }
  const what = `was not done within its deadline of ${limitMs} ms${looksOf(task)}`;
  const error = taskError(task, 'TASK_DEADLINE', what, task.lastError && { cause: task.lastError });
  job.commandTask(task, { type: 'task.expire', error }, { reason: 'deadline', error });
};

/** Returns how often a sensor looked in vain, and what came last; an empty text for other tasks. */
const looksOf = ({ definition, polls = 0, pollReason }: TaskRun): string => {
  if (definition.kind !== 'sensor') return '';
  const last = pollReason === undefined ? '' : `, the last time because: ${pollReason}`;
  return `: it looked ${polls === 1 ? 'once' : `${polls} times`} in vain${last}`;
};

const failOrRetry = (job: JobRun, task: TaskRun, error: TaskError, thrown: unknown = error): void => {
  const { attempt } = task;
  const decision = decideRetry(job, task, thrown);
  unlessPaused(task, () => applyDecision(job, task, error, decision), attempt);
};

const applyDecision = (job: JobRun, task: TaskRun, error: TaskError, decision: RetryDecision): void => {
  const reason = reasonOf(error);
  if (isStopped(task)) {
    // A hook of the retry policy, or someone while the task was paused, has stopped the job.
    fail(job, task, error);
  } else if (decision.retry) {
    const dueAt = job.clock.now() + decision.waitMs;
    job.commandTask(task, { type: 'attempt.failed', error }, { reason, error, dueAt });
  } else if ('thrown' in decision) {
    const what = `failed in attempt ${task.attempts}, and its retry policy threw: ${messageOf(decision.thrown)}`;
    fail(job, task, taskError(task, 'TASK_FAILED', what, { cause: decision.thrown }), reason);
  } else if (decision.exhausted) {
    task.deadlineTimer?.pause();
    job.commandTask(task, { type: 'attempt.failed', error, pause: true }, { reason, error });
  } else {
    fail(job, task, error);
  }
};

const fail = (job: JobRun, task: TaskRun, error: TaskError, reason = reasonOf(error)): void => {
  unlessPaused(task, () => {
    if (reason === 'timeout' && task.definition.sensor?.softFail) skipTask(job, task, reason);
    else job.commandTask(task, { type: 'attempt.failed', error, final: true }, { reason, error });
  });
};

/** Returns the reason of a failure, as its event has it. */
const reasonOf = ({ code }: TaskError): string => REASONS[code] ?? 'error';

const REASONS: { readonly [Code in TaskErrorCode]?: string } = {
  TASK_TIMEOUT: 'timeout',
  HEARTBEAT_MISSED: HEARTBEAT,
  INVALID_OUTPUT: 'invalidOutput',
  UNSERIALISABLE_OUTPUT: 'unserialisableOutput',
  OUTPUT_TOO_LARGE: 'outputTooLarge',
};

/** Creates the error of an attempt that threw. */
const attemptError = (task: TaskRun, thrown: unknown): TaskError =>
  taskError(task, 'TASK_FAILED', `failed in attempt ${task.attempts}: ${messageOf(thrown)}`, { cause: thrown });

/** What a task threw, and what it put out, if it did. */
type About = { readonly cause?: unknown; readonly value?: unknown };

const taskError = (task: TaskRun, code: TaskErrorCode, what: string, about: About = {}): TaskError => {
  // A function may throw a promise, too, that nobody awaits.
  ignoreRejection(about.cause);
  const { path: taskName, attempts: attempt } = task;
  return new TaskError(code, `Task "${taskName}" ${what}`, {
    taskName,
    attempt,
    tolerated: isTolerated(task),
    ...about,
  });
};

const messageOf = (thrown: unknown): string => errorData(thrown).message;
