import { ExpressionError, type ExpressionScope } from './expression.ts';
import type { ParamSpec } from './param-spec.ts';
import { dataOf, hasExpression, parseTemplate } from './template.ts';

/** Returns the default of a param that is computed; `values` has those of the params that it reads. @throws ExpressionError */
export type Compute = (spec: ParamSpec, values: Readonly<Record<string, unknown>>) => unknown;

/** The variables that the default of a param may read. */
export const DEFAULT_VARIABLES = ['now', 'env', 'params'] as const;

/** Whether the default of a param is computed when a job starts: it holds an expression. */
export const isComputed = ({ default: value }: ParamSpec): boolean => textsIn(value).some(hasExpression);

/** Returns the paths of the input that are computed at the start of a job: `params.day`. */
export const computedPaths = (specs: readonly ParamSpec[]): readonly string[] =>
  specs.filter(isComputed).map(({ name }) => `params.${name}`);

/** Returns the function that computes defaults. `now` is the same for all params of one start. */
export const computeDefaults = (env: ExpressionScope['env']): Compute => {
  let now: Date | undefined;
  return (spec, values) => {
    now ??= new Date();
    return dataOf(spec.default)({ now, env, params: values });
  };
};

/** Returns the params in an order in which each comes after those that its default reads, or a cycle of names. */
export const inOrder = (
  specs: readonly ParamSpec[],
): { readonly order: readonly ParamSpec[]; readonly cycle?: readonly string[] } => {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const order: ParamSpec[] = [];
  const done = new Set<string>();
  for (const first of specs) {
    // The params whose defaults are being followed, each with the names that are left to look at.
    const path: { readonly spec: ParamSpec; readonly left: string[] }[] = [];
    const open = (spec: ParamSpec): void => {
      path.push({ spec, left: [...readsOf(spec)].filter((name) => byName.has(name)) });
    };
    if (!done.has(first.name)) open(first);
    for (let last = path.at(-1); last; last = path.at(-1)) {
      const next = last.left.pop();
      if (next === undefined) {
        done.add(last.spec.name);
        order.push(last.spec);
        path.pop();
      } else if (!done.has(next)) {
        const at = path.findIndex(({ spec }) => spec.name === next);
        if (at >= 0) return { order: specs, cycle: [...path.slice(at).map(({ spec }) => spec.name), next] };
        open(byName.get(next) as ParamSpec);
      }
    }
  }
  return { order };
};

/** The params that a default reads; none if it can't be read. */
const readsOf = ({ default: value }: ParamSpec): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const text of textsIn(value).filter(hasExpression)) {
    try {
      for (const part of parseTemplate(text))
        if (typeof part === 'object') for (const { key } of part.reads('params')) names.add(key);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
    }
  }
  return names;
};

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
};
