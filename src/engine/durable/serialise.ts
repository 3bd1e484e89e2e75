import { isDate, isMap, isSet, isUint8Array } from 'node:util/types';
import { dateOf, dateText } from '../../events/date-text.ts';
import { errorData } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { isA, JournalError, TaskError } from '../errors/errors.ts';
import { type OutputSource, partsOf, type Reference, rememberPart } from './output-parts.ts';
import { reviveTaskError, type TaskErrorData, taskErrorData } from './task-error-data.ts';

/** The key that marks what JSON can't represent: `{ "$tintype": "Date", "value": "2026-01-02T03:04:05.678Z" }`. */
const TAG = '$tintype';

/**
 * The tag of a reference to the output of another event of the job. Its value is the event's `seq`, or `[seq, key]` for
 * the value of a key of that output.
 */
const OUTPUT = 'Output';

/** Maximum nesting depth of a value's JSON. A set adds two levels, a map three. */
export const MAX_DEPTH = 1_000;

/** Thrown for a value that can't be encoded. */
export class Unserialisable extends Error {
  override readonly name = 'Unserialisable';
  /** Path of the offending value, such as `rows[0].done`; empty for the whole value. */
  readonly path: string;
  /** Description of the offending value, such as `a function`. */
  readonly what: string;

  constructor(path: string, what: string) {
    super(path === '' ? what : `${path}: ${what}`);
    this.path = path;
    this.what = what;
  }
}

/**
 * Encodes a value as JSON text, which `decode` restores. Beyond plain JSON it supports dates, bigints, Uint8Arrays (a
 * Buffer becomes one), maps, sets, `undefined`, -0 and `TaskError`. Stores only the elements of an array, and only the
 * enumerable properties of a plain object. With `source`, outputs that its journal holds are stored as references to
 * their events. @throws Unserialisable
 */
export const encode = (value: unknown, source?: OutputSource): string => {
  const walk = new Walk(source);
  try {
    return JSON.stringify(walk.encoded(value));
  } catch (error) {
    throw error instanceof Unserialisable ? error : new Unserialisable(walk.path(), complaint(error));
  }
};

/** Describes an error that reading or writing a value threw. */
const complaint = (error: unknown): string => {
  const { name, message } = errorData(error);
  if (name === 'RangeError' && message.includes('call stack')) return 'nested too deeply';
  if (name === 'RangeError' && message.includes('string length')) return 'longer than any text can be';
  return `something that can't be read (${message})`;
};

/** A step of a path: a key, an index, or literal text. */
type Step = string | number | { readonly text: string };

/** Encodes one value. Copies only arrays and objects that contain something that JSON can't represent. */
class Walk {
  readonly #steps: Step[] = [];
  /** The objects that enclose the current value, to detect cycles. */
  readonly #ancestors: object[] = [];
  /** The JSON depth of the current value. */
  #depth = 0;
  readonly #source: OutputSource | undefined;

  constructor(source: OutputSource | undefined) {
    this.#source = source;
  }

  path(): string {
    return pathText(this.#steps);
  }

  encoded(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        if (!Number.isFinite(value)) return this.#refuse(String(value));
        return Object.is(value, -0) ? { [TAG]: '-0' } : value;
      case 'undefined':
        return { [TAG]: 'undefined' };
      case 'bigint':
        return tagged('BigInt', String(value));
      case 'object':
        return value === null ? value : this.#object(value);
      case 'function':
        return this.#refuse('a function');
      default:
        return this.#refuse('a symbol');
    }
  }

  #refuse(what: string): never {
    throw new Unserialisable(this.path(), what);
  }

  #object(value: object): unknown {
    if (Array.isArray(value)) {
      const isOwn = Object.getPrototypeOf(value) === Array.prototype || isOfBase(value, 2);
      return isOwn ? this.#array(value) : this.#refuse(instanceOf(value));
    }
    if (isPlainObject(value)) return this.#plain(value);
    if (isDate(value) && isOfBase(value, 2)) return tagged('Date', dateText(value));
    if (isMap(value) && isOfBase(value, 2)) return this.#map(value);
    if (isSet(value) && isOfBase(value, 2)) return this.#set(value);
    if (isUint8Array(value) && (isOfBase(value, 3) || Buffer.isBuffer(value))) {
      const { buffer, byteOffset, byteLength } = value;
      return tagged('Uint8Array', Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
    }
    if (isA(value, TaskError)) return tagged('TaskError', taskErrorData(value));
    return this.#refuse(instanceOf(value));
  }

  #array(value: readonly unknown[]): unknown {
    this.#enter(value, 1);
    let copy: unknown[] | undefined;
    const parts = this.#source && partsOf(value, this.#source);
    for (let index = 0; index < value.length; index++) {
      this.#steps.push(index);
      const read = value[index];
      const part = parts?.get(index);
      const encoded = part && part.value === read ? reference(part) : this.encoded(read);
      this.#steps.pop();
      if (copy) copy.push(encoded);
      else if (encoded !== read) copy = [...value.slice(0, index), encoded];
    }
    this.#leave(1);
    return copy ?? value;
  }

  #plain(value: Readonly<Record<string, unknown>>): unknown {
    this.#enter(value, 1);
    for (const symbol of Object.getOwnPropertySymbols(value)) {
      if (!Object.prototype.propertyIsEnumerable.call(value, symbol)) continue;
      this.#steps.push({ text: `[${String(symbol)}]` });
      this.#refuse('a symbol key');
    }
    const keys = Object.keys(value);
    let copy: Record<string, unknown> | undefined;
    let isEscaped = false;
    const parts = this.#source && partsOf(value, this.#source);
    for (const key of keys) {
      if (key === TAG) isEscaped = true;
      this.#steps.push(key);
      const read = value[key];
      const part = parts?.get(key);
      const encoded = part && part.value === read ? reference(part) : this.encoded(read);
      this.#steps.pop();
      if (!copy && encoded !== read) copy = copyUntil(key, keys, value);
      if (copy) copy[key] = encoded;
    }
    this.#leave(1);
    return isEscaped ? tagged('Object', copy ?? value) : (copy ?? value);
  }

  #map(value: ReadonlyMap<unknown, unknown>): unknown {
    this.#enter(value, 3);
    const pairs: unknown[] = [];
    for (const [key, inner] of value) {
      const index = pairs.length;
      const place = typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.values()[${index}]`;
      pairs.push([this.#at(`.keys()[${index}]`, key), this.#at(place, inner)]);
    }
    this.#leave(3);
    return tagged('Map', pairs);
  }

  #set(value: ReadonlySet<unknown>): unknown {
    this.#enter(value, 2);
    const values: unknown[] = [];
    for (const inner of value) values.push(this.#at(`.values()[${values.length}]`, inner));
    this.#leave(2);
    return tagged('Set', values);
  }

  #at(text: string, value: unknown): unknown {
    this.#steps.push({ text });
    const encoded = this.encoded(value);
    this.#steps.pop();
    return encoded;
  }

  #enter(value: object, levels: number): void {
    if (this.#ancestors.includes(value)) this.#refuse('a circular reference');
    this.#depth += levels;
    if (this.#depth > MAX_DEPTH) this.#refuse('nested too deeply');
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') this.#refuse('an object with a toJSON method');
    this.#ancestors.push(value);
  }

  #leave(levels: number): void {
    this.#ancestors.pop();
    this.#depth -= levels;
  }
}

/** Returns an error in stored form. */
export const storedError = (data: TaskErrorData): object => tagged('TaskError', data);

const reference = ({ seq, key }: Reference): object => tagged(OUTPUT, key === undefined ? seq : [seq, key]);

const tagged = (tag: string, value: unknown): object => ({ [TAG]: tag, value });

/** Whether a part of parsed JSON stands for a value that JSON can't represent: for one of this `tag`, or for any. */
export const isTagged = (part: unknown, tag?: string): boolean =>
  isPlainObject(part) && Object.hasOwn(part, TAG) && (tag === undefined || part[TAG] === tag);

/** Copies the properties before a key to an object without a prototype, so that `__proto__` is a normal key. */
const copyUntil = (end: string, keys: readonly string[], value: Readonly<Record<string, unknown>>) => {
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of keys) {
    if (key === end) break;
    copy[key] = value[key];
  }
  return copy;
};

/** Whether an object's prototype chain has this length. The chain of a subclass's instance is longer, in any realm. */
const isOfBase = (value: object, prototypes: number): boolean => {
  let count = 0;
  for (let link = Object.getPrototypeOf(value); link !== null; link = Object.getPrototypeOf(link)) count++;
  return count === prototypes;
};

const instanceOf = (value: object): string => {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class without a name';
};

/** Formats a path, such as `rows[0].name`. */
export const pathText = (steps: readonly Step[]): string => steps.map(stepText).join('').replace(/^\./, '');

const stepText = (step: Step): string => {
  if (typeof step === 'object') return step.text;
  if (typeof step === 'number') return `[${step}]`;
  return /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
};

/** Reads outputs that a stored value refers to. */
export type StoredOutputs = {
  readonly source: OutputSource;
  /** Returns what a reference stands for. @throws JournalError `JOURNAL_CORRUPT` */
  readonly at: (reference: Reference) => unknown;
};

/** Reads the outputs of a job by `find`, which returns undefined if there is none, and `partOf`, a key's value. */
export const storedOutputs = (
  source: OutputSource,
  find: (seq: number) => unknown,
  partOf: (output: unknown, key: string) => unknown = ownValue,
): StoredOutputs => ({
  source,
  at: ({ seq, key }) => {
    const output = find(seq);
    const value = key === undefined ? output : partOf(output, key);
    if (value !== undefined) return value;
    const what = key === undefined ? '' : `the key "${key}" of `;
    const message = `The journal of the job "${source.jobId}" has an output that refers to ${what}the output of event ${seq}, which is missing.`;
    throw new JournalError('JOURNAL_CORRUPT', message, { jobId: source.jobId });
  },
});

/**
 * Decodes a text that `encode` returned; `outputs` reads what it refers to. @throws SyntaxError if it is not JSON
 * @throws JournalError `JOURNAL_NEWER` if a newer version wrote the value, `JOURNAL_CORRUPT` if the value is damaged
 */
export const decode = (text: string, outputs?: StoredOutputs): unknown => {
  const value: unknown = JSON.parse(text);
  return isPlainText(text) ? value : revived(value, outputs);
};

/** Whether a text that `encode` returned is the JSON of the value itself: it has nothing that JSON can't represent. */
export const isPlainText = (text: string): boolean => !text.includes(`"${TAG}"`);

const revived = (value: unknown, outputs: StoredOutputs | undefined): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  return Object.hasOwn(value, TAG) ? untagged(value as Tagged, outputs) : revivedInside(value, outputs);
};

const ownValue = (output: unknown, key: string): unknown =>
  isPlainObject(output) && Object.hasOwn(output, key) ? output[key] : undefined;

/** Returns the value of a key of an output in stored form. */
export const storedValue = (output: unknown, key: string): unknown => ownValue(contentOf(output), key);

/** Returns the keys of an output in stored form, with their values; none if it is no object of keys. */
export const storedKeys = (output: unknown): readonly (readonly [key: string, value: unknown])[] => {
  const content = contentOf(output);
  return isPlainObject(content) && (content !== output || !Object.hasOwn(content, TAG)) ? Object.entries(content) : [];
};

/** Returns an object in stored form without the escape of a key of the user's own that is named like the tag. */
const contentOf = (stored: unknown): unknown =>
  isPlainObject(stored) && stored[TAG] === 'Object' && isPlainObject(stored.value) ? stored.value : stored;

/** Returns the reference that a stored value is; undefined if it is none. */
const referenceOf = (value: unknown): Reference | undefined => {
  if (typeof value !== 'object' || value === null || (value as Tagged)[TAG] !== OUTPUT) return undefined;
  const { value: target } = value as Tagged;
  const [seq, key] = Array.isArray(target) ? target : [target, undefined];
  if (!Number.isInteger(seq) || (Array.isArray(target) && typeof key !== 'string')) return damaged(OUTPUT);
  return { seq, key };
};

/**
 * Puts outputs in place of the references in a stored value, in place; the rest stays in stored form.
 * @throws JournalError `JOURNAL_CORRUPT`
 */
export const withOutputs = (stored: unknown, at: (reference: Reference) => unknown): unknown => {
  if (typeof stored !== 'object' || stored === null) return stored;
  const reference = referenceOf(stored);
  if (reference) return at(reference);
  const container = contentOf(stored) as Record<string, unknown>;
  for (const key of Object.keys(container)) container[key] = withOutputs(container[key], at);
  return stored;
};

/** Calls `visit` with each reference in a stored value. @throws JournalError `JOURNAL_CORRUPT` if one is damaged */
export const visitReferences = (stored: unknown, visit: (reference: Reference) => void): void => {
  if (typeof stored !== 'object' || stored === null) return;
  const reference = referenceOf(stored);
  if (reference) visit(reference);
  else for (const value of Object.values(contentOf(stored) as object)) visitReferences(value, visit);
};

/** Restores values in place. Every key exists already, even `__proto__`, so no assignment sets a prototype. */
const revivedInside = (value: object, outputs: StoredOutputs | undefined): unknown => {
  const container = value as Record<string, unknown>;
  for (const key of Object.keys(container)) {
    const reference = outputs && referenceOf(container[key]);
    container[key] = revived(container[key], outputs);
    if (outputs && reference) rememberReference(container, key, reference, outputs.source);
  }
  return value;
};

/** Remembers a reference that was read, so that it is written as one again. */
const rememberReference = (container: object, key: string, reference: Reference, source: OutputSource): void => {
  const own = Array.isArray(container) ? Number(key) : key;
  rememberPart(container, own, { ...reference, value: (container as Record<string, unknown>)[key] }, source);
};

type Tagged = { readonly [TAG]: unknown; readonly value?: unknown };

const untagged = (tagged: Tagged, outputs: StoredOutputs | undefined): unknown => {
  const { [TAG]: tag, value } = tagged;
  switch (tag) {
    case 'undefined':
      return undefined;
    case '-0':
      return -0;
    case 'Date':
      return dateOf(value) ?? damaged(tag);
    case 'BigInt':
      return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : damaged(tag);
    case 'Uint8Array':
      return typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : damaged(tag);
    case 'Map':
      return isListOfPairs(value)
        ? new Map(value.map(([key, inner]) => [revived(key, outputs), revived(inner, outputs)]))
        : damaged(tag);
    case 'Set':
      return Array.isArray(value) ? new Set(value.map((inner) => revived(inner, outputs))) : damaged(tag);
    case 'Object':
      return isPlainObject(value) ? revivedInside(value, outputs) : damaged(tag);
    case 'TaskError':
      return isPlainObject(value) ? reviveTaskError(value as TaskErrorData) : damaged(tag);
    case OUTPUT:
      return outputs ? outputs.at(referenceOf(tagged) as Reference) : damaged(tag);
    default:
      throw new JournalError(
        'JOURNAL_NEWER',
        `A value in the journal has a form that this version does not know, ${JSON.stringify(tag)}: the journal was written by a newer tintype. Update tintype.`,
      );
  }
};

const isListOfPairs = (value: unknown): value is readonly (readonly [unknown, unknown])[] =>
  Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);

const damaged = (tag: string): never => {
  throw new JournalError('JOURNAL_CORRUPT', `A ${tag} in the journal is damaged: it can't be read back.`);
};
