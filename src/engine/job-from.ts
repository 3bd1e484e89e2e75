import { draftsOf } from './definition/drafts.ts';
import type { TaskType } from './definition/infer.ts';
import type { DefinitionOptions, StartOptions } from './definition/options.ts';
import type { AnyTaskSpec } from './definition/task-spec.ts';
import type { Job } from './job.ts';
import { type JobDefinition, sealDefinition } from './job-definition.ts';

/**
 * Creates a definition from tasks given as data. `Context` is the type of the context that tasks read and a completed
 * job returns; the input of a job is any part of that context.
 * @throws JobDefinitionError with all problems
 */
export const jobFrom = <Context extends object = Readonly<Record<string, unknown>>>(
  name: string,
  tasks: readonly AnyTaskSpec<Context>[],
  options?: DefinitionOptions,
): JobDefinition<Partial<Context>, TaskType<string, Context, 'certain'>> =>
  sealDefinition(name, draftsOf(name, tasks as readonly AnyTaskSpec[]), options);

export type RunOptions<Context> = StartOptions & {
  /** Name of the job. Default `job`. */
  readonly name?: string;
  /** Input of the job, which is its initial context. Default `{}`. */
  readonly ctx?: Partial<Context>;
};

/**
 * Defines a job and starts it.
 * @throws JobDefinitionError, OptionError; JournalError, SerialisationError if the job can't be stored
 */
export const run = <Context extends object = Readonly<Record<string, unknown>>>(
  tasks: readonly AnyTaskSpec<Context>[],
  { name = 'job', ctx, ...options }: RunOptions<Context> = {},
): Job<Partial<Context>, TaskType<string, Context, 'certain'>> => {
  const definition = jobFrom<Context>(name, tasks) as unknown as JobDefinition;
  return definition.start(ctx, options) as unknown as Job<Partial<Context>, TaskType<string, Context, 'certain'>>;
};
