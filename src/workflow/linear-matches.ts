import type { RE2JS } from 're2js';

/** A regular expression of RE2, which takes a time in proportion to the text. */
export type LinearPattern = {
  readonly test: (text: string) => boolean;
  /** The number of steps per character, at most. */
  readonly size: number;
};

/**
 * Compiles a pattern, or returns a kept one; `takeSteps` is called with the steps that compiling takes, before it begins.
 * @throws Error if RE2 doesn't have it: look-arounds, back references
 */
export const linearPattern = (source: string, takeSteps: (steps: number) => void): LinearPattern => {
  const known = patterns.get(source);
  if (known) return known;
  takeSteps(compileSteps(source));
  if (!loaded) throw new Error('The library of regular expressions was not loaded.');
  const compiled = loaded.compile(source);
  const pattern = { test: (text: string) => compiled.test(text), size: compiled.programSize() };
  if (patterns.size >= MAX_KEPT) patterns.clear();
  patterns.set(source, pattern);
  return pattern;
};

/** Each may take 8 MB for the states of the texts that it has matched. */
const MAX_KEPT = 20;
const patterns = new Map<string, LinearPattern>();

/**
 * Returns the steps of compiling a pattern, of about 0.3 µs each: RE2 writes counted repetitions out, `(ab){3}` as
 * `ababab`. A text that is no pattern has some number of steps too.
 */
const compileSteps = (source: string): number => {
  let steps = 100;
  /** The sizes of the groups that are open, from the outermost. */
  const open = [0];
  /** The size of the part that a repetition would repeat. */
  let last = 0;
  const add = (size: number): void => {
    open.push((open.pop() ?? 0) + size);
  };
  for (const [token, least, most = least] of source.matchAll(TOKENS)) {
    const times = Number(most || least);
    if (token === '(') {
      add(2 * STEPS_OF_ATOM);
      open.push(0);
    } else if (token === ')') {
      last = open.pop() ?? 0;
      add(last);
    } else if (times > 0) {
      // An optional repetition, as in `a{1,3}`, is a branch too.
      const grown = last * times * (most === least ? 1 : 2);
      add(grown - last);
      last = grown;
    } else {
      const isClass = token.startsWith('[') || /^\\p/i.test(token);
      if (isClass) steps += STEPS_OF_CLASS * token.length;
      last = (isClass ? 8 : token.length) * STEPS_OF_ATOM;
      add(last);
    }
  }
  return open.reduce((sum, size) => sum + size, steps);
};

const STEPS_OF_ATOM = 6;
/** For each character of `[…]` and `\p…`: a class of Unicode has hundreds of ranges. */
const STEPS_OF_CLASS = 160;

const TOKENS =
  /\\Q.*?(?:\\E|$)|\\p\{[^}]*\}?|\\p.|\\.|\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]?|\{(\d+)(?:,(\d*))?\}|./gis;

let loaded: typeof RE2JS | undefined;

/**
 * Loads the library if expressions of the file may use it: few files do. Call it before the file's expressions are
 * compiled, since they are synchronous. A backslash may spell the function's name in YAML, and tasks that `expand` adds may use it.
 */
export const loadLinearMatches = async (fileText: string): Promise<void> => {
  if (/matches|\\|expand/.test(fileText)) loaded ??= (await import('re2js')).RE2JS;
};
