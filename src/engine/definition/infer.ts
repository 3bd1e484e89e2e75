import type { Answer, Branch, Expand, NotReady } from './answer.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts';
import type { ConditionScope, TaskOutput, TaskScope } from './task-function.ts';
import type { Settled } from './task-spec.ts';

/**
 * What the types remember of a task. A builder accumulates a union of these: adding one costs tsc nothing that grows
 * with the tasks before it, where an object type that gains a key with every task has it walk all of them each time.
 */
export interface TaskType<
  Name extends string = string,
  Output = unknown,
  Certain extends boolean = boolean,
  Open extends boolean = boolean,
> {
  readonly name: Name;
  /** `undefined` for a task that puts out nothing. */
  readonly output: Output;
  /** Whether a task that ran after this one can count on the output. */
  readonly certain: Certain;
  /** Whether a job may complete without it, or without what depends on it. */
  readonly open: Open;
}

/** What a function puts out: what it returns or resolves to, with the output of `branch` and `expand`, without `notReady`. */
export type OutputOf<Result> = NothingOr<PutOut<Awaited<Result>>>;

type PutOut<Value> = Value extends Branch<infer Output> | Expand<infer Output> ? Output : Exclude<Value, NotReady>;

type NothingOr<Output> = [Output] extends [never] ? undefined : Output extends void ? undefined : Output;

/** What a task with a schema puts out: what the schema makes of what it returns. */
export type Checked<Result, Schema> = [Schema] extends [StandardSchema] ? SchemaOutput<Schema> : OutputOf<Result>;

/** What a function may return; else a text that says what it may. Of an `unknown` nothing is known: let it pass. */
export type Valid<Result, Schema = undefined> = [Schema] extends [StandardSchema]
  ? [PutOut<Awaited<Result>>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : [Refused<Awaited<Result>>] extends [never]
    ? Result
    : 'A task puts out a plain object that is merged into the context, or nothing';

type Refused<Output> = Output extends TaskOutput | Answer ? never : unknown extends Output ? never : Output;

/** What the check of a sensor puts out: `true` and `false` say only when. */
export type SensorOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<PutOut<Exclude<Awaited<Result>, boolean>>>;

/** What the check of a sensor may return. `true` puts out nothing, which a schema may not take. */
export type ValidCheck<Result, Schema> = [Seen<Awaited<Result>>] extends [never]
  ? Result
  : [Valid<Seen<Awaited<Result>>, Schema>] extends [Seen<Awaited<Result>>]
    ? Result
    : 'A sensor answers true or an output when it is ready, false or notReady(reason) when it is not yet';

type Seen<Value> = Value extends true ? undefined : Value extends false | NotReady ? never : Value;

/** What a fan-out puts out: the outputs of its instances in the order of the items. */
export type MapOutput<Name extends string, Result, Schema, Tolerated> = {
  readonly [Key in Name]: readonly (Tolerated extends false
    ? ItemOutput<Result, Schema>
    : Settled<ItemOutput<Result, Schema>>)[];
};

type ItemOutput<Result, Schema> = [Schema] extends [StandardSchema]
  ? SchemaOutput<Schema>
  : NothingOr<Exclude<Awaited<Result>, NotReady>>;

/** What a nested job puts out. */
export type NestedOutput<Name extends string, Output, Tasks> = [Output] extends [never]
  ? { readonly [Key in Name]: FinalContext<Record<never, never>, Tasks> }
  : Output;

/** What the function of a fan-out may return for an item. */
export type ValidItem<Result, Schema> = [Schema] extends [StandardSchema]
  ? [Exclude<Awaited<Result>, NotReady>] extends [SchemaInput<Schema>]
    ? Result
    : SchemaInput<Schema>
  : Result;

/** A schema whose output can be put out; else a text that says what can. */
export type PutsOut<Schema> = [Schema] extends [StandardSchema]
  ? [SchemaOutput<Schema>] extends [TaskOutput]
    ? Schema
    : unknown extends SchemaOutput<Schema>
      ? Schema
      : 'The schema of an output makes a plain object, which is merged into the context, or nothing'
  : Schema;

/** Whether a task that ran after this one can count on its output. `Answer` is `never` where there is no condition. */
export type IsCertain<Name extends string, Tolerated, Answer extends boolean = never> =
  IsOpen<Name> extends true ? false : [Answer] extends [never] ? (Tolerated extends false ? true : false) : false;

/** Whether a job may complete without this task, or without what depends on it. */
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

/** What a task's functions read, by its dependencies and its rule: another rule than the default promises no output. */
export type ScopeOf<Input, Tasks, Needs extends string, Rule> = TaskScope<
  ContextOf<Input, Heard<Named<Tasks, Needs>, Rule>, Needs>,
  DepsOf<Heard<Named<Tasks, Needs>, Rule>, Needs>
>;

export type ConditionOf<Input, Tasks, Needs extends string, Rule> = ConditionScope<
  ContextOf<Input, Heard<Named<Tasks, Needs>, Rule>, Needs>,
  DepsOf<Heard<Named<Tasks, Needs>, Rule>, Needs>
>;

type Heard<Upstream, Rule> = [Rule] extends ['allSuccess'] ? Upstream : Doubted<Upstream>;

type Doubted<Upstream> =
  Upstream extends TaskType<infer Name, infer Output> ? TaskType<Name, Output, false, true> : never;

/** A name that is not taken; else a text that the name is not, and that says why. */
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

/** The tasks of these names. */
export type Named<Tasks, Name> = Tasks extends { readonly name: Name } ? Tasks : never;

/** `ctx` of a task: the job's input and what its direct dependencies put out. */
export type ContextOf<Input, Upstream, Needs extends string> = Merge<
  Input,
  Upstream,
  IsOpen<Needs> extends true ? never : CertainKeys<Upstream>
>;

/** `deps` of a task: the output of each dependency by name, or `undefined` where it may have failed. */
export type DepsOf<Upstream, Needs extends string> = Flat<{
  [Name in Needs]: OutputNamed<Upstream, Name> | (Named<Upstream, Name> extends Certain ? never : undefined);
}>;

type Certain = { readonly certain: true };

/** The context of a completed job. */
export type FinalContext<Input, Tasks> = Merge<Input, Tasks, CertainKeys<Extract<Tasks, { readonly open: false }>>>;

/** The context of a job that ended early: what its tasks would have put out is there or not. */
export type PartialContext<Input, Tasks> = Merge<Input, Tasks, never>;

/** What one task puts out. */
export type OutputNamed<Tasks, Name extends string> =
  IsOpen<Name> extends true ? Unknown : [Named<Tasks, Name>] extends [never] ? Unknown : PutOutBy<Named<Tasks, Name>>;

type PutOutBy<Task> = Task extends { readonly output: infer Output } ? ReadonlyObject<Output> : never;

type ReadonlyObject<Output> = Output extends object ? Readonly<Output> : Output;

/** What a task puts out that is known only at run time. */
type Unknown = Readonly<Record<string, unknown>> | undefined;

/** The names of a job's tasks; any string where they are known only at run time. */
export type TaskName<Tasks extends TaskType> = [Tasks] extends [never] ? string : Tasks['name'];

/** What a task of a job is addressed by: its name, `outer/inner` in a nested job, `name[3]` in a fan-out. */
export type TaskPath<Tasks extends TaskType> = TaskName<Tasks> | `${TaskName<Tasks>}${'/' | '['}${string}`;

/**
 * The input with what tasks put out laid over it. A key that is certain to be written has the type of any of its
 * writers, since the order of those is not known here; any other may keep what the input holds, if that holds it.
 */
type Merge<Input, Tasks, Certain> = Flat<
  { [Key in keyof Input as Key extends Certain ? never : Key]: Input[Key] | Written<Tasks, Key> } & {
    [Key in Certain & PropertyKey]: Written<Tasks, Key>;
  } & { [Key in Exclude<AnyKeys<Tasks>, Certain | keyof Input>]?: Written<Tasks, Key> }
>;

/** An intersection as the one object that an editor shows. */
type Flat<Type> = { readonly [Key in keyof Type]: Type[Key] } & {};

type CertainKeys<Task> = Task extends { readonly output: infer Output; readonly certain: true }
  ? StringKeys<{ [Key in keyof Output as IsRequired<Output, Key> extends true ? Key : never]: unknown }>
  : never;

type IsRequired<Output, Key extends keyof Output> = Record<never, never> extends Pick<Output, Key> ? false : true;

type AnyKeys<Task> = Task extends { readonly output: infer Output } ? KeysOf<Output> : never;

type KeysOf<Output> = Output extends unknown ? StringKeys<Output> : never;

/** The keys that are merged: all but symbols. */
type StringKeys<Output> = Exclude<keyof Output, symbol>;

type Written<Task, Key> = Task extends { readonly output: infer Output } ? ValueOf<Output, Key> : never;

type ValueOf<Output, Key> = Output extends unknown ? (Key extends keyof Output ? Required<Output>[Key] : never) : never;
