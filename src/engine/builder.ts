/* The engine defines jobs, runs them and resumes them from a journal. The files directly in this folder are its public
 * API. `builder.ts` and `job-from.ts` describe a job, `job-definition.ts` is the sealed definition. `start-job.ts`
 * starts, retries and reruns jobs. `job.ts` and `task-handle.ts` are handles, `job-result.ts` is the result.
 * `engine.ts` runs many jobs with shared limits and a journal, and ends them by `close-jobs.ts`; `signal-handlers.ts` closes it on a signal. Sub-folders,
 * each importing only earlier ones: `errors`; `time`; `durable`, writing to a journal; `definition`, checking graphs;
 * `limits`; `model`, records; `run`, commands; `kinds`, nested jobs, fan-outs, external tasks; `reactions`, from events
 * to commands; `recovery`, creating and resuming jobs; `views`; `readiness`, independent of jobs. */

// Imported first, so that bundles have the libraries before all of tintype: gzip finds repetitions at most 32 KB apart.
import 'rxjs';
import 'xstate';

import type {
  Checked,
  ConditionOf,
  DoubtOf,
  ExternalType,
  FanOutType,
  FinalContext,
  ItemOf,
  MapOutput,
  Named,
  NestedType,
  NewName,
  NoItems,
  OutputOf,
  PutsOut,
  ScopeOf,
  SensedType,
  SensorOutput,
  SoftSkip,
  TaskType,
  Valid,
  ValidCheck,
  ValidItem,
} from './definition/infer.ts';
import type {
  AttemptOptions,
  DefinitionOptions,
  ExternalOptions,
  FlowOptions,
  SensorPace,
  TaskOptions,
} from './definition/options.ts';
import type { Sealed } from './definition/sealed.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './definition/standard-schema.ts';
import type { PlainObject, TaskFunction } from './definition/task-function.ts';
import type { ItemScope, MapOptions, NestedJobOptions } from './definition/task-spec.ts';
import type { TriggerRule } from './definition/trigger.ts';
import { type TaskDraft, validate } from './definition/validate.ts';
import { JobDefinitionError } from './errors/errors.ts';
import type { Problem } from './errors/problem.ts';
import type { Job } from './job.ts';
import { type JobDefinition, type StartArguments, sealDefinition } from './job-definition.ts';

type NoInput = Record<never, never>;
type Addition = PlainObject & { readonly then?: never };

/** The options of a task, by what the method infers. An editor shows the name of an interface, and all of an intersection. */
interface Options<
  Needs extends string,
  Tolerated extends boolean,
  Rule extends TriggerRule,
  Answer extends boolean,
  Extra extends object,
  Schema extends StandardSchema | undefined,
  Input,
  Tasks,
> extends TaskOptions<
    Needs,
    Tolerated,
    Rule,
    ConditionOf<Input, Tasks, Needs, Rule>,
    Answer,
    ScopeOf<Input, Tasks, Needs, Rule>,
    Extra,
    Schema & PutsOut<Schema>
  > {}

/** The options of a fan-out. */
interface FanOutOptions<
  Needs extends string,
  Tolerated extends boolean,
  Rule extends TriggerRule,
  Answer extends boolean,
  Extra extends object,
  Schema extends StandardSchema | undefined,
  Item,
  Input,
  Tasks,
  Bound,
  Collect,
> extends TaskOptions<
      Needs,
      Tolerated,
      Rule,
      ConditionOf<Input, Tasks, Needs, Rule>,
      Answer,
      ScopeOf<Input, Tasks, Needs, Rule, ItemScope<Item>>,
      Extra,
      Schema
    >,
    ItemOptions<ScopeOf<Input, Tasks, Needs, Rule>, Item, Bound, Collect> {}

/** The options of a fan-out besides those of a task. `Bound` and `Collect` say what form its output has. */
interface ItemOptions<Scope, Item, Bound, Collect> extends Omit<MapOptions<Scope, Item>, 'maxFailures' | 'collect'> {
  /** How many items may fail: a number, or a percentage such as `5%`; see `MapOptions`. Default: no item may fail. */
  readonly maxFailures?: Bound;
  /** Whether the results are gathered; `false` lets go of them. Default true. */
  readonly collect?: Collect | undefined;
}

/** The options of a sensor; with `over`, of a fan-out of sensors. */
interface SensorOptions<
  Needs extends string,
  Tolerated extends boolean,
  Rule extends TriggerRule,
  Answer extends boolean,
  Extra extends object,
  Schema extends StandardSchema | undefined,
  Item,
  Input,
  Tasks,
  Soft extends boolean,
  Bound,
  Collect,
> extends TaskOptions<
      Needs,
      Tolerated,
      Rule,
      ConditionOf<Input, Tasks, Needs, Rule>,
      Answer,
      ScopeOf<Input, Tasks, Needs, Rule, ItemOf<Item>>,
      Extra,
      Schema & PutsOut<Schema>
    >,
    SensorPace<Soft>,
    Partial<ItemOptions<ScopeOf<Input, Tasks, Needs, Rule>, Item, Bound, Collect>> {}

/** The methods that add a task. Its own class has no type parameters, which an editor would show before each method. */
abstract class Builder {
  readonly name: string;
  readonly #options: DefinitionOptions | undefined;
  readonly #drafts: TaskDraft[] = [];
  #sealed: object | undefined;

  /** @internal */
  constructor(name: string, options: DefinitionOptions | undefined) {
    this.name = name;
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#sealed !== undefined;
  }

  // Methods infer the type parameters from `this`. With the class's type parameters, tsc would walk all tasks again in
  // every type of every call, and take 10 s instead of 0.3 s for 400 tasks.
  /** Adds a task that runs a function. */
  task<const Name extends string, Result, Input extends object, Tasks extends TaskType, Given extends object>(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    run: (scope: ScopeOf<Input, never, never, 'allSuccess'>) => Valid<Result>,
  ): JobBuilder<
    Input,
    Tasks | TaskType<Name, OutputOf<Result>, DoubtOf<Name, false, never, 'allSuccess', never, Result>>,
    Given
  >;
  /** Adds a task with options. */
  task<
    const Name extends string,
    Result,
    Input extends object,
    Tasks extends TaskType,
    Given extends object,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
    const Rule extends TriggerRule = 'allSuccess',
    Answer extends boolean = never,
    Extra extends Addition = NoInput,
    Schema extends StandardSchema | undefined = undefined,
  >(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    options: Options<Needs, Tolerated, Rule, Answer, Extra, Schema, Input, Tasks>,
    run: (scope: ScopeOf<Input, Tasks, Needs, Rule, NoInfer<Extra>>) => Valid<Result, Schema>,
  ): JobBuilder<
    Input,
    | Tasks
    | TaskType<Name, Checked<Result, Schema>, DoubtOf<Name, Tolerated, Named<Tasks, Needs>, Rule, Answer, Result>>,
    Given
  >;
  task(name: string, first: unknown, second?: unknown): unknown {
    const [options, run] = typeof first === 'function' ? [undefined, first] : [first, second];
    return this.#add({ name, kind: 'task', options: options as object | undefined, run: run as TaskFunction });
  }

  /**
   * Adds a task that checks until something is ready. `check` returns an output or `true` when ready, `false` or
   * `notReady(reason)` when not yet, `skip(reason)` when there is nothing to wait for. Between checks the task holds no slot. Only an error or a timeout is a failure.
   * With `over`, there is a sensor for each item, as in a fan-out.
   */
  sensor<
    const Name extends string,
    Result,
    Input extends object,
    Tasks extends TaskType,
    Given extends object,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
    const Rule extends TriggerRule = 'allSuccess',
    Answer extends boolean = never,
    Extra extends Addition = NoInput,
    Schema extends StandardSchema | undefined = undefined,
    Item = NoItems,
    const Soft extends boolean = false,
    Bound extends MapOptions['maxFailures'] = never,
    const Collect extends boolean = true,
  >(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    options: SensorOptions<Needs, Tolerated, Rule, Answer, Extra, Schema, Item, Input, Tasks, Soft, Bound, Collect>,
    check: (
      scope: ScopeOf<Input, Tasks, Needs, Rule, NoInfer<Extra> & NoInfer<ItemOf<Item>>>,
    ) => ValidCheck<Result, Schema>,
  ): JobBuilder<
    Input,
    | Tasks
    | SensedType<
        Name,
        Item,
        SensorOutput<Result, Schema>,
        Tolerated,
        DoubtOf<Name, Tolerated, Named<Tasks, Needs>, Rule, Answer, Result | SoftSkip<Soft>>,
        Bound,
        Collect
      >,
    Given
  >;
  sensor(name: string, options: object, check: unknown): unknown {
    return this.#add({ name, kind: 'sensor', options, run: check as TaskFunction });
  }

  /**
   * Adds a task that is completed from outside, through `job.task(name)`. The task holds no slot. A schema in `output`
   * types and validates the task's output. `owner` says whom the task is for, `data` what that one has to know.
   */
  external<
    const Name extends string,
    Input extends object,
    Tasks extends TaskType,
    Given extends object,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
    const Rule extends TriggerRule = 'allSuccess',
    Answer extends boolean = never,
    Schema extends StandardSchema | undefined = undefined,
  >(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    options?: FlowOptions<Needs, Tolerated, Rule, ConditionOf<Input, Tasks, Needs, Rule>, Answer> &
      AttemptOptions &
      ExternalOptions & { readonly output?: Schema & PutsOut<Schema> },
  ): JobBuilder<
    Input,
    | Tasks
    | ExternalType<
        Name,
        [Schema] extends [StandardSchema] ? SchemaOutput<Schema> : object | undefined,
        [Schema] extends [StandardSchema] ? SchemaInput<Schema> : object | undefined,
        DoubtOf<Name, Tolerated, Named<Tasks, Needs>, Rule, Answer>
      >,
    Given
  >;
  external(name: string, options?: object): unknown {
    return this.#add({ name, kind: 'external', options });
  }

  /**
   * Adds a task that runs a nested job. Option `input` returns the nested job's input; default: the context of the
   * task. Option `output` returns the task's output; default: the nested tasks' merged outputs, which the context holds
   * under the task's name. With `over`, there is a nested job for each item, as in a fan-out: the task's output is the
   * list of theirs.
   */
  job<
    const Name extends string,
    Input extends object,
    Tasks extends TaskType,
    Given extends object,
    Inner extends object,
    InnerTasks extends TaskType,
    InnerGiven extends object,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
    const Rule extends TriggerRule = 'allSuccess',
    Answer extends boolean = never,
    Output extends object = never,
    Item = NoItems,
    Bound extends MapOptions['maxFailures'] = never,
    const Collect extends boolean = true,
  >(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    options: FlowOptions<Needs, Tolerated, Rule, ConditionOf<Input, Tasks, Needs, Rule>, Answer> &
      AttemptOptions &
      Partial<ItemOptions<ScopeOf<Input, Tasks, Needs, Rule>, Item, Bound, Collect>> &
      NestedJobOptions<
        ScopeOf<Input, Tasks, Needs, Rule, ItemOf<Item>>,
        NoInfer<InnerGiven>,
        FinalContext<Inner, InnerTasks>,
        Output
      > &
      Fed<ScopeOf<Input, Tasks, Needs, Rule>, NoInfer<InnerGiven>>,
    definition: JobDefinition<Inner, InnerTasks, InnerGiven>,
  ): JobBuilder<
    Input,
    | Tasks
    | NestedType<
        Name,
        Item,
        Output,
        InnerTasks,
        Tolerated,
        DoubtOf<Name, Tolerated, Named<Tasks, Needs>, Rule, Answer>,
        Bound,
        Collect
      >,
    Given
  >;
  job(name: string, options: object, definition: unknown): unknown {
    return this.#add({ name, kind: 'job', options, definition: definition as Sealed });
  }

  /** Adds a fan-out: calls `run` once per item and puts out the list of results, under the task's name. */
  map<
    const Name extends string,
    Item,
    Result,
    Input extends object,
    Tasks extends TaskType,
    Given extends object,
    const Needs extends Tasks['name'] = never,
    const Tolerated extends boolean = false,
    const Rule extends TriggerRule = 'allSuccess',
    Answer extends boolean = never,
    Extra extends Addition = NoInput,
    Schema extends StandardSchema | undefined = undefined,
    Bound extends MapOptions['maxFailures'] = never,
    const Collect extends boolean = true,
  >(
    this: JobBuilder<Input, Tasks, Given>,
    name: NewName<Tasks['name'], Name>,
    options: FanOutOptions<Needs, Tolerated, Rule, Answer, Extra, Schema, Item, Input, Tasks, Bound, Collect>,
    run: (scope: ScopeOf<Input, Tasks, Needs, Rule, ItemScope<Item> & NoInfer<Extra>>) => ValidItem<Result, Schema>,
  ): JobBuilder<
    Input,
    | Tasks
    | FanOutType<
        Name,
        MapOutput<Result, Schema, Tolerated, Bound>,
        DoubtOf<Name, Tolerated, Named<Tasks, Needs>, Rule, Answer>,
        Collect
      >,
    Given
  >;
  map(name: string, options: object, run: unknown): unknown {
    return this.#add({ name, kind: 'map', options, run: run as TaskFunction });
  }

  /** Returns the problems found so far, without throwing. */
  validate(): readonly Problem[] {
    return validate(this.name, this.#drafts, this.#options).problems;
  }

  seal(): object {
    this.#sealed ??= sealDefinition(this.name, this.#drafts, this.#options);
    return this.#sealed;
  }

  #add(draft: TaskDraft): this {
    if (this.#sealed) {
      const message = `Task "${draft.name}" came after the job was sealed. Add it before seal() and start().`;
      throw new JobDefinitionError(this.name, [{ code: 'SEALED', message, tasks: [draft.name] }]);
    }
    this.#drafts.push(draft);
    return this;
  }
}

/**
 * Builds a job definition. `task`, `sensor`, `external`, `job` and `map` add one task each, and can be chained.
 * `validate` and `seal` report problems. After `seal`, adding a task throws JobDefinitionError `SEALED`.
 */
export class JobBuilder<
  Input extends object = NoInput,
  Tasks extends TaskType = never,
  /** The input type that `start` accepts. Differs from `Input` if the schema of the input transforms it. */
  Given extends object = Input,
> extends Builder {
  /** Returns the validated, frozen definition, always the same one. @throws JobDefinitionError with all problems */
  override seal(): JobDefinition<Input, Tasks, Given> {
    return super.seal() as JobDefinition<Input, Tasks, Given>;
  }

  /**
   * Seals the definition and starts a job.
   * @throws JobDefinitionError, OptionError, SchemaError; JournalError, SerialisationError if the job can't be stored
   */
  start(...args: StartArguments<Given>): Job<Input, Tasks> {
    return this.seal().start(...args);
  }
}

/** Requires the option `input` if the context of the task does not fit the input of the nested job. */
type Fed<Scope extends { readonly ctx: unknown }, Given> = [Scope['ctx']] extends [Given]
  ? unknown
  : { readonly input: object };

type SchemaObject<Type> = Type extends object ? Type : never;

/** Creates the builder of a job. The schema in `input` validates the input of the job and determines its type. */
export function defineJob<Schema extends StandardSchema<PlainObject, PlainObject>>(
  name: string,
  options: DefinitionOptions<Schema> & { readonly input: Schema },
): JobBuilder<SchemaObject<SchemaOutput<Schema>>, never, SchemaObject<SchemaInput<Schema>>>;

/** Creates the builder of a job. `Input` is the type of its input. */
export function defineJob<Input extends object = NoInput>(
  name: string,
  options?: DefinitionOptions<undefined>,
): JobBuilder<Input, never>;

export function defineJob(name: string, options?: DefinitionOptions): unknown {
  return new JobBuilder(name, options);
}
