import { didYouMean } from '../engine/errors/suggest.ts';
import { isTooDeep, parseExactJson } from '../executors/exact-json.ts';
import { type Mask, NO_MASK } from '../executors/mask/mask.ts';
import { type Compute, inOrder, isComputed } from './computed-params.ts';
import { ExpressionError } from './expression.ts';
import type { ParamSpec, ParamType } from './param-spec.ts';

/** Parses the `params` of a workflow file. A bare value is the default, and its type is the param's type. */
export const paramSpecs = (params: Readonly<Record<string, unknown>> | undefined): readonly ParamSpec[] =>
  Object.entries(params ?? {}).map(([name, declared]) => paramSpec(name, declared));

export const paramSpec = (name: string, declared: unknown): ParamSpec => {
  if (declared === null) return { name, type: 'string' };
  if (typeof declared !== 'object' || Array.isArray(declared)) {
    return { name, type: typeOf(declared), default: declared };
  }
  const spec = declared as Omit<ParamSpec, 'name' | 'type'> & { type?: ParamType };
  const example = spec.default ?? spec.enum?.[0];
  return { ...spec, name, type: spec.type ?? (example === undefined ? 'string' : typeOf(example)) };
};

/** Whether a param of an unchecked file has a type and values that can be read. */
export const isReadableParam = ({ type, enum: values }: ParamSpec): boolean =>
  Object.hasOwn(TYPES, type) && (values === undefined || Array.isArray(values));

const typeOf = (value: unknown): ParamType => {
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (Array.isArray(value)) return 'list';
  return value !== null && typeof value === 'object' ? 'mapping' : 'string';
};

export type ReadParams = { readonly values: Readonly<Record<string, unknown>>; readonly faults: readonly string[] };

/**
 * Converts values, which may be text, to their params' types; adds defaults. `faults` has a message per problem. Without
 * `compute`, leaves out the params whose default would be computed.
 */
export const readParams = (
  specs: readonly ParamSpec[],
  given: Readonly<Record<string, unknown>>,
  mask: Mask = NO_MASK,
  compute?: Compute,
): ReadParams => {
  const names = specs.map(({ name }) => name);
  const faults = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const known = names.length > 0 ? ` Known are ${names.join(', ')}.` : ' The workflow declares none.';
      return `There is no param "${name}".${didYouMean(name, names) || known}`;
    });
  const values: Record<string, unknown> = {};
  for (const spec of specs.some(isComputed) ? inOrder(specs).order : specs) {
    const isGiven = Object.hasOwn(given, spec.name);
    if (!isGiven && !compute && isComputed(spec)) continue;
    const read = isGiven ? readParam(spec, given[spec.name], mask) : readDefault(spec, values, mask, compute);
    if (read.fault !== undefined) faults.push(read.fault);
    else values[spec.name] = read.value;
  }
  return { values: inDeclaredOrder(values, names), faults };
};

const inDeclaredOrder = (
  values: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(names.filter((name) => Object.hasOwn(values, name)).map((name) => [name, values[name]]));

const readDefault = (
  spec: ParamSpec,
  values: Readonly<Record<string, unknown>>,
  mask: Mask,
  compute: Compute | undefined,
): ReturnType<typeof readParam> => {
  if (!compute || !isComputed(spec)) return readParam(spec, spec.default, mask);
  try {
    return readParam(spec, compute(spec, values), mask);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { fault: mask.text(`The default of the param "${spec.name}" can't be computed: ${error.message}`) };
  }
};

/** Converts one value to the type of its param, or returns what is wrong with it. */
export const readParam = (
  spec: ParamSpec,
  given: unknown,
  mask: Mask = NO_MASK,
): { readonly value?: unknown; readonly fault?: string } => {
  const { name, type } = spec;
  if (given === undefined) {
    const what = spec.description === undefined ? '' : ` (${spec.description})`;
    return { fault: `The param "${name}"${what} has no value and no default: give it one.` };
  }
  const changed = typeof given === 'string' ? changedNumber(type, given) : undefined;
  if (changed !== undefined) {
    return {
      fault: `The param "${name}" is ${show(mask.data(given))}, but it is a number, which would become ${changed}. Write ${changed}, or declare it as text: type: string.`,
    };
  }
  const value = TYPES[type](given);
  if (value === undefined)
    return { fault: `The param "${name}" is ${show(mask.data(given))}: expected ${NAMES[type]}.` };
  if (spec.enum && !spec.enum.some((one) => JSON.stringify(TYPES[type](one)) === JSON.stringify(value))) {
    const hint = typeof value === 'string' ? didYouMean(value, spec.enum.map(String)) : '';
    return {
      fault: `The param "${name}" is ${show(mask.data(value))}: expected one of ${spec.enum.map(show).join(', ')}.${hint}`,
    };
  }
  return { value };
};

const NAMES: Readonly<Record<ParamType, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  list: 'a list, such as [1, 2]',
  mapping: 'a mapping, such as {"a": 1}',
};

/** Converts a value to each type; `undefined` if it can't be converted. */
const TYPES: Readonly<Record<ParamType, (given: unknown) => unknown>> = {
  string: (given) => (isScalar(given) ? String(given) : undefined),
  integer: (given) => valueIf(numberOf(given), Number.isSafeInteger),
  number: (given) => valueIf(numberOf(given), Number.isFinite),
  boolean: (given) => (typeof given === 'boolean' ? given : BOOLEANS.get(given)),
  list: (given) => valueIf(parsed(given), Array.isArray),
  mapping: (given) =>
    valueIf(parsed(given), (value) => value !== null && typeof value === 'object' && !Array.isArray(value)),
};

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

const numberOf = (given: unknown): number => {
  if (typeof given === 'number') return given;
  return typeof given === 'string' && given.trim() !== '' ? Number(given) : Number.NaN;
};

/** Returns the number that a text would become in a param, if that reads differently as text: `3.10`, `1e3`, `+5`. */
const changedNumber = (type: ParamType, given: string): number | undefined => {
  if (type !== 'integer' && type !== 'number') return undefined;
  const number = numberOf(given);
  if (!Number.isFinite(number) || (type === 'integer' && !Number.isSafeInteger(number))) return undefined;
  return given.trim() === String(number) ? undefined : number;
};

/** Parses text as JSON and returns other values unchanged; `undefined` if the text is not JSON. */
const parsed = (given: unknown): unknown => {
  if (typeof given !== 'string') return given;
  try {
    return isTooDeep(given) ? undefined : parseExactJson(given);
  } catch {
    return undefined;
  }
};

const valueIf = <Value>(value: Value, holds: (value: never) => boolean): Value | undefined =>
  holds(value as never) ? value : undefined;

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
