import { didYouMean } from '../engine/errors/suggest.ts';
import { REPLACED } from './expression-functions.ts';

/** Returns the first line of the library's message or, for common errors, a clearer one with a hint. */
export const errorText = (
  source: string,
  error: unknown,
  { variables, why }: { readonly variables: readonly string[]; readonly why?: string | undefined },
): string => {
  const [first = ''] = (error as Error).message.split('\n', 1);
  const plain = first.replace(/dyn<([^<>]*)>/g, '$1').replace(/\b([a-z0-9]+)Functions\./g, '$1.');
  const text = Object.entries(REPLACED).reduce(
    (said, [name, replacements]) => replacements.reduce((left, { by }) => left.replaceAll(by, name), said),
    plain,
  );
  const unknown = /^Unknown variable: (\w+)/.exec(first)?.[1];
  if (unknown !== undefined) {
    if (Object.hasOwn(LITERALS, unknown)) return `there is no "${unknown}". Write ${LITERALS[unknown]}.`;
    const hint = didYouMean(unknown, variables) || ` Known are ${variables.join(', ')}.`;
    return `there is no variable "${unknown}".${hint} Text is put in quotes.`;
  }
  const missing = /^No such key: (?!index out of bounds)(.*)/.exec(first)?.[1];
  if (missing !== undefined) {
    if (missing === 'length') return 'there is no key "length". The length of a list or a text is ….size().';
    const because = why === undefined ? '.' : `: ${why}`;
    return `there is no key "${missing}"${because} To allow that: has(…), or .?${missing}.orValue(…).`;
  }
  const called = /^found no matching overload for '(?:\S+\.)?(\w+)\(/.exec(first)?.[1];
  if (called !== undefined && Object.hasOwn(FUNCTIONS, called)) {
    return `there is no function "${called}". Write ${FUNCTIONS[called]}.`;
  }
  return syntaxText(source, first, rangeOf(error)) ?? `${text.replace(/^No such key: /, '')}.`;
};

/** Says what the parser found and what is to stand there instead; `undefined` for an error that is not the parser's. */
const syntaxText = (source: string, first: string, fault: Range | undefined): string | undefined => {
  const [, wanted = '', got] = /^(?:Expected (\w+), got|Unexpected (?:token|character):) (.+)/.exec(first) ?? [];
  if (got === undefined || !fault) return undefined;
  const missing = Object.hasOwn(TOKENS, wanted) ? TOKENS[wanted] : undefined;
  if (got === 'EOF') return `it ends too early${missing === undefined ? '' : `, ${missing} is missing`}: ${source}`;
  const operator = foreignOperator(source, fault);
  if (operator !== undefined) return `"${operator.word}" is no operator. Write "${operator.here}".`;
  const found = source.slice(fault.start, fault.end);
  if (found === '=') return '"=" is no operator. To compare, write "==".';
  if (/[“”„‘’‚«»]/.test(found)) return `${found} is no quote of text. Write " or '.`;
  return `"${found}" is not expected there${missing === undefined ? '' : `, but ${missing}`}.`;
};

/** The parser's names of tokens, in words. */
const TOKENS: Readonly<Record<string, string>> = {
  RPAREN: '")"',
  RBRACKET: '"]"',
  RBRACE: '"}"',
  COLON: '":"',
  IDENTIFIER: 'a name',
};

/** Values of other languages, each with the one to write here. */
const LITERALS: Readonly<Record<string, string>> = {
  None: 'null',
  nil: 'null',
  undefined: 'null',
  NULL: 'null',
  True: 'true',
  TRUE: 'true',
  False: 'false',
  FALSE: 'false',
};

/** Functions of other languages, with what to write here. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  len: 'size(…), or ….size()',
  length: 'size(…), or ….size()',
  count: 'size(…), or ….size()',
  str: 'string(…)',
  float: 'double(…)',
  lower: '….lowerAscii()',
  toLowerCase: '….lowerAscii()',
  upper: '….upperAscii()',
  toUpperCase: '….upperAscii()',
  includes: '….contains(…), or … in …',
  toJSON: 'json(…)',
  tojson: 'json(…)',
  toJson: 'json(…)',
  fromJSON: '….json()',
  fromjson: '….json()',
  fromJson: '….json()',
  sorted: '….sort()',
  unique: '….distinct()',
  uniq: '….distinct()',
  flat: '….flatten()',
  sum: '….sum()',
  min: '….min(), or math.least(…)',
  max: '….max(), or math.greatest(…)',
  abs: 'math.abs(…)',
  round: 'math.round(…)',
  floor: 'math.floor(…)',
  ceil: 'math.ceil(…)',
  range: 'lists.range(…)',
  strip: '….trim()',
  replaceAll: '….replace(…, …)',
  date: 'timestamp(…), or ….format("%F")',
  strftime: '….format("%F")',
};

/** Operators of other languages, each with the one to write here. */
const OPERATORS: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!', '&': '&&', '|': '||' };

/** Returns the word at a fault, or the one before it, if it is an operator of another language, and what it is `here`. */
const foreignOperator = (source: string, fault: Range): { word: string; here: string | undefined } | undefined => {
  const before = /(?:^|[^.\w])(\w+)\s*$/.exec(source.slice(Math.max(0, fault.start - 10), fault.start))?.[1] ?? '';
  const word = [source.slice(fault.start, fault.end), before].find((one) => Object.hasOwn(OPERATORS, one));
  return word === undefined ? undefined : { word, here: OPERATORS[word] };
};

type Range = { readonly start: number; readonly end: number };

/** Returns where the library found a fault. */
export const rangeOf = (error: unknown): Range | undefined => (error as { range?: Range }).range;
