import { textOf } from '../../events/error-data.ts';
import { reachable } from '../definition/graph.ts';
import { lazyProperties } from '../definition/lazy-properties.ts';
import { formatValue, refuseArgument } from '../definition/option-rules.ts';
import { ownOutput } from '../definition/plan.ts';
import type { ConditionScope, TaskOutcome, TaskScope } from '../definition/task-function.ts';
import type { ItemScope } from '../definition/task-spec.ts';
import type { Attempt } from '../model/attempt.ts';
import { durationOf, type JobRun, type TaskRun } from '../model/run.ts';
import { checkpointOf, type Work } from './checkpoint.ts';
import { outcomeSoFar } from './end.ts';
import { logOf } from './task-log.ts';

/** Creates the scope of a task function: a plain object, safe to destructure and spread. Expensive parts are lazy. */
export const createScope = (job: JobRun, task: TaskRun, attempt: Attempt): TaskScope => {
  const { path } = task;
  const scope = {
    isActive: (): boolean => attempt.phase === 'live' && !attempt.aborted,
    attempt: attempt.number,
    jobId: job.id,
    idempotencyKey: `${job.id}/${path}`,
    taskName: path,
    progress: (fraction: number, message?: string): void => {
      requireFraction(path, fraction);
      if (attempt.phase === 'over') return;
      const said = message === undefined ? {} : { message: textOf(message) };
      job.publishProgress(task, { type: 'task.progress', task: path, attempt: attempt.number, fraction, ...said });
    },
  };
  return withReads(Object.assign(scope, itemAround(task)), { job, task, attempt });
};

/**
 * Returns the item and index of the nearest instance around a task, or of the task itself. A nested job without the option
 * `input` works on what its task has: the context, and these.
 */
const itemAround = (task: TaskRun): ItemScope | undefined => {
  if (task.definition.instance) return task.definition.instance;
  const around = taskAround(task);
  return around && itemAround(around);
};

/** Returns the task whose context a task works on: that of its fan-out, or of its nested job without the option `input`. */
export const taskAround = ({ job: { parent } }: TaskRun): TaskRun | undefined =>
  parent?.definition.nested?.input ? undefined : parent;

const withReads = lazyProperties<
  Work,
  Pick<TaskScope, 'ctx' | 'deps' | 'tasks' | 'signal' | 'log' | 'outcome' | 'checkpoint'>
>({
  ctx: ({ job, attempt }) => job.context.at(attempt.version),
  deps: ({ task, attempt }) => outputsOf(task, attempt.version),
  tasks: ({ task }) => upstreamOutcomes(task),
  signal: ({ attempt }) => attempt.signal,
  log: ({ job, task, attempt }) => logOf(job, task.path, attempt),
  outcome: ({ job }) => outcomeSoFar(enclosingJob(job)),
  checkpoint:
    (work) =>
    <Value>() =>
      checkpointOf<Value>(work),
});

/** @throws OptionError if `fraction` is not a number from 0 to 1 */
export const requireFraction = (path: string, fraction: number): void => {
  if (typeof fraction === 'number' && fraction >= 0 && fraction <= 1) return;
  const message = `Task "${path}" reported a progress of ${formatValue(fraction)}: expected a number from 0 to 1.`;
  refuseArgument(`A call on task "${path}"`, 'fraction', message);
};

/** Creates the scope of a condition, which is evaluated before there is an attempt. */
export const createConditionScope = (job: JobRun, task: TaskRun): ConditionScope => {
  const scope: ConditionScope = {
    get ctx() {
      return job.context.at(job.context.version);
    },
    get deps() {
      return outputsOf(task, job.context.version);
    },
    get tasks() {
      return upstreamOutcomes(task);
    },
    get outcome() {
      return outcomeSoFar(enclosingJob(job));
    },
    jobId: job.id,
    taskName: task.path,
  };
  return Object.assign(scope, itemAround(task));
};

/** Returns the job itself; for the child job of a fan-out, the job that the fan-out's task belongs to. */
const enclosingJob = (job: JobRun): JobRun => (job.isFanOut && job.parent ? enclosingJob(job.parent.job) : job);

/** Returns the outputs of a task's direct dependencies at a version. An instance has its fan-out's dependencies. */
const outputsOf = ({ job, index }: TaskRun, version: number): Readonly<Record<string, unknown>> => {
  if (job.isFanOut && job.parent) return outputsOf(job.parent, version);
  const outputs: [string, unknown][] = [];
  for (const upstream of job.plan.graph.upstream[index] ?? []) {
    const task = job.tasks[upstream];
    const output = task && task.version <= version ? ownOutput(task.definition, task.output) : undefined;
    outputs.push([job.plan.graph.names[upstream] as string, output]);
  }
  return Object.freeze(Object.fromEntries(outputs));
};

/** Returns what became of all tasks upstream of a task. An instance has those of its fan-out. */
const upstreamOutcomes = ({ job, index }: TaskRun): Readonly<Record<string, TaskOutcome>> => {
  if (job.isFanOut && job.parent) return upstreamOutcomes(job.parent);
  const { names, upstream } = job.plan.graph;
  return Object.freeze(
    Object.fromEntries(
      reachable(index, upstream).map((at): [string, TaskOutcome] => {
        const task = job.tasks[at];
        const { state = 'unscheduled', error, attempts = 0 } = task ?? {};
        return [names[at] as string, { state, error, attempts, durationMs: durationOf(task, () => job.clock.now()) }];
      }),
    ),
  );
};
