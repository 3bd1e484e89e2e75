/* The functions that expressions have beyond those of the library: of CEL's extension libraries for strings, lists, sets, math and
 * encoders (https://github.com/google/cel-go/tree/master/ext), of Kubernetes' CEL `sum`, `min` and `max` of lists, and JSON. */
import { type Environment, Optional } from '@marcbachmann/cel-js';
import { type AstNode, type Evaluator, takeSteps } from './evaluation-budget.ts';
import { distinctOf, flattened, greatest, least, sorted, sumOf } from './list-functions.ts';
import { exactJson, formatText, joined, jsonText, replaced, reversedText } from './text-functions.ts';
import { formatTime, GETTERS, inZone } from './time-functions.ts';

/** Adds the functions to an environment of expressions. */
export const registerFunctions = (to: Environment): void => {
  for (const [signature, handler] of Object.entries(FUNCTIONS))
    to.registerFunction(signature, handler, { async: false });
  for (const [namespace, functions] of Object.entries(NAMESPACES)) {
    // A type of its own for each namespace, so that `math.abs(…)` is a method of the constant `math`.
    const type = `${namespace}Functions`;
    const Type = class {};
    to.registerType(type, Type);
    to.registerConstant(namespace, type, new Type());
    for (const [signature, handler] of Object.entries(functions))
      to.registerFunction(`${type}.${signature}`, (_: unknown, ...args: never[]) => handler(...args), { async: false });
  }
  for (const name of Object.keys(GETTERS))
    to.registerFunction(
      `${TIME}.${zonedName(name)}(string): int`,
      (time: Date, zone: string) => BigInt(GETTERS[name as keyof typeof GETTERS](inZone(time, zone).shown)),
      { async: false },
    );
  to.registerFunction(`${TIME}.dayOfYear(): int`, (time: Date) => BigInt(GETTERS.getDayOfYear(time)), { async: false });
  for (const [operator, compare] of Object.entries(COMPARISONS)) {
    // A number of ms is compared with a duration: `tasks.build.duration > duration("5m")`.
    for (const number of ['double', 'int']) {
      to.registerOperator(`${number} ${operator} ${SPAN}: bool`, (a: unknown, b: unknown) =>
        compare(Number(a), Number(b)),
      );
      to.registerOperator(`${SPAN} ${operator} ${number}: bool`, (a: unknown, b: unknown) =>
        compare(Number(a), Number(b)),
      );
    }
  }
  // The library passes a macro the parts of its call, and its evaluator; so it does for its own ones.
  to.registerFunction('list.sortBy(ast, ast): list<dyn>', sortBy as never);
};

/**
 * The getters of times that stand for those of the library, by their names and numbers of arguments: the library's go wrong
 * where the clocks of this machine are changed.
 */
const REPLACED_GETTERS: Readonly<Record<string, readonly { readonly by: string; readonly arity: number }[]>> =
  Object.fromEntries(
    Object.keys(GETTERS).map((name) => [
      name,
      [{ by: zonedName(name), arity: 1 }, ...(name === 'getDayOfYear' ? [{ by: 'dayOfYear', arity: 0 }] : [])],
    ]),
  );

/**
 * The functions that stand for functions of the library, by their names: `matches` is RE2, as CEL has it, where the
 * library would use a backtracking RegExp; `json` keeps the digits of large numbers.
 */
export const REPLACED = {
  ...REPLACED_GETTERS,
  matches: [{ by: 'linearMatches', arity: 1 }],
  json: [{ by: 'exactJson', arity: 0 }],
} as const;

function zonedName(getter: string): string {
  return `zoned${getter.slice('get'.length)}`;
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const TIME = 'google.protobuf.Timestamp';
const SPAN = 'google.protobuf.Duration';

type Handler = (...args: never[]) => unknown;

const FUNCTIONS: Readonly<Record<string, Handler>> = {
  'string.charAt(int): string': (text: string, at: bigint) => {
    if (at < 0n || at > BigInt(text.length)) throw new Error(`there is no character ${at} in a text of ${text.length}`);
    return text.charAt(Number(at));
  },
  'string.format(list): string': formatText,
  'string.replace(string, string): string': (text: string, part: string, by: string) => replaced(text, part, by),
  'string.replace(string, string, int): string': replaced,
  'string.reverse(): string': reversedText,
  // The library's `json` of bytes is replaced by this name, too.
  'string.exactJson(): dyn': exactJson,
  'json(dyn): string': jsonText,

  'list.distinct(): list<dyn>': distinctOf,
  'list.flatten(): list<dyn>': (list: readonly unknown[]) => flattened(list, 1),
  'list.flatten(int): list<dyn>': (list: readonly unknown[], depth: bigint) => flattened(list, Number(depth)),
  'list.reverse(): list<dyn>': (list: readonly unknown[]) => [...list].reverse(),
  'list.slice(int, int): list<dyn>': (list: readonly unknown[], from: bigint, to: bigint) => {
    if (from < 0n || to < from || to > BigInt(list.length))
      throw new Error(`slice(${from}, ${to}) is outside of a list of ${list.length}`);
    return list.slice(Number(from), Number(to));
  },
  'list.sort(): list<dyn>': (list: readonly unknown[]) => sorted(list),
  'list.join(): string': (list: readonly unknown[]) => joined(list, ''),
  'list.join(string): string': joined,
  'list.sum(): dyn': sumOf,
  'list.min(): dyn': (list: readonly unknown[]) => least(list),
  'list.max(): dyn': (list: readonly unknown[]) => greatest(list),
  'list.first(): optional<dyn>': (list: readonly unknown[]) => ended(list, list[0]),
  'list.last(): optional<dyn>': (list: readonly unknown[]) => ended(list, list.at(-1)),

  [`string(${TIME}): string`]: (time: Date) => time.toISOString(),
  [`string(${SPAN}): string`]: String,
  [`int(${TIME}): int`]: (time: Date) => BigInt(Math.floor(time.getTime() / 1000)),
  [`${TIME}.format(string): string`]: (time: Date, pattern: string) => formatTime(time, pattern, 'UTC'),
  [`${TIME}.format(string, string): string`]: formatTime,
};

/** Functions of a namespace: `math.abs(-1)`. */
const NAMESPACES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  math: {
    ...variadic('greatest', greatest),
    ...variadic('least', least),
    ...ofNumber('ceil', Math.ceil),
    ...ofNumber('floor', Math.floor),
    ...ofNumber('trunc', Math.trunc),
    // CEL rounds halves away from zero.
    ...ofNumber('round', (value) => Math.sign(value) * Math.round(Math.abs(value))),
    ...ofNumber('abs', Math.abs, (value) => (value < 0n ? -value : value)),
    ...ofNumber('sign', Math.sign, (value) => (value > 0n ? 1n : value < 0n ? -1n : 0n)),
    'sqrt(dyn): double': (value: number | bigint) => Math.sqrt(number('sqrt', value)),
    'isNaN(dyn): bool': (value: number | bigint) => Number.isNaN(number('isNaN', value)),
    'isFinite(dyn): bool': (value: number | bigint) => Number.isFinite(number('isFinite', value)),
    'isInf(dyn): bool': (value: number | bigint) => Math.abs(number('isInf', value)) === Number.POSITIVE_INFINITY,
  },
  strings: { 'quote(string): string': (text: string) => JSON.stringify(text) },
  lists: {
    'range(int): list<int>': (count: bigint) => {
      takeSteps(Number(count));
      return Array.from({ length: Math.max(0, Number(count)) }, (_, at) => BigInt(at));
    },
  },
  sets: {
    'contains(list, list): bool': (list: readonly unknown[], part: readonly unknown[]) =>
      distinctOf([...list, ...part]).length === distinctOf(list).length,
    'equivalent(list, list): bool': (a: readonly unknown[], b: readonly unknown[]) => {
      const all = distinctOf([...a, ...b]).length;
      return all === distinctOf(a).length && all === distinctOf(b).length;
    },
    'intersects(list, list): bool': (a: readonly unknown[], b: readonly unknown[]) =>
      distinctOf([...a, ...b]).length < distinctOf(a).length + distinctOf(b).length,
  },
  base64: {
    'encode(bytes): string': (bytes: Uint8Array) => Buffer.from(bytes).toString('base64'),
    'encode(string): string': (text: string) => Buffer.from(text).toString('base64'),
    'decode(string): bytes': (text: string) => {
      if (!/^[A-Za-z0-9+/\s]*={0,2}$/.test(text)) throw new Error('the text is not base64');
      return Uint8Array.from(Buffer.from(text, 'base64'));
    },
  },
};

/** A function of one list, or of up to five values. */
function variadic(name: string, apply: (values: readonly unknown[]) => unknown): Record<string, Handler> {
  const signatures = Array.from({ length: 5 }, (_, more) => `${name}(${'dyn, '.repeat(more)}dyn): dyn`);
  return Object.fromEntries(
    signatures.map((signature, more) => [
      signature,
      (...values: readonly unknown[]) => apply(more === 0 && Array.isArray(values[0]) ? values[0] : values),
    ]),
  );
}

/** A function of a number; a whole number stays one. */
function ofNumber(
  name: string,
  apply: (value: number) => number,
  applyWhole: (value: bigint) => bigint = (value) => value,
): Record<string, Handler> {
  return {
    [`${name}(dyn): dyn`]: (value: unknown) =>
      typeof value === 'bigint' ? applyWhole(value) : apply(number(name, value)),
  };
}

const number = (name: string, value: unknown): number => {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw new Error(`math.${name}(…) takes a number. Convert a text with double(…) or int(…)`);
};

const ended = (list: readonly unknown[], item: unknown): Optional =>
  list.length === 0 ? Optional.none() : Optional.of(item);

/** The parts of a call of a macro, as the library passes them. */
type MacroCall = { readonly args: readonly AstNode[]; readonly receiver: AstNode };

/** The scope of a variable that a macro binds. */
type Bound = { reuse: (context: unknown) => { setIterValue: (value: unknown, evaluator: Evaluator) => unknown } };

type Checker = { check: (node: AstNode, context: unknown) => unknown; getType: (name: string) => unknown };

/** The macro `list.sortBy(item, key)`: sorts a list by a key of each item. */
const sortBy = ({ args, receiver }: MacroCall): object => {
  const [variable, key] = args as [AstNode, AstNode];
  if (variable.op !== 'id') throw new Error('sortBy(item, key) begins with the name that key has for an item');
  let bound: Bound | undefined;
  return {
    typeCheck: (
      checker: Checker,
      _: unknown,
      context: { forkWithVariable: (name: unknown, type: unknown) => Bound },
    ) => {
      checker.check(receiver, context);
      bound = context.forkWithVariable(variable.args, checker.getType('dyn'));
      checker.check(key, bound);
      return checker.getType('list<dyn>');
    },
    evaluate: (evaluator: Evaluator, _: unknown, context: unknown) => {
      const list = evaluator.run(receiver, context) as readonly unknown[];
      if (!Array.isArray(list)) throw new Error('sortBy(item, key) sorts a list');
      return sorted(list, (item) => evaluator.run(key, bound?.reuse(context).setIterValue(item, evaluator)));
    },
    async: false,
  };
};
