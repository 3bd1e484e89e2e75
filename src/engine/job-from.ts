import { textOf } from '../events/error-data.ts';
import { type JobDefinition, sealDefinition } from './definition.ts';
import { JobDefinitionError } from './errors.ts';
import type { TaskType } from './infer.ts';
import type { Job } from './job.ts';
import type { DefinitionOptions, StartOptions } from './options.ts';
import type { TaskFunction } from './task-function.ts';
import type { AnyDefinition, AnyTaskSpec } from './task-spec.ts';
import type { TaskDraft } from './validate.ts';
import type { TaskKind } from './views/graph-view.ts';

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

/** Tasks given as data, as they are checked. @throws JobDefinitionError of what is no list */
export const draftsOf = (name: string, tasks: readonly AnyTaskSpec[]): TaskDraft[] => {
  if (Array.isArray(tasks)) return Array.from(tasks, draftOf);
  const message = `The tasks are ${tasks === null ? 'null' : `of type ${typeof tasks}`}: expected an array of { name, run, … }.`;
  throw new JobDefinitionError(textOf(name), [{ code: 'INVALID_OPTION', message, tasks: [], option: 'tasks' }]);
};

/** What every kind of spec may hold. */
type AnySpec = {
  readonly name: string;
  readonly kind?: TaskKind;
  readonly run?: TaskFunction;
  readonly check?: TaskFunction;
  readonly each?: TaskFunction;
  readonly definition?: AnyDefinition;
};

const draftOf = (spec: AnyTaskSpec): TaskDraft => {
  const { name, kind = 'task', run, ...options } = (spec ?? {}) as AnySpec;
  return kind === 'task' ? { name, kind, run, options } : otherDraftOf(name, kind, run, options);
};

/** What a kind of its own does goes by a name of its own. */
const otherDraftOf = (
  name: string,
  kind: TaskKind,
  run: TaskFunction | undefined,
  rest: Omit<AnySpec, 'name'>,
): TaskDraft => {
  const work = { sensor: 'check', map: 'each', job: 'definition', external: undefined }[
    kind as Exclude<TaskKind, 'task'>
  ];
  const { [work as 'check']: given, ...others } = rest;
  const options = run === undefined ? others : { ...others, run };
  if (kind === 'job') return { name, kind, options, definition: given as unknown as AnyDefinition };
  return { name, kind, options, run: given };
};

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
