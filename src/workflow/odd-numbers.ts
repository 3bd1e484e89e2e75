import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type Node } from 'yaml';
import { startOf } from './locate.ts';

/** A number of a file that reads differently as text: `3.10` is the number 3.1. */
export type OddNumber = {
  readonly written: string;
  readonly value: number;
  /** Where it is in the file. */
  readonly offset: number;
};

/** Yields the numbers in a part of a file, keys included, whose text would differ from the file's. Follows aliases. */
export const oddNumbersIn = function* (
  node: unknown,
  aliases: ReadonlyMap<Alias, Node>,
  seen: Set<unknown> = new Set(),
): Generator<OddNumber, void> {
  if (seen.has(node)) return;
  seen.add(node);
  if (isAlias(node)) yield* oddNumbersIn(aliases.get(node), aliases, seen);
  else if (isPair(node)) {
    yield* oddNumbersIn(node.key, aliases, seen);
    yield* oddNumbersIn(node.value, aliases, seen);
  } else if (isMap(node) || isSeq(node)) {
    for (const item of node.items) yield* oddNumbersIn(item, aliases, seen);
  } else if (isScalar(node) && typeof node.value === 'number' && node.source !== String(node.value)) {
    yield { written: node.source ?? '', value: node.value, offset: startOf(node) ?? 0 };
  }
};

/** Says what is wrong with an odd number, and what to write. Completes `Task "a" …`. */
export const oddNumberText = ({ written, value }: OddNumber): string => {
  const wayOut = Number.isFinite(value)
    ? `: "${written}", or write ${value} if you mean the number.`
    : `: "${written}".`;
  return `has ${written}, which is the number ${value}. Put it in quotes${wayOut}`;
};
