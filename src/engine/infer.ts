import type { TaskScope } from './task-function.ts';

/** What the types remember of a task: what it puts out, and whether a task that ran after it can count on that. */
export type TaskType = { readonly output: unknown; readonly certain: boolean };

/** The tasks of a job by name: the one record that a builder accumulates. */
export type TaskTypes = { readonly [name: string]: TaskType };

/** A builder's record with one more task in it. A name known only at run time adds nothing. */
export type WithTask<Tasks, Name extends string, Output, Certain extends boolean> = string extends Name
  ? Tasks
  : Tasks & { readonly [K in Name]: { readonly output: OutputOf<Output>; readonly certain: Certain } };

/** A name that is not taken; else a type that no string has and that says why. */
export type NewName<Tasks, Name extends string> = string extends Name
  ? unknown
  : Name extends keyof Tasks
    ? { readonly error: `A task named "${Name}" is already defined` }
    : unknown;

/** Nothing put out counts as an empty object in the context; output on some paths alone is optional. */
type OutputOf<Output> = [Output] extends [undefined | void]
  ? NoOutput
  : undefined extends Output
    ? Partial<Exclude<Output, undefined | void>>
    : void extends Output
      ? Partial<Exclude<Output, undefined | void>>
      : Output;

/** The output of a task that puts out nothing. */
export type NoOutput = Readonly<Record<never, never>>;

/** `deps` of a task: the output of each dependency by name, optional where it may have failed. */
export type DepsOf<Tasks, Needs extends string> = {
  readonly [Name in Needs & keyof Tasks]: Tasks[Name] extends {
    readonly output: infer Output;
    readonly certain: infer Certain;
  }
    ? Certain extends true
      ? Value<Output>
      : Value<Output> | undefined
    : never;
};

type Value<Output> = [keyof Output] extends [never] ? undefined : Readonly<Output>;

/** `ctx` of a task: the job's input and what its direct dependencies put out. */
export type ContextOf<Input, Tasks, Needs extends string> = Simplify<Merge<Input, Outputs<Tasks, Needs & keyof Tasks>>>;

/** The context of a completed job. */
export type FinalContext<Input, Tasks> = Simplify<Merge<Input, Outputs<Tasks, keyof Tasks>>>;

/** The context of a job that ended early: what its tasks would have put out is there or not. */
export type PartialContext<Input, Tasks> = Simplify<Merge<Input, Partial<AllOutputs<Tasks>>>>;

export type OutputNamed<Tasks, Name extends keyof Tasks> = Tasks[Name] extends { readonly output: infer Output }
  ? Value<Output>
  : never;

/** A union of outputs; that of a task which may have failed is optional throughout. */
type Outputs<Tasks, Names extends keyof Tasks> = Names extends unknown
  ? Tasks[Names] extends { readonly output: infer Output; readonly certain: infer Certain }
    ? Certain extends true
      ? Output
      : Partial<Output>
    : never
  : never;

type AllOutputs<Tasks> = MergeUnion<Outputs<Tasks, keyof Tasks>>;

/** The input, with the keys that a union of outputs brings laid over it. */
type Merge<Input, Output> = [Output] extends [never] ? Input : MergeOver<Input, MergeUnion<Output>>;

type MergeOver<Input, Over> = Omit<Input, keyof Over> & {
  [K in keyof Over]: K extends keyof Input ? (undefined extends Over[K] ? Over[K] | Input[K] : Over[K]) : Over[K];
};

/** Every key of a union: required where one member requires it, of the type of any member that has it. */
type MergeUnion<Union> = { [K in RequiredKeys<Union>]: ValueOf<Union, K> } & {
  [K in Exclude<KeysOf<Union>, RequiredKeys<Union>>]?: ValueOf<Union, K>;
};

type KeysOf<Union> = Union extends unknown ? keyof Union : never;
type RequiredKeys<Union> = Union extends unknown
  ? { [K in keyof Union]-?: Record<never, never> extends Pick<Union, K> ? never : K }[keyof Union]
  : never;
type ValueOf<Union, Key extends PropertyKey> = Union extends unknown
  ? Key extends keyof Union
    ? Union[Key]
    : never
  : never;

type Simplify<T> = { readonly [K in keyof T]: T[K] };

/** What a task function of these needs receives. */
export type ScopeOf<Input, Tasks, Needs extends string> = TaskScope<
  ContextOf<Input, Tasks, Needs>,
  DepsOf<Tasks, Needs>
>;
