import { HttpProblem } from './problem.ts';

/**
 * Parses a body. Refuses JSON that later code could stumble over: so deep that a recursion would overflow the stack, or
 * with a key `__proto__`, which the schemas would drop without a word. @throws HttpProblem
 */
export const plainJson = (text: string): unknown => {
  if (isTooDeep(text)) throw refused(`is nested more than ${MAX_DEPTH} levels deep`);
  // Most bodies are known to have no such key without a second parse.
  if (/__proto__|\\u/.test(text) && hasProtoKey(text)) throw refused('has a key "__proto__"');
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem(400, 'INVALID_JSON', 'The body is not JSON.');
  }
};

/** Half of what the engine keeps, which adds levels of its own. */
const MAX_DEPTH = 512;

const isTooDeep = (text: string): boolean => {
  // Each level takes a character at least.
  if (text.length <= MAX_DEPTH) return false;
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
