/** Which value a full queue gives up: the one that has waited longest, or the one that arrives. */
export type OnFull = 'dropOldest' | 'dropNewest';

/**
 * A queue of at most `size` values, first in, first out. Every operation takes constant time. A linked list, since a
 * value in the middle is removed when a newer one has its key.
 */
export class BoundedQueue<Value> {
  readonly #size: number;
  readonly #onFull: OnFull;
  #oldest: Entry<Value> | undefined;
  #newest: Entry<Value> | undefined;
  readonly #byKey = new Map<string, Entry<Value>>();
  #length = 0;
  #dropped = 0;

  constructor(size: number, onFull: OnFull) {
    this.#size = size;
    this.#onFull = onFull;
  }

  /** Number of values that were added and will not be taken. Values that `clear` removes do not count. */
  get dropped(): number {
    return this.#dropped;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a value at the end. With `key`, it replaces the waiting value that has the same key. */
  add(value: Value, key?: string): void {
    const replaced = key === undefined ? undefined : this.#byKey.get(key);
    const isFull = !replaced && this.#length >= this.#size;
    if (isFull && this.#onFull === 'dropNewest') {
      this.#dropped++;
      return;
    }
    const lost = isFull ? this.#oldest : replaced;
    if (lost) this.#drop(lost);
    this.#append({ value, key, before: undefined, after: undefined });
  }

  /** Removes and returns the value that has waited longest, in an array; an empty one if none waits. */
  take(): readonly [Value] | readonly [] {
    const entry = this.#oldest;
    if (!entry) return [];
    this.#remove(entry);
    return [entry.value];
  }

  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#byKey.clear();
    this.#length = 0;
  }

  #append(entry: Entry<Value>): void {
    entry.before = this.#newest;
    if (this.#newest) this.#newest.after = entry;
    else this.#oldest = entry;
    this.#newest = entry;
    if (entry.key !== undefined) this.#byKey.set(entry.key, entry);
    this.#length++;
  }

  #drop(entry: Entry<Value>): void {
    this.#remove(entry);
    this.#dropped++;
  }

  #remove(entry: Entry<Value>): void {
    const { key, before, after } = entry;
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    // An entry that the garbage collector has not got to yet must keep none of those after it.
    entry.before = undefined;
    entry.after = undefined;
    if (key !== undefined) this.#byKey.delete(key);
    this.#length--;
  }
}

type Entry<Value> = {
  readonly value: Value;
  readonly key: string | undefined;
  before: Entry<Value> | undefined;
  after: Entry<Value> | undefined;
};
