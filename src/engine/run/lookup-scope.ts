import { reachable } from '../definition/graph.ts';
import { ownOutput } from '../definition/plan.ts';
import type { ConditionScope } from '../definition/task-function.ts';
import type { ItemScope } from '../definition/task-spec.ts';
import type { Journal } from '../durable/journal.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { createConditionScope } from './scope.ts';

/** What a lookup reads of its task. */
export type LookupScope = ConditionScope &
  Partial<ItemScope> & {
    /** The journal that keeps the job; undefined if none does. */
    readonly journal: Journal | undefined;
    readonly input: Readonly<Record<string, unknown>>;
    /** The outputs of all tasks upstream that have one, by name. An instance has those of its fan-out. */
    readonly outputs: Readonly<Record<string, unknown>>;
    /** Returns whether the job still waits for the answer. */
    readonly isWanted: () => boolean;
  };

/** Creates the scope of a lookup. This file is not part of the core: only lookups load it. */
export const createLookupScope = (task: TaskRun): LookupScope => {
  const { job, definition } = task;
  return Object.assign(createConditionScope(job, task), definition.instance, {
    journal: outermost(job).options.journal,
    input: job.context.at(0) as Readonly<Record<string, unknown>>,
    outputs: upstreamOutputs(task),
    isWanted: () => !job.over && !job.ending,
  });
};

const outermost = (job: JobRun): JobRun => (job.parent ? outermost(job.parent.job) : job);

const upstreamOutputs = ({ job, index }: TaskRun): Readonly<Record<string, unknown>> => {
  if (job.isFanOut && job.parent) return upstreamOutputs(job.parent);
  const { names, upstream } = job.plan.graph;
  const outputs = reachable(index, upstream).map((at): [string, unknown] => {
    const task = job.tasks[at];
    return [names[at] as string, task && ownOutput(task.definition, task.output)];
  });
  return Object.fromEntries(outputs.filter(([, output]) => output !== undefined));
};
