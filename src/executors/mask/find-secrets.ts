/** Offsets in UTF-16 units; `end` is exclusive. */
export type Range = readonly [start: number, end: number];

/** Returns the places in a text, ordered by start. Each takes time in proportion to the text. */
export type Finder = (text: string) => readonly Range[];

/** Finds every occurrence of the needles, also those that overlap. */
export const literalFinder = (needles: readonly string[]): Finder => {
  const longestFirst = [...new Set(needles)].sort((a, b) => b.length - a.length);
  const comparable = longestFirst.filter(({ length }) => length <= MAX_COMPARED);
  const hashed = comparable.filter(({ length }) => length >= HASHED);
  const finders = [
    ...longestFirst.filter(({ length }) => length > MAX_COMPARED).map(longFinder),
    ...(hashed.length > FEW ? [hashFinder(hashed)] : hashed.map(nativeFinder)),
    ...comparable.filter(({ length }) => length < HASHED).map(nativeFinder),
  ];
  return joined(finders);
};

/** Returns a finder of what any of the finders finds. */
export const joined =
  (finders: readonly Finder[]): Finder =>
  (text) => {
    let found = NONE;
    for (const find of finders) {
      const own = find(text);
      if (own.length > 0) found = found.length > 0 ? [...found, ...own] : own;
    }
    return found;
  };

const NONE: readonly Range[] = [];

/** How many needles are looked for one by one, which is faster than hashing for few. */
const FEW = 8;

/** How many UTF-16 units at the start of a needle are hashed. */
const HASHED = 4;

/** The longest needle that is compared at each place where its hash occurs, in UTF-16 units. */
const MAX_COMPARED = 1024;

/** Adds a range that does not start before those added so far; joins it with the last one if they touch. */
const add = (ranges: [number, number][], start: number, end: number): void => {
  const last = ranges.at(-1);
  if (last && start <= last[1]) last[1] = Math.max(last[1], end);
  else ranges.push([start, end]);
};

const nativeFinder = (needle: string): Finder => {
  return (text) => {
    if (!text.includes(needle)) return NONE;
    const found: [number, number][] = [];
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) add(found, at, at + needle.length);
    return found;
  };
};

/** Compares needles where a rolling hash of their first units occurs. Takes them with the longest first. */
const hashFinder = (needles: readonly string[]): Finder => {
  if (needles.length === 0) return () => [];
  const byHash = new Map<number, string[]>();
  const maybe = new Uint8Array(1 << 16);
  for (const needle of needles) {
    let hash = 0;
    for (let at = 0; at < HASHED; at++) hash = (hash << 8) ^ needle.charCodeAt(at);
    maybe[slotOf(hash)] = 1;
    byHash.set(hash, [...(byHash.get(hash) ?? []), needle]);
  }
  return (text) => {
    const found: [number, number][] = [];
    let hash = 0;
    for (let at = 0; at < text.length; at++) {
      // Four units later, a unit has been shifted out.
      hash = (hash << 8) ^ text.charCodeAt(at);
      if (maybe[slotOf(hash)] === 0) continue;
      const start = at - HASHED + 1;
      const needle = byHash.get(hash)?.find((one) => start >= 0 && text.startsWith(one, start));
      if (needle !== undefined) add(found, start, start + needle.length);
    }
    return found;
  };
};

const slotOf = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> 16;

/** Finds a long needle by the algorithm of Knuth, Morris and Pratt, whose time does not depend on the needle. */
const longFinder = (needle: string): Finder => {
  let borders: Int32Array | undefined;
  return (text) => {
    if (text.length < needle.length) return [];
    borders ??= bordersOf(needle);
    const found: [number, number][] = [];
    let matched = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      while (matched > 0 && (matched === needle.length || needle.charCodeAt(matched) !== unit))
        matched = borders[matched - 1] as number;
      if (needle.charCodeAt(matched) === unit) matched++;
      if (matched === needle.length) add(found, at + 1 - matched, at + 1);
    }
    return found;
  };
};

/** For each prefix of a text, the length of its longest proper prefix that is also its end. */
const bordersOf = (text: string): Int32Array => {
  const borders = new Int32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at++) {
    while (length > 0 && text.charCodeAt(at) !== text.charCodeAt(length)) length = borders[length - 1] as number;
    if (text.charCodeAt(at) === text.charCodeAt(length)) length++;
    borders[at] = length;
  }
  return borders;
};

/**
 * Finds base64 and base64url of the given texts: whole, within that of a longer text as in `Authorization: Basic`, and
 * every part of `BASE64_PART` characters or more, which is how lines of any length divide it.
 */
export const base64Finder = (texts: readonly string[]): Finder => {
  const encoded = texts.flatMap((text) => [
    Buffer.from(text).toString('base64').replace(/=+$/, ''),
    ...[1, 2].map((before) => base64Behind(text, before)),
  ]);
  const count = encoded.reduce((sum, one) => sum + Math.max(0, one.length - BASE64_PART + 1), 0);
  if (count === 0) return () => NONE;
  const parts = new Float64Array(count);
  /** Which pairs of values stand side by side in the encodings. */
  const pairs = new Uint8Array(1 << 12);
  let filled = 0;
  for (const one of encoded) {
    for (let at = 1; at < one.length; at++) pairs[pairAt(one, at)] = 1;
    for (let at = BASE64_PART - 1; at < one.length; at++) parts[filled++] = partAt(one, at);
  }
  parts.sort();
  return (text) => {
    let found: [number, number][] | undefined;
    for (let at = BASE64_PART - 1; at < text.length; ) {
      const pair = pairAt(text, at);
      if (pair < 0 || pairs[pair] === 0) {
        // No part holds this pair: the next one begins with its second character.
        at += BASE64_PART - 1;
        continue;
      }
      at++;
      const part = partAt(text, at - 1);
      if (part < 0 || !includes(parts, part)) continue;
      found ??= [];
      add(found, at - BASE64_PART, at);
    }
    if (!found) return NONE;
    for (const range of found) {
      // The last character of an encoding has bits of the secret and of nothing else.
      const [, end] = range;
      if (valueAt(text, end) >= 0 && valueAt(text, end + 1) < 0) range[1] = end + 1;
    }
    return found;
  };
};

/** The shortest part of an encoding that is found, in characters: 42 bits, which do not occur by chance. */
export const BASE64_PART = 7;

/** Returns the base64 of a text after `before` bytes, without the characters that also encode its neighbours. */
const base64Behind = (text: string, before: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
  return bytes.toString('base64').slice(before + 1, Math.floor((bytes.length * 8) / 6));
};

/** Returns the two values of base64 that end at a place as one number; below 0 if it has none. */
const pairAt = (text: string, at: number): number => (valueAt(text, at - 1) << 6) | valueAt(text, at);

/** Returns the `BASE64_PART` values of base64 that end at a place as one number; -1 if it has none. */
const partAt = (text: string, at: number): number => {
  let part = 0;
  for (let place = at - BASE64_PART + 1; place <= at; place++) {
    const value = valueAt(text, place);
    if (value < 0) return -1;
    part = part * 64 + value;
  }
  return part;
};

const valueAt = (text: string, at: number): number => {
  const unit = text.charCodeAt(at);
  return unit < 128 ? (VALUES[unit] as number) : -1;
};

/** The value of each ASCII character in base64 and base64url; -1 if it has none. */
const VALUES = ((): Int8Array => {
  const values = new Int8Array(128).fill(-1);
  for (const alphabet of ['+/', '-_']) {
    const letters = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
    for (let value = 0; value < 64; value++) values[letters.charCodeAt(value)] = value;
  }
  return values;
})();

const includes = (sorted: Float64Array, key: number): boolean => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === key;
};
