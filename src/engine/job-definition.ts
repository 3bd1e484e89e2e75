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

/** The arguments of `start`: the input may be left out where nothing is required of it. */
export type StartArguments<Input> =
  Record<never, never> extends Input
    ? [input?: Input | undefined, options?: StartOptions]
    : [input: Input, options?: StartOptions];

/** A sealed, validated graph of tasks. It holds no state of any job: start it any number of times, at once too. */
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
   * A SHA-256 of the graph: names, dependencies, kinds, trigger rules, whether there are conditions, and
   * `continueOnFailure`, in whatever order the tasks were declared. What a function does is no part of it.
   */
  get fingerprint(): string {
    return definitionShape(this.#plan).fingerprint;
  }

  /** Starts a job; its first event comes in a later microtask. @throws OptionError @throws SchemaError of the input */
  start(...[input, options]: StartArguments<Given>): Job<Input, Tasks> {
    return jobOf(startJob(this.#plan, input, options, {}), {}) as unknown as Job<Input, Tasks>;
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

  /** The graph in Graphviz's DOT. */
  toDot(): string {
    return dotOf(viewOfPlan(this.#plan));
  }

  /** The graph as a Mermaid flowchart. */
  toMermaid(): string {
    return mermaidOf(viewOfPlan(this.#plan));
  }

  #names(indexes: readonly number[]): readonly string[] {
    return indexes.map((index) => this.#plan.graph.names[index] as string);
  }
}

/** Checks everything that was described. @throws JobDefinitionError */
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

/** A definition, whatever it takes and puts out. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` stands for every input and every set of tasks
export type AnyDefinition = JobDefinition<any, any, any>;
