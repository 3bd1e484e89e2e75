import { ownerPath } from './tasks-of.ts';

/** Returns what to write for a key that other formats have and this one has not; else `undefined`. */
export const foreignKey = (path: readonly PropertyKey[], key: string, known: readonly string[]): string | undefined => {
  if (path.at(-1) === 'retry') return lookUp(IN_RETRY, key);
  if (!hasOwnWords(path)) return undefined;
  if (known.includes('deploy_mode')) {
    const property = lookUp(SPARK_PROPERTIES, key);
    if (key === 'conn_id') return ' A task names its cluster itself: master: yarn.';
    if (property !== undefined) return ` It stands under "conf": conf: { ${property}: … }.`;
  }
  const own = meantKey(path, key, known);
  if (own !== undefined) return ` It is called "${own}" here.${lookUp(FORMS, key) ?? lookUp(FORMS, own) ?? ''}`;
  return lookUp(path.length === 0 ? IN_WORKFLOWS : IN_TASKS, key);
};

/** Returns the known key that a key of another format is called here; else `undefined`. */
export const meantKey = (path: readonly PropertyKey[], key: string, known: readonly string[]): string | undefined => {
  if (!hasOwnWords(path)) return undefined;
  const own = lookUp(path.length === 0 ? WORKFLOW_NAMES : NAMES, key);
  return own !== undefined && known.includes(own) ? own : undefined;
};

/** Whether the keys at a path are those of a workflow, a task or `defaults`. */
const hasOwnWords = (path: readonly PropertyKey[]): boolean =>
  path.length === 0 || path.length === ownerPath(path).length || path.at(-1) === 'defaults';

/** Returns what to write for a value that other formats have and this one has not; else `undefined`. */
export const foreignValue = (path: readonly PropertyKey[], value: unknown): string | undefined => {
  const key = path.at(-1);
  if (path.length !== ownerPath(path).length + 1 && path[0] !== 'defaults') return undefined;
  if (key === 'type' && typeof value === 'string') {
    const type = lookUp(TYPES, value.toLowerCase());
    return type && ` Write "${type}".`;
  }
  if (key === 'retry' && typeof value === 'number') {
    return ` The number of tries after the first is "max_retries": max_retries: ${value}.`;
  }
  if (key === 'map' && (typeof value === 'string' || Array.isArray(value))) {
    return ` Write it as map: { over: ${typeof value === 'string' ? value : '[…]'} }.`;
  }
  return undefined;
};

const lookUp = (table: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** Returns a table from each of the others to their key. */
const inverted = (names: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(names).flatMap(([key, others]) => others.map((other) => [other, key])));

/** Keys of tasks in other formats, each with its name here. */
const NAMES = inverted({
  name: ['id', 'task_id', 'taskId'],
  type: ['kind', 'operator', 'executor'],
  dependencies: ['depends_on', 'dependsOn', 'depends', 'needs', 'deps', 'requires', 'after', 'upstream'],
  command: ['run', 'script', 'cmd', 'cmds', 'bash_command', 'sh'],
  when: ['if', 'condition', 'preconditions'],
  max_retries: ['retries', 'retry_limit', 'maxRetries', 'max_attempts', 'attempts'],
  continue_on_failure: [
    'continue-on-error',
    'continueOnFailure',
    'continueOn',
    'continue_on',
    'ignore_errors',
    'ignore_error',
    'allow_failure',
  ],
  cwd: ['working-directory', 'working_directory', 'working_dir', 'workingDir', 'workdir', 'dir'],
  env: ['environment', 'vars', 'variables'],
  timeout: [
    'timeout-minutes',
    'timeout_minutes',
    'timeoutSec',
    'timeout_sec',
    'timeout_seconds',
    'timeoutSeconds',
    'timeout_ms',
    'execution_timeout',
  ],
  exit_codes: ['exitCodes', 'exit_code', 'exitCode'],
  soft_fail: ['softFail'],
  stop_signal: ['stopSignal', 'signalOnStop', 'signal_on_stop', 'kill_signal'],
  trigger: ['trigger_rule'],
  estimate: ['expected_duration', 'estimated_duration', 'duration'],
  map: ['foreach', 'for_each', 'with_items', 'withItems', 'withParam', 'loop', 'matrix', 'strategy'],
  slots: ['pool_slots'],
  runs_on: ['runs-on', 'runsOn', 'worker_selector', 'workerSelector', 'node_selector', 'nodeSelector', 'agents'],
  priority: ['priority_weight'],
  interval: ['poke_interval', 'poll_interval'],
  file: ['call'],
  tasks: ['steps'],
  sources: ['inputs', 'input_files', 'inputFiles'],
  generates: ['outputs', 'output_files', 'outputFiles', 'produces'],
  database: ['connection', 'connection_string', 'conn_id', 'conn', 'dsn', 'db'],
  query: ['sql', 'statement'],
  args: ['arguments', 'application_args', 'applicationArgs', 'app_args'],
  application: ['app', 'jar', 'application_file', 'mainApplicationFile', 'main_application_file'],
  class: ['java_class', 'main_class', 'mainClass', 'main-class'],
  master: ['spark_master', 'master_url'],
  deploy_mode: ['deploy-mode', 'deployMode'],
  conf: ['spark_conf', 'sparkConf', 'properties'],
  py_files: ['py-files', 'pyFiles'],
});

/** Options of `spark-submit`, and what SparkSubmitOperator calls them, each with the property that does the same. */
const SPARK_PROPERTIES = inverted({
  'spark.app.name': ['app_name', 'application_name'],
  'spark.jars.packages': ['packages'],
  'spark.jars.repositories': ['repositories'],
  'spark.jars.excludes': ['exclude_packages', 'exclude-packages'],
  'spark.files': ['files'],
  'spark.archives': ['archives'],
  'spark.driver.memory': ['driver_memory', 'driver-memory'],
  'spark.driver.cores': ['driver_cores', 'driver-cores'],
  'spark.driver.extraClassPath': ['driver_class_path', 'driver-class-path'],
  'spark.executor.memory': ['executor_memory', 'executor-memory'],
  'spark.executor.cores': ['executor_cores', 'executor-cores'],
  'spark.executor.instances': ['num_executors', 'num-executors'],
  'spark.cores.max': ['total_executor_cores', 'total-executor-cores'],
  'spark.yarn.queue': ['queue', 'yarn_queue'],
  'spark.kerberos.keytab': ['keytab'],
  'spark.kerberos.principal': ['principal'],
});

/** Top-level keys in other formats, each with its name here. */
const WORKFLOW_NAMES = inverted({
  name: ['id', 'dag_id'],
  tasks: ['steps'],
  params: ['parameters', 'inputs', 'arguments', 'vars', 'variables'],
  defaults: ['default_args'],
  handlers: ['handlerOn', 'onExit', 'hooks'],
  schedule: ['schedule_interval', 'schedules', 'cron'],
  timeout: ['timeoutSec', 'activeDeadlineSeconds', 'dagrun_timeout'],
  labels: ['tags'],
  env_file: ['dotenv', 'envFile', 'env-file', 'env_files', 'envFrom'],
  workers: [
    'parallelism',
    'parallel',
    'max_parallel',
    'maxParallel',
    'max_active_tasks',
    'max_active_steps',
    'maxActiveSteps',
    'max_workers',
  ],
});

const MATRIX = ' Write map: { matrix: { os: [linux, mac] } }, and "include" and "exclude" beside "matrix".';

/** How the value of a key is written, where other formats write it otherwise; by the key here, or there. */
const FORMS: Readonly<Record<string, string>> = {
  matrix: MATRIX,
  strategy: MATRIX,
  map: ' Write map: { over: … }, with a list or an expression.',
  handlers: ' Write handlers: { failure: […], always: […] }, with lists of tasks.',
  env_file: ' It takes a path, or a list of them: env_file: .env.',
  labels: ' It is a mapping of texts: labels: { team: data }.',
  timeout: ' It takes a unit: timeout: 30s.',
  sources: ' It takes a list of globs: sources: [src/**].',
  generates:
    ' It takes a list of globs, of the files that the task makes. What it puts out for other tasks is said by "output".',
  database: ' It takes the path of an SQLite file, or a URL such as postgres://host/name.',
};

const ON_FAILURE =
  ' It is a key of the workflow. In a task, "continue_on_failure: true" lets the job go on; what is to run when it has failed is a task with "trigger: one_failed" that depends on it, or stands under "handlers".';
const CONTAINER =
  ' Commands run on this machine. To use a container, start it in the command: docker run --rm IMAGE ….';
const RESOURCES =
  ' tintype limits no resources of a command: let the command do that, with ulimit or systemd-run. How many tasks run at once is limited by "pools".';

const RETRY_DELAY = ' It stands under "retry": retry: { delay: 30s }.';
const RETRIES =
  ' The number of tries after the first is "max_retries", and what lies between them stands under "retry": max_retries: 3, retry: { delay: 30s }.';
const BACKOFF = ' It stands under "retry": retry: { backoff: exponential }.';
const SKIPPED_EXIT = ' It stands under "exit_codes": exit_codes: { 99: skip }.';
const SUCCESSFUL_EXIT = ' It stands under "exit_codes": exit_codes: { 3: success }.';
const FAIL_FAST =
  ' An item that fails stops the others of a "map", unless it says more: map: { over: …, max_failures: 50% }.';
const HANDLERS =
  ' What runs when tasks are over, however they ended, stands under "handlers": of the file, or of a task of type "job" with "tasks".';
const TEMPLATE =
  ' What tasks share is an anchor under a key that begins with "x-", merged into each by <<, or a file that tasks of type "job" run.';
const PARALLEL =
  ' How many items of a "map" run at once is map: { over: …, concurrency: 3 }; how many tasks, "workers" of the file or "pools".';

const OF_MAP = (example: string): string => ` It stands under "map": map: { over: …, ${example} }.`;

const UP_TO_DATE =
  ' Whether a task is up to date is decided by the contents of the files that its "sources" and "generates" name, its command and what comes in.';
const NEVER_UP_TO_DATE =
  ' Only tasks of type bash, python and node can be up to date: of a request or a query, nobody can say whether its answer would be the same. A task of type "job" has them on the tasks in its file.';

/** Keys of tasks in other formats that have no counterpart, each with a way. */
const IN_TASKS: Readonly<Record<string, string>> = {
  on_failure: ON_FAILURE,
  onFailure: ON_FAILURE,
  container: CONTAINER,
  image: CONTAINER,
  docker: CONTAINER,
  memory: RESOURCES,
  cpu: RESOURCES,
  cpus: RESOURCES,
  resources: RESOURCES,
  retry_delay: RETRY_DELAY,
  retryDelay: RETRY_DELAY,
  retry_interval: RETRY_DELAY,
  delay: RETRY_DELAY,
  retryPolicy: RETRIES,
  retry_policy: RETRIES,
  retryStrategy: RETRIES,
  retry_exponential_backoff: BACKOFF,
  retry_backoff: BACKOFF,
  backoff: BACKOFF,
  skip_on_exit_code: SKIPPED_EXIT,
  skip_exit_code: SKIPPED_EXIT,
  ...Object.fromEntries(
    ['success_exit_codes', 'success_codes', 'success_exit_status', 'SuccessExitStatus', 'mark_success'].map((key) => [
      key,
      SUCCESSFUL_EXIT,
    ]),
  ),
  parallel: PARALLEL,
  parallelism: PARALLEL,
  concurrency: PARALLEL,
  max_parallel: PARALLEL,
  'fail-fast': FAIL_FAST,
  failFast: FAIL_FAST,
  handlerOn: HANDLERS,
  onExit: HANDLERS,
  repeatPolicy: ' What is asked again until it is so is a task of type "sensor".',
  template: TEMPLATE,
  max_failures: OF_MAP('max_failures: 3'),
  maxFailures: OF_MAP('max_failures: 3'),
  rate_limit: OF_MAP('rate_limit: { limit: 10, period: 1s }'),
  collect: OF_MAP('collect: false'),
  status: UP_TO_DATE,
  method: UP_TO_DATE,
  cache: UP_TO_DATE,
  sources: NEVER_UP_TO_DATE,
  generates: NEVER_UP_TO_DATE,
};

const OVERLAP =
  ' What happens while another job of the file is not over is "overlap": allow, skip, queue or cancel. For one at a time write overlap: queue.';

/** Top-level keys of other formats, each with what to write here. */
const IN_WORKFLOWS: Readonly<Record<string, string>> = {
  concurrency:
    ' How many tasks run at once is "workers". What happens while another job of the file is not over is "overlap": allow, skip, queue or cancel (cancel-in-progress).',
  max_active_runs: OVERLAP,
  maxActiveRuns: OVERLAP,
  overlap_policy: OVERLAP,
  concurrencyPolicy: OVERLAP,
  env: ' Put it under "defaults", for all tasks, or into the tasks that need it.',
  templates: TEMPLATE,
  jobs: ' A file holds one job, whose "tasks" are listed. A task of type "job" has "tasks" of its own, or runs another file.',
};

const BESIDE = ' The number of tries after the first stands beside "retry": max_retries: 3.';

const ON_EXIT_CODES = ' It is called "on_exit_codes" here: on_exit_codes: [75].';
const RETRY_IF = ' It is called "if" here: if: exit_code != 2 && !stderr.contains("denied").';

/** Keys under `retry` in other formats. */
const IN_RETRY: Readonly<Record<string, string>> = Object.fromEntries([
  ...['max_retries', 'retries', 'attempts', 'max_attempts', 'limit', 'count', 'max'].map((key) => [key, BESIDE]),
  ...['exit_codes', 'exit_code', 'exitCode', 'exitCodes', 'on_exit_code'].map((key) => [key, ON_EXIT_CODES]),
  ...['when', 'condition', 'expression', 'retry_if', 'retryIf'].map((key) => [key, RETRY_IF]),
]);

/** Types of tasks in other formats, each with its name here. */
const TYPES = inverted({
  bash: ['shell', 'sh', 'command', 'script', 'cmd', 'exec', 'process'],
  python: ['py', 'python3'],
  node: ['js', 'javascript', 'nodejs', 'typescript'],
  spark: ['spark-submit', 'spark_submit', 'sparksubmit', 'sparksubmitoperator', 'pyspark'],
  http: ['https', 'request', 'rest', 'webhook', 'api', 'curl'],
  sql: ['postgres', 'postgresql', 'mysql', 'sqlite', 'database', 'query'],
  sensor: ['wait', 'poll', 'watch'],
  job: ['workflow', 'subworkflow', 'sub_workflow', 'dag', 'pipeline'],
  external: ['manual', 'approval', 'human'],
});
