import { compile, type Expression, ExpressionError, type ExpressionScope } from './expression.ts';

/** The parts of a text that contains `${{ expression }}`. */
type Template = readonly (string | PlacedExpression)[];

/** An expression, and its offset in the text. */
export type PlacedExpression = Expression & { readonly at: number };

/** Returns whether the text contains an expression, complete or not. */
export const hasExpression = (text: string): boolean => openOf(text) >= 0;

/** Returns the offset of the first expression from `from` on; -1 if there is none. A `$` before it makes it literal. */
export const openOf = (text: string, from = 0): number => {
  let open = text.indexOf(OPEN, from);
  while (open > 0 && text[open - 1] === '$') open = text.indexOf(OPEN, open + OPEN.length);
  return open;
};

/** Returns the text without expressions that is meant: `$${{` is a literal `${{`. */
export const literalText = (text: string): string => text.replaceAll(LITERAL, () => OPEN);

const OPEN = '${{';
const LITERAL = '$${{';
const CLOSE = '}}';

/** Splits text into plain pieces and compiled expressions. @throws ExpressionError */
export const parseTemplate = (text: string): Template => {
  const parts: (string | PlacedExpression)[] = [];
  let at = 0;
  for (let open = openOf(text); open >= 0; open = openOf(text, at)) {
    if (open > at) parts.push(literalText(text.slice(at, open)));
    const [expression, end] = readExpression(text, open + OPEN.length);
    parts.push(expression);
    at = end;
  }
  if (at < text.length) parts.push(literalText(text.slice(at)));
  return parts;
};

/** Reads the expression at `start`, which may contain `}}`. Returns it with the offset after the `}}` that ends it. */
const readExpression = (text: string, start: number): [PlacedExpression, number] => {
  // Without an end outside of texts and mappings, the first `}}` is only there for the error to say what is wrong.
  const close = endOf(text, start) ?? text.indexOf(CLOSE, start);
  if (close < 0) throw new ExpressionError(`"${OPEN}" is never closed by "${CLOSE}".`, { at: start - OPEN.length });
  const source = text.slice(start, close);
  const at = start + source.length - source.trimStart().length;
  return [{ ...compileAt(source.trim(), at), at }, close + CLOSE.length];
};

/** Compiles an expression that stands at an offset of a longer text. @throws ExpressionError with its place in that text */
export const compileAt = (source: string, at: number, ...variables: [Parameters<typeof compile>[1]?]): Expression => {
  try {
    return compile(source, ...variables);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(error.message, { cause: error.cause, at: at + (error.at ?? 0) });
  }
};

/** Returns the offset of the first `}}` that is neither in a quoted text nor the end of mappings; in one pass. */
const endOf = (text: string, start: number): number | undefined => {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '{') depth++;
    else if (character === '}') {
      if (depth > 0) depth--;
      else if (text[at + 1] === '}') return at;
    } else if (character === '"' || character === "'") at = lastOfQuoted(text, at);
    else if (character === '/' && text[at + 1] === '/') {
      const line = text.indexOf('\n', at);
      const end = line < 0 ? text.length : line;
      const close = depth === 0 ? text.slice(at, end).indexOf(CLOSE) : -1;
      if (close >= 0) return at + close;
      at = end;
    }
  }
  return undefined;
};

/** Returns the offset of the last character of the quoted text at `start`, or of the whole text if it isn't closed. */
const lastOfQuoted = (text: string, start: number): number => {
  const quote = text[start] as string;
  const triple = quote.repeat(3);
  const closing = text.startsWith(triple, start) ? triple : quote;
  for (let at = start + closing.length; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text.startsWith(closing, at)) return at + closing.length - 1;
  }
  return text.length;
};

/** Renders a template as text. Numbers and booleans become text, lists and mappings JSON, `null` nothing. */
export const renderText = (template: Template, scope: ExpressionScope): string =>
  template.map((part) => (typeof part === 'string' ? part : toText(part.evaluate(scope)))).join('');

/** Like `renderText`, but if the template is a single expression, returns the value of that expression. */
export const renderValue = (template: Template, scope: ExpressionScope): unknown => {
  const [only] = template;
  return template.length === 1 && typeof only === 'object' ? only.evaluate(scope) : renderText(template, scope);
};

export const toText = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

/** Compiles data whose texts are templates. Returns a function that renders the data. @throws ExpressionError */
export const dataOf = (data: unknown): ((scope: ExpressionScope) => unknown) => {
  if (typeof data === 'string') {
    const template = parseTemplate(data);
    return hasExpression(data) ? (scope) => renderValue(template, scope) : () => literalText(data);
  }
  if (Array.isArray(data)) {
    const items = data.map(dataOf);
    return (scope) => items.map((item) => item(scope));
  }
  if (data === null || typeof data !== 'object') return () => data;
  const entries = Object.entries(data).map(([key, value]) => [key, dataOf(value)] as const);
  return (scope) => Object.fromEntries(entries.map(([key, value]) => [key, value(scope)]));
};

/** Compiles a text as a template. Returns a function that renders it as text. @throws ExpressionError */
export const textOf = (data: string | number | boolean): ((scope: ExpressionScope) => string) => {
  const template = parseTemplate(String(data));
  return (scope) => renderText(template, scope);
};
