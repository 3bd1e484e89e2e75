import { reachable } from '../definition/graph.ts';
import { ownOutput } from '../definition/plan.ts';
import type { ConditionScope } from '../definition/task-function.ts';
import type { ItemScope } from '../definition/task-spec.ts';
import type { Journal } from '../durable/journal.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { createConditionScope, taskAround } from './scope.ts';

/** What a lookup reads of its task. */
export type LookupScope = ConditionScope &
  Partial<ItemScope> & {
    /** The journal that keeps the job; undefined if none does. */
    readonly journal: Journal | undefined;
    readonly input: Readonly<Record<string, unknown>>;
    /**
     * The outputs of all tasks upstream that have one, by name. An instance has those of its fan-out; a task in a nested
     * job without input of its own has those of that job too, as `../name`.
     */
    readonly outputs: Readonly<Record<string, unknown>>;
    /** Returns whether the job still waits for the answer. */
    readonly isWanted: () => boolean;
  };

/** Creates the scope of a lookup. This file is not part of the core: only lookups load it. */
export const createLookupScope = (task: TaskRun): LookupScope => {
  const { job } = task;
  return Object.assign(createConditionScope(job, task), {
    journal: outermost(job).options.journal,
    input: inputOf(task),
    outputs: Object.fromEntries(upstreamOutputs(task)),
    isWanted: () => !job.over && !job.ending,
  });
};

const outermost = (job: JobRun): JobRun => (job.parent ? outermost(job.parent.job) : job);

/** Returns the input of the job whose context the task works on. */
const inputOf = (task: TaskRun): Readonly<Record<string, unknown>> => {
  const around = taskAround(task);
  return around ? inputOf(around) : task.job.context.at(0);
};

const upstreamOutputs = (task: TaskRun): readonly [string, unknown][] => {
  const { job, index } = task;
  const around = taskAround(task);
  const outer = around ? upstreamOutputs(around) : [];
  if (job.isFanOut) return outer;
  const { names, upstream } = job.plan.graph;
  const outputs = reachable(index, upstream).map((at): [string, unknown] => {
    const other = job.tasks[at];
    return [names[at] as string, other && ownOutput(other.definition, other.output)];
  });
  return [
    ...outer.map(([name, output]): [string, unknown] => [`../${name}`, output]),
    ...outputs.filter(([, output]) => output !== undefined),
  ];
};
