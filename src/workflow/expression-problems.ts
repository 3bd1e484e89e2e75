import { didYouMean } from '../engine/errors/suggest.ts';
import type { Around, Complaint, Complaints, Declarations, Mapping, Path } from './complaint.ts';
import { compile } from './expression.ts';
import { hasExpression, type PlacedExpression, parseTemplate } from './template.ts';

/** Finds expressions that read undeclared params or secrets, or that read `item` or `index` where there is no item. */
export const expressionComplaints = function* (
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
export const orderOfReads = function* (
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

export const expressionsIn = function* (path: Path, value: unknown): Generator<FoundExpression, void> {
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
