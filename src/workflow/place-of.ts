import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode } from 'yaml';

export type Place = {
  /** Offset of the key that leads to the value, where it is the value of a key. */
  readonly key?: number;
  /** Offset of the value itself, or of the nearest thing around it that is in the file. */
  readonly value: number;
};

/** Where in a file the value at a path is, through aliases and merge keys. */
export const placeOf = (
  root: ParsedNode | null,
  path: readonly PropertyKey[],
  aliases: ReadonlyMap<Alias, Node>,
): Place => {
  let node: unknown = root;
  let place: Place = { value: startOf(root) ?? 0 };
  for (const step of path) {
    const found = child(target(node, aliases), step, aliases);
    if (!found) return { value: place.value };
    node = found.value;
    const key = startOf(found.key);
    place = { ...(key === undefined ? {} : { key }), value: startOf(node) ?? key ?? place.value };
  }
  return place;
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

/** The text of a key; a merge key is parsed to a symbol. */
export const keyOf = (key: unknown): string => {
  if (!isScalar(key)) return '';
  return typeof key.value === 'symbol' ? (key.value.description ?? '') : String(key.value);
};

const target = (node: unknown, aliases: ReadonlyMap<Alias, Node>): unknown =>
  isAlias(node) ? aliases.get(node) : node;

/** The offset at which a node or a key starts. */
export const startOf = (node: unknown): number | undefined => (node as Partial<ParsedNode> | null)?.range?.[0];
