import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

/** A regular expression of RE2, which takes a time in proportion to the text. */
export type LinearPattern = {
  readonly test: (text: string) => boolean;
  /** The number of steps per character, at most. */
  readonly size: number;
};

/** Compiles a pattern; keeps the latest ones. @throws Error if RE2 doesn't have it: look-arounds, back references */
export const linearPattern = (source: string): LinearPattern => {
  const known = patterns.get(source);
  if (known) return known;
  const compiled = re2().compile(source);
  const pattern = { test: (text: string) => compiled.test(text), size: compiled.programSize() };
  if (patterns.size >= MAX_KEPT) patterns.clear();
  patterns.set(source, pattern);
  return pattern;
};

const MAX_KEPT = 100;
const patterns = new Map<string, LinearPattern>();

let loaded: typeof RE2JS | undefined;

/** Loads the library with the first pattern: few files have one. Expressions are synchronous, so `import()` is not for it. */
const re2 = (): typeof RE2JS => {
  loaded ??= (createRequire(import.meta.url)('re2js') as { readonly RE2JS: typeof RE2JS }).RE2JS;
  return loaded;
};
