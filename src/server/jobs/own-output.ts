import { ownOutput, type Plan } from '../../engine/definition/plan.ts';
import type { ViewedTask } from '../../engine/views/job-view.ts';

/**
 * Returns the output of an outer task as `job.output` does: the context holds that of a fan-out, and of a nested job
 * without `output`, under the task's name. Without the plan of the job, what has no other key is taken for such.
 */
export const ownOutputOf = ({ path, kind, output }: ViewedTask, plan: Plan | undefined): unknown => {
  const definition = plan?.tasks[plan.graph.indexOf.get(path) ?? -1];
  // The definition may be a later one, in which the task is another one.
  if (definition) return ownOutput(definition, output) ?? output;
  const isNested = kind === 'job' || kind === 'map';
  return isNested && hasOneKey(output, path) ? output[path] : output;
};

const hasOneKey = (value: unknown, key: string): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.keys(value).join('\0') === key;
