import { textOf } from '../events/error-data.ts';
import { type JobDefinition, sealDefinition } from './definition.ts';
import { JobDefinitionError } from './errors.ts';
import type { TaskType } from './infer.ts';
import type { Job } from './job.ts';
import type { JobOptions, StartOptions, TaskOptions } from './options.ts';
import type { TaskFunction } from './task-function.ts';
import type { TaskDraft } from './validate.ts';

/** A task as data, for graphs known only at run time. */
export type TaskSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions & {
  readonly name: string;
  readonly run: TaskFunction<Context>;
};

/**
 * A sealed definition of tasks given as data. `Context` types what they read and what a completed job ends with; a job
 * starts from any part of it.
 * @throws JobDefinitionError
 */
export const jobFrom = <Context extends object = Readonly<Record<string, unknown>>>(
  name: string,
  tasks: readonly TaskSpec<Context>[],
  options?: JobOptions,
): JobDefinition<Partial<Context>, TaskType<string, Context, true>> => {
  if (!Array.isArray(tasks)) {
    const message = `The tasks are ${tasks === null ? 'null' : `of type ${typeof tasks}`}: expected an array of { name, run, … }.`;
    throw new JobDefinitionError(textOf(name), [{ code: 'INVALID_OPTION', message, tasks: [], option: 'tasks' }]);
  }
  return sealDefinition(name, Array.from(tasks, draftOf), options);
};

const draftOf = (spec: TaskSpec<never>): TaskDraft => {
  const { name, run, ...options } = spec ?? {};
  return { name, run: run as TaskFunction, options };
};

export type RunOptions<Context> = StartOptions & {
  /** The job's name. Default `job`. */
  readonly name?: string;
  /** The input, from which the context starts. Default `{}`. */
  readonly ctx?: Partial<Context>;
};

/** Defines and starts a job in one go. @throws JobDefinitionError @throws OptionError */
export const run = <Context extends object = Readonly<Record<string, unknown>>>(
  tasks: readonly TaskSpec<Context>[],
  { name = 'job', ctx, ...options }: RunOptions<Context> = {},
): Job<Partial<Context>, TaskType<string, Context, true>> => {
  const definition = jobFrom<Context>(name, tasks) as unknown as JobDefinition;
  return definition.start(ctx, options) as unknown as Job<Partial<Context>, TaskType<string, Context, true>>;
};
