import { HttpProblem } from './problem.ts';

type Issue = {
  readonly path: readonly PropertyKey[];
  readonly code?: string | undefined;
  readonly message: string;
  /** Of a union: what is wrong with the value as each of its alternatives. */
  readonly errors?: readonly (readonly Issue[])[] | undefined;
};

/** The values of each parameter. */
type Queries = Readonly<Record<string, readonly string[]>>;

/** All that a schema found wrong. `target` is the part of the request: `json`, `query`, `param`; `queries` what its query gives. */
export const invalidRequest = (target: string, found: readonly Issue[], queries: Queries = {}): HttpProblem => {
  const issues = found.flatMap(insideUnion).map((issue) => (target === 'query' ? repeated(issue, queries) : issue));
  const part = target === 'json' ? 'body' : target;
  const problems = issues.slice(0, MAX_ISSUES).map(({ path, code = 'invalid', message }) => ({
    path: pathText(part, path),
    code: code.toUpperCase(),
    message,
  }));
  const [first] = problems;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new HttpProblem(400, 'INVALID_REQUEST', `${first?.path ?? part}: ${first?.message ?? 'invalid'}${more}`, {
    problems,
  });
};

const MAX_ISSUES = 100;

/** Returns an issue as one of a parameter that was given several times and may not be, if it is one. */
const repeated = (issue: Issue, queries: Queries): Issue => {
  const [name = '', ...inside] = issue.path;
  const { length } = queries[String(name)] ?? [];
  if (length < 2 || inside.length > 0 || OF_SEVERAL.has(issue.code)) return issue;
  return { path: issue.path, code: 'repeated', message: `It is given ${length} times: give it once.` };
};

/** What is wrong with a parameter that may be repeated: there are too many of it. */
const OF_SEVERAL = new Set<string | undefined>(['too_big', 'invalid_union']);

/**
 * Returns what is wrong with the one alternative of a union that the value is: whose faults are all inside it, or that has
 * the type of the value. The issue itself, unless there is one such.
 */
const insideUnion = (issue: Issue): readonly Issue[] => {
  const alternatives = issue.errors ?? [];
  const wrongInside = alternatives.filter((faults) => faults.every(({ path }) => path.length > 0));
  const ofItsType = alternatives.filter(
    (faults) => !faults.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  const [faults, other] = wrongInside.length === 1 ? wrongInside : ofItsType;
  if (!faults || other) return [issue];
  return faults.flatMap(insideUnion).map((fault) => ({ ...fault, path: [...issue.path, ...fault.path] }));
};

const pathText = (part: string, path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, step) => text + (typeof step === 'number' ? `[${step}]` : `.${String(step)}`), part);
