import * as z from 'zod/mini';
import {
  CONTROL,
  LABEL_KEY,
  MAX_LABEL_LENGTH,
  MAX_LABELS,
  MAX_OWNER_LENGTH,
  MAX_TAGS,
  PERCENTAGE,
  WORKER_TAG,
} from '../engine/definition/check-options.ts';
import { STOP_SIGNALS } from '../executors/process/stop-signals.ts';
import { OVERLAPS } from '../journal/overlap.ts';
import { schedules } from './schedule-schema.ts';
import {
  atLeastOne,
  code,
  condition,
  count,
  dataTemplate,
  duration,
  expecting,
  expression,
  failedAttempt,
  finite,
  flag,
  name,
  names,
  plain,
  plainData,
  scalarTemplate,
  template,
  templateOf,
  text,
  wait,
} from './schema-values.ts';

const optional = z.optional;

const ABOVE_0 = expecting('a number above 0');
const METHOD = expecting('a method such as GET');
const NOT_EMPTY = expecting('a list that is not empty');
const STATUS = expecting('an HTTP status, 100 to 599');
const OWNER = expecting(`text of 1 to ${MAX_OWNER_LENGTH} characters`);
const OUTPUT_BYTES = expecting('a whole number, 1 to 268435456');

const envName = z.string().check(
  z.regex(/^[^=\0]+$/, expecting('a variable name without "="')),
  z.refine(
    (key: string) => !key.startsWith('TINTYPE_'),
    expecting('a name of your own: those that begin with TINTYPE_ are taken'),
  ),
);

const env = z.record(envName, scalarTemplate, expecting('a mapping of variables to their values'));

const EXIT_CODE = expecting('an exit code, 1 to 255');

const exitCode = z.int(EXIT_CODE).check(z.minimum(1, EXIT_CODE), z.maximum(255, EXIT_CODE));

const retry = z.strictObject(
  {
    backoff: optional(
      z.enum(['none', 'fixed', 'linear', 'exponential'], expecting('"none", "fixed", "linear" or "exponential"')),
    ),
    delay: optional(wait),
    factor: optional(z.number(ABOVE_0).check(z.positive(ABOVE_0))),
    max_delay: optional(wait),
    jitter: optional(
      z.union([z.boolean(), z.enum(['none', 'full', 'equal'])], expecting('"none", "full", "equal", true or false')),
    ),
    on_exit_codes: optional(z.array(exitCode, NOT_EMPTY).check(z.minLength(1, NOT_EMPTY))),
    if: optional(failedAttempt),
  },
  expecting('a mapping with backoff, delay, factor, max_delay, jitter, on_exit_codes and if'),
);

const TRIGGERS = [
  'all_success',
  'all_done',
  'all_failed',
  'one_success',
  'one_failed',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'none_skipped',
  'all_skipped',
  'always',
] as const;

/** Options of a task that `defaults` can set for all tasks. */
const shared = {
  timeout: optional(duration),
  deadline: optional(duration),
  max_retries: optional(count),
  max_interruptions: optional(count),
  retry: optional(retry),
  continue_on_failure: optional(flag),
  priority: optional(finite),
};

const common = {
  name,
  description: optional(text),
  dependencies: z._default(names, []),
  trigger: optional(z.enum(TRIGGERS, expecting(TRIGGERS.map((rule) => `"${rule}"`).join(', ')))),
  when: optional(condition),
  estimate: optional(wait),
  ...shared,
};

/** The keys that all tasks share, for checking a task of unknown type. */
export const anyTask = z.looseObject(common);

const TAGS = expecting(`a list of 1 to ${MAX_TAGS} tags of workers, each of 1 to 63 letters, digits and . _ - /`);

const tags = z
  .array(z.string(TAGS).check(z.regex(WORKER_TAG, TAGS)), TAGS)
  .check(z.minLength(1, TAGS), z.maxLength(MAX_TAGS, TAGS));

const slots = { pool: optional(name), slots: optional(atLeastOne), runs_on: optional(tags) };

const list = z.union([expression, z.array(dataTemplate)], expecting('a list, or an expression that gives one'));

const combinations = z.union(
  [expression, z.array(z.record(z.string(), dataTemplate, expecting('a mapping of names to values')))],
  expecting('a list of mappings, or an expression that gives one'),
);

const MAX_FAILURES = expecting('a whole number, 0 or more, or a percentage from 0% to 100%, such as 5%');

const map = z.strictObject(
  {
    over: optional(list),
    matrix: optional(z.record(z.string(), list, expecting('a mapping of names to lists'))),
    include: optional(combinations),
    exclude: optional(combinations),
    concurrency: optional(atLeastOne),
    rate_limit: optional(
      z.strictObject({ limit: atLeastOne, period: optional(duration) }, expecting('a mapping with limit and period')),
    ),
    max_failures: optional(
      z.union([z.int().check(z.nonnegative()), z.string().check(z.regex(PERCENTAGE))], MAX_FAILURES),
    ),
    collect: optional(flag),
  },
  expecting('a mapping with over or matrix, and perhaps concurrency, rate_limit, max_failures and collect'),
);

const processKeys = {
  env: optional(env),
  cwd: optional(template),
  args: optional(z.array(scalarTemplate, expecting('a list of texts'))),
  stdin: optional(
    z.union(
      [template, z.strictObject({ file: template }, expecting('a mapping with file'))],
      expecting('text, or a mapping with file: { file: orders.csv }'),
    ),
  ),
  stdout: optional(template),
  stderr: optional(template),
  stop_signal: optional(z.enum(STOP_SIGNALS, expecting(STOP_SIGNALS.map((signal) => `"${signal}"`).join(', ')))),
  exit_codes: optional(
    z.record(
      z.string().check(z.regex(/^([1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/, EXIT_CODE)),
      z.enum(['success', 'not_ready', 'skip', 'fail'], expecting('"success", "not_ready", "skip" or "fail"')),
      expecting('a mapping of exit codes to what they mean: { 3: success, 75: not_ready, 78: skip, 100: fail }'),
    ),
  ),
};

/** What a command's output may decide about the rest of the job. */
const growth = { branch: optional(flag), expand: optional(flag) };

const globs = z.array(template, expecting('a list of globs, such as [src/**/*.c]')).check(
  z.refine(
    (list: readonly string[]) => list.some((glob) => !glob.startsWith('!')),
    expecting('at least one glob without "!"'),
  ),
  z.refine(
    (list: readonly string[]) => list.every((glob) => glob.trim() !== ''),
    expecting('globs that are not empty'),
  ),
);

/** What decides whether a task is up to date. */
const upToDate = { sources: optional(globs), generates: optional(globs) };

const output = optional(z.enum(['json', 'text', 'lines'], expecting('"json", "text" or "lines"')));

const shell = z.union(
  [plain, z.array(plain).check(z.minLength(1, NOT_EMPTY))],
  expecting('the name of a shell, or a list of a program and its arguments'),
);

const nameOf = (inner: string): string => /.*\b([A-Za-z_]\w*)/s.exec(inner)?.[1]?.toUpperCase() ?? 'VALUE';

const viaEnv = (inner: string, read: (variable: string) => string): string =>
  `Pass it in the environment, and read it from there:\n    env:\n      ${nameOf(inner)}: \${{ ${inner} }}\n    command: ${read(nameOf(inner))}`;

const bashCommand = code('a command', (inner) => viaEnv(inner, (variable) => `echo "$${variable}"`));

const pythonCommand = code('a command', (inner) =>
  viaEnv(inner, (variable) => `import os; print(os.environ["${variable}"])`),
);

const nodeCommand = code('a command', (inner) => viaEnv(inner, (variable) => `console.log(process.env.${variable})`));

const query = code(
  'a query',
  (inner) => `Bind it as a parameter:\n    query: SELECT … WHERE id = ?\n    params: [\${{ ${inner} }}]`,
);

const status = z.int(STATUS).check(z.minimum(100, STATUS), z.maximum(599, STATUS));

const request = {
  url: template,
  method: optional(z.string(METHOD).check(z.regex(/^[A-Za-z]+$/, METHOD))),
  headers: optional(z.record(z.string(), scalarTemplate, expecting('a mapping of headers'))),
  query: optional(
    z.record(
      z.string(),
      z.union([scalarTemplate, z.array(scalarTemplate)], expecting('text, or a list of texts')),
      expecting('a mapping of parameters'),
    ),
  ),
  body: optional(template),
  json: optional(dataTemplate),
  expect_status: optional(
    z.union([status, z.array(status).check(z.minLength(1, NOT_EMPTY))], expecting('an HTTP status, or a list of them')),
  ),
};

const statement = {
  database: template,
  query,
  params: optional(
    z.union(
      [z.array(dataTemplate), z.record(z.string(), dataTemplate)],
      expecting('a list of values, or a mapping of names to values'),
    ),
  ),
};

const bash = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('bash'),
  command: bashCommand,
  shell: optional(shell),
  ...processKeys,
  ...upToDate,
  output,
  ...growth,
  map: optional(map),
});

const python = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('python'),
  command: pythonCommand,
  ...processKeys,
  ...upToDate,
  output,
  ...growth,
  map: optional(map),
});

const node = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('node'),
  command: optional(nodeCommand),
  module: optional(plain),
  export: optional(plain),
  ...processKeys,
  ...upToDate,
  output,
  ...growth,
  map: optional(map),
});

const texts = z.array(template, expecting('a list of texts'));

const spark = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('spark'),
  application: templateOf('the path or URL of a .jar, .py or .R file'),
  class: optional(template),
  master: optional(template),
  deploy_mode: optional(z.enum(['client', 'cluster'], expecting('"client" or "cluster"'))),
  conf: optional(z.record(z.string(), scalarTemplate, expecting('a mapping of properties to their values'))),
  jars: optional(texts),
  py_files: optional(texts),
  ...processKeys,
  output,
  map: optional(map),
});

const http = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('http'),
  ...request,
  output: optional(z.enum(['response', 'json', 'text'], expecting('"response", "json" or "text"'))),
  map: optional(map),
});

const sql = z.strictObject({ ...common, ...slots, type: z.literal('sql'), ...statement, map: optional(map) });

const sensor = z.strictObject({
  ...common,
  ...slots,
  type: z.literal('sensor'),
  interval: optional(wait),
  backoff: optional(z.enum(['fixed', 'linear', 'exponential'], expecting('"fixed", "linear" or "exponential"'))),
  factor: optional(z.number(ABOVE_0).check(z.positive(ABOVE_0))),
  max_interval: optional(wait),
  soft_fail: optional(flag),
  file: optional(template),
  http: optional(z.strictObject(request, expecting('a mapping with url, and what else an http task has'))),
  sql: optional(z.strictObject(statement, expecting('a mapping with database and query'))),
  command: optional(bashCommand),
  shell: optional(shell),
  ...processKeys,
  output,
  map: optional(map),
});

const onFailure = optional(z.enum(['abort', 'drain', 'continue'], expecting('"abort", "drain" or "continue"')));

const defaults = optional(
  z.strictObject(
    {
      ...shared,
      pool: optional(name),
      runs_on: optional(tags),
      env: optional(env),
      cwd: optional(template),
      shell: optional(shell),
    },
    expecting('a mapping of what tasks do without saying'),
  ),
);

const job = z.strictObject({
  ...common,
  type: z.literal('job'),
  file: optional(plain),
  get tasks(): z.ZodMiniOptional<z.ZodMiniType<TaskList>> {
    return optional(tasks as unknown as z.ZodMiniType<TaskList>);
  },
  get handlers(): z.ZodMiniOptional<z.ZodMiniType<HandlerLists>> {
    return optional(handlers as unknown as z.ZodMiniType<HandlerLists>);
  },
  defaults,
  on_failure: onFailure,
  params: optional(z.record(z.string(), dataTemplate, expecting('a mapping of params to values'))),
  map: optional(map),
});

const external = z.strictObject({
  ...common,
  type: z.literal('external'),
  owner: optional(plain.check(z.maxLength(MAX_OWNER_LENGTH, OWNER))),
  data: optional(plainData),
  heartbeat_timeout: optional(duration),
  on_missed_heartbeat: optional(z.enum(['fail', 'release'], expecting('"fail" or "release"'))),
});

const TYPES = ['bash', 'python', 'node', 'spark', 'http', 'sql', 'sensor', 'job', 'external'] as const;

const task = z.discriminatedUnion('type', [bash, python, node, spark, http, sql, sensor, job, external], {
  error: (issue) =>
    issue.code === 'invalid_union' ? TYPES.map((type) => `"${type}"`).join(', ') : 'a task with name and type',
});

const PARAM_TYPES = ['string', 'integer', 'number', 'boolean', 'list', 'mapping'] as const;

const param = z.union(
  [
    z.strictObject({
      type: optional(z.enum(PARAM_TYPES, expecting(PARAM_TYPES.map((type) => `"${type}"`).join(', ')))),
      default: optional(z.unknown()),
      description: optional(text),
      enum: optional(z.array(z.unknown(), NOT_EMPTY).check(z.minLength(1, NOT_EMPTY))),
    }),
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.array(z.unknown()),
  ],
  expecting('a default value, or a mapping with type, default, description and enum'),
);

const paramName = z.string().check(z.regex(/^[A-Za-z_]\w*$/, expecting('a name of letters, digits and "_"')));

const secret = z.union(
  [z.null(), z.strictObject({ env: optional(plain), file: optional(plain) })],
  expecting('nothing, or a mapping with either env or file'),
);

const pool = z.union(
  [
    atLeastOne,
    z.strictObject({ slots: optional(atLeastOne), limit: optional(atLeastOne), period: optional(duration) }),
  ],
  expecting('a number of slots, or a mapping with slots, limit and period'),
);

const tasks = z.array(task, expecting('a list of tasks'));

const handlers = z.strictObject(
  { success: optional(tasks), failure: optional(tasks), always: optional(tasks) },
  expecting('a mapping with success, failure and always'),
);

const logs = z.union(
  [
    z.enum(['all', 'none']),
    count,
    z.strictObject({ first: optional(count), last: optional(count), max_bytes: optional(count) }),
  ],
  expecting('"all", "none", a number of lines, or a mapping with first, last and max_bytes'),
);

/** A text of JavaScript, which the JSON of an output becomes, has at most about 512 MiB. */
const outputBytes = z.int(OUTPUT_BYTES).check(z.minimum(1, OUTPUT_BYTES), z.maximum(256 * 2 ** 20, OUTPUT_BYTES));

const pathText = plain.check(z.refine((path: string) => !path.includes('\0'), expecting('a path')));

const oneEnvFile = z.union(
  [pathText, z.strictObject({ path: pathText, required: optional(flag) })],
  expecting('a path, or a mapping with path and required'),
);

const envFile = z.union(
  [oneEnvFile, z.array(oneEnvFile)],
  expecting('a path, a mapping with path and required, or a list of these'),
);

const paths = z.union([pathText, z.array(pathText)], expecting('a path, or a list of paths'));

const overlap = z.enum(OVERLAPS, expecting('"allow", "skip", "queue" or "cancel"'));

const LABEL = expecting(`text of at most ${MAX_LABEL_LENGTH} characters, without control characters`);
const LABELS = expecting(`a mapping of at most ${MAX_LABELS} labels to their texts`);

const labels = z
  .record(
    z.string().check(z.regex(LABEL_KEY, expecting('1 to 63 letters, digits and . _ - /'))),
    plain.check(
      z.maxLength(MAX_LABEL_LENGTH, LABEL),
      z.refine((value: string) => !CONTROL.test(value), LABEL),
    ),
    LABELS,
  )
  .check(z.refine((all: object) => Object.keys(all).length <= MAX_LABELS, LABELS));

/** The schema of a workflow file. Top-level keys that begin with `x-` hold anchors and are removed before the check. */
export const workflowSchema = z.strictObject(
  {
    name,
    description: optional(text),
    params: optional(z.record(paramName, param, expecting('a mapping of params'))),
    secrets: optional(
      z.union(
        [z.array(envName, expecting('a list of variable names')), z.record(envName, secret)],
        expecting('a list of variable names, or a mapping of names to where they come from'),
      ),
    ),
    env_file: optional(envFile),
    path: optional(paths),
    defaults,
    pools: optional(z.record(name, pool, expecting('a mapping of pools to slots'))),
    on_failure: onFailure,
    timeout: optional(duration),
    workers: optional(atLeastOne),
    overlap: optional(overlap),
    labels: optional(labels),
    logs: optional(logs),
    max_output_bytes: optional(outputBytes),
    schedule: optional(schedules),
    tasks,
    handlers: optional(handlers),
  },
  expecting('a workflow with name and tasks'),
);

/** A checked workflow file. Durations are in ms; `when` and `over` expressions are compiled. */
export type Workflow = z.output<typeof workflowSchema>;

export type WorkflowTask = z.output<typeof task>;

/** Interfaces, since a task of type `job` contains them. */
interface TaskList extends ReadonlyArray<WorkflowTask> {}

interface HandlerLists {
  readonly success?: TaskList | undefined;
  readonly failure?: TaskList | undefined;
  readonly always?: TaskList | undefined;
}

export type TaskOfType<Type extends WorkflowTask['type']> = Extract<WorkflowTask, { readonly type: Type }>;

export type WorkflowLogs = z.output<typeof logs>;

export type WorkflowMap = z.output<typeof map>;
export type WorkflowEnvFile = z.output<typeof envFile>;

export type WorkflowPool = z.output<typeof pool>;
