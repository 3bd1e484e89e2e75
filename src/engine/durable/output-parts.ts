import type { Journal } from './journal.ts';

/** The job in whose journal outputs are stored. */
export type OutputSource = { readonly journal: Pick<Journal, 'events'>; readonly jobId: string };

/** The event whose output a reference stands for; with `key`, for the value of that key of the output. */
export type Reference = { readonly seq: number; readonly key?: string | undefined };

type Part = Reference & { readonly value: unknown };
let isEmpty = true;

type Parts = ReadonlyMap<PropertyKey, Part>;

const partsByContainer = new WeakMap<
  object,
  { readonly source: OutputSource; readonly parts: Map<PropertyKey, Part> }
>();

/**
 * Records that a property of a collected list or object is the output of the event `seq`, or a part of that. The journal
 * then stores a reference to that event in place of the value, so that what a fan-out or a nested job collects is not
 * stored twice.
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

/** Whether the JSON of a value is long enough, in characters, to be referred to: a reference takes about 40. */
export const isWorthReference = (text: string): boolean => text.length > 64;
