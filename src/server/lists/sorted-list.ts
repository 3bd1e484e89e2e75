/* Lists in order, for units and schedules: whoever changes one does not pay for its length. */

/**
 * A list in order, of items that differ in what orders them, `Order`. Adding, removing and finding take a time that hardly
 * grows with the list.
 */
export class SortedList<Item extends Order, Order = Item> {
  readonly #compare: (a: Order, b: Order) => number;
  /** Each holds some items in order, and none is empty, so that no change moves more than one chunk. */
  readonly #chunks: Item[][] = [];
  #size = 0;

  /** `compare`: negative if `a` comes first, 0 only for the same item. */
  constructor(compare: (a: Order, b: Order) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds an item that is not in the list. */
  add(item: Item): void {
    this.#size++;
    const at = Math.min(this.#chunkOf(item), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (!chunk) {
      this.#chunks.push([item]);
      return;
    }
    chunk.splice(this.#within(chunk, item), 0, item);
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2));
  }

  /** Removes an item; does nothing if it is not in the list. */
  remove(item: Item): void {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (!chunk) return;
    const place = this.#within(chunk, item);
    const found = chunk[place];
    if (found === undefined || this.#compare(found, item) !== 0) return;
    chunk.splice(place, 1);
    this.#size--;
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Returns the first item, or the first that comes after another one, which may not be in the list. */
  first(after?: Order): Item | undefined {
    for (const item of this.from(after)) return item;
    return undefined;
  }

  /** Yields the items in order, those after another one, which may not be in the list. Must not change meanwhile. */
  *from(after?: Order): Generator<Item, void, undefined> {
    let at = 0;
    let place = 0;
    if (after !== undefined) {
      at = this.#chunkOf(after);
      const chunk = this.#chunks[at] ?? [];
      place = this.#within(chunk, after);
      const found = chunk[place];
      if (found !== undefined && this.#compare(found, after) === 0) place++;
    }
    for (; at < this.#chunks.length; at++, place = 0) {
      const chunk = this.#chunks[at] as Item[];
      for (; place < chunk.length; place++) yield chunk[place] as Item;
    }
  }

  /** Returns the number of the first chunk whose last item does not come before `item`. */
  #chunkOf(item: Order): number {
    return firstIn(this.#chunks, (chunk) => this.#compare(chunk[chunk.length - 1] as Item, item) >= 0);
  }

  #within(chunk: readonly Item[], item: Order): number {
    return firstIn(chunk, (one) => this.#compare(one, item) >= 0);
  }
}

const MAX_CHUNK = 128;

/** Returns the index of the first item for which a condition holds that then holds for all later ones; else the length. */
const firstIn = <Item>(items: readonly Item[], holds: (item: Item) => boolean): number => {
  let from = 0;
  let to = items.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (holds(items[middle] as Item)) to = middle;
    else from = middle + 1;
  }
  return from;
};
