import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
} from 'yaml';
import { keyOf, startOf, target } from './locate.ts';
import type { PlacedProblem, Source } from './source.ts';

/** The maximum number of values that all aliases together may expand to. A few nested aliases can mean billions. */
export const MAX_ALIASED_VALUES = 1_000_000;

export type InspectedNodes = {
  readonly problems: readonly PlacedProblem[];
  /** The node that each alias refers to. */
  readonly aliases: ReadonlyMap<Alias, Node>;
};

/** Finds duplicate keys and bad aliases, in file order: an alias refers to the last anchor of its name before it. */
export const inspectNodes = (document: Document.Parsed, { problemAt }: Source): InspectedNodes => {
  const problems: PlacedProblem[] = [];
  const aliases = new Map<Alias, Node>();
  const anchors = new Map<string, Node>();
  const sizes = new Map<Node, number>();
  let aliased = 0;

  const sizeOfAlias = (alias: Alias): number => {
    const offset = alias.range?.[0] ?? 0;
    const anchored = anchors.get(alias.source);
    if (!anchored) {
      const message = `No anchor "&${alias.source}" comes before this alias. Add one, or put the text in quotes.`;
      problems.push(problemAt(offset, 'UNKNOWN_ALIAS', message));
      return 1;
    }
    const size = sizes.get(anchored);
    if (size === undefined) {
      const message = `The alias "*${alias.source}" is a part of what it stands for.`;
      problems.push(problemAt(offset, 'RECURSIVE_ALIAS', message));
      return 1;
    }
    aliases.set(alias, anchored);
    const before = aliased;
    aliased += size;
    if (before <= MAX_ALIASED_VALUES && aliased > MAX_ALIASED_VALUES) {
      const message = `The aliases up to here stand for more than ${MAX_ALIASED_VALUES} values. Nest fewer of them.`;
      problems.push(problemAt(offset, 'TOO_MANY_ALIASES', message));
    }
    return size;
  };

  const sizeOf = (node: unknown): number => {
    if (isAlias(node)) return sizeOfAlias(node);
    if (isPair(node)) return sizeOf(node.key) + sizeOf(node.value);
    if (!isNode(node)) return 1;
    if (node.anchor) anchors.set(node.anchor, node);
    let size = 1;
    if (isCollection(node)) for (const item of node.items) size += sizeOf(item);
    if (isMap(node)) {
      problems.push(...duplicateKeys(node.items, problemAt), ...wrongMerges(node.items, aliases, problemAt));
    }
    sizes.set(node, size);
    return size;
  };

  sizeOf(document.contents);
  return { problems, aliases };
};

const duplicateKeys = (
  pairs: readonly { readonly key: unknown }[],
  problemAt: Source['problemAt'],
): readonly PlacedProblem[] => {
  const seen = new Set<string>();
  return pairs.flatMap(({ key }): readonly PlacedProblem[] => {
    if (!isScalar(key)) return [];
    const name = keyOf(key);
    const at = startOf(key) ?? 0;
    if (name === '__proto__') {
      return [problemAt(at, 'INVALID_VALUE', 'A key can\'t be "__proto__". Give it another name.')];
    }
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const remedy = name === '<<' ? 'Merge several with <<: [*one, *two].' : 'Remove one of the two, or rename it.';
    return [problemAt(at, 'DUPLICATE_KEY', `The key "${name}" is here for the second time. ${remedy}`)];
  });
};

/** Returns a problem for each `<<` whose value is no mapping or list of mappings: `document.toJS()` would throw. */
const wrongMerges = (
  pairs: readonly { readonly key: unknown; readonly value: unknown }[],
  aliases: ReadonlyMap<Alias, Node>,
  problemAt: Source['problemAt'],
): readonly PlacedProblem[] => {
  const isMergeable = (node: unknown): boolean => {
    const merged = target(node, aliases);
    return merged === undefined || isMap(merged);
  };
  return pairs.flatMap(({ key, value }) => {
    if (keyOf(key) !== '<<') return [];
    const merged = target(value, aliases);
    if (isSeq(merged) ? merged.items.every(isMergeable) : isMergeable(value)) return [];
    const message = '"<<" merges mappings: expected an alias of one, or a list of such.';
    return [problemAt(startOf(key) ?? 0, 'INVALID_VALUE', message)];
  });
};
