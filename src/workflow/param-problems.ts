import { didYouMean } from '../engine/errors/suggest.ts';
import { isPlainObject } from '../events/plain-object.ts';
import type { Complaints, Declarations, Mapping, Path } from './complaint.ts';
import { DEFAULT_VARIABLES, inOrder, isComputed } from './computed-params.ts';
import { type ExpressionError, VARIABLES } from './expression.ts';
import type { ParamSpec } from './param-spec.ts';
import { isReadableParam, paramSpec, readParam } from './params.ts';
import { entriesOf } from './tasks-of.ts';
import { hasExpression, parseTemplate } from './template.ts';

/** Finds defaults that are not valid values of their param, or can't be computed. */
export const paramComplaints = function* (params: unknown, declared: Declarations): Complaints {
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
