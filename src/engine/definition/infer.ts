import type { Branch, Directive, Expand, NotReady, Skip } from './directive.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskOutput, TaskScope } from './task-function.ts';
import type { ItemScope, Settled } from './task-spec.ts';

/**
 * What the types record about a task. A builder accumulates a union of `TaskType`s, which tsc extends in constant time.
 * An object type with a key per task would make tsc walk all tasks at each addition.
 */
export interface TaskType<Name extends string = string, Output = unknown, Doubt extends TaskDoubt = TaskDoubt> {
  readonly name: Name;
  /** `undefined` for a task without output. */
  readonly output: Output;
  readonly doubt: Doubt;
}

/**
 * Why an output may be missing: `mayFail` where the task's failure is tolerated, or its name known only at run time;
 * `maySkip` where a job may complete although the task was skipped. A task that `branches` puts out for certain, but what
 * is downstream of it may be skipped.
 */
export type TaskDoubt = 'certain' | 'mayFail' | 'maySkip' | 'branches';

/** A task whose output the context holds under the task's name: a fan-out, or a nested job without `output`. */
export interface NamedType<Name extends string, Own, Doubt extends TaskDoubt>
  extends TaskType<Name, { readonly [Key in Name]: Own }, Doubt> {
  readonly own: Own;
}

/** An external task. `Taken` is what completes it: the input type of its schema; without a schema, an object or nothing. */
export interface ExternalType<Name extends string, Output, Taken, Doubt extends TaskDoubt>
  extends TaskType<Name, Output, Doubt> {
  readonly taken: Taken;
}

/** The output of a function that returns `Result`; for a `Branch` or `Expand`, the output that it carries. */
export type OutputOf<Result> = NothingOr<PutOut<Awaited<Result>>>;
type PutOut<Value> = Value extends Branch<infer Output> | Expand<infer Output>
  ? Output
  : Exclude<Value, NotReady | Skip>;
type NothingOr<Output> = [Output] extends [never] ? undefined : Output extends void ? undefined : Output;

/** The output of a task: the schema's output type or, without a schema, the output of the function. */
export type Checked<Result, Schema> = [Schema] extends [StandardSchema] ? SchemaOutput<Schema> : OutputOf<Result>;

/** `Result` if a task may return it; otherwise the schema's input type, or a message that tsc shows. */
export type Valid<Result, Schema = undefined> = [Schema] extends [StandardSchema]
  ? [PutOut<Awaited<Result>>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : [Refused<Awaited<Result>>] extends [never]
    ? Result
    : 'A task puts out a plain object that is merged into the context, or nothing';

type Refused<Output> = Output extends TaskOutput | Directive ? never : unknown extends Output ? never : Output;

/** The output of a sensor whose check returns `Result`; of `true` it has none. */
export type SensorOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<PutOut<CheckOutput<Awaited<Result>>>>;

/** `Result` if a sensor's check may return it; otherwise a message that tsc shows. */
export type ValidCheck<Result, Schema> = [CheckOutput<Awaited<Result>>] extends [never]
  ? Result
  : [CheckOutput<Awaited<Result>>, MayBeNothing<Awaited<Result>>] extends [
        Valid<CheckOutput<Awaited<Result>>, Schema>,
        false,
      ]
    ? Result
    : 'A sensor answers true or an output when it is ready, false or notReady(reason) when it is not yet';

type MayBeNothing<Value> = unknown extends Value ? false : [Extract<Value, void>] extends [never] ? false : true;

type CheckOutput<Value> = Value extends true ? undefined : Value extends false | NotReady | Skip ? never : Value;

/** The output of a fan-out: the outputs of its instances, in the order of the items. */
export type MapOutput<Result, Schema, Tolerated, Bound> = ListOf<ItemOutput<Result, Schema>, Tolerated, Bound>;

type ListOf<Output, Tolerated, Bound> = [Tolerated, Bound] extends [false, undefined]
  ? readonly Output[]
  : readonly Settled<Output>[];

/** What is recorded about a fan-out: without `collect`, that it has no output. */
export type FanOutType<Name extends string, Own, Doubt extends TaskDoubt, Collect> = [Collect] extends [true]
  ? NamedType<Name, Own, Doubt>
  : [Collect] extends [false]
    ? TaskType<Name, undefined, Doubt>
    : NamedType<Name, Own | undefined, Doubt>;

type ItemOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<Exclude<Awaited<Result>, NotReady>>;

/** Stands for the type of the items where there are none: the task has no `over`. */
export interface NoItems {
  readonly [NO_ITEMS]: never;
}

declare const NO_ITEMS: unique symbol;

/** What `over` adds to the scope of each instance. */
export type ItemOf<Item> = [Item] extends [NoItems]
  ? [Item] extends [never]
    ? ItemScope<Item>
    : unknown
  : ItemScope<Item>;

/** What is recorded about a sensor; with `over`, about a fan-out of sensors. */
export type SensedType<Name extends string, Item, Output, Tolerated, Doubt extends TaskDoubt, Bound, Collect> =
  unknown extends ItemOf<Item>
    ? TaskType<Name, Output, Doubt>
    : FanOutType<Name, ListOf<Output, Tolerated, Bound>, Doubt, Collect>;

/**
 * What is recorded about a nested job: its output is what `output` returns; by default, the merged task outputs. With
 * `over`, the list of these.
 */
export type NestedType<Name extends string, Item, Output, Tasks, Tolerated, Doubt extends TaskDoubt, Bound, Collect> =
  unknown extends ItemOf<Item>
    ? [Output] extends [never]
      ? NamedType<Name, FinalContext<Record<never, never>, Tasks>, Doubt>
      : TaskType<Name, Output, Doubt>
    : FanOutType<
        Name,
        ListOf<[Output] extends [never] ? FinalContext<Record<never, never>, Tasks> : Output, Tolerated, Bound>,
        Doubt,
        Collect
      >;

/** `Result` if the function of a fan-out may return it for an item; otherwise the schema's input type, or a message. */
export type ValidItem<Result, Schema> = [Schema] extends [StandardSchema]
  ? [Exclude<Awaited<Result>, NotReady>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : [Graphs<Awaited<Result>>] extends [never]
    ? Result
    : 'An item puts out any value but a branch, an expansion or a skip, which are for tasks';

type Graphs<Value> = unknown extends Value ? never : Extract<Value, Branch<unknown> | Expand<unknown> | Skip>;

/** `Schema` if its output can be merged into the context; otherwise a message that tsc shows. */
export type PutsOut<Schema> = [Schema] extends [StandardSchema]
  ? [SchemaOutput<Schema>] extends [TaskOutput]
    ? Schema
    : unknown extends SchemaOutput<Schema>
      ? Schema
      : 'The schema of an output makes a plain object, which is merged into the context, or nothing'
  : Schema;

/** The doubt about a task's output. `Answer` is `never` without a condition, `Result` what a function returns. */
export type DoubtOf<Name extends string, Tolerated, Upstream, Rule, Answer, Result = undefined> = OrCertain<
  MayFail<Name, Tolerated> | MaySkip<Upstream, Rule, Answer> | ByDirective<Awaited<Result>>
>;

type OrCertain<Doubt extends TaskDoubt> = [Doubt] extends [never] ? 'certain' : Doubt;

type MayFail<Name extends string, Tolerated> =
  IsOpen<Name> extends true ? 'mayFail' : [Tolerated] extends [false] ? never : 'mayFail';

type MaySkip<Upstream, Rule, Answer> = [Answer] extends [never]
  ? [Rule] extends ['allDone' | 'always' | 'noneFailed']
    ? never
    : [Rule] extends ['allSuccess']
      ? SkipBelow<Upstream>
      : 'maySkip'
  : 'maySkip';

type ByDirective<Value> =
  Value extends Branch<unknown> ? 'branches' : unknown extends Value ? never : Value extends Skip ? 'maySkip' : never;

/** What a sensor may return besides the answers of its check: with `softFail` it may be skipped. */
export type SoftSkip<Soft> = [Soft] extends [false] ? never : Skip;

type SkipBelow<Upstream> = Upstream extends { readonly doubt: infer Doubt }
  ? Doubt extends 'maySkip' | 'branches'
    ? 'maySkip'
    : never
  : never;

/** The scope of a task's functions, with what the kind of task or `enrich` adds. */
export type ScopeOf<Input, Tasks, Needs extends string, Rule, Extra = unknown> = TaskScope<
  ContextOf<Input, Named<Tasks, Needs>, Needs, Rule>,
  DepsOf<Named<Tasks, Needs>, Needs, Rule>
> &
  Extra;

export type ConditionOf<Input, Tasks, Needs extends string, Rule> = ConditionScope<
  ContextOf<Input, Named<Tasks, Needs>, Needs, Rule>,
  DepsOf<Named<Tasks, Needs>, Needs, Rule>
>;

/** `Name` if no task has it yet, or if it is known only at run time; otherwise a message that tsc shows. */
export type NewName<Taken extends string, Name extends string> = Name extends Taken
  ? IsOpen<Taken> extends true
    ? Name
    : IsOpen<Name> extends true
      ? Name
      : `A task named "${Name}" is already defined`
  : Name;

/** Whether a name is known only at run time: `string`, or a pattern such as `clean-${string}`. */
type IsOpen<Name extends string> = [Name] extends [never]
  ? false
  : Record<never, never> extends Record<Name, unknown>
    ? true
    : false;

export type Named<Tasks, Name> = Tasks extends { readonly name: Name } ? Tasks : never;

/** The type of a task's `ctx`: the job's input merged with the outputs of the direct dependencies. */
type ContextOf<Input, Upstream, Needs extends string, Rule> = Merge<
  Input,
  Upstream,
  IsOpen<Needs> extends true ? never : CertainKeys<CertainUnder<Rule, Upstream>>
>;

/** The type of a task's `deps`: the output of each direct dependency; `undefined` where it may be missing. */
type DepsOf<Upstream, Needs extends string, Rule> = Flat<{
  [Name in Needs]:
    | OutputNamed<Upstream, Name>
    | (CertainUnder<Rule, Named<Upstream, Name>> extends never ? undefined : never);
}>;

/** The tasks whose outputs are certain. Only the rule `allSuccess` never lets a task run after a skip or a failure. */
type CertainUnder<Rule, Upstream> = [Rule] extends ['allSuccess'] ? Extract<Upstream, Certain> : never;

type Certain = { readonly doubt: Exclude<TaskDoubt, 'mayFail'> };

/** The context of a completed job. */
export type FinalContext<Input, Tasks> = Merge<
  Input,
  Tasks,
  CertainKeys<Extract<Tasks, { readonly doubt: 'certain' | 'branches' }>>
>;

/** The context of a job in any state: each output may be missing. */
export type PartialContext<Input, Tasks> = Merge<Input, Tasks, never>;

export type OutputNamed<Tasks, Name extends string> =
  IsOpen<Name> extends true ? Unknown : [Named<Tasks, Name>] extends [never] ? Unknown : PutOutBy<Named<Tasks, Name>>;

type PutOutBy<Task> = Task extends { readonly own: infer Own }
  ? Own
  : Task extends { readonly output: infer Output }
    ? ReadonlyObject<Output>
    : never;
type ReadonlyObject<Output> = Output extends object ? Readonly<Output> : Output;

/** The output of a task whose name is known only at run time. */
type Unknown = Readonly<Record<string, unknown>> | undefined;

/** The names of a job's tasks; `string` if the type lists no task. */
export type TaskName<Tasks extends TaskType> = [Tasks] extends [never] ? string : Tasks['name'];

/** The path of a task: its name, `outer/inner` in a nested job, `name[3]` in a fan-out. */
export type TaskPath<Name extends string> = Name | `${Name}${'/' | '['}${string}`;

/** What completes the task of a path: `never` if the task is known and not external. */
export type TakenBy<Tasks, Path> =
  IsOpen<Path & string> extends true
    ? object | undefined
    : [Named<Tasks, Path>] extends [never]
      ? object | undefined
      : Named<Tasks, Path> extends { readonly taken: infer Taken }
        ? Taken
        : never;

/**
 * The input merged with outputs. A key in `Certain` has the union of the types that tasks write to it, since the last
 * writer is unknown here. Any other key may also keep the input's value; if the input lacks the key, it is optional.
 */
type Merge<Input, Tasks, Certain> = Flat<
  { [Key in keyof Input as Key extends Certain ? never : Key]: Input[Key] | Written<Tasks, Key> } & {
    [Key in Certain & PropertyKey]: Written<Tasks, Key>;
  } & { [Key in Exclude<AnyKeys<Tasks>, Certain | keyof Input>]?: Written<Tasks, Key> }
>;

/** Flattens an intersection into one object type, which an editor shows in full. */
type Flat<Type> = { readonly [Key in keyof Type]: Type[Key] } & {};

type CertainKeys<Task> = Task extends { readonly output: infer Output }
  ? StringKeys<{ [Key in keyof Output as IsRequired<Output, Key> extends true ? Key : never]: unknown }>
  : never;

type IsRequired<Output, Key extends keyof Output> = Record<never, never> extends Pick<Output, Key> ? false : true;

type AnyKeys<Task> = Task extends { readonly output: infer Output } ? KeysOf<Output> : never;
type KeysOf<Output> = Output extends unknown ? StringKeys<Output> : never;

/** The keys that are merged into the context: all but symbols. */
type StringKeys<Output> = Exclude<keyof Output, symbol>;

type Written<Task, Key> = Task extends { readonly output: infer Output } ? ValueOf<Output, Key> : never;
type ValueOf<Output, Key> = Output extends unknown ? (Key extends keyof Output ? Required<Output>[Key] : never) : never;
