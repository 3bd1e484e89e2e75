import { Optional } from '@marcbachmann/cel-js';

/** The maximum number of steps that an expression may take: three seconds at most, so that no data blocks the process. */
export const MAX_STEPS = 10_000_000;

/** A node of an expression, as the library has it. Nodes of the same operator have the same `op`. */
export type AstNode = {
  readonly op: string;
  readonly args: unknown;
  readonly evaluate: Evaluate;
  /** The whole expression. */
  readonly input: string;
  /** The offsets of the node in `input`. */
  readonly start: number;
  readonly end: number;
};

type Evaluate = (evaluator: Evaluator, node: AstNode, context: unknown) => unknown;

/** The library's evaluator: evaluates each node of an expression by `run`. */
export type Evaluator = {
  run: (node: AstNode, context: unknown) => unknown;
  /** Like `run`, but returns an error instead of throwing it: for `&&`, `||`, `all` and `exists`. */
  tryEval: (node: AstNode, context: unknown) => unknown;
};

/** Thrown when an expression takes more than `MAX_STEPS` steps. */
class BudgetError extends Error {
  constructor() {
    super(`It takes more than ${MAX_STEPS} steps. Let it loop over fewer items, or compute this in a task`);
  }
}

let used = 0;

/** Takes steps from the budget of the expression that is being evaluated. @throws BudgetError */
export const takeSteps = (steps: number): void => {
  used += steps;
  if (used > MAX_STEPS) throw new BudgetError();
};

/** Evaluates an expression with a budget of its own. @throws BudgetError, whatever the expression makes of errors */
export const withBudget = (evaluate: () => unknown): unknown => {
  used = 0;
  try {
    return evaluate();
  } finally {
    takeSteps(0);
  }
};

/** Makes an evaluator count: a step for each node, and more for what takes longer, about 0.3 µs each at most. */
export const countSteps = (evaluator: Evaluator): void => {
  evaluator.run = (node, context) => {
    takeSteps(bases.get(node) ?? 1);
    const value = node.evaluate(evaluator, node, context);
    if (MAKES.has(node.op)) takeSteps(costOfMade(value, node));
    const read = operands.get(node);
    if (read) {
      takeSteps(read.weightOf(value) * read.rate);
      if (read.maxLength !== undefined && typeof value === 'string' && value.length > read.maxLength)
        throw new Error('Invalid duration: it is too long');
    }
    return value;
  };
  evaluator.tryEval = (node, context) => {
    try {
      return evaluator.run(node, context);
    } catch (error) {
      if (error instanceof BudgetError) throw error;
      takeSteps(costOfError(node));
      return error;
    }
  };
};

/** An error of the library has a stack, and a picture of the expression. */
const costOfError = ({ input }: AstNode): number => 50 + input.length / 32;

/** Operators that make texts and lists, or catch an error: their memory and time is in proportion to the value. */
const MAKES: ReadonlySet<string> = new Set(['+', 'call', 'rcall', '.?', '[?]']);

const costOfMade = (value: unknown, node: AstNode): number => {
  if (typeof value === 'string') return value.length / 4;
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof Uint8Array) return value.length / 4;
  if (Array.isArray(value)) return value.length;
  return value instanceof Optional && !value.hasValue() ? costOfError(node) : 0;
};

/** How an operand is read: the steps for each unit of its weight. */
type Reading = {
  readonly weightOf: (value: unknown) => number;
  readonly rate: number;
  readonly maxLength?: number;
};

/** Notes what each node costs beyond a step, and which are operands that are read: of operators and functions. */
export const noteCosts = (node: unknown): void => {
  if (Array.isArray(node)) for (const item of node) noteCosts(item);
  if (node === null || typeof node !== 'object' || !('op' in node)) return;
  const { op, args } = node as AstNode;
  if (!READS_PARTS.has(op) && Array.isArray(args)) {
    const name = op === 'call' || op === 'rcall' ? (args[0] as string) : op;
    const base = baseOf(name);
    if (base !== undefined) bases.set(node, base);
    const reading = READINGS[name] ?? READ;
    for (const arg of args.flat()) if (arg !== null && typeof arg === 'object') operands.set(arg, reading);
  }
  noteCosts(args);
};

const operands = new WeakMap<object, Reading>();
const bases = new WeakMap<object, number>();

/** Operators that read at most a part of what they are given. */
const READS_PARTS: ReadonlySet<string> = new Set(['.', '.?', '[]', '[?]', '?:', '&&', '||', 'list', 'map']);

/** The steps of a call itself, if it takes more than one. */
const baseOf = (name: string): number | undefined => (name === 'duration' || name === 'timestamp' ? 5 : undefined);

/** Returns the weight of what is read to find the type of a value: characters, keys, and first items of first items. */
const typeWeight = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  if (value === null || typeof value !== 'object') return 0;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return CONTAINER + typeWeight(value[0]);
  return remembered(typeWeights, value, (items) => CONTAINER + KEY * items.length + typeWeight(items[0]));
};

/** Returns the weight of a whole value. Values don't change, so it is kept. */
const weightOf = (value: unknown): number => {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return typeWeight(value);
  return remembered(weights, value, (items) => {
    let weight = CONTAINER + (Array.isArray(value) ? ITEM : KEY) * items.length;
    for (const item of items) weight += weightOf(item);
    return weight;
  });
};

/** The weights of a list or mapping, of an item, and of a key with its item, in characters. */
const CONTAINER = 64;
const ITEM = 4;
const KEY = 96;

const remembered = (
  known: WeakMap<object, number>,
  value: object,
  compute: (items: readonly unknown[]) => number,
): number => {
  let weight = known.get(value);
  if (weight === undefined) {
    weight = compute(Array.isArray(value) ? value : value instanceof Map ? [...value.values()] : Object.values(value));
    known.set(value, weight);
  }
  return weight;
};

const weights = new WeakMap<object, number>();
const typeWeights = new WeakMap<object, number>();

const READ: Reading = { weightOf: typeWeight, rate: 1 / 64 };
const READ_WHOLE: Reading = { weightOf, rate: 1 / 64 };
/** A loop: its items take steps of their own, but the keys of a mapping are listed first. */
const READ_KEYS: Reading = {
  weightOf: (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? typeWeight(value) : 0),
  rate: 1 / 64,
};

const READINGS: Readonly<Record<string, Reading>> = {
  '==': READ_WHOLE,
  '!=': READ_WHOLE,
  in: { weightOf: (value) => (Array.isArray(value) ? weightOf(value) : typeWeight(value)), rate: 1 / 64 },
  join: READ_WHOLE,
  all: READ_KEYS,
  exists: READ_KEYS,
  exists_one: READ_KEYS,
  filter: READ_KEYS,
  map: READ_KEYS,
  size: { weightOf: typeWeight, rate: 1 / 32 },
  // A part for each character, at worst: taken before they are made.
  split: { weightOf: typeWeight, rate: 1 / 2 },
  // It takes a time in proportion to the cube of a text.
  duration: { weightOf: typeWeight, rate: 1 / 4, maxLength: 100 },
};
