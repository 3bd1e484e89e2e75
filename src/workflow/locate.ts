import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode } from 'yaml';

export type Location = {
  /** Offset of the value's key; absent for list items, and for values that are missing from the file. */
  readonly key?: number;
  /** Offset of the value, or of the nearest enclosing value that exists in the file. */
  readonly value: number;
};

/** Returns where in the file the value at a path is, following aliases and merge keys. */
export const locate = (
  root: ParsedNode | null,
  path: readonly PropertyKey[],
  aliases: ReadonlyMap<Alias, Node>,
): Location => {
  let node: unknown = root;
  let location: Location = { value: startOf(root) ?? 0 };
  for (const step of path) {
    const found = child(target(node, aliases), step, aliases);
    if (!found) return { value: location.value };
    node = found.value;
    const key = startOf(found.key);
    location = { ...(key === undefined ? {} : { key }), value: startOf(node) ?? key ?? location.value };
  }
  return location;
};

const child = (node: unknown, step: PropertyKey, aliases: ReadonlyMap<Alias, Node>): Child | undefined => {
  if (isSeq(node)) return { value: node.items[Number(step)] };
  if (!isMap(node)) return undefined;
  const own = node.items.findLast(({ key }) => keyOf(key) === step);
  if (own) return own;
  for (const { key, value } of node.items as Pair[]) {
    if (keyOf(key) !== '<<') continue;
    const source = target(value, aliases);
    for (const merged of isSeq(source) ? source.items : [source]) {
      const found = child(target(merged, aliases), step, aliases);
      if (found) return found;
    }
  }
  return undefined;
};

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
