import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode, type YAMLMap } from 'yaml';

export type Location = {
  /** Offset of the value's key; absent for list items, and for values that are missing from the file. */
  readonly key?: number;
  /** Offset of the value, or of the nearest enclosing value that exists in the file. */
  readonly value: number;
  /** The value as the parser gives it, possibly an alias; `undefined` if it is missing from the file. */
  readonly node?: unknown;
};

/** Returns where in the file the value at a path is, following aliases and merge keys. */
export const locate = (
  root: ParsedNode | null,
  path: readonly PropertyKey[],
  aliases: ReadonlyMap<Alias, Node>,
): Location => {
  let node: unknown = root;
  let location: Location = { value: startOf(root) ?? 0, node: root };
  for (const step of path) {
    const found = child(target(node, aliases), step, aliases);
    if (!found) return { value: location.value };
    node = found.value;
    const key = startOf(found.key);
    location = { ...(key === undefined ? {} : { key }), value: startOf(node) ?? key ?? location.value, node };
  }
  return location;
};

const child = (node: unknown, step: PropertyKey, aliases: ReadonlyMap<Alias, Node>): Child | undefined => {
  if (isSeq(node)) return { value: node.items[Number(step)] };
  if (!isMap(node)) return undefined;
  const own = pairsOf(node).get(String(step));
  if (own && typeof step === 'string') return own;
  const merge = pairsOf(node).get('<<');
  for (const { key, value } of merge ? (node.items as Pair[]) : []) {
    if (keyOf(key) !== '<<') continue;
    const source = target(value, aliases);
    for (const merged of isSeq(source) ? source.items : [source]) {
      const found = child(target(merged, aliases), step, aliases);
      if (found) return found;
    }
  }
  return undefined;
};

/** Returns the pairs of a mapping by key, the last of several; kept, since each problem of a file is located. */
const pairsOf = (node: YAMLMap): ReadonlyMap<string, Pair> => {
  const known = PAIRS.get(node);
  if (known) return known;
  const pairs = new Map((node.items as Pair[]).map((pair) => [keyOf(pair.key), pair]));
  PAIRS.set(node, pairs);
  return pairs;
};

const PAIRS = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

type Child = { readonly key?: unknown; readonly value: unknown };

/** Returns the text of a key. The parser turns a merge key `<<` into a symbol, whose description is returned. */
export const keyOf = (key: unknown): string => {
  if (!isScalar(key)) return '';
  return typeof key.value === 'symbol' ? (key.value.description ?? '') : String(key.value);
};

/** Returns the node that an alias refers to; any other node unchanged. */
export const target = (node: unknown, aliases: ReadonlyMap<Alias, Node>): unknown =>
  isAlias(node) ? aliases.get(node) : node;

export const startOf = (node: unknown): number | undefined => (node as Partial<ParsedNode> | null)?.range?.[0];
