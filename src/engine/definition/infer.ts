import type { Branch, Directive, Expand, NotReady } from './directive.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskOutput, TaskScope } from './task-function.ts';
import type { Settled } from './task-spec.ts';

/**
 * What the types record about a task. A builder accumulates a union of these: adding one costs tsc the same however
 * many there are, while with an object type that gains a key per task tsc would walk all tasks each time.
 */
export interface TaskType<
  Name extends string = string,
  Output = unknown,
  Certain extends boolean = boolean,
  Open extends boolean = boolean,
> {
  readonly name: Name;
  /** `undefined` for a task without output. */
  readonly output: Output;
  /** Whether the output is certain to exist when a downstream task runs. */
  readonly certain: Certain;
  /** Whether a job may complete without this task or one of its downstream tasks. */
  readonly open: Open;
}

/** The output of a function that returns `Result`: its value, or the one carried by `branch` or `expand`. */
export type OutputOf<Result> = NothingOr<PutOut<Awaited<Result>>>;
type PutOut<Value> = Value extends Branch<infer Output> | Expand<infer Output> ? Output : Exclude<Value, NotReady>;
type NothingOr<Output> = [Output] extends [never] ? undefined : Output extends void ? undefined : Output;

/** The output of a task: what its schema makes of it, or without a schema what the function returns. */
export type Checked<Result, Schema> = [Schema] extends [StandardSchema] ? SchemaOutput<Schema> : OutputOf<Result>;

/** `Result` if a task may return it; else the schema's input or a text for tsc's error. `unknown` passes. */
export type Valid<Result, Schema = undefined> = [Schema] extends [StandardSchema]
  ? [PutOut<Awaited<Result>>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : [Refused<Awaited<Result>>] extends [never]
    ? Result
    : 'A task puts out a plain object that is merged into the context, or nothing';

type Refused<Output> = Output extends TaskOutput | Directive ? never : unknown extends Output ? never : Output;

/** The output of a sensor whose check returns `Result`; `true` and `false` carry no output. */
export type SensorOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<PutOut<Exclude<Awaited<Result>, boolean>>>;

/** `Result` if a sensor's check may return it; else a text for tsc's error. `true` means no output. */
export type ValidCheck<Result, Schema> = [CheckOutput<Awaited<Result>>] extends [never]
  ? Result
  : [Valid<CheckOutput<Awaited<Result>>, Schema>] extends [CheckOutput<Awaited<Result>>]
    ? Result
    : 'A sensor answers true or an output when it is ready, false or notReady(reason) when it is not yet';

type CheckOutput<Value> = Value extends true ? undefined : Value extends false | NotReady ? never : Value;

/** The output of a fan-out: the outputs of its instances in the order of the items, under the task's name. */
export type MapOutput<Name extends string, Result, Schema, Tolerated> = {
  readonly [Key in Name]: readonly (Tolerated extends false
    ? ItemOutput<Result, Schema>
    : Settled<ItemOutput<Result, Schema>>)[];
};

type ItemOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<Exclude<Awaited<Result>, NotReady>>;

/** The output of a nested job: what its `output` option returns, else its merged outputs under the task's name. */
export type NestedOutput<Name extends string, Output, Tasks> = [Output] extends [never]
  ? { readonly [Key in Name]: FinalContext<Record<never, never>, Tasks> }
  : Output;

/** `Result` if the function of a fan-out may return it for an item; else the schema's input type. */
export type ValidItem<Result, Schema> = [Schema] extends [StandardSchema]
  ? [Exclude<Awaited<Result>, NotReady>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : Result;

/** `Schema` if its output can be merged into the context; else a text, which shows up in tsc's error. */
export type PutsOut<Schema> = [Schema] extends [StandardSchema]
  ? [SchemaOutput<Schema>] extends [TaskOutput]
    ? Schema
    : unknown extends SchemaOutput<Schema>
      ? Schema
      : 'The schema of an output makes a plain object, which is merged into the context, or nothing'
  : Schema;

/** Whether the output is certain to exist downstream. `Answer` is `never` for a task without a condition. */
export type IsCertain<Name extends string, Tolerated, Answer extends boolean = never> =
  IsOpen<Name> extends true ? false : [Answer] extends [never] ? (Tolerated extends false ? true : false) : false;

/** Whether a job may complete without this task or one of its downstream tasks. */
export type MayBeSkipped<Upstream, Rule, Answer, Result = undefined> = [Answer] extends [never]
  ? true extends IsBranch<Awaited<Result>>
    ? true
    : [Rule] extends ['allDone' | 'always' | 'noneFailed']
      ? false
      : [Rule] extends ['allSuccess']
        ? true extends OpenOf<Upstream>
          ? true
          : false
        : true
  : true;

type IsBranch<Value> = Value extends Branch<unknown> ? true : false;
type OpenOf<Upstream> = Upstream extends { readonly open: infer Open } ? Open : false;

/** The scope of a task's functions. With any rule but `allSuccess`, no output of a dependency is certain. */
export type ScopeOf<Input, Tasks, Needs extends string, Rule> = TaskScope<
  ContextOf<Input, UnderRule<Named<Tasks, Needs>, Rule>, Needs>,
  DepsOf<UnderRule<Named<Tasks, Needs>, Rule>, Needs>
>;

export type ConditionOf<Input, Tasks, Needs extends string, Rule> = ConditionScope<
  ContextOf<Input, UnderRule<Named<Tasks, Needs>, Rule>, Needs>,
  DepsOf<UnderRule<Named<Tasks, Needs>, Rule>, Needs>
>;

type UnderRule<Upstream, Rule> = [Rule] extends ['allSuccess'] ? Upstream : Uncertain<Upstream>;

type Uncertain<Upstream> =
  Upstream extends TaskType<infer Name, infer Output> ? TaskType<Name, Output, false, true> : never;

/** `Name` if no task has it yet; else a text, which shows up in tsc's error. Names known only at run time pass. */
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
export type ContextOf<Input, Upstream, Needs extends string> = Merge<
  Input,
  Upstream,
  IsOpen<Needs> extends true ? never : CertainKeys<Upstream>
>;

/** The type of a task's `deps`: the output of each direct dependency by name, `undefined` if it may be missing. */
export type DepsOf<Upstream, Needs extends string> = Flat<{
  [Name in Needs]: OutputNamed<Upstream, Name> | (Named<Upstream, Name> extends Certain ? never : undefined);
}>;

type Certain = { readonly certain: true };

/** The context of a completed job. */
export type FinalContext<Input, Tasks> = Merge<Input, Tasks, CertainKeys<Extract<Tasks, { readonly open: false }>>>;

/** The context of a job in any state: each output may be missing. */
export type PartialContext<Input, Tasks> = Merge<Input, Tasks, never>;

export type OutputNamed<Tasks, Name extends string> =
  IsOpen<Name> extends true ? Unknown : [Named<Tasks, Name>] extends [never] ? Unknown : PutOutBy<Named<Tasks, Name>>;

type PutOutBy<Task> = Task extends { readonly output: infer Output } ? ReadonlyObject<Output> : never;
type ReadonlyObject<Output> = Output extends object ? Readonly<Output> : Output;

/** The output of a task whose name is known only at run time. */
type Unknown = Readonly<Record<string, unknown>> | undefined;

/** The names of a job's tasks; `string` if the types know none. */
export type TaskName<Tasks extends TaskType> = [Tasks] extends [never] ? string : Tasks['name'];

/** The path of a task: its name, `outer/inner` in a nested job, `name[3]` in a fan-out. */
export type TaskPath<Tasks extends TaskType> = TaskName<Tasks> | `${TaskName<Tasks>}${'/' | '['}${string}`;

/**
 * The input overlaid with outputs. A key in `Certain` has the union of its writers' types, since their order is unknown
 * here; any other key may also keep the input's value or, if the input lacks it, be absent.
 */
type Merge<Input, Tasks, Certain> = Flat<
  { [Key in keyof Input as Key extends Certain ? never : Key]: Input[Key] | Written<Tasks, Key> } & {
    [Key in Certain & PropertyKey]: Written<Tasks, Key>;
  } & { [Key in Exclude<AnyKeys<Tasks>, Certain | keyof Input>]?: Written<Tasks, Key> }
>;

/** Flattens an intersection into one object type, which an editor shows in full. */
type Flat<Type> = { readonly [Key in keyof Type]: Type[Key] } & {};

type CertainKeys<Task> = Task extends { readonly output: infer Output; readonly certain: true }
  ? StringKeys<{ [Key in keyof Output as IsRequired<Output, Key> extends true ? Key : never]: unknown }>
  : never;

type IsRequired<Output, Key extends keyof Output> = Record<never, never> extends Pick<Output, Key> ? false : true;

type AnyKeys<Task> = Task extends { readonly output: infer Output } ? KeysOf<Output> : never;
type KeysOf<Output> = Output extends unknown ? StringKeys<Output> : never;

/** The keys that are merged into the context: all but symbols. */
type StringKeys<Output> = Exclude<keyof Output, symbol>;

type Written<Task, Key> = Task extends { readonly output: infer Output } ? ValueOf<Output, Key> : never;
type ValueOf<Output, Key> = Output extends unknown ? (Key extends keyof Output ? Required<Output>[Key] : never) : never;
