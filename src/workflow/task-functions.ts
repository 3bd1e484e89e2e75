import { delimiter, resolve } from 'node:path';
import { directiveOf, kindOfDirective, type NotReady, notReady } from '../engine/definition/directive.ts';
import type { TaskFunction, TaskOutcome, TaskScope } from '../engine/definition/task-function.ts';
import type { ItemScope } from '../engine/definition/task-spec.ts';
import { NonRetryableError } from '../engine/errors/errors.ts';
import { fileReady } from '../executors/file-ready.ts';
import type { HttpOptions, HttpResponse } from '../executors/http/http.ts';
import type { HttpRequest } from '../executors/http/request.ts';
import { type Mask, NO_MASK } from '../executors/mask/mask.ts';
import { masked } from '../executors/mask/masked-task.ts';
import { bash } from '../executors/process/bash.ts';
import type { Data } from '../executors/process/data-files.ts';
import { type ExitMeaning, withExitCodes } from '../executors/process/exit-codes.ts';
import { node, nodeModule } from '../executors/process/node.ts';
import type { OutputGate } from '../executors/process/output-gate.ts';
import type { ProcessOptions } from '../executors/process/process.ts';
import { python } from '../executors/process/python.ts';
import { readyWhen } from '../executors/process/ready-when.ts';
import type { Stdin } from '../executors/process/standard-streams.ts';
import { variableText } from '../executors/process/variables.ts';
import type { SparkAttempt } from '../executors/spark/spark.ts';
import type { SqlOptions, SqlQuery } from '../executors/sql/query.ts';
import { branching } from './branching.ts';
import type { Variables } from './env-files.ts';
import { ExpressionError, type ExpressionScope } from './expression.ts';
import { namedOutput, taskOutput } from './output.ts';
import type { TaskOfType, Workflow } from './schema.ts';
import { dataOf, hasExpression, textOf, toText } from './template.ts';
import { type CheckedTask, checkingUpToDate, type UpToDateOptions } from './up-to-date.ts';
import { whyNoOutput } from './why-no-output.ts';

/** What all tasks of a file share. */
export type BuildContext = UpToDateOptions & {
  /** The path of the file, or the name of a text without one. */
  readonly file: string;
  readonly workflow: Pick<Workflow, 'name' | 'defaults' | 'max_output_bytes' | 'path' | 'tasks' | 'handlers'>;
  /** For the tasks of a job that stands in the file: the workflow, and the jobs around, the innermost first. */
  readonly outer?: readonly Pick<Workflow, 'tasks' | 'handlers'>[] | undefined;
  /** The directory that relative paths start from, and in which commands run. */
  readonly directory: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** What expressions read as `env`. */
  readonly env: Variables;
  /** What commands get of the files of `env_file`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly mask: Mask;
  readonly gate?: OutputGate | undefined;
  readonly killGraceMs?: number | undefined;
};

/** The scope of an attempt. In a fan-out it has an item and its index. */
type Scope = TaskScope & Partial<ItemScope>;

export type FunctionTask = TaskOfType<'bash' | 'python' | 'node' | 'spark' | 'http' | 'sql'>;

/** Returns the function that performs an attempt of a task or, in a fan-out, an attempt of one item. */
export const taskFunctionOf = (task: FunctionTask, context: BuildContext, isHandler: boolean): TaskFunction => {
  // An item without output is `null` in the list, as in JSON.
  const shape = task.map ? (value: unknown) => value ?? null : outputMapperOf(task);
  const run = maskedAttempt(functionOf(task, context, isHandler), shape, context);
  if ('branch' in task && task.branch === true) return branching(task.name, run);
  if (!('command' in task || 'module' in task) || !(task.sources || task.generates)) return run;
  return checkingUpToDate(run, {
    task: task.type === 'bash' ? { ...task, shell: task.shell ?? context.workflow.defaults?.shell } : task,
    file: context.file,
    jobName: context.workflow.name,
    directory: context.directory,
    mask: context.mask,
    force: context.force,
    onUpToDateCheck: context.onUpToDateCheck,
    optionsOf: processOptions(task, context, isHandler),
    globsOf: globsOf(task, context),
  });
};

/** Returns the function that evaluates the globs of a task. Its module and the file that it reads are sources too. */
const globsOf = (
  { sources = [], generates = [], stdin, ...task }: CheckedTask,
  context: BuildContext,
): ((scope: TaskScope) => { sources: string[]; generates: string[] }) => {
  const texts = { sources: sources.map(textOf), generates: generates.map(textOf) };
  const module = 'module' in task && task.module !== undefined ? [escaped(task.module)] : [];
  const input = typeof stdin === 'object' ? [textOf(stdin.file)] : [];
  return (scope) => {
    const values = expressionScope(scope, context);
    return {
      sources: [...texts.sources.map((text) => text(values)), ...module, ...input.map((file) => escaped(file(values)))],
      generates: texts.generates.map((text) => text(values)),
    };
  };
};

/** Returns a glob that matches one path. */
const escaped = (path: string): string => path.replace(/[\\()[\]{}!*?@+|]/g, '\\$&');

/** Returns the function that performs one check of a sensor. */
export const sensorFunctionOf = (task: TaskOfType<'sensor'>, context: BuildContext): TaskFunction => {
  const own = task.command === undefined ? namedOutput(task.name) : taskOutput(task.name);
  const shape = task.map ? (value: unknown) => value : own;
  // `true` means ready without an output.
  return maskedAttempt(sensorCheckOf(task, context), (value) => (value === true ? true : shape(value)), context);
};

/** Runs an attempt and shapes its value. If an expression fails, there is no retry: the expression would fail again. */
const maskedAttempt = (run: TaskFunction, shape: OutputMapper, { mask }: BuildContext): TaskFunction =>
  masked(async (scope) => {
    try {
      return shape(await run(scope));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new NonRetryableError(error.message, { cause: error });
    }
  }, mask);

type OutputMapper = (value: unknown) => unknown;

/** Returns the values of the variables that expressions may read, in an attempt or a condition. */
export const expressionScope = (
  scope: Pick<Scope, 'ctx' | 'tasks' | 'jobId' | 'taskName' | 'outcome'> & Partial<Scope>,
  { workflow, outer = [], secrets, env }: Pick<BuildContext, 'workflow' | 'outer' | 'secrets' | 'env'>,
): ExpressionScope => ({
  ctx: scope.ctx,
  env,
  tasks: () => mapValues(scope.tasks, shownOutcome),
  params: scope.ctx.params ?? {},
  secrets,
  item: scope.item ?? null,
  index: scope.index ?? null,
  task: { name: scope.taskName, attempt: scope.attempt ?? 0 },
  whyAbsent: (key) => whyNoOutput(key, [workflow, ...outer]),
  job: {
    id: scope.jobId,
    name: workflow.name,
    get state() {
      return scope.outcome.state;
    },
    get error() {
      return scope.outcome.error?.message ?? null;
    },
  },
});

/** What expressions read of another task: `tasks.build.state`. `duration` is in ms. */
const shownOutcome = ({ state, error, attempts, durationMs }: TaskOutcome): object => ({
  state,
  error: error?.message ?? null,
  attempts,
  duration: durationMs ?? null,
});

const functionOf = (task: FunctionTask, context: BuildContext, isHandler: boolean): TaskFunction => {
  switch (task.type) {
    case 'bash':
      return withMeanings(task, bash(task.command, processOptions(task, context, isHandler), shellOf(task, context)));
    case 'python':
      return withMeanings(task, python(task.command, processOptions(task, context, isHandler)));
    case 'node': {
      const options = processOptions(task, context, isHandler);
      const run =
        task.module === undefined
          ? node(task.command as string, options)
          : nodeModule(resolve(context.directory, task.module), task.export, options, task.stop_signal);
      return withMeanings(task, run);
    }
    case 'spark':
      return withMeanings(task, spark(sparkAttemptOf(task, context, isHandler)));
    case 'http':
      return http(requestOf(task, context), httpOptions(task, context));
    case 'sql':
      return sql(statementOf(task, context), sqlOptions(context));
  }
};

/** Returns the function that shapes outputs: mappings from commands and JSON requests merge into the context. */
const outputMapperOf = (task: FunctionTask): OutputMapper => {
  if (task.type === 'sql') return namedOutput(task.name);
  if (task.type !== 'http') return taskOutput(task.name);
  if (task.output === 'json') {
    const shape = taskOutput(task.name);
    return (response) => shape((response as HttpResponse).body);
  }
  const shape = namedOutput(task.name);
  return task.output === 'text' ? (response) => shape(toText((response as HttpResponse).body)) : shape;
};

const sensorCheckOf = (task: TaskOfType<'sensor'>, context: BuildContext): TaskFunction => {
  if (task.file !== undefined) {
    const path = textOf(task.file);
    return fileReady((scope) => resolve(context.directory, path(expressionScope(scope, context))));
  }
  if (task.http) return httpReady(requestOf(task.http, context), httpOptions(task, context));
  if (task.sql) return naming(task.sql.query, sqlReady(statementOf(task.sql, context), sqlOptions(context)));
  const command = task.command as string;
  const run = bash(command, processOptions(task, context, false), shellOf(task, context));
  return naming(command, readyWhen(withMeanings(task, run)));
};

/** Gives exit codes the meanings that the task says. */
const withMeanings = ({ exit_codes: codes }: Pick<ProcessKeys, 'exit_codes'>, run: TaskFunction): TaskFunction =>
  codes === undefined ? run : withExitCodes(run, meaningsOf(codes));

const meaningsOf = (codes: NonNullable<ProcessKeys['exit_codes']>): ReadonlyMap<number, ExitMeaning> =>
  new Map(
    Object.entries(codes).flatMap(([code, word]) => (word === 'success' ? [] : [[Number(code), MEANINGS[word]]])),
  );

/** The codes that count as 0 does. */
const successCodesOf = (codes: ProcessKeys['exit_codes']): ReadonlySet<number> =>
  new Set(Object.entries(codes ?? {}).flatMap(([code, word]) => (word === 'success' ? [Number(code)] : [])));

const MEANINGS = { not_ready: 'notReady', skip: 'skip', fail: 'fail' } as const satisfies Record<string, ExitMeaning>;

/** Adds to the reason of each "not yet" the code that was asked: its first line. */
const naming =
  (code: string, check: TaskFunction): TaskFunction =>
  async (scope) => {
    const value = await check(scope);
    const directive = directiveOf(value);
    if (!directive || kindOfDirective(directive) !== 'notReady') return value;
    return notReady(`${(directive as NotReady).reason}: ${firstLine(code)}`);
  };

const firstLine = (code: string): string => {
  const [line = '', ...more] = code.trim().split('\n');
  return line.length > MAX_CODE || more.length > 0 ? `${line.slice(0, MAX_CODE)}…` : line;
};

/** How much of the code stands in a reason, in UTF-16 units. */
const MAX_CODE = 80;

type ProcessKeys = Pick<
  TaskOfType<'bash'>,
  'env' | 'cwd' | 'args' | 'output' | 'stdin' | 'stdout' | 'stderr' | 'stop_signal' | 'exit_codes'
> & { readonly branch?: boolean | undefined };

const processOptions = (
  task: ProcessKeys,
  context: BuildContext,
  isHandler: boolean,
): ((scope: TaskScope) => ProcessOptions) => {
  const { directory, variables, secrets, mask, gate, killGraceMs } = context;
  const { defaults } = context.workflow;
  const withPath = pathsOf(context);
  const cwd = textOf(task.cwd ?? defaults?.cwd ?? '.');
  const args = (task.args ?? []).map(textOf);
  const stdin = stdinOf(task.stdin, directory);
  const stdout = pathOf(task.stdout, directory);
  const stderr = pathOf(task.stderr, directory);
  const successCodes = successCodesOf(task.exit_codes);
  const env = Object.entries({ ...defaults?.env, ...task.env }).map(([name, value]) => [name, textOf(value)] as const);
  return (scope: Scope) => {
    const values = expressionScope(scope, context);
    return {
      cwd: resolve(directory, cwd(values)),
      args: args.map((arg) => arg(values)),
      env: withPath({
        ...variables,
        ...secrets,
        TINTYPE_JOB_NAME: variableText(context.workflow.name),
        ...(scope.index === undefined ? {} : { TINTYPE_INDEX: String(scope.index) }),
        ...(isHandler ? { TINTYPE_JOB_STATE: scope.outcome.state } : {}),
        ...Object.fromEntries(env.map(([name, value]) => [name, value(values)])),
      }),
      data: { ...itemData(scope), ...(isHandler ? errorData(scope) : {}) },
      stdin: stdin?.(values),
      stdout: stdout?.(values),
      stderr: stderr?.(values),
      successCodes,
      stopSignal: task.stop_signal,
      output: task.output ?? (task.branch === true ? 'lines' : undefined),
      maxOutputBytes: context.workflow.max_output_bytes,
      mask,
      gate,
      killGraceMs,
    };
  };
};

const stdinOf = (stdin: ProcessKeys['stdin'], directory: string): ((scope: ExpressionScope) => Stdin) | undefined => {
  if (stdin === undefined) return undefined;
  if (typeof stdin === 'string') {
    const text = textOf(stdin);
    return (scope) => ({ text: text(scope) });
  }
  const file = textOf(stdin.file);
  return (scope) => ({ file: resolve(directory, file(scope)) });
};

const pathOf = (path: string | undefined, directory: string): ((scope: ExpressionScope) => string) | undefined => {
  if (path === undefined) return undefined;
  const render = textOf(path);
  return (scope) => resolve(directory, render(scope));
};

/** Returns the function that puts the folders of `path` in front of those in which commands are found. */
const pathsOf = ({ workflow: { path }, directory }: BuildContext) => {
  const folders = (path === undefined ? [] : [path].flat()).map((folder) => resolve(directory, folder));
  return (env: Record<string, string>): Record<string, string> =>
    folders.length === 0
      ? env
      : { ...env, PATH: [...folders, env.PATH ?? process.env.PATH ?? ''].filter(Boolean).join(delimiter) };
};

const sparkAttemptOf = (
  task: TaskOfType<'spark'>,
  context: BuildContext,
  isHandler: boolean,
): ((scope: TaskScope) => SparkAttempt) => {
  const optionsOf = processOptions(task, context, isHandler);
  const { deploy_mode: deployMode } = task;
  const application = textOf(task.application);
  const [className, master] = [task.class, task.master].map((text) => (text === undefined ? undefined : textOf(text)));
  const [jars, pyFiles] = [task.jars, task.py_files].map((list) => list?.map(textOf));
  const conf = mapValues(task.conf ?? {}, textOf);
  return (scope) => {
    const values = expressionScope(scope, context);
    const { args, ...options } = optionsOf(scope);
    const submission = {
      application: application(values),
      className: className?.(values),
      master: master?.(values),
      deployMode,
      args,
      conf: mapValues(conf, (value) => value(values)),
      jars: jars?.map((jar) => jar(values)),
      pyFiles: pyFiles?.map((file) => file(values)),
    };
    return { submission, options };
  };
};

const itemData = ({ item, index }: Scope): Data => (index === undefined ? {} : { TINTYPE_ITEM: { json: item } });

const errorData = ({ outcome: { error } }: Scope): Data =>
  error ? { TINTYPE_JOB_ERROR: { text: error.message } } : {};

/** Returns the program and flags for a command; `undefined` for plain bash. Known shells get `-e`: stop at an error. */
const shellOf = (
  { shell: own }: Pick<TaskOfType<'bash'>, 'shell'>,
  { workflow }: BuildContext,
): Parameters<typeof bash>[2] => {
  const shell = own ?? workflow.defaults?.shell;
  if (shell === undefined || shell === 'bash') return undefined;
  if (typeof shell !== 'string') return shell as unknown as [string];
  return [shell, ...(/(^|\/)(sh|dash|ash|ksh|zsh)$/.test(shell) ? ['-e'] : []), '-c'];
};

/** Returns a task function that loads its executor at the first attempt, since most files need no HTTP or SQL. */
const lazily =
  <Given extends unknown[]>(load: () => Promise<(...given: Given) => TaskFunction>) =>
  (...given: Given): TaskFunction => {
    let loading: Promise<TaskFunction> | undefined;
    return async (scope) => {
      loading ??= load().then((create) => create(...given));
      return (await loading)(scope);
    };
  };

const spark = lazily(async () => (await import('../executors/spark/spark.ts')).spark);
const http = lazily(async () => (await import('../executors/http/http.ts')).http);
const httpReady = lazily(async () => (await import('../executors/http/http.ts')).httpReady);
const sql = lazily(async () => (await import('../executors/sql/sql.ts')).sql);
const sqlReady = lazily(async () => (await import('../executors/sql/sql.ts')).sqlReady);

const httpOptions = ({ retry }: Pick<TaskOfType<'http'>, 'retry'>, { workflow, mask }: BuildContext): HttpOptions => ({
  mask,
  maxDelayMs: retry?.max_delay ?? workflow.defaults?.retry?.max_delay,
  maxOutputBytes: workflow.max_output_bytes,
});

const sqlOptions = ({ workflow: { max_output_bytes: maxOutputBytes } }: BuildContext): SqlOptions =>
  maxOutputBytes === undefined ? {} : { maxOutputBytes };

type RequestKeys = Pick<TaskOfType<'http'>, 'url' | 'method' | 'headers' | 'query' | 'body' | 'json' | 'expect_status'>;

const requestOf = (task: RequestKeys, context: BuildContext): ((scope: TaskScope) => HttpRequest) => {
  const url = textOf(task.url);
  const headers = task.headers && mapValues(task.headers, textOf);
  const query = task.query && mapValues(task.query, (value) => [value].flat().map(textOf));
  const body = task.body === undefined ? undefined : textOf(task.body);
  const json = task.json === undefined ? undefined : dataOf(task.json);
  const expectStatus = task.expect_status === undefined ? undefined : [task.expect_status].flat();
  const hasSecrets = context.mask !== NO_MASK;
  const secretHeaders = Object.keys(task.headers ?? {}).filter(
    (name) => hasSecrets && reads(task.headers?.[name], MAY_HOLD_SECRETS),
  );
  const sent = task.body ?? task.json;
  const readsSecrets = reads(sent, /\bsecrets\b/);
  const readsGiven = reads(sent, MAY_HOLD_SECRETS);
  const isSecretBody = ({ params, item }: ExpressionScope): boolean =>
    readsSecrets || (readsGiven && holdsSecret([params, item], context.mask));
  return (scope) => {
    const values = expressionScope(scope, context);
    return {
      url: url(values),
      ...(task.method === undefined ? {} : { method: task.method.toUpperCase() }),
      ...(headers ? { headers: mapValues(headers, (value) => value(values)) } : {}),
      ...(query ? { query: mapValues(query, (texts) => texts.map((text) => text(values))) } : {}),
      ...(body ? { body: body(values) } : {}),
      ...(json ? { json: json(values) } : {}),
      ...(expectStatus ? { expectStatus } : {}),
      fromSecrets: { headers: secretHeaders, body: isSecretBody(values) },
    };
  };
};

const holdsSecret = (data: unknown, mask: Mask): boolean => mask.data(data) !== data;

/** The variables that may hold secrets. What an expression makes of a secret is not recognised as one. */
const MAY_HOLD_SECRETS = /\b(?:ctx|item|params|secrets)\b/;

/** Whether a text, or one within data, has an expression, and names one of the variables. */
const reads = (data: unknown, variables: RegExp): boolean => {
  if (typeof data === 'string') return hasExpression(data) && variables.test(data);
  return data !== null && typeof data === 'object' && Object.values(data).some((one) => reads(one, variables));
};

type StatementKeys = Pick<TaskOfType<'sql'>, 'database' | 'query' | 'params'>;

const statementOf = (task: StatementKeys, context: BuildContext): ((scope: TaskScope) => SqlQuery) => {
  const database = textOf(task.database);
  const params = task.params === undefined ? undefined : dataOf(task.params);
  return (scope) => {
    const values = expressionScope(scope, context);
    const named = database(values);
    return {
      database:
        named === ':memory:' || /^[a-z][a-z0-9+.-]+:\/\//i.test(named) ? named : resolve(context.directory, named),
      query: task.query,
      ...(params ? { params: params(values) as NonNullable<SqlQuery['params']> } : {}),
    };
  };
};

const mapValues = <Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value) => Result,
): Record<string, Result> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
