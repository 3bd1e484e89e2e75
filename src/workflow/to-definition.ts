import { matrix } from '../engine/definition/matrix.ts';
import type {
  AttemptOptions,
  FlowOptions,
  LogLimits,
  PoolOption,
  SlotOptions,
  TaskOptions,
} from '../engine/definition/options.ts';
import type { StandardSchema } from '../engine/definition/standard-schema.ts';
import type { ConditionScope, TaskScope } from '../engine/definition/task-function.ts';
import type { AnyTaskSpec, ItemScope, Items, MapOptions } from '../engine/definition/task-spec.ts';
import type { TriggerRule } from '../engine/definition/trigger.ts';
import type { JobDefinition } from '../engine/job-definition.ts';
import { jobFrom } from '../engine/job-from.ts';
import { isPlainObject } from '../events/plain-object.ts';
import { maskError } from '../executors/mask/mask-error.ts';
import { OutputError } from '../executors/process/output-error.ts';
import { computeDefaults, computedPaths } from './computed-params.ts';
import { compilingOnce, type Expression, ExpressionError } from './expression.ts';
import { type BuildContext, expressionScope } from './expression-scope.ts';
import { type HandledState, handlersOf } from './handlers.ts';
import { PARAMS } from './output.ts';
import { paramSpecs, readParams } from './params.ts';
import { parseAddedTasks } from './parse-workflow.ts';
import { retryCondition } from './retry-condition.ts';
import type { TaskOfType, Workflow, WorkflowLogs, WorkflowMap, WorkflowPool, WorkflowTask } from './schema.ts';
import { type FunctionTask, sensorFunctionOf, taskFunctionOf } from './task-functions.ts';
import { dataOf } from './template.ts';

export type DefinitionParts = Omit<BuildContext, 'workflow'> & {
  /** The definitions of the files that `job` tasks run, by path as written in the task's `file`. */
  readonly nested: ReadonlyMap<string, JobDefinition>;
};

/** Builds the job definition of a parsed workflow. Its jobs are started with `{ params }`. */
export const toDefinition = (workflow: Workflow, parts: DefinitionParts): JobDefinition => {
  const context = { ...parts, workflow };
  const specs = compilingOnce(() => specsOf(context));
  return jobFrom(workflow.name, specs, {
    onFailure: workflow.on_failure ?? 'continue',
    logs: logLimitsOf(workflow.logs),
    timeout: workflow.timeout,
    maxConcurrency: workflow.workers,
    ...(workflow.pools ? { pools: mapPools(workflow.pools) } : {}),
    input: inputSchema(workflow, context),
    computed: computedPaths(paramSpecs(workflow.params)),
    redact: context.mask.data,
  });
};

const specsOf = (context: WorkflowContext): readonly AnyTaskSpec[] => [
  ...context.workflow.tasks.map((task) => specOf(task, context)),
  ...handlersOf(context.workflow).map(({ task, states }) => specOf(task, context, states)),
];

/**
 * Builds the definition of a job whose tasks stand in the file. It has no input of its own: its tasks read the context of
 * the task, with the params, and its item.
 */
const inPlace = (task: InPlaceTask, context: WorkflowContext): JobDefinition => {
  const { workflow, outer = [] } = context;
  const { defaults, on_failure: onFailure = workflow.on_failure ?? 'continue' } = task;
  const inner: Workflow = {
    ...workflow,
    tasks: [...task.tasks],
    handlers: task.handlers as Workflow['handlers'],
    on_failure: onFailure,
    defaults: {
      ...workflow.defaults,
      ...defaults,
      env: { ...workflow.defaults?.env, ...defaults?.env },
      retry: { ...workflow.defaults?.retry, ...defaults?.retry },
    },
  };
  const specs = specsOf({ ...context, workflow: inner, outer: [workflow, ...outer] });
  return jobFrom(task.name, specs, { onFailure, redact: context.mask.data });
};

type InPlaceTask = TaskOfType<'job'> & { readonly tasks: readonly WorkflowTask[] };

const isInPlace = (task: WorkflowTask): task is InPlaceTask => task.type === 'job' && task.tasks !== undefined;

type WorkflowContext = DefinitionParts & { readonly workflow: Workflow };

const specOf = (task: WorkflowTask, context: WorkflowContext, states?: readonly HandledState[]): AnyTaskSpec => {
  const { workflow } = context;
  // What tasks do without saying is said of those that stand in the job, not of the job.
  const defaults = isInPlace(task) ? undefined : workflow.defaults;
  const common = { ...flowOptions(task, context, defaults, states), ...attemptOptions(task, defaults) };
  if (isInPlace(task))
    return { kind: 'job', ...common, ...mapOptions(task, context), definition: inPlace(task, context) };
  if (task.type === 'job') {
    const definition = context.nested.get(task.file as string) as JobDefinition;
    return { kind: 'job', ...common, ...mapOptions(task, context), definition, input: inputOf(task.params, context) };
  }
  if (task.type === 'external') {
    const { owner, description, data, heartbeat_timeout: heartbeatTimeout } = task;
    const { on_missed_heartbeat: onMissedHeartbeat } = task;
    return { kind: 'external', ...common, owner, description, data, heartbeatTimeout, onMissedHeartbeat };
  }
  const tags = task.runs_on ?? defaults?.runs_on;
  const slots: SlotOptions = {
    pool: task.pool ?? defaults?.pool,
    slots: task.slots,
    ...(tags && { worker: { tags } }),
  };
  if (task.type === 'sensor') {
    const { interval, backoff, factor, max_interval: maxInterval, soft_fail: softFail } = task;
    const check = sensorFunctionOf(task, context);
    const pace = { interval, backoff, factor, maxInterval, softFail };
    return { kind: 'sensor', ...common, ...slots, ...pace, ...mapOptions(task, context), check };
  }
  const run = taskFunctionOf(task, context, states !== undefined);
  return task.map
    ? { kind: 'map', ...common, ...slots, ...(mapOptions(task, context) as MapOptions), each: run }
    : { ...common, ...slots, run, ...growthOf(task, context) };
};

/** Returns what a command that adds tasks to the job has besides. */
const growthOf = (task: FunctionTask, context: WorkflowContext): Pick<TaskOptions, 'expansion'> => {
  if (!('expand' in task) || task.expand !== true) return {};
  return {
    expansion: (output) =>
      parseAddedTasks(output[task.name], context.workflow).map((added) => {
        const file = foreignFile(added, context);
        if (file === undefined) return specOf(added, context);
        const message = `Task "${added.name}" runs the file ${file}, which no task of the workflow itself runs.`;
        throw new OutputError('OUTPUT_UNREADABLE', message);
      }),
  };
};

/** Returns the file that a task, or one inside it, runs and the workflow does not; else `undefined`. */
const foreignFile = (task: WorkflowTask, context: WorkflowContext): string | undefined => {
  if (task.type !== 'job') return undefined;
  if (task.file !== undefined) return context.nested.has(task.file) ? undefined : task.file;
  const { success = [], failure = [], always = [] } = task.handlers ?? {};
  for (const inner of [...(task.tasks ?? []), ...success, ...failure, ...always] as readonly WorkflowTask[]) {
    const found = foreignFile(inner, context);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Returns the options of a fan-out, if the task has a `map`. */
const mapOptions = (
  task: { readonly name: string; readonly map?: WorkflowMap | undefined },
  context: WorkflowContext,
): Partial<MapOptions> => {
  if (!task.map) return {};
  const { concurrency, rate_limit: rate, max_failures, collect } = task.map;
  return {
    over: itemsOf(task.map, task.name, context),
    concurrency,
    rateLimit: rate && { limit: rate.limit, periodMs: rate.period ?? 1000 },
    maxFailures: max_failures as MapOptions['maxFailures'],
    collect,
  };
};

const flowOptions = (
  task: WorkflowTask,
  context: WorkflowContext,
  defaults: Workflow['defaults'],
  states: readonly HandledState[] | undefined,
): FlowOptions & { readonly name: string } => {
  const conditions = [
    ...(states && states.length < ALL_STATES ? [({ outcome }: ConditionScope) => states.includes(outcome.state)] : []),
    ...(task.when ? [conditionOf(task.when, context)] : []),
  ];
  return {
    name: task.name,
    dependsOn: task.dependencies,
    trigger: states ? 'always' : task.trigger && camelCase(task.trigger),
    ...(conditions.length > 0 ? { when: (scope) => conditions.every((condition) => condition(scope)) } : {}),
    deadline: task.deadline ?? defaults?.deadline,
    continueOnFailure: task.continue_on_failure ?? defaults?.continue_on_failure,
    priority: task.priority ?? defaults?.priority,
    estimate: task.estimate,
  };
};

const ALL_STATES = 5;

const camelCase = (rule: string): TriggerRule =>
  rule.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as TriggerRule;

/** Returns the condition for a `when`. It throws ExpressionError if the value is neither true nor false. */
const conditionOf =
  (when: Expression, context: WorkflowContext) =>
  (scope: ConditionScope): boolean => {
    const value = maskingErrors(context, () => when.evaluate(expressionScope(scope, context)));
    if (typeof value === 'boolean') return value;
    const shown = context.mask.text(JSON.stringify(value));
    throw new ExpressionError(
      `"when" of task "${scope.taskName}" is ${shown}: expected true or false. Compare it with something, such as ${when.source} != null.`,
    );
  };

/** Runs a function and masks the secrets in any error that it throws. */
const maskingErrors = <Value>({ mask }: WorkflowContext, run: () => Value): Value => {
  try {
    return run();
  } catch (error) {
    throw maskError(error, mask);
  }
};

const attemptOptions = (task: WorkflowTask, defaults: Workflow['defaults']): AttemptOptions => {
  const retry = { ...defaults?.retry, ...task.retry };
  const given = {
    backoff: retry.backoff,
    delayMs: retry.delay,
    factor: retry.factor,
    maxDelayMs: retry.max_delay,
    jitter: retry.jitter === false ? ('none' as const) : retry.jitter,
    retryIf: retryCondition(task, defaults),
  };
  return {
    timeout: task.timeout ?? defaults?.timeout,
    maxRetries: task.max_retries ?? defaults?.max_retries,
    maxInterruptions: task.max_interruptions ?? defaults?.max_interruptions,
    ...(Object.values(given).some((value) => value !== undefined) ? { retry: given } : {}),
  };
};

/** Returns the function that evaluates the items of a `map`. The function throws OutputError if a value is not a list. */
const itemsOf = (
  { over, matrix: axes = {}, include, exclude }: WorkflowMap,
  task: string,
  context: WorkflowContext,
): ((scope: TaskScope) => Items<unknown>) => {
  const listOf = (list: Expression | readonly unknown[] | undefined, name: string) => {
    const given = list && 'evaluate' in list ? list.evaluate : dataOf(list ?? []);
    return (scope: TaskScope): readonly unknown[] => {
      const items = maskingErrors(context, () => given(expressionScope(scope, context)));
      if (Array.isArray(items)) return items;
      const what = items === null ? 'nothing' : Object.prototype.toString.call(items).slice(8, -1).toLowerCase();
      throw new OutputError(
        'OUTPUT_UNREADABLE',
        `Task "${task}" runs over ${what}: expected a list. Let "${name}" give one.`,
      );
    };
  };
  if (over) return listOf(over, 'over');
  const combinationsOf = (list: WorkflowMap['include'], name: string) => {
    const given = listOf(list, name);
    return (scope: TaskScope): readonly Readonly<Record<string, unknown>>[] => {
      const items = given(scope);
      if (items.every(isPlainObject)) return items;
      throw new OutputError(
        'OUTPUT_UNREADABLE',
        `Task "${task}" has a matrix with something in "${name}" that is no mapping.`,
      );
    };
  };
  const lists = Object.entries(axes).map(([name, list]) => [name, listOf(list, name)] as const);
  const [included, excluded] = [combinationsOf(include, 'include'), combinationsOf(exclude, 'exclude')];
  return (scope) =>
    matrix(Object.fromEntries(lists.map(([name, given]) => [name, given(scope)])), {
      include: included(scope),
      exclude: excluded(scope),
    });
};

/** Returns the function that evaluates the `params` of a `job` task to the input of the nested job. */
const inputOf = (
  params: Readonly<Record<string, unknown>> | undefined,
  context: WorkflowContext,
): ((scope: TaskScope & Partial<ItemScope>) => object) => {
  const given = dataOf(params ?? {});
  return (scope) => ({ [PARAMS]: maskingErrors(context, () => given(expressionScope(scope, context))) });
};

const mapPools = (pools: Readonly<Record<string, WorkflowPool>>): Record<string, PoolOption> =>
  Object.fromEntries(
    Object.entries(pools).map(([name, pool]) => {
      if (typeof pool === 'number') return [name, pool];
      const rate = pool.limit === undefined ? {} : { limit: pool.limit, periodMs: pool.period ?? 1000 };
      return [name, { slots: pool.slots, ...rate }];
    }),
  );

/** Returns the schema of a job's input, which checks `params`, adds their defaults and keeps all other input. */
const inputSchema = ({ params }: Workflow, { mask, env }: Pick<DefinitionParts, 'mask' | 'env'>): StandardSchema => {
  const specs = paramSpecs(params);
  return {
    '~standard': {
      version: 1,
      vendor: 'tintype',
      validate: (input) => {
        const given = { ...(input as Readonly<Record<string, unknown>>) };
        if (specs.length === 0 && given[PARAMS] === undefined) return { value: input };
        const { values, faults } = readParams(
          specs,
          (given[PARAMS] ?? {}) as Record<string, unknown>,
          mask,
          computeDefaults(env),
        );
        if (faults.length > 0)
          return { issues: faults.map((message) => ({ message: mask.text(message), path: [PARAMS] })) };
        return { value: { ...given, [PARAMS]: values } };
      },
    },
  };
};

/** Returns the limits that a word, a number of lines or a mapping means. */
export const logLimitsOf = (logs: WorkflowLogs | undefined): LogLimits | undefined => {
  if (logs === undefined) return undefined;
  if (logs === 'all') return { first: Number.POSITIVE_INFINITY, last: 0, maxBytes: Number.POSITIVE_INFINITY };
  if (logs === 'none') return { first: 0, last: 0 };
  if (typeof logs === 'number') return { first: logs, last: logs };
  return { first: logs.first, last: logs.last, maxBytes: logs.max_bytes };
};
