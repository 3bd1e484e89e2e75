import { isPlainObject } from '../events/plain-object.ts';
import { VARIABLES } from './expression.ts';
import type { Location } from './locate.ts';
import type { WorkflowWarning } from './problem.ts';
import { subject } from './schema-problems.ts';
import type { Placed, Source } from './source.ts';
import { isInPlace, ownerPath, tasksOf, withoutInner } from './tasks-of.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/** Finds what is probably a mistake in a file without problems. */
export const warningsOf = (
  file: unknown,
  place: (path: Path) => Location,
  { problemAt, offsetIn }: Source,
): readonly Placed<WorkflowWarning['code']>[] => {
  if (!isPlainObject(file)) return [];
  return [...hintsOf(file)].map(({ path, fault, code, message }) => {
    const { key, value } = place(path);
    const at = fault ? offsetIn(value, fault.text, fault.at) : (key ?? value);
    return problemAt(at, code, `${subject(file, ownerPath(path))} ${message}`);
  });
};

type Hint = Pick<WorkflowWarning, 'code' | 'message'> & {
  readonly path: Path;
  readonly fault?: { text: string; at: number };
};

type Hints = Generator<Hint, void>;

/** `outer`: path of the job that holds the tasks. `outerLimit`: whether something around limits their time. */
const hintsOf = function* (content: Mapping, outer: Path = [], outerLimit = false): Hints {
  const { defaults, timeout, deadline } = content;
  yield* braceHints([...outer, 'defaults'], defaults);
  const own = timeout ?? deadline ?? (isPlainObject(defaults) ? defaults.deadline : undefined);
  const isLimited = outerLimit || own !== undefined;
  for (const [at, task] of tasksOf(content)) {
    const path = [...outer, ...at];
    if (isInPlace(task)) yield* hintsOf(task, path, isLimited);
    if (task.type === 'sensor' && task.deadline === undefined && !isLimited) {
      const message = 'has no "deadline": if what it looks for never comes, it looks for ever. Add one: deadline: 1h.';
      yield { path: [...path, 'type'], code: 'NO_DEADLINE', message };
    }
    yield* braceHints(path, withoutInner(task));
  }
};

/** Finds `{{ x }}` in texts: as in other formats, but no expression here. */
const braceHints = function* (path: Path, value: unknown): Hints {
  if (typeof value === 'string') {
    const key = String(path.at(-1));
    for (const { index, 0: braces, 1: inner = '' } of value.matchAll(BRACES)) {
      const name = LIKE_EXPRESSION.exec(inner)?.[1];
      if (name === undefined || (Object.hasOwn(CODE, key) && !isVariable(name))) continue;
      const way = CODE[key] ?? `An expression is written \${{ ${inner.trim()} }}.`;
      yield {
        path,
        fault: { text: value, at: index },
        code: 'NOT_AN_EXPRESSION',
        message: `has "${path.slice(ownerPath(path).length).join('.')}" with ${braces}, which stays as it is. ${way}`,
      };
    }
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (!LABELS.has(key)) yield* braceHints([...path, Array.isArray(value) ? Number(key) : key], item);
    }
  }
};

const BRACES = /(?<![${])\{\{([^{}\n]*)\}\}/g;

/** A name, perhaps with keys, perhaps with an operator after it; not the `json .` of other templates. */
const LIKE_EXPRESSION = /^\s*([A-Za-z_]\w*)(?:\.[A-Za-z_]\w*|\[[^\]]*\])*\s*(?:[-+*/%<>=!?&|(].*)?$/;

const isVariable = (name: string): boolean => (VARIABLES as readonly string[]).includes(name);

/** Keys whose text is code, where braces may mean something else, each with the way for data. */
const CODE: Readonly<Record<string, string>> = {
  command: 'Pass the value in the environment, by "env", and read it from there.',
  query: 'Bind the value as a parameter, by "params".',
};

/** Keys whose text is read by people, or names something. */
const LABELS: ReadonlySet<string> = new Set(['shell', 'module', 'export', 'name', 'description']);
