/** The maximum number of steps that an expression may take. A second or two, so that no data can block the process. */
export const MAX_STEPS = 10_000_000;

/** A node of an expression, as the library has it. Nodes of the same operator have the same `op`. */
export type AstNode = { readonly op: string; readonly args: unknown; readonly evaluate: Evaluate };

type Evaluate = (evaluator: Evaluator, node: AstNode, context: unknown) => unknown;

/** The library's evaluator: evaluates each node of an expression by `run`. */
export type Evaluator = { run: (node: AstNode, context: unknown) => unknown };

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

/** Makes an evaluator count: a step for each node, and more for nodes that read or make large values. */
export const countSteps = (evaluator: Evaluator): void => {
  evaluator.run = (node, context) => {
    takeSteps(1);
    const value = node.evaluate(evaluator, node, context);
    if (typeof value === 'string') {
      if (MAKES.has(node.op)) takeSteps(value.length / 16);
      if (operands.has(node)) takeSteps(value.length / 64);
      if (value.length > MAX_DURATION_LENGTH && durations.has(node))
        throw new Error('Invalid duration: it is too long');
    } else if (typeof value === 'object' && value !== null) {
      if (node.op === '+' && Array.isArray(value)) takeSteps(value.length);
      if (operands.has(node)) takeSteps(weightOf(value) / 64);
    }
    return value;
  };
};

/** Operators that can make a longer text than any that they are given. */
const MAKES: ReadonlySet<string> = new Set(['+', 'call', 'rcall']);

/** Notes which nodes are operands that are read as a whole: of comparisons, `in`, `+`, and functions. */
export const noteOperands = (node: unknown): void => {
  if (Array.isArray(node)) for (const item of node) noteOperands(item);
  if (node === null || typeof node !== 'object' || !('op' in node)) return;
  const { op, args } = node as AstNode;
  if (!READS_PARTS.has(op) && Array.isArray(args)) {
    for (const arg of args.flat()) if (arg !== null && typeof arg === 'object') operands.add(arg);
  }
  if (op === 'call') {
    const [name, given] = args as [name: string, args: readonly object[]];
    if (name === 'duration') for (const arg of given) durations.add(arg);
  }
  noteOperands(args);
};

const operands = new WeakSet<object>();

/** Operands of `duration`, which takes a time in proportion to the cube of a text. */
const durations = new WeakSet<object>();
const MAX_DURATION_LENGTH = 100;

/** Operators that read at most a part of what they are given. */
const READS_PARTS: ReadonlySet<string> = new Set(['.', '.?', '[]', '[?]', '?:', '&&', '||', 'list', 'map']);

/** Returns the size of a value: its characters, and 4 for each entry. Values don't change, so it is kept. */
const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  if (value === null || typeof value !== 'object') return 0;
  if (value instanceof Uint8Array) return value.length;
  const known = weights.get(value);
  if (known !== undefined) return known;
  const items = value instanceof Map ? [...value.values()] : Object.values(value);
  let weight = 4 * items.length;
  for (const item of items) weight += weightOf(item);
  weights.set(value, weight);
  return weight;
};

const weights = new WeakMap<object, number>();
