import { Environment, Optional } from '@marcbachmann/cel-js';
import { type AstNode, countSteps, type Evaluator, noteCosts, takeSteps, withBudget } from './evaluation-budget.ts';
import { errorText, rangeOf } from './expression-errors.ts';
import { REPLACED, registerFunctions } from './expression-functions.ts';
import { type LinearPattern, linearPattern } from './linear-matches.ts';
import { exactJson } from './text-functions.ts';

export const VARIABLES = ['ctx', 'params', 'secrets', 'env', 'item', 'index', 'job', 'task', 'tasks', 'now'] as const;

/** The variables of `retry.if`: how the attempt ended that has failed. */
export const RETRY_VARIABLES = ['exit_code', 'stdout', 'stderr', 'status', 'attempt'] as const;

type Variables = typeof VARIABLES | typeof RETRY_VARIABLES;

/** The value of each variable. Absent variables are `null`. */
export type ExpressionScope = Partial<Record<Exclude<Variables[number], 'tasks'>, unknown>> & {
  /** Returns the value of `tasks`; called only for an expression that reads it. */
  readonly tasks?: () => unknown;
  /** Returns why `ctx` has no key of this name, for the error of an expression that reads it; else `undefined`. */
  readonly whyAbsent?: (key: string) => string | undefined;
};

/** A compiled expression in CEL, the Common Expression Language: https://github.com/google/cel-spec */
export type Expression = {
  readonly source: string;
  /** Returns the value as plain JSON data. @throws ExpressionError if the expression has no value in this scope */
  readonly evaluate: (scope: ExpressionScope) => unknown;
  /** Returns the keys that the expression reads from a variable: `day` for `params.day`. Computed keys are left out. */
  readonly reads: (variable: string) => readonly Read[];
  /** Whether the expression reads a variable, or a part of it. */
  readonly uses: (variable: string) => boolean;
};

/** A key that an expression reads, and the offset in its source of where it does so: of `params.day`. */
export type Read = { readonly key: string; readonly at: number };

/** Thrown when an expression can't be parsed, or has no value in the given scope. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code = 'EXPRESSION_FAILED';
  /** The offset of the fault in the text that was parsed; `undefined` if that is not known. */
  readonly at: number | undefined;

  constructor(message: string, { at, ...options }: ErrorOptions & { readonly at?: number | undefined } = {}) {
    super(message, options);
    this.at = at;
  }
}

/**
 * Calls a function during which each expression is compiled once, however often its text is. What was compiled is
 * forgotten with the end of the call, so `run` must not be async.
 */
export const compilingOnce = <Value>(run: () => Value): Value => {
  if (compiled) return run();
  compiled = new Map();
  try {
    return run();
  } finally {
    compiled = undefined;
  }
};

/** The expressions of the `compilingOnce` that is under way, by their variables and text. */
let compiled: Map<Variables, Map<string, Expression>> | undefined;

/** Parses and checks an expression. @throws ExpressionError */
export const compile = (source: string, variables: Variables = VARIABLES): Expression => {
  const known = compiled?.get(variables) ?? new Map<string, Expression>();
  compiled?.set(variables, known);
  const expression = known.get(source) ?? compileAnew(source, variables);
  known.set(source, expression);
  return expression;
};

const compileAnew = (source: string, variables: Variables): Expression => {
  const { environment, nothing } = environmentOf(variables);
  let parsed: Parsed;
  try {
    parsed = environment.parse(source);
    requireShallow(parsed.ast);
    withBudget(() => bound(parsed.ast));
    const checked = parsed.check();
    if (!checked.valid) throw checked.error;
    refuseOddNumber(parsed.ast);
  } catch (error) {
    const text = isStackOverflow(error) ? `${TOO_NESTED}.` : errorText(source, error, { variables });
    throw new ExpressionError(text, { cause: error, at: rangeOf(error)?.start });
  }
  // A text that does not hold the name of a variable can't read it: this is faster than to look at the whole expression.
  const uses = (variable: string): boolean => source.includes(variable) && hasVariable(parsed.ast, variable);
  const readsTasks = uses('tasks');
  return {
    source,
    evaluate: ({ whyAbsent, tasks, ...scope }) => {
      try {
        const values = { ...nothing, ...scope, ...(readsTasks && { tasks: tasks?.() ?? null }) };
        return withBudget(() => toPlain(valueWith(parsed, values)));
      } catch (error) {
        const [key] = keyRead((error as { node?: unknown }).node, 'ctx');
        const why = key === undefined ? undefined : whyAbsent?.(key);
        const text = isStackOverflow(error)
          ? `${TOO_DEEP_VALUE}.`
          : errorText(source, error, { variables: VARIABLES, why });
        // The library's error is no cause: its text, a frame of code, says the same in other words.
        throw new ExpressionError(`${source} has no value: ${text}`);
      }
    },
    reads: (variable) => {
      const found: Read[] = [];
      if (source.includes(variable)) collectReads(parsed.ast, variable, found);
      return found;
    },
    uses,
  };
};

/** The maximum number of operators within each other; a chain `a || b || c` has two. Evaluation takes stack for each. */
export const MAX_OPERATORS = 500;

/** @throws Error */
const requireShallow = (ast: unknown): void => {
  const left: [node: unknown, depth: number][] = [[ast, 0]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [node, depth] = next;
    if (depth > MAX_OPERATORS) throw new Error(TOO_NESTED);
    if (Array.isArray(node)) for (const item of node) left.push([item, depth]);
    else if (node !== null && typeof node === 'object' && 'op' in node) left.push([(node as AstNode).args, depth + 1]);
  }
};

const TOO_NESTED = `it has more than ${MAX_OPERATORS} operators within each other, or in a chain. Use a list: "x in [1, 2, 3]", "[…].exists(…)"; or compute a part of it in a task`;
const TOO_DEEP_VALUE =
  'a value is nested too deeply. Let the task before put out fewer lists or mappings within each other';

/** Refuses an expression that is only a number that reads differently as text, such as `3.10`. @throws Error */
const refuseOddNumber = (ast: unknown): void => {
  const { op, args, input, start, end } = ast as AstNode;
  const value = op === '-_' ? literalOf(args) : literalOf(ast);
  if (typeof value !== 'number' && typeof value !== 'bigint') return;
  const source = input.slice(start, end);
  const text = `${op === '-_' ? '-' : ''}${value}`;
  if (text === source) return;
  throw new Error(
    `${source} is the number ${text}. Put it in quotes: "${source}", or write ${text} if you mean the number`,
  );
};

/** What expressions over some variables are compiled with. */
type Compiler = {
  readonly environment: Environment;
  /** Each variable, without a value. */
  readonly nothing: Readonly<Record<string, null>>;
};

const compilers = new Map<Variables, Compiler>();

/** Returns the CEL environment. CEL separates int from double; the added operators let `ctx.rows + 1` mix the two. */
const environmentOf = (variables: Variables): Compiler => {
  const known = compilers.get(variables);
  if (known) return known;
  const made = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true });
  for (const name of variables) made.registerVariable(name, 'dyn');
  for (const [operator, apply] of Object.entries(ARITHMETIC)) {
    const mixed = (a: number | bigint, b: number | bigint): number => apply(Number(a), Number(b));
    made.registerOperator(`double ${operator} int: double`, mixed);
    made.registerOperator(`int ${operator} double: double`, mixed);
  }
  made.registerOperator('double % double: double', (a: number, b: number) => a % b);
  made.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
  bindFunctions(made);
  const compiler = { environment: made, nothing: Object.fromEntries(variables.map((name) => [name, null])) };
  compilers.set(variables, compiler);
  return compiler;
};

/** Registers what replaces functions of the library, and has the evaluator count its steps. */
const bindFunctions = (to: Environment): void => {
  const sync = { async: false };
  to.registerFunction(`string.${REPLACED.matches[0].by}(string): bool`, matches, sync);
  to.registerFunction(
    `bytes.${REPLACED.json[0].by}(): dyn`,
    (bytes: Uint8Array) => exactJson(Buffer.from(bytes).toString()),
    sync,
  );
  registerFunctions(to);
  to.registerFunction(
    'countSteps(): bool',
    function (this: Evaluator) {
      countSteps(this);
      return true;
    },
    sync,
  );
  // A function is called with the evaluator as `this`, which the environment hands out nowhere else.
  to.evaluate('countSteps()');
};

const matches = (text: string, source: string): boolean => {
  const pattern = patternOf(source);
  takeSteps(((text.length + 1) * pattern.size) / 8);
  return pattern.test(text);
};

const patternOf = (source: string): LinearPattern => {
  try {
    return linearPattern(source, takeSteps);
  } catch (error) {
    throw new Error(`${JSON.stringify(source)} is no regular expression of RE2 (${(error as Error).message})`);
  }
};

/** Prepares an expression for `countSteps` and `matches`. @throws Error for a pattern that is no regular expression */
const bound = (ast: unknown): void => {
  noteCosts(ast);
  boundCalls(ast);
};

const boundCalls = (node: unknown): void => {
  if (Array.isArray(node)) for (const item of node) boundCalls(item);
  if (node === null || typeof node !== 'object' || !('op' in node)) return;
  const { op, args } = node as AstNode;
  if (op === 'rcall') {
    const call = args as [name: string, receiver: unknown, args: readonly unknown[]];
    const literal = call[0] === 'matches' ? literalOf(call[2][0]) : undefined;
    if (typeof literal === 'string' && call[2].length === 1) patternOf(literal);
    const replaced = Object.hasOwn(REPLACED, call[0]) ? REPLACED[call[0] as keyof typeof REPLACED] : [];
    for (const { by, arity } of replaced) if (arity === call[2].length) call[0] = by;
  }
  boundCalls(args);
};

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

type Parsed = ReturnType<Environment['parse']>;

/** Evaluates an expression. If the library refuses objects because of a key `constructor`, passes Maps instead. */
const valueWith = (parsed: Parsed, scope: Readonly<Record<string, unknown>>): unknown => {
  try {
    return parsed(scope);
  } catch (error) {
    if (!String((error as Error).message).startsWith('Unsupported type')) throw error;
    return parsed(Object.fromEntries(Object.entries(scope).map(([name, value]) => [name, withMaps(value)])));
  }
};

const withMaps = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withMaps);
  return new Map(Object.entries(value).map(([key, item]) => [key, withMaps(item)]));
};

const isStackOverflow = (error: unknown): boolean =>
  error instanceof RangeError && error.message.includes('call stack');

/** Converts a CEL value to JSON data: dates become ISO text, bytes base64, and unsafe integers text. */
const toPlain = (value: unknown): unknown => {
  takeSteps(typeof value === 'string' ? value.length / 16 : 1);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${value} is no number that JSON has`);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value === null || typeof value !== 'object') return value ?? null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), toPlain(item)]));
  if (value instanceof Optional) return toPlain(value.orValue(null));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
};

/** Appends the keys that an AST reads from a variable. A node is `{ op, args }`; `args` and arrays may contain nodes. */
const collectReads = (node: unknown, variable: string, found: Read[]): void => {
  if (Array.isArray(node)) for (const item of node) collectReads(item, variable, found);
  if (node === null || typeof node !== 'object' || !('op' in node)) return;
  const { args, start } = node as AstNode;
  for (const key of keyRead(node, variable)) found.push({ key, at: start });
  collectReads(args, variable, found);
};

/** Whether an AST names a variable; within a macro that has one of its own by that name, it does not. */
const hasVariable = (node: unknown, variable: string): boolean => {
  if (Array.isArray(node)) return node.some((item) => hasVariable(item, variable));
  if (node === null || typeof node !== 'object' || !('op' in node)) return false;
  const { op, args } = node as AstNode;
  if (op === 'id') return args === variable;
  if (op === 'rcall') {
    const [name, receiver, given] = args as [name: string, receiver: unknown, args: readonly AstNode[]];
    if (MACROS.has(name) && given[0]?.op === 'id' && given[0].args === variable) return hasVariable(receiver, variable);
  }
  return hasVariable(args, variable);
};

/** Macros that bind a variable, which is their first argument. */
const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map', 'sortBy', 'bind']);

/** Returns the key that a node itself reads from a variable, if it does. */
const keyRead = (node: unknown, variable: string): readonly string[] => {
  const { op, args } = (node ?? {}) as Partial<AstNode>;
  if (op === undefined || !ACCESS.has(op) || !Array.isArray(args)) return [];
  const [of, key] = args as [{ op?: unknown; args?: unknown }, unknown];
  const name = typeof key === 'string' ? key : literalOf(key);
  return of?.op === 'id' && of.args === variable && typeof name === 'string' ? [name] : [];
};

/** Returns the value of a literal; `undefined` for a variable, as in `params[item]`, and any other expression. */
const literalOf = (node: unknown): unknown => {
  const { op, args } = node as { op?: unknown; args?: unknown };
  return op === 'value' ? args : undefined;
};

const ACCESS: ReadonlySet<string> = new Set(['.', '[]', '.?', '[?]']);
