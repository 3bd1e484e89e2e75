import { didYouMean } from '../engine/errors/suggest.ts';
import { compile, type Expression } from './expression.ts';
import type { Location } from './locate.ts';
import { PARAMS } from './output.ts';
import { paramSpec, readParam } from './params.ts';
import { subject } from './schema-problems.ts';
import type { PlacedProblem, Source } from './source.ts';
import { hasExpression, parseTemplate } from './template.ts';

type Path = readonly PropertyKey[];

type Mapping = Readonly<Record<string, unknown>>;

/** Finds keys that exclude or require each other, and undeclared pools, params and secrets. Skips unreadable parts. */
export const referenceProblems = (
  file: unknown,
  place: (path: Path) => Location,
  { problemAt, offsetOf, text }: Source,
): readonly PlacedProblem[] => {
  if (!isMapping(file)) return [];
  const declared = declarations(file);
  const stages = stagesOf(file);
  const complaints = [
    ...paramComplaints(file),
    ...secretComplaints(file),
    ...Object.entries(declared.pools).flatMap(([name, pool]) => emptyPool(name, pool)),
    ...poolComplaints(file, ['defaults'], file.defaults, declared),
    ...expressionComplaints(['defaults'], file.defaults, true, declared),
    ...tasksOf(file).flatMap(([path, task]) => [
      ...nameComplaints(path, task),
      ...orderComplaints(path, task, stages),
      ...keyComplaints(path, task),
      ...poolComplaints(file, path, task, declared),
      ...expressionComplaints(path, task, isMapping(task.map), declared),
    ]),
  ];
  const numbers = [[['defaults'], file.defaults] as const, ...tasksOf(file)].flatMap(([path, task]) =>
    numberComplaints(
      path,
      task,
      (at) => /^[\d.+-][^\s,\]}#]*/.exec(text.slice(place(at).value, place(at).value + 100))?.[0],
    ),
  );
  return [...complaints, ...numbers].map(({ path, near, code, message }) => {
    const { key, value } = place(path);
    const at = near === undefined ? (key ?? value) : offsetOf(value, near);
    return problemAt(at, code, `${subject(file, owner(path))} ${message}`);
  });
};

type Complaint = {
  readonly path: Path;
  readonly near?: string;
  readonly code: PlacedProblem['code'];
  readonly message: string;
};

type Declarations = {
  readonly params: readonly string[];
  readonly secrets: readonly string[];
  readonly pools: Mapping;
};

const declarations = ({ params, secrets, pools }: Mapping): Declarations => ({
  params: isMapping(params) ? Object.keys(params) : [],
  secrets: Array.isArray(secrets) ? secrets.map(String) : isMapping(secrets) ? Object.keys(secrets) : [],
  pools: isMapping(pools) ? pools : {},
});

const tasksOf = ({ tasks, handlers }: Mapping): readonly [Path, Mapping][] => {
  const list = (path: Path, value: unknown): [Path, Mapping][] =>
    Array.isArray(value) ? value.flatMap((task, index) => (isMapping(task) ? [[[...path, index], task]] : [])) : [];
  const handled = isMapping(handlers) ? Object.entries(handlers) : [];
  return [...list(['tasks'], tasks), ...handled.flatMap(([when, value]) => list(['handlers', when], value))];
};

const owner = (path: Path): Path => path.slice(0, path[0] === 'tasks' ? 2 : path[0] === 'handlers' ? 3 : 0);

/** Returns the stage of each task and handler: 0 for tasks, 1 for handlers, 2 for handlers that always run. */
const stagesOf = (file: Mapping): ReadonlyMap<unknown, number> =>
  new Map(tasksOf(file).map(([path, { name }]) => [name, stageOf(path)]));

const stageOf = ([list, when]: Path): number => (list === 'tasks' ? 0 : when === 'always' ? 2 : 1);

const orderComplaints = (
  path: Path,
  { dependencies }: Mapping,
  stages: ReadonlyMap<unknown, number>,
): readonly Complaint[] => {
  if (!Array.isArray(dependencies)) return [];
  return dependencies.flatMap((need: unknown, index): Complaint[] => {
    const stage = stages.get(need);
    if (stage === undefined || stage <= stageOf(path)) return [];
    return [
      {
        path: [...path, 'dependencies', index],
        near: String(need),
        code: 'CYCLE',
        message: `waits on "${need}", which runs after it: handlers run when all tasks are over.`,
      },
    ];
  });
};

const nameComplaints = (path: Path, task: Mapping): readonly Complaint[] => [
  ...(task.name === PARAMS
    ? [
        {
          path: [...path, 'name'],
          code: 'INVALID_NAME' as const,
          message: `has the name under which the context holds the params of the job. Give it another name.`,
        },
      ]
    : []),
  ...(path[0] === 'handlers' && task.trigger !== undefined
    ? [
        {
          path: [...path, 'trigger'],
          code: 'INVALID_VALUE' as const,
          message: 'has a "trigger": it runs when all tasks are over, whatever became of them. Use "when".',
        },
      ]
    : []),
];

/** Finds numbers whose text would differ from the file's: 3.10 would become `3.1`. */
const numberComplaints = (
  path: Path,
  task: unknown,
  textAt: (path: Path) => string | undefined,
): readonly Complaint[] => {
  if (!isMapping(task)) return [];
  const { env, args } = task;
  const values = [
    ...(isMapping(env) ? Object.entries(env).map(([key, value]) => [[...path, 'env', key], value] as const) : []),
    ...(Array.isArray(args) ? args.map((value, index) => [[...path, 'args', index], value] as const) : []),
  ];
  return values.flatMap(([at, value]): Complaint[] => {
    const written = typeof value === 'number' && Number.isFinite(value) ? textAt(at) : undefined;
    if (written === undefined || written === String(value)) return [];
    const message = `has ${written}, which is the number ${value}. Put it in quotes: "${written}".`;
    return [{ path: at, near: written, code: 'INVALID_VALUE', message }];
  });
};

/** Checks which keys of a task's type must, or must not, be used together. */
const keyComplaints = (path: Path, task: Mapping): readonly Complaint[] => {
  const has = (key: string): boolean => task[key] !== undefined;
  const complain = (key: string, message: string): Complaint => ({
    path: has(key) ? [...path, key] : path,
    code: has(key) ? 'INVALID_VALUE' : 'MISSING_KEY',
    message,
  });
  const oneOf = (keys: readonly string[]): readonly Complaint[] => {
    const given = keys.filter(has);
    if (given.length === 1) return [];
    const choice = keys.map((key) => `"${key}"`).join(', ');
    return given.length === 0
      ? [complain('', `needs one of ${choice}.`)]
      : [
          complain(
            given[1] as string,
            `has ${given.map((key) => `"${key}"`).join(' and ')}: expected one of ${choice}.`,
          ),
        ];
  };
  switch (task.type) {
    case 'node':
      return [
        ...oneOf(['command', 'module']),
        ...(has('export') && !has('module') ? [complain('export', 'has "export" without "module".')] : []),
      ];
    case 'sensor':
      return oneOf(['file', 'http', 'sql', 'command']);
    case 'http':
      return has('body') && has('json') ? [complain('json', 'has "body" and "json": expected one of them.')] : [];
    default:
      return [];
  }
};

/** Finds defaults that are not valid values of their param. */
const paramComplaints = ({ params }: Mapping): readonly Complaint[] =>
  isMapping(params)
    ? Object.entries(params).flatMap(([name, declared]): Complaint[] => {
        const spec = paramSpec(name, declared);
        if (spec.default === undefined) return [];
        const { fault } = readParam(spec, spec.default);
        const path = ['params', name, ...(isMapping(declared) ? ['default'] : [])];
        return fault === undefined
          ? []
          : [{ path, code: 'INVALID_VALUE', message: `has a default for a param that is none: ${fault}` }];
      })
    : [];

const secretComplaints = ({ secrets }: Mapping): readonly Complaint[] =>
  isMapping(secrets)
    ? Object.entries(secrets).flatMap(([name, source]) =>
        isMapping(source) && source.env !== undefined && source.file !== undefined
          ? [
              {
                path: ['secrets', name, 'file'],
                code: 'INVALID_VALUE' as const,
                message: `has a secret "${name}" with "env" and "file": expected one of them.`,
              },
            ]
          : [],
      )
    : [];

const emptyPool = (name: string, pool: unknown): readonly Complaint[] =>
  isMapping(pool) && pool.slots === undefined && pool.limit === undefined
    ? [
        {
          path: ['pools', name],
          code: 'INVALID_VALUE',
          message: `has a pool "${name}" that limits nothing: expected slots, or limit and period.`,
        },
      ]
    : [];

const poolComplaints = (file: Mapping, path: Path, task: unknown, { pools }: Declarations): readonly Complaint[] => {
  if (!isMapping(task)) return [];
  const { pool, slots } = task;
  const complain = (key: string, message: string): Complaint[] => [
    { path: [...path, key], code: 'INVALID_OPTION', message },
  ];
  if (typeof pool === 'string' && !Object.hasOwn(pools, pool)) {
    const names = Object.keys(pools);
    const hint =
      didYouMean(pool, names) ||
      (names.length > 0 ? ` Known are ${names.join(', ')}.` : ` Add it to the workflow: pools: { ${pool}: 1 }.`);
    return complain('pool', `has an unknown pool "${pool}".${hint}`);
  }
  if (typeof slots !== 'number') return [];
  const { defaults } = file;
  const name = pool ?? (isMapping(defaults) ? defaults.pool : undefined);
  if (typeof name !== 'string') return complain('slots', 'has "slots" without "pool", of which they would be.');
  const size = pools[name];
  const most = isMapping(size) ? size.slots : size;
  return typeof most === 'number' && slots > most
    ? complain('slots', `takes ${slots} slots of pool "${name}", which has ${most}. It could never run.`)
    : [];
};

/** Finds expressions that read undeclared params or secrets, or `item` and `index` outside the items of a fan-out. */
const expressionComplaints = (
  path: Path,
  value: unknown,
  isMap: boolean,
  declared: Declarations,
): readonly Complaint[] =>
  [...expressionsIn(path, value)].flatMap(({ path: at, near, expression }) => {
    const complain = (message: string): Complaint => ({ path: at, near, code: 'UNKNOWN_REFERENCE', message });
    const unknown = (what: 'params' | 'secrets'): Complaint[] =>
      expression
        .reads(what)
        .filter((name) => !declared[what].includes(name))
        .map((name) => {
          const hint =
            didYouMean(name, declared[what]) ||
            ` Declare it: ${what}: ${what === 'secrets' ? `[${name}]` : `{ ${name}: … }`}.`;
          return complain(`reads ${what}.${name}, which the workflow does not declare.${hint}`);
        });
    const mapOnly =
      (!isMap || EVALUATED_ONCE.has(String(at.at(-1)))) &&
      /\b(item|index)\b/.test(withoutStringLiterals(expression.source))
        ? mapVariable(expression)
        : undefined;
    return [
      ...unknown('params'),
      ...unknown('secrets'),
      ...(mapOnly
        ? [
            complain(
              `reads ${mapOnly}, which ${isMap ? `"${String(at.at(-1))}" can't: it is asked once, for all items` : 'only a task with "map" has'}.`,
            ),
          ]
        : []),
    ];
  });

const withoutStringLiterals = (source: string): string => source.replace(/"[^"]*"|'[^']*'/g, '""');

/** Keys that are evaluated once for a whole fan-out, not for each item. */
const EVALUATED_ONCE: ReadonlySet<string> = new Set(['over', 'when']);

/** Returns `item` or `index` if an expression reads that variable; not a key, or a macro's variable, of that name. */
const mapVariable = ({ source }: Expression): string | undefined => {
  const code = withoutStringLiterals(source);
  const own = new Set([...code.matchAll(/\(\s*(item|index)\s*,/g)].map(([, name]) => name));
  const read = [...code.matchAll(/(?:^|[^.\w?])(item|index)\b(?!\s*[,:(])/g)].map(([, name]) => name);
  return read.find((name) => !own.has(name));
};

type Found = { readonly path: Path; readonly near: string; readonly expression: Expression };

const expressionsIn = function* (path: Path, value: unknown): Generator<Found> {
  if (typeof value === 'string') {
    const key = path.at(-1);
    const alone = (key === 'when' || (key === 'over' && path.at(-2) === 'map')) && !hasExpression(value);
    for (const [near, expression] of alone ? read(value, () => [compile(value.trim())]) : read(value, templated)) {
      yield { path, near, expression };
    }
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (typeof item !== 'string' || !CODE.has(key))
        yield* expressionsIn([...path, Array.isArray(value) ? Number(key) : key], item);
    }
  }
};

/** Keys whose text is code or a label and contains no expressions. */
const CODE: ReadonlySet<string> = new Set(['command', 'query', 'shell', 'module', 'export', 'name', 'description']);

const templated = (text: string): readonly Expression[] =>
  hasExpression(text) ? parseTemplate(text).parts.filter((part) => typeof part === 'object') : [];

/** Returns each expression with its text in the file; none if one can't be parsed, which the schema reports. */
const read = (text: string, parse: (text: string) => readonly Expression[]): readonly [string, Expression][] => {
  try {
    return parse(text).map((expression) => [expression.source, expression]);
  } catch {
    return [];
  }
};

const isMapping = (value: unknown): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
