import type { NotReady } from './not-ready.ts';
import type { TaskOutput } from './task-function.ts';

/**
 * What the types remember of a task. A builder accumulates a union of these: adding one costs tsc nothing that grows
 * with the tasks before it, where an object type that gains a key with every task has it walk all of them each time.
 */
export interface TaskType<Name extends string = string, Output = unknown, Certain extends boolean = boolean> {
  readonly name: Name;
  /** `undefined` for a task that puts out nothing. */
  readonly output: Output;
  /** Whether a task that ran after this one can count on the output. */
  readonly certain: Certain;
}

/** What a function puts out: what it returns or resolves to, `notReady()` left out. */
export type OutputOf<Result> = NothingOr<Exclude<Awaited<Result>, NotReady>>;
type NothingOr<Output> = [Output] extends [never] ? undefined : Output extends void ? undefined : Output;

/** What a function may return; else a text that says what it may. Of an `unknown` nothing is known: let it pass. */
export type Valid<Result> = [Refused<Awaited<Result>>] extends [never]
  ? Result
  : 'A task puts out a plain object that is merged into the context, or nothing';
type Refused<Output> = Output extends TaskOutput | NotReady ? never : unknown extends Output ? never : Output;

/** Whether a task that ran after this one can count on its output. */
export type IsCertain<Name extends string, Tolerated> =
  IsOpen<Name> extends true ? false : Tolerated extends false ? true : false;

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
export type FinalContext<Input, Tasks> = Merge<Input, Tasks, CertainKeys<Tasks>>;

/** The context of a job that ended early: what its tasks would have put out is there or not. */
export type PartialContext<Input, Tasks> = Merge<Input, Tasks, never>;

/** What one task puts out. */
export type OutputNamed<Tasks, Name extends string> =
  IsOpen<Name> extends true ? Unknown : [Named<Tasks, Name>] extends [never] ? Unknown : Output<Named<Tasks, Name>>;

type Output<Task> = Task extends { readonly output: infer Output } ? ReadonlyObject<Output> : never;
type ReadonlyObject<Output> = Output extends object ? Readonly<Output> : Output;

/** What a task puts out that is known only at run time. */
type Unknown = Readonly<Record<string, unknown>> | undefined;

/** The names of a job's tasks; any string where they are known only at run time. */
export type TaskName<Tasks extends TaskType> = [Tasks] extends [never] ? string : Tasks['name'];

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
