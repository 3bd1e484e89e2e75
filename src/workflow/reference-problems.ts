import { didYouMean } from '../engine/errors/suggest.ts';
import { isPlainObject } from '../events/plain-object.ts';
import type { Around, Complaint, Complaints, Declarations, Mapping, Path } from './complaint.ts';
import { expressionComplaints, expressionsIn, orderOfReads } from './expression-problems.ts';
import { exitComplaints, growthComplaints, keyComplaints, upToDateComplaints } from './key-problems.ts';
import type { Location } from './locate.ts';
import { type OddNumber, oddNumberText } from './odd-numbers.ts';
import { PARAMS } from './output.ts';
import { paramComplaints } from './param-problems.ts';
import { subject } from './schema-problems.ts';
import type { PlacedProblem, Source } from './source.ts';
import { entriesOf, isInPlace, type Level, ownerPath, stageOf, tasksOf, withoutInner } from './tasks-of.ts';
import { type Upstream, upstreamIn } from './upstream.ts';

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
