import { draftsOf } from './definition/drafts.ts';
import type { TaskType } from './definition/infer.ts';
import type { DefinitionOptions, StartOptions } from './definition/options.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import type { Job } from './job.ts';
import { type JobDefinition, sealDefinition } from './job-definition.ts';

/**
 * A sealed definition of tasks given as data. `Context` types what they read and what a completed job ends with; a job
 * starts from any part of it.
 * @throws JobDefinitionError
 */
export const jobFrom = <Context extends object = Readonly<Record<string, unknown>>>(
  name: string,
  tasks: readonly AnyTaskSpec<Context>[],
  options?: DefinitionOptions,
): JobDefinition<Partial<Context>, TaskType<string, Context, true, false>> =>
  sealDefinition(name, draftsOf(name, tasks as readonly AnyTaskSpec[]), options);

export type RunOptions<Context> = StartOptions & {
  /** The job's name. Default `job`. */
  readonly name?: string;
  /** The input, from which the context starts. Default `{}`. */
  readonly ctx?: Partial<Context>;
};

/** Defines and starts a job in one go. @throws JobDefinitionError @throws OptionError */
export const run = <Context extends object = Readonly<Record<string, unknown>>>(
  tasks: readonly AnyTaskSpec<Context>[],
  { name = 'job', ctx, ...options }: RunOptions<Context> = {},
): Job<Partial<Context>, TaskType<string, Context, true, false>> => {
  const definition = jobFrom<Context>(name, tasks) as unknown as JobDefinition;
  return definition.start(ctx, options) as unknown as Job<Partial<Context>, TaskType<string, Context, true, false>>;
};
