import { didYouMean } from '../engine/errors/suggest.ts';
import { isPlainObject } from '../events/plain-object.ts';
import { NUMBERED_PLACES, questionMarkIn } from '../executors/sql/question-marks.ts';
import { DEFAULT_VARIABLES, inOrder, isComputed } from './computed-params.ts';
import { compile, type ExpressionError, VARIABLES } from './expression.ts';
import type { Location } from './locate.ts';
import { type OddNumber, oddNumberText } from './odd-numbers.ts';
import { PARAMS } from './output.ts';
import type { ParamSpec } from './param-spec.ts';
import { isReadableParam, paramSpec, readParam } from './params.ts';
import { isCommand } from './retry-condition.ts';
import { subject } from './schema-problems.ts';
import type { PlacedProblem, Source } from './source.ts';
import { entriesOf, isInPlace, type Level, ownerPath, stageOf, tasksOf, withoutInner } from './tasks-of.ts';
import { hasExpression, type PlacedExpression, parseTemplate } from './template.ts';
import { type Upstream, upstreamIn } from './upstream.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/**
 * Finds keys that exclude or require each other, odd numbers, and undeclared pools, params and secrets. Skips unreadable
 * parts. `isPart`: whether the job has tasks that are not in the file.
 */
export const referenceProblems = (
  file: unknown,
  place: (path: Path) => Location,
  { problemAt, offsetOf, offsetIn }: Source,
  oddNumbersAt: OddNumbersAt,
  isPart = false,
): readonly PlacedProblem[] => {
  if (!isPlainObject(file)) return [];
  return [...complaintsOf(file, oddNumbersAt, isPart)].map(({ path, near, fault, offset, code, message }) => {
    const { key, value } = place(path);
    const found = fault ? offsetIn(value, fault.text, fault.at) : undefined;
    const at = offset ?? found ?? (near === undefined ? (key ?? value) : offsetOf(value, near));
    return problemAt(at, code, `${subject(file, ownerPath(path))} ${message}`);
  });
};

type Complaint = {
  readonly path: Path;
  readonly near?: string;
  /** The place to point at: an offset in the text at the path. */
  readonly fault?: { readonly text: string; readonly at: number };
  /** Where to point at, if that is known. */
  readonly offset?: number;
  readonly code: PlacedProblem['code'];
  readonly message: string;
};

type Complaints = Generator<Complaint, void>;

/** Returns the odd numbers at a path of the file. */
type OddNumbersAt = (path: Path) => Iterable<OddNumber>;

/** Yields all complaints about a file. */
const complaintsOf = function* (file: Mapping, oddNumbersAt: OddNumbersAt, isPart: boolean): Complaints {
  const declared = declarations(file);
  const { params, secrets, defaults } = file;
  yield* paramComplaints(params, declared);
  yield* numberComplaints(['params'], oddNumbersAt);
  yield* secretComplaints(secrets);
  yield* emptyPools(declared);
  yield* expressionComplaints(['defaults'], expressionsIn(['defaults'], defaults), true, declared);
  if (isPlainObject(defaults)) {
    yield* poolComplaints(['defaults'], defaults, declared);
    yield* textNumberComplaints(['defaults', 'env'], oddNumbersAt);
  }
  const around = { declared, upstreams: [], hasItem: false, isPart, defaults: isPlainObject(defaults) ? defaults : {} };
  yield* taskComplaints({ path: [], content: file }, around, oddNumbersAt);
};

/** What holds around the tasks of a level. */
type Around = {
  readonly declared: Declarations;
  /** The order of the tasks of outer levels, the innermost first, each with the task that stands around. */
  readonly upstreams: readonly { readonly task: string; readonly upstream: Upstream }[];
  /** Whether the tasks stand inside an item of a `map`. */
  readonly hasItem: boolean;
  /** Whether the job has tasks that are not in the file. */
  readonly isPart: boolean;
  readonly defaults: Mapping;
};

/** Yields the complaints about the tasks of the file, or of a job in it, and all inside of them. */
const taskComplaints = function* (
  { path: outer, content }: Level,
  { declared, upstreams, hasItem, isPart, defaults: around }: Around,
  oddNumbersAt: OddNumbersAt,
): Complaints {
  const known = upstreamIn(content);
  const upstream = isPart ? { ...known, names: EVERY_NAME } : known;
  const stages = new Map([...tasksOf(content)].map(([path, { name }]) => [name, stageOf(path)]));
  for (const [at, task] of tasksOf(content)) {
    const path = [...outer, ...at];
    const own = withoutInner(task);
    const chain = [{ task: String(task.name), upstream }, ...upstreams];
    yield* nameComplaints(path, at, task);
    yield* orderComplaints(path, at, task, stages);
    yield* upToDateComplaints(path, at, task);
    yield* keyComplaints(path, task);
    yield* growthComplaints(path, at, task);
    yield* exitComplaints(path, task, around);
    yield* poolComplaints(path, task, declared);
    const expressions = [...expressionsIn(path, own)];
    yield* expressionComplaints(path, expressions, isPlainObject(task.map), declared, hasItem);
    yield* orderOfReads(task, expressions, chain, declared);
    for (const keys of presentIn(task, TEXTS)) yield* textNumberComplaints([...path, ...keys], oddNumbersAt);
    for (const keys of presentIn(task, DATA)) yield* numberComplaints([...path, ...keys], oddNumbersAt);
    if (!isInPlace(task)) continue;
    const { defaults } = task;
    const inner = [...path, 'defaults'];
    yield* expressionComplaints(inner, expressionsIn(inner, defaults), true, declared);
    if (isPlainObject(defaults)) {
      yield* poolComplaints(inner, defaults, declared);
      yield* textNumberComplaints([...inner, 'env'], oddNumbersAt);
    }
    const defaultPool = (isPlainObject(defaults) ? defaults.pool : undefined) ?? declared.defaultPool;
    const inside = {
      declared: { ...declared, defaultPool },
      upstreams: chain,
      hasItem: hasItem || isPlainObject(task.map),
      isPart: false,
      defaults: { ...around, ...(isPlainObject(defaults) ? defaults : {}) },
    };
    yield* taskComplaints({ path, content: task }, inside, oddNumbersAt);
  }
};

const EVERY_NAME: Upstream['names'] = { has: () => true, [Symbol.iterator]: () => [][Symbol.iterator]() };

type Declarations = {
  readonly params: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly pools: Mapping;
  /** The pool of tasks that don't name a pool. */
  readonly defaultPool: unknown;
  /** Returns the hint that a function finds among all declared names; without looking, if there were many already. */
  readonly hint: (find: () => string) => string;
};

/** Maximum number of hints for one file. Each takes time in proportion to the number of declared names. */
const MAX_HINTS = 100;

const declarations = ({ params, secrets, pools, defaults }: Mapping, hints = { given: 0 }): Declarations => ({
  hint: (find) => (hints.given++ < MAX_HINTS ? find() : ''),
  params: new Set(entriesOf(params).map(([name]) => name)),
  secrets: new Set(Array.isArray(secrets) ? secrets.map(String) : entriesOf(secrets).map(([name]) => name)),
  pools: isPlainObject(pools) ? pools : {},
  defaultPool: isPlainObject(defaults) ? defaults.pool : undefined,
});

/** `at`: the path within the level, as for `nameComplaints`. */
const orderComplaints = function* (
  path: Path,
  at: Path,
  { dependencies }: Mapping,
  stages: ReadonlyMap<unknown, number>,
): Complaints {
  if (!Array.isArray(dependencies)) return;
  for (const [index, need] of dependencies.entries()) {
    if ((stages.get(need) ?? 0) <= stageOf(at)) continue;
    const message = `waits on "${need}", which runs after it: handlers run when all tasks are over.`;
    yield { path: [...path, 'dependencies', index], near: String(need), code: 'CYCLE', message };
  }
};

const nameComplaints = function* (path: Path, at: Path, task: Mapping): Complaints {
  if (task.name === PARAMS) {
    const message = `has the name under which the context holds the params of the job. Give it another name.`;
    yield { path: [...path, 'name'], code: 'INVALID_NAME', message };
  }
  if (at[0] === 'handlers' && task.trigger !== undefined) {
    const message = 'has a "trigger": it runs when all tasks are over, whatever became of them. Use "when".';
    yield { path: [...path, 'trigger'], code: 'INVALID_VALUE', message };
  }
};

/** Finds tasks that can't be up to date: those that run in every job, and those that decide about the rest of it. */
const upToDateComplaints = function* (path: Path, at: Path, task: Mapping): Complaints {
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

/** Where a task has texts for which numbers may stand. The schema refuses numbers that are not finite there. */
const TEXTS: readonly Path[] = [
  ['env'],
  ['args'],
  ['conf'],
  ['headers'],
  ['query'],
  ['http', 'headers'],
  ['http', 'query'],
];

/** Where a task has data of any type, which may become text later. */
const DATA: readonly Path[] = [
  ...['over', 'matrix', 'include', 'exclude'].map((key) => ['map', key]),
  ...[['json'], ['params'], ['http', 'json'], ['sql', 'params']],
];

/** Returns those of some paths whose first key a task has: to find the place of a path in the file takes longer. */
const presentIn = (task: Mapping, paths: readonly Path[]): readonly Path[] =>
  paths.filter(([key]) => task[String(key)] !== undefined);

/** Finds numbers whose text would differ from the file's: 3.10 would become `3.1`. */
const textNumberComplaints = function* (path: Path, oddNumbersAt: OddNumbersAt): Complaints {
  for (const number of oddNumbersAt(path)) if (Number.isFinite(number.value)) yield numberComplaint(path, number);
};

/** Like `textNumberComplaints`, for data of any type. */
const numberComplaints = function* (path: Path, oddNumbersAt: OddNumbersAt): Complaints {
  for (const number of oddNumbersAt(path)) yield numberComplaint(path, number);
};

const numberComplaint = (path: Path, number: OddNumber): Complaint => ({
  path,
  offset: number.offset,
  code: 'INVALID_VALUE',
  message: oddNumberText(number),
});

/** Checks which keys of a task's type must, or must not, be used together. */
const keyComplaints = function* (path: Path, task: Mapping): Complaints {
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
const growthComplaints = function* (path: Path, at: Path, task: Mapping): Complaints {
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
const exitComplaints = function* (path: Path, task: Mapping, defaults: unknown): Complaints {
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
const mapComplaints = function* (path: Path, map: unknown): Complaints {
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
const sparkComplaints = function* (
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

/** Finds defaults that are not valid values of their param, or can't be computed. */
const paramComplaints = function* (params: unknown, declared: Declarations): Complaints {
  const specs: ParamSpec[] = [];
  for (const [name, given] of entriesOf(params)) {
    const spec = paramSpec(name, given);
    if (!isReadableParam(spec)) continue;
    specs.push(spec);
    const path = defaultPath(name, given);
    if (isComputed(spec)) {
      yield* computedComplaints(path, spec, declared);
      continue;
    }
    const { fault } = spec.default === undefined ? {} : readParam(spec, spec.default);
    if (fault === undefined) continue;
    yield { path, code: 'INVALID_VALUE', message: `has a default for a param that is none: ${fault}` };
  }
  const { cycle } = inOrder(specs);
  if (!cycle) return;
  const [first = ''] = cycle;
  const message = `has params whose defaults need each other: ${cycle.join(' → ')}.`;
  yield { path: defaultPath(first, (params as Mapping)[first]), code: 'CYCLE', message };
};

const defaultPath = (name: string, given: unknown): Path => [
  'params',
  name,
  ...(isPlainObject(given) ? ['default'] : []),
];

/** Checks the expressions of a default. */
const computedComplaints = function* (
  path: Path,
  { name, default: value }: ParamSpec,
  declared: Declarations,
): Complaints {
  for (const [at, text] of textsIn(path, value)) {
    let parts: ReturnType<typeof parseTemplate>;
    try {
      parts = parseTemplate(text);
    } catch (error) {
      const { message, at: offset = 0 } = error as ExpressionError;
      const fault = { text, at: offset };
      yield {
        path: at,
        fault,
        code: 'INVALID_EXPRESSION',
        message: `has a param "${name}" with an expression that can't be read: ${message}`,
      };
      continue;
    }
    for (const part of parts) {
      if (typeof part !== 'object') continue;
      const fault = { text, at: part.at };
      const other = VARIABLES.find((variable) => !isOneOf(variable, DEFAULT_VARIABLES) && part.uses(variable));
      if (other !== undefined) {
        const message = `has a param "${name}" whose default reads ${other}: it is computed before there is a job, of ${DEFAULT_VARIABLES.join(', ')}.`;
        yield { path: at, fault, code: 'UNKNOWN_REFERENCE', message };
      }
      for (const { key, at: offset } of part.reads('params')) {
        if (declared.params.has(key)) continue;
        const hint = declared.hint(() => didYouMean(key, declared.params));
        const message = `has a param "${name}" whose default reads params.${key}, which the workflow does not declare.${hint}`;
        yield { path: at, fault: { text, at: part.at + offset }, code: 'UNKNOWN_REFERENCE', message };
      }
    }
  }
};

const isOneOf = (name: string, names: readonly string[]): boolean => names.includes(name);

/** Yields the texts within data that hold expressions, with their paths. */
const textsIn = function* (path: Path, value: unknown): Generator<readonly [Path, string], void> {
  if (typeof value === 'string') {
    if (hasExpression(value)) yield [path, value];
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value))
      yield* textsIn([...path, Array.isArray(value) ? Number(key) : key], item);
  }
};

const secretComplaints = function* (secrets: unknown): Complaints {
  for (const [name, source] of entriesOf(secrets)) {
    if (!isPlainObject(source) || source.env === undefined || source.file === undefined) continue;
    const message = `has a secret "${name}" with "env" and "file": expected one of them.`;
    yield { path: ['secrets', name, 'file'], code: 'INVALID_VALUE', message };
  }
};

const emptyPools = function* ({ pools }: Declarations): Complaints {
  for (const [name, pool] of Object.entries(pools)) {
    if (!isPlainObject(pool) || pool.limit !== undefined) continue;
    if (pool.slots !== undefined && pool.period === undefined) continue;
    const lack = pool.period === undefined ? 'that limits nothing' : 'with a period but no limit';
    const message = `has a pool "${name}" ${lack}: expected slots, or limit and period.`;
    yield { path: ['pools', name], code: 'INVALID_VALUE', message };
  }
};

const poolComplaints = function* (
  path: Path,
  { pool, slots }: Mapping,
  { pools, defaultPool, hint }: Declarations,
): Complaints {
  const wrong = (key: string, message: string): Complaint => ({
    path: [...path, key],
    code: 'INVALID_OPTION',
    message,
  });
  const name = pool ?? defaultPool;
  if (typeof pool === 'string' && !Object.hasOwn(pools, pool)) {
    const near = hint(() => {
      const names = Object.keys(pools);
      const known =
        names.length > 0 ? `Known are ${names.join(', ')}.` : `Add it to the workflow: pools: { ${pool}: 1 }.`;
      return didYouMean(pool, names) || ` ${known}`;
    });
    yield wrong('pool', `has an unknown pool "${pool}".${near}`);
  } else if (typeof slots === 'number' && typeof name !== 'string') {
    yield wrong('slots', 'has "slots" without "pool", of which they would be.');
  } else if (typeof slots === 'number') {
    const size = pools[name as string];
    const most = isPlainObject(size) ? size.slots : size;
    if (typeof most === 'number' && slots > most) {
      yield wrong('slots', `takes ${slots} slots of pool "${name}", which has ${most}. It could never run.`);
    }
  }
};

/** Finds expressions that read undeclared params or secrets, or that read `item` or `index` where there is no item. */
const expressionComplaints = function* (
  path: Path,
  expressions: Iterable<FoundExpression>,
  isMap: boolean,
  declared: Declarations,
  hasOuterItem = false,
): Complaints {
  for (const [at, expression, text] of expressions) {
    const wrong = (offset: number, message: string): Complaint => {
      const fault = { text, at: expression.at + offset };
      return { path: at, fault, code: 'UNKNOWN_REFERENCE', message };
    };
    for (const what of ['params', 'secrets'] as const) {
      for (const { key: name, at: offset } of expression.reads(what).filter(({ key }) => !declared[what].has(key))) {
        const remedy = ` Declare it: ${what}: ${what === 'secrets' ? `[${name}]` : `{ ${name}: … }`}.`;
        const hint = declared.hint(() => didYouMean(name, declared[what])) || remedy;
        yield wrong(offset, `reads ${what}.${name}, which the workflow does not declare.${hint}`);
      }
    }
    if (expression.uses('now')) {
      const message = `reads now, which only the default of a param can, so that it is the same when a job goes on later: params: { started: "\${{ now }}" }.`;
      yield wrong(0, message);
    }
    // What is asked once for all items of a task may read the item around that.
    if (hasOuterItem) continue;
    const once = evaluatedOnce(at.slice(path.length));
    const variable = !isMap || once !== undefined ? mapVariable(expression.source) : undefined;
    if (variable === undefined) continue;
    const why = isMap ? `"${once}" can't: it is asked once, for all items` : 'only a task with "map" has';
    yield wrong(variable.at, `reads ${variable.name}, which ${why}.`);
  }
};

/** Finds expressions that read the output of a task which may not have run by then. */
const orderOfReads = function* (
  task: Mapping,
  expressions: Iterable<FoundExpression>,
  [own, ...outer]: Around['upstreams'],
  { hint }: Declarations,
): Complaints {
  if (!own) return;
  const { upstream } = own;
  for (const [at, expression, text] of expressions) {
    for (const { key, at: offset } of expression.reads('tasks')) {
      const fault = upstream.names.has(key)
        ? key === task.name
          ? 'it is asked before the task has run. Of its own, "task" has "name" and "attempt".'
          : upstream.faultOf(String(task.name), key)
        : outer.some((one) => one.upstream.names.has(key))
          ? `it stands outside of the job "${outer[0]?.task}", whose tasks see what became of each other alone.`
          : `there is no task of this name.${hint(() => didYouMean(key, upstream.names))}`;
      if (fault === undefined) continue;
      const message = `reads tasks.${key}, but ${fault}`;
      yield { path: at, fault: { text, at: expression.at + offset }, code: 'UNKNOWN_REFERENCE', message };
    }
    for (const { key, at: offset } of expression.reads('ctx')) {
      // The outputs of a job in the file stand under its own name outside of it, and cover those of that name around.
      const known = [own, ...outer].find((one) => one.upstream.names.has(key));
      const fault = known?.upstream.faultOf(known.task, key);
      if (fault === undefined) continue;
      const message = `reads ctx.${key}, but ${fault}`;
      yield { path: at, fault: { text, at: expression.at + offset }, code: 'UNKNOWN_REFERENCE', message };
    }
  }
};

/** Returns the key within a task, if it is evaluated once for a whole fan-out, not for each item. */
const evaluatedOnce = ([key, inner]: Path): string | undefined =>
  key === 'when' ? key : key === 'map' ? String(inner) : undefined;

/** Returns `item` or `index` if an expression reads that variable. Ignores keys and macro variables of that name. */
const mapVariable = (source: string): { readonly name: string; readonly at: number } | undefined => {
  const code = source.replace(/"[^"]*"|'[^']*'/g, ({ length }) => `"${' '.repeat(length - 2)}"`);
  const own = new Set([...code.matchAll(/\(\s*(item|index)\s*,/g)].map(([, name]) => name));
  const read = [...code.matchAll(/(?<![.\w?])(item|index)\b(?!\s*[,:(])/g)];
  return read.map(({ 0: name, index: at }) => ({ name, at })).find(({ name }) => !own.has(name));
};

/** An expression, with its path and the text that holds it. */
type FoundExpression = readonly [Path, PlacedExpression, text: string];

const expressionsIn = function* (path: Path, value: unknown): Generator<FoundExpression, void> {
  if (typeof value === 'string') {
    const isAlone = (path.at(-1) === 'when' || isList(path)) && !hasExpression(value);
    for (const expression of expressionsOf(value, isAlone)) yield [path, expression, value];
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (typeof item !== 'string' || !CODE.has(key))
        yield* expressionsIn([...path, Array.isArray(value) ? Number(key) : key], item);
    }
  }
};

/** Whether a text at this path is an expression that gives a list: `map.over`, `map.include`, `map.matrix.os`. */
const isList = (path: Path): boolean =>
  path.at(-2) === 'map' ? LISTS.has(path.at(-1)) : path.at(-2) === 'matrix' && path.at(-3) === 'map';

const LISTS: ReadonlySet<unknown> = new Set(['over', 'include', 'exclude']);

/** Keys whose text is code or a label, and is not searched for expressions. */
const CODE: ReadonlySet<string> = new Set(['command', 'query', 'shell', 'module', 'export', 'name', 'description']);

/** Returns the expressions in a text; none if one can't be parsed, since `schema.ts` reports that. */
const expressionsOf = (text: string, isAlone: boolean): readonly PlacedExpression[] => {
  try {
    return isAlone
      ? [{ ...compile(text.trim()), at: text.length - text.trimStart().length }]
      : parseTemplate(text).filter((part) => typeof part === 'object');
  } catch {
    return [];
  }
};
