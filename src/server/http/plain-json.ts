import type { MiddlewareHandler } from 'hono';
import type { Env } from './env.ts';
import { HttpProblem } from './problem.ts';

/**
 * Refuses JSON that later code could stumble over: so deep that a recursion would overflow the stack, or with a key
 * `__proto__`, which the schemas would drop without a word.
 */
export const plainJson: MiddlewareHandler<Env> = async (context, next) => {
  const text = await context.req.text();
  if (isTooDeep(text)) throw refused(`is nested more than ${MAX_DEPTH} levels deep`);
  // Most bodies are known to have no such key without a second parse.
  if (/__proto__|\\u/.test(text) && hasProtoKey(text)) throw refused('has a key "__proto__"');
  await next();
};

/** Takes an empty body whose type is given as `{}`, for routes that need none. Without a type none is expected anyway. */
export const noneAsEmpty: MiddlewareHandler<Env> = async ({ req }, next) => {
  // The cache holds promises, whatever its type says.
  if (req.header('content-type') !== undefined && (await req.text()) === '')
    req.bodyCache.text = Promise.resolve('{}') as never;
  await next();
};

/** Half of what the engine keeps, which adds levels of its own. */
const MAX_DEPTH = 512;

const isTooDeep = (text: string): boolean => {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (isText) {
      if (character === BACKSLASH) at++;
      else if (character === QUOTE) isText = false;
    } else if (character === QUOTE) isText = true;
    else if (character === BRACKET || character === BRACE) {
      if (++depth > MAX_DEPTH) return true;
    } else if (character === BRACKET_END || character === BRACE_END) depth--;
  }
  return false;
};

const [QUOTE, BACKSLASH, BRACKET, BRACKET_END, BRACE, BRACE_END] = [...'"\\[]{}'].map((text) => text.charCodeAt(0));

const hasProtoKey = (text: string): boolean => {
  let found = false;
  try {
    JSON.parse(text, (key, value) => {
      found ||= key === '__proto__';
      return value;
    });
  } catch {
    // It is no JSON, which the schema's parser reports.
  }
  return found;
};

const refused = (what: string): HttpProblem =>
  new HttpProblem(400, 'INVALID_REQUEST', `The body ${what}: leave that out.`);
