import { textOf } from '../events/error-data.ts';
import { definitionShape } from './definition/definition-shape.ts';
import { criticalPath, reachable } from './definition/graph.ts';
import type { TaskType } from './definition/infer.ts';
import type { DefinitionOptions, StartOptions } from './definition/options.ts';
import { indexIn, type Plan, type TaskDefinition } from './definition/plan.ts';
import { PLAN } from './definition/sealed.ts';
import { type TaskDraft, validate } from './definition/validate.ts';
import { JobDefinitionError } from './errors/errors.ts';
import type { Problem } from './errors/problem.ts';
import { type Job, jobOf } from './job.ts';
import { startJob } from './start-job.ts';
import { dotOf } from './views/dot.ts';
import { mermaidOf } from './views/mermaid.ts';
import { viewOfPlan } from './views/view-of.ts';

/** The arguments of `start`. The input is optional if none of its keys is required. */
export type StartArguments<Input> =
  Record<never, never> extends Input
    ? [input?: Input | undefined, options?: StartOptions]
    : [input: Input, options?: StartOptions];

/** A sealed, validated graph of tasks. It can start any number of jobs, also concurrently, as it holds no job state. */
export class JobDefinition<
  Input extends object = Readonly<Record<string, unknown>>,
  Tasks extends TaskType = never,
  Given extends object = Input,
> {
  readonly name: string;
  readonly tasks: readonly TaskDefinition[];
  readonly options: DefinitionOptions;
  readonly sealed = true;
  readonly #plan: Plan;

  /** @internal */
  constructor(plan: Plan) {
    this.#plan = plan;
    this.name = plan.name;
    this.tasks = plan.tasks;
    this.options = plan.options;
    Object.freeze(this);
  }

  /** @internal */
  get [PLAN](): Plan {
    return this.#plan;
  }

  /**
   * SHA-256 (hex) of the graph, including nested jobs. Covers names, dependencies, kinds, trigger rules,
   * `continueOnFailure`, and which tasks have conditions. Ignores the order of declaration and the code of functions.
   */
  get fingerprint(): string {
    return definitionShape(this.#plan).fingerprint;
  }

  /**
   * Starts a job; its first event comes in a later microtask.
   * @throws OptionError, SchemaError
   * @throws JournalError, SerialisationError if the job can't be stored; JournalError `JOB_KEY_CONFLICT` if the job with
   * the key was started with another input
   */
  start(...[input, options]: StartArguments<Given>): Job<Input, Tasks> {
    return jobOf(startJob(this.#plan, input, options, {}), {}) as unknown as Job<Input, Tasks>;
  }

  /** Returns the problems of the definition: none, since it is sealed. */
  validate(): readonly Problem[] {
    return [];
  }

  /** Returns all task names in topological order (Kahn's algorithm); ties are broken by declaration order. */
  topologicalOrder(): readonly string[] {
    return this.#names(this.#plan.order);
  }

  /** Returns the names of all tasks upstream of the given one, in declaration order. @throws UnknownTaskError */
  ancestors(task: string): readonly string[] {
    return this.#names(reachable(indexIn(this.#plan, task), this.#plan.graph.upstream));
  }

  /** Returns the names of all tasks downstream of the given one, in declaration order. @throws UnknownTaskError */
  downstream(task: string): readonly string[] {
    return this.#names(reachable(indexIn(this.#plan, task), this.#plan.graph.downstream));
  }

  /** Returns the longest chain of tasks: by their estimates, if any has one, else by their number. If several are equally long, the task declared first wins at each step. */
  criticalPath(): readonly string[] {
    return this.#names(criticalPath(this.#plan.graph, this.#plan.lengths));
  }

  /** Renders the graph in Graphviz's DOT language. */
  toDot(): string {
    return dotOf(viewOfPlan(this.#plan));
  }

  /** Renders the graph as a Mermaid flowchart. */
  toMermaid(): string {
    return mermaidOf(viewOfPlan(this.#plan));
  }

  #names(indexes: readonly number[]): readonly string[] {
    return indexes.map((index) => this.#plan.graph.names[index] as string);
  }
}

/** Validates the drafts of a job and returns its definition. @throws JobDefinitionError with all problems */
export const sealDefinition = <Input extends object, Tasks extends TaskType, Given extends object>(
  name: string,
  drafts: readonly TaskDraft[],
  options: DefinitionOptions | undefined,
): JobDefinition<Input, Tasks, Given> => {
  const { problems, plan } = validate(name, drafts, options);
  const [first, ...rest] = problems;
  if (first) throw new JobDefinitionError(textOf(name), [first, ...rest]);
  return new JobDefinition<Input, Tasks, Given>(plan as Plan);
};

// biome-ignore lint/suspicious/noExplicitAny: only `any` stands for every input and every set of tasks
export type AnyDefinition = JobDefinition<any, any, any>;
