import type { NotReady } from './not-ready.ts';
import type { TaskScope } from './task-function.ts';

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

/** The task that a call of `task` describes. */
export type TaskOf<Name extends string, Result, Tolerated extends boolean = false> = TaskType<
  Name,
  OutputOf<Result>,
  IsOpen<Name> extends true ? false : Tolerated extends false ? true : false
>;

/** What a function puts out: what it returns or resolves to, `notReady()` left out. */
type OutputOf<Result> = SomethingOr<undefined, Exclude<Awaited<Result>, NotReady>>;
type SomethingOr<Nothing, Output> = [Output] extends [never] ? Nothing : Output extends void ? Nothing : Output;

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

/** What the function of a task with these dependencies receives. */
export type ScopeOf<Input, Tasks, Needs extends string> = TaskScope<
  ContextOf<Input, Tasks, Needs>,
  DepsOf<Tasks, Needs>
>;

/** `ctx` of a task: the job's input and what its direct dependencies put out. */
export type ContextOf<Input, Tasks, Needs extends string> = Merge<
  Input,
  Named<Tasks, Needs>,
  IsOpen<Needs> extends true ? never : CertainKeys<Named<Tasks, Needs>>
>;

/** The context of a completed job. */
export type FinalContext<Input, Tasks> = Merge<Input, Tasks, CertainKeys<Tasks>>;

/** The context of a job that ended early: what its tasks would have put out is there or not. */
export type PartialContext<Input, Tasks> = Merge<Input, Tasks, never>;

/** `deps` of a task: the output of each dependency by name, or `undefined` where it may have failed. */
export type DepsOf<Tasks, Needs extends string> = {
  readonly [Name in Needs]:
    | OutputNamed<Tasks, Name>
    | (Named<Tasks, Name> extends { certain: true } ? never : undefined);
};

/** What one task puts out. */
export type OutputNamed<Tasks, Name extends string> =
  IsOpen<Name> extends true
    ? Unknown
    : [Named<Tasks, Name>] extends [never]
      ? Unknown
      : Readonly<Named<Tasks, Name>['output']>;

/** What a task puts out that is known only at run time. */
type Unknown = Readonly<Record<string, unknown>> | undefined;

/** The names of a job's tasks; any string where they are known only at run time. */
export type TaskName<Tasks extends TaskType> = [Tasks] extends [never] ? string : Tasks['name'];

/** Tasks known only at run time, which between them put out all that the context is said to hold. */
export type TasksPuttingOut<Context> = TaskType<string, Context, true>;

type Named<Tasks, Name> = Tasks extends TaskType & { readonly name: Name } ? Tasks : never;

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
  ? keyof { [Key in keyof Output as IsRequired<Output, Key> extends true ? Key : never]: unknown } & string
  : never;

type IsRequired<Output, Key extends keyof Output> = Record<never, never> extends Pick<Output, Key> ? false : true;

/** Symbols are not merged. */
type AnyKeys<Task> = Task extends { readonly output: infer Output } ? Exclude<KeysOf<Output>, symbol> : never;
type KeysOf<Output> = Output extends unknown ? keyof Output : never;

type Written<Task, Key> = Task extends { readonly output: infer Output } ? ValueOf<Output, Key> : never;
type ValueOf<Output, Key> = Output extends unknown ? (Key extends keyof Output ? Required<Output>[Key] : never) : never;
