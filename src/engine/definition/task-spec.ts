import { DIRECTIVE, type Expand, frozenDirective } from './directive.ts';
import type {
  AttemptOptions,
  ExternalOptions,
  FlowOptions,
  RateLimitOptions,
  SensorPace,
  TaskOptions,
} from './options.ts';
import type { Sealed } from './sealed.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { TaskFunction, TaskScope } from './task-function.ts';

/** A task as data, for graphs known only at run time. Without `kind`, the task runs a function. */
export type AnyTaskSpec<Context = Readonly<Record<string, unknown>>> =
  | TaskSpec<Context>
  | SensorSpec<Context>
  | ExternalSpec
  | JobSpec<Context>
  | MapSpec<Context>;

type Named = { readonly name: string };

export type TaskSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  Named & { readonly kind?: 'task' | undefined; readonly run: TaskFunction<Context> };

/**
 * A sensor. `check` returns an output or `true` when ready, `false` or `notReady(reason)` when not yet. With `over`, a
 * fan-out: a sensor for each item.
 */
export type SensorSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  SensorPace &
  Partial<MapOptions<TaskScope<Context>>> &
  Named & { readonly kind: 'sensor'; readonly check: ItemFunction<Context> };

/** A task that is completed from outside, through `job.task(name)`. */
export type ExternalSpec = FlowOptions &
  AttemptOptions &
  ExternalOptions &
  Named & { readonly kind: 'external'; readonly output?: StandardSchema | undefined };

/** A nested job. With `over`, a fan-out: a nested job for each item. */
export type JobSpec<Context = Readonly<Record<string, unknown>>> = FlowOptions &
  AttemptOptions &
  NestedJobOptions<TaskScope<Context> & ItemScope<never>> &
  Partial<MapOptions<TaskScope<Context>>> &
  Named & { readonly kind: 'job'; readonly definition: Sealed };

/** A fan-out: `each` runs once per item. */
export type MapSpec<Context = Readonly<Record<string, unknown>>> = TaskOptions &
  MapOptions<TaskScope<Context>> &
  Named & { readonly kind: 'map'; readonly each: ItemFunction<Context> };

export type NestedJobOptions<
  Scope = TaskScope,
  Given = object,
  Whole = Readonly<Record<string, unknown>>,
  Output = object,
> = {
  /** Returns the nested job's input: a plain object, not a promise. Default: the context of the task. */
  readonly input?: ((scope: Scope) => Given) | undefined;
  /**
   * Returns the task's output from the nested job's final context. Default: the merged task outputs, which the context
   * holds under the task's name.
   */
  readonly output?: ((ctx: Whole) => Output) | undefined;
};

export type MapOptions<Scope = TaskScope, Item = unknown> = {
  /** The items, or a function that returns them or a promise of them. An item may be no promise. */
  readonly over: Items<Item> | ((scope: Scope) => Items<Item> | PromiseLike<Items<Item>>);
  /** Maximum number of instances that run at once, within the limits of the job. Default: no limit. */
  readonly concurrency?: number | undefined;
  /** Maximum number of instances that start within a period, within the limits of the job. Default: no limit. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /**
   * How many items may fail: a number, or a percentage of the items, such as `5%`. One more fails the fan-out, and the rest
   * is stopped. The results are then settled ones, as with `continueOnFailure`. Default: no item may fail.
   */
  readonly maxFailures?: number | `${number}%` | undefined;
  /** Whether the results are gathered. With `false` there is no output, and what an item puts out is let go. Default true. */
  readonly collect?: boolean | undefined;
};

/** Any iterable except a string. */
export type Items<Item> = Iterable<Item> & object;

/** What the functions of a fan-out's instances receive in addition to the scope of a task. */
export type ItemScope<Item = unknown> = {
  readonly item: Item;
  /** Position of the item, from 0. */
  readonly index: number;
};

type ItemFunction<Context> = (scope: TaskScope<Context> & ItemScope<never>) => unknown;

/** The result for one item of a fan-out with `continueOnFailure` or `maxFailures`, in the form of `Promise.allSettled`. */
export type Settled<Output> =
  | { readonly status: 'fulfilled'; readonly value: Output }
  | { readonly status: 'rejected'; readonly reason: unknown };

/**
 * Creates the return value of a task that adds tasks to its job, as `job.addTasks` does, unless the job is ending.
 * `output` is merged into the context. If `tasks` has problems, the task fails with `INVALID_OUTPUT`.
 */
export const expand = <const Output extends object | undefined = undefined>(
  tasks: readonly AnyTaskSpec[],
  ...output: [output?: Output]
): Expand<Output> =>
  frozenDirective({ [DIRECTIVE]: 'expand' as const, tasks: Object.freeze([...tasks]), output: output[0] as Output });
