import type { FanOut, NestedJob, Plan } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import { digestOf } from '../durable/input-note.ts';
import { type RedactedParts, redactOf, unredacted } from '../durable/redaction.ts';
import { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { createScope } from '../run/scope.ts';
import { inputFrom, itemsFrom, listOf } from './child-input.ts';

/**
 * Stored items or input of an attempt; undefined if they were not stored. `redacted`: what was left out of them.
 * `digest`: they were too large.
 */
export type StoredInput = {
  readonly items?: readonly unknown[] | undefined;
  readonly input?: object | undefined;
  readonly redacted?: RedactedParts | undefined;
  readonly digest?: string | undefined;
};

/** Whether the journal must store a nested job's input, because the input is not simply the outer context. */
export const needsNote = ({ definition, input }: NestedJob): boolean =>
  input !== undefined || (definition[PLAN] as Plan).options.input !== undefined;

/** Returns the items or the input with which an attempt began, as far as they are stored or can be computed again. */
export const restoredInput = (job: JobRun, task: TaskRun, stored: StoredInput, version: number): StoredInput => {
  const { items, input } = found(job, task, stored, version);
  const nested = task.definition.nested as NestedJob | FanOut;
  if (nested.definition)
    return { input: input ?? (needsNote(nested as NestedJob) ? undefined : { ...job.context.at(version) }) };
  const { over } = nested as FanOut;
  return { items: items ?? (typeof over === 'function' ? undefined : listOf(over)) };
};

const found = (job: JobRun, task: TaskRun, stored: StoredInput, version: number): StoredInput => {
  const { digest, redacted } = stored;
  if (digest !== undefined) return computedAgain(job, task, digest, version);
  return redacted ? completed(job, task, stored, redacted, version) : stored;
};

/** Computes items or input again, for what the journal did not keep of them. Marks the task if that is not possible. */
const completed = (
  job: JobRun,
  task: TaskRun,
  { items, input }: StoredInput,
  parts: RedactedParts,
  version: number,
): StoredInput => {
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
const computedAgain = (job: JobRun, task: TaskRun, digest: string, version: number): StoredInput => {
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
