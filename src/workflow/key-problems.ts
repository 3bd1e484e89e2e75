import { isPlainObject } from '../events/plain-object.ts';
import { NUMBERED_PLACES, questionMarkIn } from '../executors/sql/question-marks.ts';
import type { Complaint, Complaints, Mapping, Path } from './complaint.ts';
import { isCommand } from './retry-condition.ts';
import { entriesOf } from './tasks-of.ts';

/** Finds tasks that can't be up to date: those that run in every job, and those that decide about the rest of it. */
export const upToDateComplaints = function* (path: Path, at: Path, task: Mapping): Complaints {
  const key = ['sources', 'generates'].find((one) => task[one] !== undefined);
  if (key === undefined) return;
  const growth = ['branch', 'expand'].find((one) => task[one] === true);
  const which =
    at[0] === 'handlers'
      ? 'it is a handler'
      : task.trigger === 'always'
        ? 'its trigger is "always"'
        : growth && `it has "${growth}", by which it decides about each job`;
  if (which === undefined) return;
  const message = `has "${key}", but ${which}: it runs in every job, whether its files have changed or not. Remove "${key}".`;
  yield { path: [...path, key], code: 'INVALID_VALUE', message };
};

/** Checks which keys of a task's type must, or must not, be used together. */
export const keyComplaints = function* (path: Path, task: Mapping): Complaints {
  const has = (key: string): boolean => task[key] !== undefined;
  const wrong = (key: string, message: string): Complaint => ({ path: [...path, key], code: 'INVALID_VALUE', message });
  const choice = ONE_OF.get(task.type);
  if (choice) {
    const quoted = choice.map((key) => `"${key}"`).join(', ');
    const given = choice.filter(has);
    const [, second] = given;
    if (given.length === 0) yield { path, code: 'MISSING_KEY', message: `needs one of ${quoted}.` };
    if (second !== undefined) {
      yield wrong(second, `has ${given.map((key) => `"${key}"`).join(' and ')}: expected one of ${quoted}.`);
    }
  }
  yield* mapComplaints([...path, 'map'], task.map);
  for (const [at, statement] of [
    [path, task.type === 'sql' ? task : undefined] as const,
    [[...path, 'sql'], task.sql] as const,
  ]) {
    if (!isPlainObject(statement) || !/^postgres(ql)?:/i.test(String(statement.database))) continue;
    const { query } = statement;
    const mark = typeof query === 'string' ? questionMarkIn(query, statement.params) : undefined;
    if (mark === undefined) continue;
    const fault = { text: query as string, at: mark };
    yield {
      path: [...at, 'query'],
      fault,
      code: 'INVALID_VALUE',
      message: `has a query with a place "?". ${NUMBERED_PLACES}`,
    };
  }
  if (task.type === 'job' && has('tasks') !== has('file')) {
    const isFile = has('file');
    for (const key of (isFile ? IN_PLACE : ['params']).filter(has)) {
      const why = isFile ? 'The file says that itself.' : 'Its tasks see those of the workflow.';
      yield wrong(key, `has "${key}" ${isFile ? 'without "tasks"' : 'without "file"'}. ${why}`);
    }
  }
  if (task.type === 'node' && has('export') && !has('module')) yield wrong('export', 'has "export" without "module".');
  if (task.type === 'spark') yield* sparkComplaints(path, task);
  if (task.type === 'http' && has('body') && has('json')) {
    yield wrong('json', 'has "body" and "json": expected one of them.');
  }
};

/** Checks the keys by which the output of a command decides about the rest of the job. */
export const growthComplaints = function* (path: Path, at: Path, task: Mapping): Complaints {
  const given = ['branch', 'expand'].filter((key) => task[key] === true);
  const [key, second] = given;
  if (key === undefined) return;
  const why =
    second !== undefined
      ? 'has "branch" and "expand": expected one of them.'
      : task.map !== undefined
        ? `has "${key}" and "map": an item can't decide about the rest of the job. Let a task after it do so.`
        : at[0] === 'handlers'
          ? `has "${key}", but it runs when all tasks are over: nothing is left to decide.`
          : undefined;
  if (why !== undefined) yield { path: [...path, second ?? key], code: 'INVALID_VALUE', message: why };
};

/** Checks keys about the standard input, the exit code and the retries of a command. */
export const exitComplaints = function* (path: Path, task: Mapping, defaults: unknown): Complaints {
  const wrong = (keys: Path, message: string): Complaint => ({
    path: [...path, ...keys],
    code: 'INVALID_VALUE',
    message,
  });
  const { exit_codes: codes, retry, type } = task;
  if (type === 'sensor' && task.command === undefined) {
    for (const key of OF_COMMANDS) if (task[key] !== undefined) yield wrong([key], `has "${key}" without "command".`);
  }
  for (const [code, meaning] of entriesOf(codes)) {
    if (meaning !== 'skip' || task.map === undefined) continue;
    const message =
      'has "map", and can\'t skip one of its items. An item with nothing to do exits with 0 and puts out nothing.';
    yield wrong(['exit_codes', code], message);
  }
  if (!isPlainObject(retry)) return;
  const { on_exit_codes: retried, if: condition } = retry;
  if (retried !== undefined && !isCommand(type)) {
    yield wrong(
      ['retry', 'on_exit_codes'],
      'has "retry.on_exit_codes", which is for bash, python, node and spark tasks.',
    );
  } else if (condition !== undefined && !isCommand(type) && type !== 'http') {
    yield wrong(['retry', 'if'], 'has "retry.if", which is for bash, python, node, spark and http tasks.');
  } else if (
    (retried !== undefined || condition !== undefined) &&
    (task.max_retries ?? (isPlainObject(defaults) ? defaults.max_retries : undefined)) === undefined
  ) {
    const key = retried === undefined ? 'if' : 'on_exit_codes';
    yield wrong(['retry', key], `has "retry.${key}" without "max_retries", so that it is never tried again.`);
  }
  for (const code of Array.isArray(retried) ? retried : []) {
    if (!isPlainObject(codes) || codes[code] === undefined) continue;
    yield wrong(['retry', 'on_exit_codes'], `has ${code} under "exit_codes" and "retry.on_exit_codes": expected one.`);
  }
};

const OF_COMMANDS = ['stdin', 'stdout', 'stderr', 'stop_signal', 'exit_codes'];

/** Checks what a `map` runs over. */
export const mapComplaints = function* (path: Path, map: unknown): Complaints {
  if (!isPlainObject(map)) return;
  const { over, matrix } = map;
  const wrong = (key: readonly string[], message: string): Complaint => ({
    path: [...path, ...key],
    code: 'INVALID_VALUE',
    message,
  });
  if (over === undefined && matrix === undefined)
    yield { path, code: 'MISSING_KEY', message: 'has a "map" that needs one of "over", "matrix".' };
  if (over !== undefined && matrix !== undefined)
    yield wrong(['matrix'], 'has a "map" with "over" and "matrix": expected one of them.');
  for (const key of ['include', 'exclude']) {
    if (map[key] !== undefined && matrix === undefined)
      yield wrong([key], `has a "map" with "${key}" without "matrix", to which it would belong.`);
    if (isPlainObject(matrix) && matrix[key] !== undefined)
      yield wrong(['matrix', key], `has "${key}" in a matrix. It stands beside it: map: { matrix: …, ${key}: […] }.`);
  }
};

/** Checks what `spark-submit` would refuse, once it has started a Java machine. */
export const sparkComplaints = function* (
  path: Path,
  { application, master, deploy_mode: mode, class: className }: Mapping,
): Complaints {
  const wrong = (key: string, message: string): Complaint => ({ path: [...path, key], code: 'INVALID_VALUE', message });
  const isScript = /\.(py|r)$/i.test(String(application));
  if (isScript && className !== undefined) {
    yield wrong('class', `has a "class", but its application is a script, which has none: ${application}. Remove it.`);
  }
  const ofCluster = (why: string): Complaint =>
    wrong('deploy_mode', `has "deploy_mode" = "cluster": ${why}. Write deploy_mode: client, or leave it out.`);
  if (mode !== 'cluster') return;
  if (/^local(\[|$)/.test(String(master))) yield ofCluster(`the master ${master} is no cluster`);
  if (isScript && /^spark:/.test(String(master))) yield ofCluster('a standalone cluster runs only drivers in jars');
};

/** By type of task, the keys of which the task must have exactly one. */
const ONE_OF: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['node', ['command', 'module']],
  ['job', ['file', 'tasks']],
  ['sensor', ['file', 'http', 'sql', 'command']],
]);

/** Keys of a job whose tasks stand in the file. */
const IN_PLACE: readonly string[] = ['handlers', 'defaults', 'on_failure'];
