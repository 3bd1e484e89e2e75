import { ANSWER, type Expand } from './answer.ts';
import type {
  AttemptOptions,
  ExternalPace,
  FlowOptions,
  RateLimitOptions,
  SensorPace,
  TaskOptions,
} from './options.ts';
import type { Sealed } from './sealed.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { TaskFunction, TaskScope } from './task-function.ts';

/** A task of any kind as data, for graphs known only at run time. `kind` tells what it does; left out, it runs a function. */
export type AnyTaskSpec<Context = Readonly<Record<string, unknown>>> =
  | TaskSpec<Context>
  | SensorSpec<Context>
  | ExternalSpec
  | JobSpec<Context>
  | MapSpec<Context>;

type Named = { readonly name: string };

/** A task that runs a function, as data. */
export type TaskSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  Named & { readonly kind?: 'task' | undefined; readonly run: TaskFunction<Context> };

/** `check` answers an output or `true` when ready, `false` or `notReady(reason)` when not yet. */
export type SensorSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  SensorPace &
  Named & { readonly kind: 'sensor'; readonly check: TaskFunction<Context> };

/** Completed from outside, through `job.task(name)`. */
export type ExternalSpec = FlowOptions &
  AttemptOptions &
  ExternalPace &
  Named & { readonly kind: 'external'; readonly output?: StandardSchema | undefined };

/** A job inside the job. */
export type JobSpec<Context = Readonly<Record<string, unknown>>> = FlowOptions &
  AttemptOptions &
  NestedJobOptions<TaskScope<Context>> &
  Named & { readonly kind: 'job'; readonly definition: Sealed };

/** One instance per item. */
export type MapSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  MapOptions<TaskScope<Context>> &
  Named & { readonly kind: 'map'; readonly each: ItemFunction<Context> };

export type NestedJobOptions<
  Scope = TaskScope,
  Given = object,
  Whole = Readonly<Record<string, unknown>>,
  Output = object,
> = {
  /** The nested job's input. Default the context of the task. */
  readonly input?: ((scope: Scope) => Given) | undefined;
  /** What the task puts out. Default `{ [name]: what the nested job's tasks put out }`. */
  readonly output?: ((ctx: Whole) => Output) | undefined;
};

export type MapOptions<Scope = TaskScope, Item = unknown> = {
  /** The items, or what gives them. */
  readonly over: Items<Item> | ((scope: Scope) => Items<Item> | PromiseLike<Items<Item>>);
  /** How many instances run at once. Default no limit of its own. */
  readonly concurrency?: number | undefined;
  /** How many instances start within a period. Default no limit of its own. */
  readonly rateLimit?: RateLimitOptions | undefined;
};

/** Anything that can be iterated over, but a text. */
export type Items<Item> = Iterable<Item> & object;

export type ItemScope<Item = unknown> = {
  readonly item: Item;
  /** From 0. */
  readonly index: number;
};

type ItemFunction<Context> = (scope: TaskScope<Context> & ItemScope<never>) => unknown;

/** What became of one item where failures are tolerated: as `Promise.allSettled` has it. */
export type Settled<Output> =
  | { readonly status: 'fulfilled'; readonly value: Output }
  | { readonly status: 'rejected'; readonly reason: unknown };

/**
 * Returned by a task: these tasks join the job, as with `job.addTasks`, when the task completes. They may depend on it, on
 * any other task of the job and on one another. `output` is merged like any other.
 */
export const expand = <const Output extends object | undefined = undefined>(
  tasks: readonly AnyTaskSpec[],
  ...output: [output?: Output]
): Expand<Output> =>
  Object.freeze({ [ANSWER]: 'expand' as const, tasks: Object.freeze([...tasks]), output: output[0] as Output });
