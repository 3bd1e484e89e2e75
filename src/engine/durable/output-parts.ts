import type { Journal } from './journal.ts';

/** The job in whose journal outputs are stored. */
export type OutputSource = { readonly journal: Journal; readonly jobId: string };

type Part = { readonly seq: number; readonly value: unknown };
let isEmpty = true;

type Parts = ReadonlyMap<PropertyKey, Part>;

const partsByContainer = new WeakMap<
  object,
  { readonly source: OutputSource; readonly parts: Map<PropertyKey, Part> }
>();

/**
 * Records that a property of a collected list or object is the output of the event `seq`. The journal then stores a
 * reference to that event in place of the value, so that what a fan-out collects is not stored twice.
 */
export const rememberPart = (container: object, key: PropertyKey, part: Part, source: OutputSource): void => {
  isEmpty = false;
  const known = partsByContainer.get(container);
  if (known && isSame(known.source, source)) known.parts.set(key, part);
  else partsByContainer.set(container, { source, parts: new Map([[key, part]]) });
};

/** Returns which properties of an object are outputs that the journal of this job holds already. */
export const partsOf = (container: object, source: OutputSource): Parts | undefined => {
  if (isEmpty) return undefined;
  const known = partsByContainer.get(container);
  return known && isSame(known.source, source) ? known.parts : undefined;
};

const isSame = (one: OutputSource, other: OutputSource): boolean =>
  one.journal === other.journal && one.jobId === other.jobId;

/** Whether the JSON of an output is long enough, in characters, to be referred to: a reference takes about 36. */
export const isWorthReference = (text: string): boolean => text.length > 64;
