/** A priority queue, least item first. Items that arrive in order go to an array (constant time), others to a heap. */
export class Heap<Item> {
  readonly #compare: (a: Item, b: Item) => number;
  readonly #items: Item[] = [];
  #run: (Item | undefined)[] = [];
  #head = 0;

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length + this.#run.length - this.#head;
  }

  get items(): readonly Item[] {
    return [...this.#items, ...(this.#run.slice(this.#head) as Item[])];
  }

  peek(): Item | undefined {
    return this.#runIsFirst() ? this.#run[this.#head] : this.#items[0];
  }

  push(item: Item): void {
    const last = this.#run.at(-1);
    if (last === undefined || this.#compare(last, item) <= 0) this.#run.push(item);
    else this.#sink(item);
  }

  pop(): Item | undefined {
    if (!this.#runIsFirst()) return this.#popHeap();
    const least = this.#run[this.#head];
    this.#run[this.#head++] = undefined;
    // Frees the popped part of `#run` from time to time, since `#run` may never become empty.
    if (this.#head === this.#run.length || this.#head === 1_024) {
      this.#run = this.#run.slice(this.#head);
      this.#head = 0;
    }
    return least;
  }

  #runIsFirst(): boolean {
    const first = this.#run[this.#head];
    if (first === undefined) return false;
    return this.#items.length === 0 || this.#compare(first, this.#items[0] as Item) <= 0;
  }

  #sink(item: Item): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above] as Item;
      if (this.#compare(parent, item) <= 0) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  #popHeap(): Item | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return least;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#compare(items[below + 1] as Item, items[below] as Item) < 0) below++;
      if (this.#compare(items[below] as Item, last) >= 0) break;
      items[at] = items[below] as Item;
      at = below;
    }
    items[at] = last;
    return least;
  }
}
