import { cutText } from './cut-text.ts';

/** An error as plain data that survives JSON. */
export type ErrorData = {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorData;
  /** Facts about the failure, such as the `exitCode` and `signal` of a command. Only tintype's errors have details. */
  readonly details?: ErrorDetails;
};

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** The key under which an error of tintype stores its details. */
export const DETAILS: unique symbol = Symbol.for('tintype.details');

/** Maximum depth of nested causes. */
const MAX_DEPTH = 8;

/** Converts a thrown value to plain data. If the value is not an `Error`, its type becomes the `name`. Never throws. */
export const errorData = (thrown: unknown, depth = 0): ErrorData => {
  try {
    return thrown instanceof Error ? describeError(thrown, depth) : { name: nameOf(thrown), message: textOf(thrown) };
  } catch {
    return { name: 'Error', message: 'a value that could not be read' };
  }
};

/** `boundedErrorData` without causes: in a chain of skipped tasks, each error would repeat all errors before it. */
export const shallowErrorData = (thrown: unknown): ErrorData => boundedErrorData(thrown, MAX_DEPTH);

/** Maximum length of each text of an error in events and in the journal: message, stack and all others. */
export const MAX_ERROR_TEXT = 65_536;

/** `errorData` for events and the journal: texts that are too long are cut, and say so. */
export const boundedErrorData = (thrown: unknown, depth = 0): ErrorData => cutError(errorData(thrown, depth));

const cutError = (data: ErrorData): ErrorData => {
  const { name, message, code, stack, cause, details } = data;
  const shortened = cut(message);
  return {
    name: cut(name),
    message: shortened,
    ...(code === undefined ? {} : { code: cut(code) }),
    // A stack begins with the message: what follows that, the lines of the stack, is kept.
    ...(stack === undefined
      ? {}
      : { stack: cut(shortened === message ? stack : stack.replace(message, () => shortened)) }),
    ...(cause ? { cause: cutError(cause) } : {}),
    ...(details
      ? { details: Object.fromEntries(Object.entries(details).map(([key, value]) => [key, cut(value)])) }
      : {}),
  };
};

const cut = <Value>(value: Value): Value =>
  typeof value === 'string' ? (cutText(value, MAX_ERROR_TEXT) as Value) : value;

const describeError = (error: Error, depth: number): ErrorData => {
  const { code, [DETAILS]: details } = error as { code?: unknown; [DETAILS]?: ErrorDetails };
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    ...(typeof error.stack === 'string' ? { stack: error.stack } : {}),
    ...(error.cause !== undefined && depth < MAX_DEPTH ? { cause: errorData(error.cause, depth + 1) } : {}),
    ...(details ? { details: { ...details } } : {}),
  };
};

/** Returns the data without stacks, which tell of the machine. */
export const withoutStack = ({ stack: _, cause, ...error }: ErrorData): ErrorData =>
  cause === undefined ? error : { ...error, cause: withoutStack(cause) };

const nameOf = (value: unknown): string => {
  if (value === null) return 'null';
  const name: unknown = typeof value === 'object' ? value.constructor?.name : typeof value;
  return typeof name === 'string' && name !== '' ? name : 'Object';
};

/** Converts a value to text: a string is unchanged, plain data becomes JSON. Never throws. */
export const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  try {
    const json = typeof value === 'object' ? JSON.stringify(value) : undefined;
    return json ?? String(value);
  } catch {
    return 'a value that could not be read';
  }
};
