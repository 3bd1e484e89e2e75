import { ownOutput, type Plan, planInside, type TaskDefinition } from '../../engine/definition/plan.ts';
import { UnknownTaskError } from '../../engine/errors/errors.ts';
import { isClaimable } from '../../engine/kinds/external.ts';
import type { JobRun, TaskRun } from '../../engine/model/run.ts';
import { type Found, findTask, stepsOf } from '../../engine/run/find-task.ts';
import { isOfDocument } from '../documents/output-schema.ts';
import type { UnitState } from '../schemas/unit.ts';

/** An external task of a job that runs here. */
export type LiveUnit = Found & { readonly path: string; readonly definition: TaskDefinition };

/** Returns the external task at a path; undefined if there is none, or another process runs the job. */
export const liveUnitAt = (run: JobRun, path: string): LiveUnit | undefined => {
  const found = run.remote ? undefined : knownTask(run, path);
  if (!found) return undefined;
  const { definition, job, index, task } = found;
  return definition?.kind === 'external' && !job?.removed?.has(index)
    ? { job, index, task, definition, path }
    : undefined;
};

/** Returns how the paths of what is inside a task begin, if that runs a nested job, or one for each item. */
export const prefixInside = (run: JobRun, path: string): string | undefined => {
  const definition = knownTask(run, path)?.definition;
  if (!definition || !planInside(definition)) return undefined;
  return definition.kind === 'map' ? `${path}[` : `${path}/`;
};

const knownTask = (run: JobRun, path: string): Found | undefined => {
  try {
    return findTask(run, path);
  } catch (error) {
    if (error instanceof UnknownTaskError) return undefined;
    throw error;
  }
};

/** Calls back for each external task that has begun and has not settled, at any depth. */
export const visitActive = (run: JobRun, visit: (path: string) => void): void => {
  for (const { definition, path, child } of run.active) {
    if (definition.kind === 'external') visit(path);
    else if (child) visitActive(child, visit);
  }
};

/** Returns the paths of all external tasks of a job, begun or not, sorted. */
export const pathsOfUnits = (run: JobRun): readonly string[] => {
  const paths: string[] = [];
  const collect = (plan: Plan, job: JobRun | undefined, prefix: string): void => {
    for (const [index, task] of plan.tasks.entries()) {
      if (job?.removed?.has(index)) continue;
      const path = prefix + task.name;
      if (task.kind === 'external') paths.push(path);
      const inside = planInside(task);
      const child = job?.tasks[index]?.child;
      // How many instances there will be is known once the fan-out has begun.
      if (task.kind === 'map') {
        if (inside && child) collect(child.plan, child, path);
      } else if (inside) collect(child?.plan ?? inside, child, `${path}/`);
    }
  };
  if (!run.remote) collect(run.plan, run, '');
  return paths.sort();
};

/** Returns the definition of the task at a path, from the definition of its job; undefined for an added one. */
export const definitionAt = (plan: Plan, path: string): TaskDefinition | undefined => {
  let level: Plan | undefined = plan;
  let found: TaskDefinition | undefined;
  for (const step of stepsOf(path)) {
    if (step.startsWith('[')) {
      found = { ...found, ...found?.nested?.each, name: step } as TaskDefinition;
      continue;
    }
    const index: number | undefined = level?.graph.indexOf.get(step.replace(/^\//, ''));
    found = index === undefined ? undefined : level?.tasks[index];
    level = found && planInside(found);
  }
  return found;
};

export const stateOf = ({ task }: Pick<Found, 'task'>): UnitState => {
  if (task?.state === 'ready') return isClaimable(task) ? 'ready' : 'paused';
  return UNIT_STATE[task?.state ?? 'unscheduled'];
};

export const UNIT_STATE: Readonly<Record<TaskRun['state'], UnitState>> = {
  unscheduled: 'waiting',
  ready: 'ready',
  running: 'claimed',
  retrying: 'waiting',
  polling: 'waiting',
  paused: 'paused',
  completed: 'completed',
  failed: 'failed',
  notReady: 'notReady',
  skipped: 'skipped',
  cancelled: 'cancelled',
};

/** The priority of a unit: its own, or that of the tasks around it. */
export const priorityOf = ({ definition, job }: Pick<LiveUnit, 'definition' | 'job'>): number =>
  definition.priority ?? job?.priority ?? 0;

/**
 * Returns what the upstreams of a unit have put out, by their names. A unit of a document also gets what the upstreams of
 * the task around it have put out, since it has no other input.
 */
export const depsOf = ({ job, definition }: LiveUnit): Record<string, unknown> => {
  const deps = new Map<string, unknown>();
  const collect = ({ plan, tasks }: JobRun, names: readonly string[]): void => {
    for (const name of names) {
      const task = tasks[plan.graph.indexOf.get(name) ?? -1];
      if (task?.state === 'completed' && !deps.has(name)) deps.set(name, outputShown(task.definition, task.output));
    }
  };
  if (job) collect(job, definition.dependsOn);
  if (job?.parent && isOfDocument(definition.output)) collect(job.parent.job, job.parent.definition.dependsOn);
  return Object.fromEntries(deps);
};

/** Returns an output as the worker gave it. */
export const outputShown = (definition: TaskDefinition, output: unknown): unknown => {
  const own = ownOutput(definition, output);
  return isOfDocument(definition.output)
    ? (own as Readonly<Record<string, unknown>> | undefined)?.[definition.name]
    : own;
};
