import { createHash } from 'node:crypto';
import { textOf } from '../events/error-data.ts';
import { startOptionProblems } from './check-options.ts';
import { JobDefinitionError, OptionError } from './errors.ts';
import { criticalPath, reachable } from './graph.ts';
import type { TaskType } from './infer.ts';
import { createJob, type Job } from './job.ts';
import type { JobOptions, StartOptions } from './options.ts';
import { indexIn, type Plan, type TaskDefinition } from './plan.ts';
import type { Problem } from './problem.ts';
import { type TaskDraft, validate } from './validate.ts';

/** The arguments of `start`: the input may be left out where nothing is required of it. */
export type StartArguments<Input> =
  Record<never, never> extends Input
    ? [input?: Input | undefined, options?: StartOptions]
    : [input: Input, options?: StartOptions];

/** A sealed, validated graph of tasks. It holds no state of any job: start it any number of times, at once too. */
export class JobDefinition<Input extends object = Readonly<Record<string, unknown>>, Tasks extends TaskType = never> {
  readonly name: string;
  readonly tasks: readonly TaskDefinition[];
  readonly options: JobOptions;
  readonly sealed = true;
  readonly #plan: Plan;
  #fingerprint: string | undefined;

  /** @internal */
  constructor(plan: Plan) {
    this.#plan = plan;
    this.name = plan.name;
    this.tasks = plan.tasks;
    this.options = plan.options;
    Object.freeze(this);
  }

  /** A SHA-256 of the graph: names, dependencies and `continueOnFailure`, in whatever order they were declared. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this.#plan);
    return this.#fingerprint;
  }

  /** Starts a job; its first event comes in a later microtask. @throws OptionError */
  start(...[input, options]: StartArguments<Input>): Job<Input, Tasks> {
    const [first, ...rest] = startOptionProblems(input, options);
    if (first) throw new OptionError(`The start of job "${this.name}"`, [first, ...rest]);
    return createJob<Input, Tasks>(this.#plan, input ?? {}, options ?? {});
  }

  /** The problems of the definition: none, since it is sealed. */
  validate(): readonly Problem[] {
    return [];
  }

  /** Kahn's algorithm, with declaration order between tasks that are free. */
  topologicalOrder(): readonly string[] {
    return this.#names(this.#plan.order);
  }

  /** Every task upstream of one, in declaration order, itself left out. @throws UnknownTaskError */
  ancestors(task: string): readonly string[] {
    return this.#names(reachable(indexIn(this.#plan, task), this.#plan.graph.upstream));
  }

  /** Every task downstream of one, in declaration order, itself left out. @throws UnknownTaskError */
  downstream(task: string): readonly string[] {
    return this.#names(reachable(indexIn(this.#plan, task), this.#plan.graph.downstream));
  }

  /** The longest chain of tasks, the earliest declared where several are as long. */
  criticalPath(): readonly string[] {
    return this.#names(criticalPath(this.#plan.graph, this.#plan.lengths));
  }

  #names(indexes: readonly number[]): readonly string[] {
    return indexes.map((index) => this.#plan.graph.names[index] as string);
  }
}

/** Checks everything that was described. @throws JobDefinitionError */
export const sealDefinition = <Input extends object, Tasks extends TaskType>(
  name: string,
  drafts: readonly TaskDraft[],
  options: JobOptions | undefined,
): JobDefinition<Input, Tasks> => {
  const { problems, plan } = validate(name, drafts, options);
  const [first, ...rest] = problems;
  if (first) throw new JobDefinitionError(textOf(name), [first, ...rest]);
  return new JobDefinition<Input, Tasks>(plan as Plan);
};

const fingerprintOf = ({ name, tasks }: Plan): string => {
  const shape = tasks
    .map((task) => [task.name, [...task.dependsOn].sort(), task.continueOnFailure ?? false] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([name, shape]))
    .digest('hex');
};
