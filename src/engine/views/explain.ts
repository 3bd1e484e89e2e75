import type { TaskState } from '../../events/event.ts';
import { isoText } from '../../events/iso-text.ts';
import { SETTLED } from '../../events/states.ts';
import { isStopped, type JobRun, type TaskRun } from '../model/run.ts';
import { unsettledUpstreams } from '../run/clean-up.ts';
import { findTask } from '../run/find-task.ts';
import { THE_PROGRAM } from '../run/pause.ts';
import { criticalPathOfRun, type RunPath } from './critical-path.ts';
import { listed, type SlotReason, type SlotReasons, slotReasons } from './explain-slots.ts';

/** Why a task is not running. */
export type Explanation = {
  /** Path of the task. */
  readonly task: string;
  readonly state: TaskState;
  /** Empty for a running task. */
  readonly reasons: readonly Reason[];
  /** Whether the task is on the critical path of its job. Undefined before the task around it has begun. */
  readonly critical?: boolean | undefined;
  /**
   * How much longer the task could take without a longer critical path, in ms. Undefined where nothing is known of how
   * long tasks take.
   */
  readonly slackMs?: number | undefined;
};

/** `text` gives the reason in words, the other fields give it as data. Times are in epoch ms. */
export type Reason =
  | { readonly kind: 'upstream'; readonly text: string; readonly tasks: readonly string[] }
  | SlotReason
  | { readonly kind: 'retry'; readonly text: string; readonly attempt: number; readonly at: number }
  | { readonly kind: 'poll'; readonly text: string; readonly polls: number; readonly at: number }
  | { readonly kind: 'paused'; readonly text: string; readonly by: string; readonly what: 'task' | 'job' }
  | { readonly kind: 'external'; readonly text: string }
  /** The job has not begun, is ending, or will schedule or run the task in this turn or the next; or its engine closes. */
  | { readonly kind: 'job'; readonly text: string }
  /** The task has ended, or the job ended before the task ran. `reason` says why the task did not complete. */
  | { readonly kind: 'ended'; readonly text: string; readonly reason?: string };

export const explainAll = (job: JobRun, slots = slotReasons(job)): readonly Explanation[] => {
  const path = criticalPathOfRun(job);
  return job.plan.tasks.flatMap((_, index): readonly Explanation[] => {
    const task = job.tasks[index];
    if (job.removed?.has(index) || (task && SETTLED.has(task.state))) return [];
    const own = task?.state === 'running' ? [] : [explain(job, index, slots, path)];
    return task?.child && !task.child.over ? [...own, ...explainAll(task.child, slots)] : own;
  });
};

/** Explains one task, in any state. @throws UnknownTaskError */
export const explainOne = (root: JobRun, path: string): Explanation => {
  const { job, index } = findTask(root, path);
  if (job) return explain(job, index, slotReasons(root), criticalPathOfRun(job));
  return { task: path, state: 'unscheduled', reasons: [jobReason('the task around it has not begun')] };
};

const explain = (job: JobRun, index: number, slots: SlotReasons, path: RunPath): Explanation => ({
  task: job.pathOf(job.plan.graph.names[index] as string),
  state: job.tasks[index]?.state ?? 'unscheduled',
  reasons: reasonsOf(job, index, slots),
  critical: path.has(index),
  slackMs: path.slackMs?.(index),
});

const reasonsOf = (job: JobRun, index: number, slots: SlotReasons): readonly Reason[] => {
  const task = job.tasks[index];
  const state = task?.state ?? 'unscheduled';
  if (task && SETTLED.has(state)) return [endedReason(task)];
  if (state === 'running') return [];
  const held = pausedReasons(job, index, task);
  if (state === 'unscheduled' || !task) return [...held, ...unscheduledReasons(job, index)];
  if (state === 'retrying') return [...held, retryReason(task)];
  if (state === 'polling') return [...held, pollReason(task)];
  if (state === 'paused') return held;
  if (task.definition.kind === 'external')
    return [...held, { kind: 'external', text: 'waits to be claimed or completed from outside' }];
  if (isStopped(task)) return [ENDING];
  if (job.isLeaving) return [jobReason('its engine is closing: nothing starts any more')];
  const blocked = slots(task);
  if (held.length + blocked.length > 0) return [...held, ...blocked];
  return [jobReason('runs next, in this turn of the event loop or the one after')];
};

const jobReason = (text: string): Reason => ({ kind: 'job', text });
const ENDING = jobReason('the job is ending: nothing starts any more');

const endedReason = ({ state, reason, attempts, error }: TaskRun): Reason => {
  const made = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  if (state === 'completed') return { kind: 'ended', text: `has completed, after ${made}` };
  const why = error ? error.message : (reason ?? 'the job ended');
  return { kind: 'ended', text: `is ${state}: ${why}`, ...(reason !== undefined && { reason }) };
};

const unscheduledReasons = (job: JobRun, index: number): readonly Reason[] => {
  const { names } = job.plan.graph;
  const definition = job.plan.tasks[index];
  if (job.over) return [{ kind: 'ended', text: `was never scheduled: the job is ${job.state}` }];
  if (job.stop && definition?.trigger !== 'always') return [ENDING];
  const missing = awaited(job, index);
  if (missing.length === 0) {
    const hasBegun = job.startedAt !== undefined;
    return [
      jobReason(
        hasBegun
          ? 'its upstreams have ended: it is decided upon in this turn of the event loop or the one after'
          : 'the job has not begun',
      ),
    ];
  }
  const tasks = missing.map((upstream) => job.pathOf(names[upstream] as string));
  const states = missing.map((upstream, at) => `${tasks[at]} (${job.tasks[upstream]?.state ?? 'unscheduled'})`);
  const rule = definition?.trigger && definition.trigger !== 'allSuccess' ? `, by its rule ${definition.trigger}` : '';
  return [{ kind: 'upstream', text: `waits for ${listed(states)}${rule}`, tasks }];
};

const retryReason = ({ attempts, dueAt: at = Number.POSITIVE_INFINITY, lastError }: TaskRun): Reason => {
  const attempt = attempts + 1;
  const why = lastError ? `, because ${lastError.message}` : '';
  return { kind: 'retry', text: `tries again at ${isoText(at)}, as attempt ${attempt}${why}`, attempt, at };
};

const pollReason = ({ polls = 0, dueAt = Number.POSITIVE_INFINITY, reason }: TaskRun): Reason => ({
  kind: 'poll',
  text: `looks again at ${isoText(dueAt)}, as look ${polls + 1}${reason ? `: ${reason}` : ''}`,
  polls,
  at: dueAt,
});

/** Returns all pauses that hold the task: its own, the pause of its job, and the pauses of enclosing jobs. */
const pausedReasons = (job: JobRun, index: number, task: TaskRun | undefined): readonly Reason[] => {
  const held = job.ending ? undefined : job.pauseRequests?.get(index);
  const own: Reason[] = [];
  if (task?.state === 'paused') {
    const by = task.pausedBy ?? held ?? THE_PROGRAM;
    own.push({ kind: 'paused', text: pausedText(task, by), by, what: 'task' });
  } else if (held !== undefined) {
    own.push({ kind: 'paused', text: `is held by ${held}`, by: held, what: 'task' });
  }
  // A job that is ending ignores pauses.
  if (job.ending) return own;
  if (job.state === 'paused') {
    const by = job.pausedBy ?? THE_PROGRAM;
    own.push({ kind: 'paused', text: `its job was paused by ${by}`, by, what: 'job' });
  }
  const { parent } = job;
  if (!parent) return own;
  const outer = pausedReasons(parent.job, parent.index, parent.state === 'paused' ? parent : undefined);
  return [...own, ...outer.map((reason) => ({ ...reason, text: `${parent.path}: ${reason.text}` }))];
};

const pausedText = (task: TaskRun, by: string): string =>
  task.exhausted
    ? `waits for a person to retry it: its retries are used up after attempt ${task.attempts}, because ${task.lastError?.message}`
    : `was paused by ${by}`;

/** Returns the upstreams that a task waits for. When a job stops, clean-up ignores tasks that never start. */
const awaited = (job: JobRun, index: number): readonly number[] => {
  if (job.stop) return unsettledUpstreams(job, index);
  return (job.plan.graph.upstream[index] ?? []).filter(
    (upstream) => !SETTLED.has(job.tasks[upstream]?.state ?? 'unscheduled'),
  );
};
