/* This folder handles tasks that are not functions. `nested.ts` performs nested jobs and fan-outs: it starts
 * a child job with the input or the items, and turns the child's end into the task's outcome. `external.ts` performs
 * nothing: other programs claim, complete or fail an external task through the task's handle. */
import { createHash } from 'node:crypto';
import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection, ignoreRejections, isThenable } from '../../events/thenable.ts';
import { checkedInput } from '../definition/check-schema.ts';
import { type NotReady, notReady } from '../definition/directive.ts';
import { buildGraph } from '../definition/graph.ts';
import { formatValue } from '../definition/option-rules.ts';
import type { StartOptions } from '../definition/options.ts';
import { createPlan, type FanOut, type NestedJob, type Plan, type TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import type { TaskScope } from '../definition/task-function.ts';
import type { Settled } from '../definition/task-spec.ts';
import { NO_VALUE } from '../durable/journal.ts';
import { type OutputSource, rememberPart } from '../durable/output-parts.ts';
import { type RedactedParts, redactedParts, redactOf, unredacted } from '../durable/redaction.ts';
import { encode } from '../durable/serialise.ts';
import { isA, NonRetryableError, SerialisationError } from '../errors/errors.ts';
import { Attempt } from '../model/attempt.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';
import { handleError, handleInstanceFailure, handleResult } from '../run/attempt-result.ts';
import { LiveRun } from '../run/job-run.ts';
import { applyPassedLimits } from '../run/passed-limits.ts';
import { reuseInChild } from '../run/reuse.ts';
import { createScope } from '../run/scope.ts';
import { cancelTask } from '../run/shutdown.ts';

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
  const checked = inputFrom(nested, createScope(job, task, attempt));
  if (job.recorder && needsNote(nested)) storeNote(job, task, 'input', checked);
  startChild(job, task, attempt, () => createChildJob(job, task, checked));
};

const inputFrom = ({ definition, input }: NestedJob, scope: TaskScope): object => {
  const plan = definition[PLAN] as Plan;
  const given: unknown = input ? input(scope) : { ...scope.ctx };
  if (isThenable(given)) throw unexpectedPromise('input(scope)', given);
  if (!isPlainObject(given)) throw new NonRetryableError('its input(scope) answered no plain object');
  return checkedInput(plan.options.input, given, plan.name);
};

/** Whether the journal must store a nested job's input, because the input is not simply the outer context. */
const needsNote = ({ definition, input }: NestedJob): boolean =>
  input !== undefined || (definition[PLAN] as Plan).options.input !== undefined;

/**
 * Stores an attempt's items or input. If they are too large, stores their digest: a resume computes them again. If they
 * can't be encoded, stores nothing: a resume then starts a new attempt.
 */
const storeNote = ({ recorder, plan }: JobRun, task: TaskRun, kind: 'items' | 'input', value: object): void => {
  if (!recorder) return;
  const kept = redactOf(plan.options)(value);
  const note = { attempt: task.attempts, [kind]: kept };
  try {
    const text = recorder.encodeOutput(kind, note);
    // What can be encoded has no circular references.
    const redacted = redactedParts(value, kept);
    recorder.put(task.path, kind, redacted ? recorder.encodeOutput(kind, { ...note, redacted }) : text);
  } catch (error) {
    if (!isA(error, SerialisationError)) throw error;
    if (error.code !== 'OUTPUT_TOO_LARGE') return;
    const digest = digestOf(kept);
    if (digest !== undefined) recorder?.put(task.path, kind, JSON.stringify({ attempt: task.attempts, digest }));
  }
};

/** Returns the SHA-256 of a value's JSON; undefined if that is longer than any text can be. */
const digestOf = (value: unknown): string | undefined => {
  try {
    return createHash('sha256').update(encode(value)).digest('hex');
  } catch {
    return undefined;
  }
};

const outputOf = (task: TaskRun): object => {
  const { child, definition } = task;
  const { output } = definition.nested as NestedJob;
  if (!child) return {};
  if (!output) return { [definition.name]: child.context.outputs() };
  return output(child.context.final()) as object;
};

const collect = (task: TaskRun): object => {
  const tolerated = task.definition.continueOnFailure === true;
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
  const items: unknown = typeof over === 'function' ? over(createScope(job, task, attempt)) : over;
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

/** The maximum number of items of a fan-out: each is a task, and an iterator may have no end. */
export const MAX_ITEMS = 1_000_000;

const tooManyItems = (): NonRetryableError =>
  new NonRetryableError(
    `its "over" gave more than ${MAX_ITEMS} items. Let each item stand for several, such as the bounds of a range`,
  );

const listOf = (items: unknown): readonly unknown[] => {
  const list = Array.isArray(items) ? asList(items) : iterated(items);
  if (!list.some(isThenable)) return list;
  ignoreRejections(list);
  throw new NonRetryableError('its "over" gave promises as items: let a function "over" await them, as by Promise.all');
};

const asList = (items: readonly unknown[]): readonly unknown[] => {
  if (items.length > MAX_ITEMS) throw tooManyItems();
  return Array.from(items);
};

/** Returns what an iterator gives. One that answers promises would have no end, so it is refused, as one without end is. */
const iterated = (items: unknown): readonly unknown[] => {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw new NonRetryableError(
      `its "over" gave ${formatValue(items)}: expected an array, or something else to iterate over`,
    );
  const iterator = atOnce((items as Iterable<unknown>)[Symbol.iterator]());
  const list: unknown[] = [];
  try {
    for (let step = atOnce(iterator.next()); !step.done; step = atOnce(iterator.next())) {
      if (list.length >= MAX_ITEMS) {
        iterator.return?.();
        throw tooManyItems();
      }
      list.push(step.value);
    }
  } catch (error) {
    ignoreRejections(list);
    throw error;
  }
  return list;
};

const atOnce = <Value>(value: Value): Value => {
  if (!isThenable(value)) return value;
  ignoreRejection(value);
  throw new NonRetryableError('the iterator of its "over" answered a promise: collect the items in a function "over"');
};

const startInstances = (job: JobRun, task: TaskRun, attempt: Attempt, items: readonly unknown[]): void => {
  attempt.timer?.cancel();
  if (job.recorder) storeNote(job, task, 'items', items);
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
  const { concurrency, rateLimit } = definition.nested as FanOut;
  const { maxRetries, retry, onExhausted, maxInterruptions, onFailure, graceMs, sequential } = job.options;
  const options: StartOptions = {
    maxConcurrency: concurrency,
    rateLimit,
    maxRetries,
    retry,
    onExhausted,
    maxInterruptions,
    onFailure: definition.continueOnFailure ? 'continue' : onFailure,
    graceMs,
    sequential: sequential || undefined,
  };
  return new LiveRun(plan, {}, options, { parent: task, isFanOut: true });
};

/**
 * Stored items or input of an attempt; undefined if they were not stored. `redacted`: what was left out of them.
 * `digest`: they were too large.
 */
type ChildPast = {
  readonly items?: readonly unknown[] | undefined;
  readonly input?: object | undefined;
  readonly redacted?: RedactedParts | undefined;
  readonly digest?: string | undefined;
};

/** Recreates the child job of an attempt that began before a resume; undefined if its items or input are unknown. */
export const recreateChild = (job: JobRun, task: TaskRun, past: ChildPast, version: number): JobRun | undefined => {
  const { nested } = task.definition;
  if (!nested) return undefined;
  const { items, input } =
    past.digest !== undefined
      ? computedAgain(job, task, past.digest, version)
      : past.redacted
        ? completed(job, task, past, past.redacted, version)
        : past;
  if (nested.definition) {
    const given = input ?? (needsNote(nested as NestedJob) ? undefined : { ...job.context.at(version) });
    return given && createChildJob(job, task, given);
  }
  const { over } = nested as FanOut;
  const known = items ?? (typeof over === 'function' ? undefined : listOf(over));
  return known && createFanOutJob(job, task, known);
};

/** Computes items or input again, for what the journal did not keep of them. Marks the task if that is not possible. */
const completed = (
  job: JobRun,
  task: TaskRun,
  { items, input }: ChildPast,
  parts: RedactedParts,
  version: number,
): ChildPast => {
  try {
    const { again, redact } = computed(job, task, version);
    const { value, isWhole } = unredacted(items ?? input, again, redact, parts);
    if (!isWhole) task.redacted = true;
    return items ? { items: value as readonly unknown[] } : { input: value as object };
  } catch {
    task.redacted = true;
    return { items, input };
  }
};

/** Computes again what was too large to store. Returns nothing if that is not possible, or gives something else. */
const computedAgain = (job: JobRun, task: TaskRun, digest: string, version: number): ChildPast => {
  try {
    const { again, redact } = computed(job, task, version);
    if (digestOf(redact(again)) !== digest) return {};
    return task.definition.nested?.definition ? { input: again } : { items: again as readonly unknown[] };
  } catch {
    return {};
  }
};

/** Computes the items or input of an attempt that began with this version of the context. */
const computed = (job: JobRun, task: TaskRun, version: number) => {
  const redact = redactOf(job.plan.options);
  const nested = task.definition.nested as NestedJob | FanOut;
  const scope = createScope(job, task, new Attempt(task.attempts, version));
  const again = nested.definition ? inputFrom(nested as NestedJob, scope) : itemsFrom(nested as FanOut, scope);
  return { again, redact };
};

const itemsFrom = ({ over }: FanOut, scope: TaskScope): readonly unknown[] => {
  const items: unknown = typeof over === 'function' ? over(scope) : over;
  if (isThenable(items)) throw unexpectedPromise('over(scope)', items);
  return listOf(items);
};

/** Connects a child job to its attempt: the end of the child becomes the outcome of the attempt. */
export const attachChild = (job: JobRun, task: TaskRun, attempt: Attempt, child: JobRun): void => {
  task.child = child;
  child.onEnd = () => endAttempt(job, task, attempt, () => conclude(job, task, child));
};

/** Creates the definition of a fan-out's instance for one item, with the fan-out's options for attempts. */
const instanceOf = (definition: TaskDefinition, item: unknown, index: number): TaskDefinition => ({
  ...definition,
  name: `[${index}]`,
  kind: undefined,
  instance: { item, index },
  dependsOn: [],
  trigger: undefined,
  when: undefined,
  deadline: undefined,
  nested: undefined,
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

const unexpectedPromise = (what: string, promise: PromiseLike<unknown>): NonRetryableError => {
  ignoreRejection(promise);
  return new NonRetryableError(`its ${what} answered a promise: expected a plain object at once`);
};

/** Turns the end of a child job into the outcome of its task. */
const conclude = (job: JobRun, task: TaskRun, child: JobRun): void => {
  const whole = child.state === 'completed' || (child.state === 'cancelled' && job.stop && isFullyDrained(child));
  if (child.state === 'cancelled' && job.stop && !whole) cancelTask(job, task);
  else if (whole) withOutput(job, task, child);
  else if (child.state === 'notReady') handleResult(job, task, whyNotReady(child));
  else if (child.isFanOut)
    handleInstanceFailure(job, task, child.errors.find(({ tolerated }) => !tolerated) ?? child.error);
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
