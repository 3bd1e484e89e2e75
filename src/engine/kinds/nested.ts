/* This folder handles tasks that are not functions. `nested.ts` performs nested jobs and fan-outs: it starts
 * a child job with the input or the items (`child-input.ts`, kept for a resume by `stored-input.ts`), and turns the
 * child's end into the task's outcome. `external.ts` performs nothing: other programs claim, complete or fail an external
 * task through the task's handle. */
import { ignoreRejections, isThenable } from '../../events/thenable.ts';
import { type NotReady, notReady } from '../definition/directive.ts';
import { buildGraph } from '../definition/graph.ts';
import type { StartOptions } from '../definition/options.ts';
import { createPlan, type FanOut, type NestedJob, type Plan, type TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import type { TaskScope } from '../definition/task-function.ts';
import type { Settled } from '../definition/task-spec.ts';
import { NO_VALUE } from '../durable/journal.ts';
import { isWorthReference, type OutputSource, rememberPart } from '../durable/output-parts.ts';
import { encode } from '../durable/serialise.ts';
import type { Attempt } from '../model/attempt.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';
import { handleError, handleInstanceFailure, handleResult } from '../run/attempt-result.ts';
import { intercepted } from '../run/intercept.ts';
import { LiveRun } from '../run/job-run.ts';
import { applyPassedLimits } from '../run/passed-limits.ts';
import { reuseInChild } from '../run/reuse.ts';
import { createScope } from '../run/scope.ts';
import { cancelTask } from '../run/shutdown.ts';
import { inputFrom, listOf, unexpectedPromise } from './child-input.ts';
import { needsNote, restoredInput, type StoredInput } from './stored-input.ts';

/** Performs an attempt of a nested job or fan-out by a child job. Only the tasks of the child job take slots. */
export const startNested = (job: JobRun, task: TaskRun, attempt: Attempt): void => {
  const { nested } = task.definition;
  try {
    if (nested?.definition) startJob(job, task, attempt, nested);
    else if (nested) startFanOut(job, task, attempt, nested as FanOut);
  } catch (error) {
    endAttempt(job, task, attempt, () => handleError(job, task, error));
  }
};

const startJob = (job: JobRun, task: TaskRun, attempt: Attempt, nested: NestedJob): void => {
  const checked = reusedInput(task) ?? inputFrom(nested, createScope(job, task, attempt));
  if (needsNote(nested)) job.recorder?.putInput(task, 'input', checked, job.plan.options);
  startChild(job, task, attempt, () => createChildJob(job, task, checked));
};

/**
 * Returns the input of a nested job whose results are all reused. What comes after it has been reused already, so that
 * the context holds more than it did.
 */
const reusedInput = ({ previousChild, pathsToRerun }: TaskRun): object | undefined =>
  previousChild && pathsToRerun?.size === 0 ? { ...previousChild.context.at(0) } : undefined;

const outputOf = (task: TaskRun): object => {
  const { child, definition } = task;
  const { output } = definition.nested as NestedJob;
  if (!child) return {};
  if (output) return output(child.context.final()) as object;
  const merged = child.context.outputs();
  const source = task.job.recorder?.source;
  if (source) rememberValues(merged, child.tasks, source);
  return definition.instance ? merged : { [definition.name]: merged };
};

/** Remembers which values of the merged outputs of a nested job the journal holds already, as parts of these outputs. */
const rememberValues = (
  merged: Readonly<Record<string, unknown>>,
  tasks: JobRun['tasks'],
  source: OutputSource,
): void => {
  for (const { state, storedSeq: seq, output } of tasks.flatMap((task) => task ?? [])) {
    if (state !== 'completed' || seq === undefined) continue;
    // Of a key that several tasks put out, the value of another task may be in `merged`.
    for (const [key, value] of Object.entries(output ?? {}))
      if (merged[key] === value && isLong(value, source)) rememberPart(merged, key, { seq, key, value }, source);
  }
};

/** Whether a value is long enough to be referred to. */
const isLong = (value: unknown, source: OutputSource): boolean => {
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return false;
  try {
    return isWorthReference(encode(value, source));
  } catch {
    // A value that was changed since it was stored, which can't be stored in place either: the error tells of that.
    return false;
  }
};

const collect = (task: TaskRun): object | undefined => {
  const { continueOnFailure, nested } = task.definition;
  const { maxFailures, collect } = nested as FanOut;
  if (collect === false) return undefined;
  const tolerated = continueOnFailure === true || maxFailures !== undefined;
  const results = task.child?.tasks.map((instance) => resultOf(instance, tolerated));
  const source = task.job.recorder?.source;
  if (source && results) rememberParts(results, task.child?.tasks ?? [], tolerated, source);
  return { [task.definition.name]: results };
};

/** Remembers which results the journal holds already, as outputs and errors of the instances. */
const rememberParts = (
  results: readonly unknown[],
  instances: JobRun['tasks'],
  tolerated: boolean,
  source: OutputSource,
): void => {
  for (const [index, instance] of instances.entries()) {
    const { state, storedSeq: seq, output, error } = instance ?? {};
    if (seq === undefined) continue;
    if (!tolerated) rememberPart(results, index, { seq, value: output }, source);
    else if (state === 'completed') rememberPart(results[index] as object, 'value', { seq, value: output }, source);
    else rememberPart(results[index] as object, 'reason', { seq, value: error }, source);
  }
};

const startFanOut = (job: JobRun, task: TaskRun, attempt: Attempt, { over }: FanOut): void => {
  const items: unknown = typeof over === 'function' ? callOver(job, task, attempt, over) : over;
  const start = (given: unknown): void => {
    if (attempt.phase === 'live') applyPassedLimits(task);
    if (attempt.phase === 'live') startInstances(job, task, attempt, listOf(given));
    else {
      if (Array.isArray(given)) ignoreRejections(given);
      endAttempt(job, task, attempt, () => {});
    }
  };
  if (!isThenable(items)) {
    start(items);
    return;
  }
  Promise.resolve(items)
    .then(start)
    .catch((error) => endAttempt(job, task, attempt, () => handleError(job, task, error)));
};

/** Calls the function `over` of a fan-out, here or where the executor has it called. */
const callOver = (job: JobRun, task: TaskRun, attempt: Attempt, over: (scope: TaskScope) => unknown): unknown => {
  const scope = createScope(job, task, attempt);
  const elsewhere = task.place ? job.dispatcher.elsewhere : undefined;
  return elsewhere
    ? intercepted(job, scope, () => elsewhere.perform(task, attempt, scope, () => over(scope)))
    : intercepted(job, scope, over);
};

const startInstances = (job: JobRun, task: TaskRun, attempt: Attempt, items: readonly unknown[]): void => {
  attempt.timer?.cancel();
  job.recorder?.putInput(task, 'items', items, job.plan.options);
  startChild(job, task, attempt, () => createFanOutJob(job, task, items));
};

/** Creates the child job of a nested job, without starting it. */
const createChildJob = (job: JobRun, task: TaskRun, input: object): JobRun => {
  const { definition } = task.definition.nested as NestedJob;
  const { graceMs, sequential } = job.options;
  const options = { graceMs, sequential: sequential || undefined };
  return new LiveRun(definition[PLAN] as Plan, input, options, { parent: task });
};

/** Creates the child job of a fan-out, without starting it. */
const createFanOutJob = (job: JobRun, task: TaskRun, items: readonly unknown[]): JobRun => {
  const { definition } = task;
  const tasks = items.map((item, index): TaskDefinition => instanceOf(definition, item, index));
  const plan = createPlan(task.path, tasks, {}, buildGraph(tasks), [...tasks.keys()]);
  const { concurrency, rateLimit, maxFailures } = definition.nested as FanOut;
  const isBounded = maxFailures !== undefined;
  const { maxRetries, retry, onExhausted, maxInterruptions, onFailure, graceMs, sequential } = job.options;
  const options: StartOptions = {
    maxConcurrency: concurrency,
    rateLimit,
    maxRetries,
    retry,
    onExhausted,
    maxInterruptions,
    onFailure: isBounded
      ? onFailure === 'continue'
        ? 'drain'
        : onFailure
      : definition.continueOnFailure
        ? 'continue'
        : onFailure,
    graceMs,
    sequential: sequential || undefined,
  };
  const child = new LiveRun(plan, {}, options, { parent: task, isFanOut: true });
  if (isBounded) child.maxFailures = failuresOf(maxFailures, items.length);
  return child;
};

/** Returns how many of so many items may fail. A little is added to a share, for what is lost in binary. */
const failuresOf = (max: number | string, count: number): number =>
  typeof max === 'number' ? max : Math.floor((Number.parseFloat(max) * count) / 100 + 1e-9);

/** Recreates the child job of an attempt that began before a resume; undefined if its items or input are unknown. */
export const recreateChild = (job: JobRun, task: TaskRun, stored: StoredInput, version: number): JobRun | undefined => {
  if (!task.definition.nested) return undefined;
  const { items, input } = restoredInput(job, task, stored, version);
  if (items) return createFanOutJob(job, task, items);
  return input && createChildJob(job, task, input);
};

/** Connects a child job to its attempt: the end of the child becomes the outcome of the attempt. */
export const attachChild = (job: JobRun, task: TaskRun, attempt: Attempt, child: JobRun): void => {
  task.child = child;
  child.onEnd = () => endAttempt(job, task, attempt, () => conclude(job, task, child));
};

/** Creates the definition of a fan-out's instance for one item, with the fan-out's options for attempts. Its priority is the fan-out's. */
const instanceOf = (definition: TaskDefinition, item: unknown, index: number): TaskDefinition => ({
  ...definition,
  name: `[${index}]`,
  kind: undefined,
  continueOnFailure: definition.continueOnFailure || (definition.nested as FanOut).maxFailures !== undefined,
  instance: { item, index },
  dependsOn: [],
  trigger: undefined,
  when: undefined,
  deadline: undefined,
  priority: undefined,
  nested: undefined,
  ...(definition.nested as FanOut).each,
});

const resultOf = (instance: TaskRun | undefined, tolerated: boolean): unknown => {
  if (!tolerated) return instance?.output;
  if (instance?.state === 'completed')
    return { status: 'fulfilled', value: instance.output } satisfies Settled<unknown>;
  return { status: 'rejected', reason: instance?.error } satisfies Settled<unknown>;
};

const startChild = (job: JobRun, task: TaskRun, attempt: Attempt, childOf: () => JobRun): void => {
  // The job may have begun to end while the input or the items were determined.
  if (attempt.phase !== 'live' || (job.ending && !isCleanUp(task))) {
    endAttempt(job, task, attempt, () => cancelTask(job, task));
    return;
  }
  const { previousChild } = task;
  delete task.previousChild;
  if (task.attempts > 1) job.recorder?.clearNotesUnder(task.path);
  const child = childOf();
  attachChild(job, task, attempt, child);
  job.batch(() => {
    child.commandJob({ type: 'job.start' });
    if (!task.pathsToRerun) return;
    reuseInChild(child, previousChild, task.pathsToRerun);
    delete task.pathsToRerun;
    job.recorder?.put(task.path, 'again', NO_VALUE);
  });
};

/** Turns the end of a child job into the outcome of its task. */
const conclude = (job: JobRun, task: TaskRun, child: JobRun): void => {
  const whole = child.state === 'completed' || (child.state === 'cancelled' && job.stop && isFullyDrained(child));
  if (child.state === 'cancelled' && job.stop && !whole) cancelTask(job, task);
  else if (whole) withOutput(job, task, child);
  else if (child.state === 'notReady') handleResult(job, task, whyNotReady(child));
  else if (child.isFanOut) handleInstanceFailure(job, task, child);
  else handleError(job, task, child.error);
};

/** Whether a drained job completed after all, because no task was left to run. */
const isFullyDrained = (child: JobRun): boolean =>
  child.settled === child.size &&
  child.tasks.every((task) => task?.state === 'completed' || task?.state === 'skipped' || task?.error?.tolerated);

const withOutput = (job: JobRun, task: TaskRun, child: JobRun): void => {
  let value: unknown;
  try {
    value = child.isFanOut ? collect(task) : outputOf(task);
    if (isThenable(value)) throw unexpectedPromise('output(ctx)', value);
  } catch (error) {
    handleError(job, task, error);
    return;
  }
  handleResult(job, task, value);
};

const whyNotReady = (child: JobRun): NotReady => {
  const waiting = child.tasks.filter((task) => task?.state === 'notReady');
  return notReady(waiting.map((task) => `${task?.path}: ${task?.reason}`).join('; '));
};

/** Ends an attempt: calls `outcome` or `onAborted`, or cancels the task. Defers that while the task is paused. */
const endAttempt = (job: JobRun, task: TaskRun, attempt: Attempt, outcome: () => void): void => {
  if (attempt.phase === 'live') applyPassedLimits(task);
  const { phase, onAborted } = attempt;
  if ((phase === 'live' || onAborted) && task.state === 'paused' && !job.stop && task.attempt === attempt) {
    attempt.deferredEnd = () => endAttempt(job, task, attempt, outcome);
    return;
  }
  attempt.phase = 'over';
  if (phase === 'live') outcome();
  else if (onAborted) onAborted();
  else if (phase === 'aborting') cancelTask(job, task);
};
