/** A value that a task put under a key. */
type Write = {
  readonly value: unknown;
  /** Where the writer stands in topological order; the input stands at -1. */
  readonly position: number;
  /** How many merges there had been, this one included. */
  readonly version: number;
  /** The same key's earlier write, if any. */
  readonly before: Write | undefined;
  /** Of this write and all before it, the one that stands last in topological order. */
  readonly kept: Write | undefined;
};

/** Two writers of one key, by position. */
export type Overlap = { readonly key: string; readonly positions: readonly [number, number] };

/**
 * The merged context: the input and every output, each key owned by the writer that stands last in topological order,
 * whoever finished first. A snapshot is the number of merges at its time, so taking one costs nothing, and a merge costs
 * what its output holds, whatever the context holds already.
 */
export class ContextStore {
  readonly #writes = new Map<string, Write>();
  readonly #outputs: { readonly output: object; readonly position: number }[] = [];
  #version = 0;
  #latest: Readonly<Record<string, unknown>> | undefined;

  constructor(input: object) {
    this.#outputs.push({ output: input, position: -1 });
    for (const [key, value] of Object.entries(input)) {
      this.#writes.set(key, { value, position: -1, version: 0, before: undefined, kept: undefined });
    }
  }

  /** Names the snapshot of this moment. */
  get version(): number {
    return this.#version;
  }

  /** Merges an output; answers the keys that another task had written before, each with the writer it stood against. */
  merge(output: object, position: number): readonly Overlap[] {
    const entries = Object.entries(output);
    const version = ++this.#version;
    this.#latest = undefined;
    this.#outputs.push({ output, position });
    const overlaps: Overlap[] = [];
    for (const [key, value] of entries) {
      const before = this.#writes.get(key);
      const rival = before && (before.kept ?? before);
      if (rival && rival.position >= 0) {
        const { position: other } = rival;
        overlaps.push({ key, positions: other < position ? [other, position] : [position, other] });
      }
      const kept = rival && rival.position > position ? rival : undefined;
      this.#writes.set(key, { value, position, version, before, kept });
    }
    return overlaps;
  }

  /** The context as it was at a version: a frozen plain object, or a view that behaves as one where it would be large. */
  at(version: number): Readonly<Record<string, unknown>> {
    if (this.#writes.size > LARGEST_COPY) return new Proxy(Object.create(INSPECTABLE), new View(this, version));
    if (version !== this.#version) return this.#copy(version);
    this.#latest ??= this.#copy(version);
    return this.#latest;
  }

  /** All of it as a frozen plain object: the input, then every output in topological order, laid one over the other. */
  final(): Readonly<Record<string, unknown>> {
    return this.#merged(this.#outputs);
  }

  /** The same without the input. */
  outputs(): Readonly<Record<string, unknown>> {
    return this.#merged(this.#outputs.filter(({ position }) => position >= 0));
  }

  #merged(
    outputs: readonly { readonly output: object; readonly position: number }[],
  ): Readonly<Record<string, unknown>> {
    const merged = new Map<string, unknown>();
    for (const { output } of outputs.toSorted((a, b) => a.position - b.position)) {
      for (const [key, value] of Object.entries(output)) merged.set(key, value);
    }
    return Object.freeze(Object.fromEntries(merged));
  }

  /** What counts under a key at a version. */
  read(key: string, version: number): Write | undefined {
    let write = this.#writes.get(key);
    while (write && write.version > version) write = write.before;
    return write?.kept ?? write;
  }

  /** The keys that there were at a version. */
  keys(version: number): string[] {
    return [...this.#writes.keys()].filter((key) => this.read(key, version) !== undefined);
  }

  #copy(version: number): Readonly<Record<string, unknown>> {
    return Object.freeze(Object.fromEntries(this.keys(version).map((key) => [key, this.read(key, version)?.value])));
  }
}

/** Reads a context as it was at a version: like the frozen copy to whoever looks, and that copy once somebody freezes it. */
class View implements ProxyHandler<Record<string, unknown>> {
  readonly #store: ContextStore;
  readonly #version: number;
  #whole = false;

  constructor(store: ContextStore, version: number) {
    this.#store = store;
    this.#version = version;
  }

  get(target: object, key: string | symbol): unknown {
    const write = typeof key === 'string' ? this.#store.read(key, this.#version) : undefined;
    return write ? write.value : Reflect.get(target, key);
  }

  has(target: object, key: string | symbol): boolean {
    return (typeof key === 'string' && this.#store.read(key, this.#version) !== undefined) || key in target;
  }

  ownKeys(target: object): (string | symbol)[] {
    return this.#whole ? Reflect.ownKeys(target) : this.#store.keys(this.#version);
  }

  getOwnPropertyDescriptor(target: object, key: string | symbol): PropertyDescriptor | undefined {
    if (this.#whole) return Reflect.getOwnPropertyDescriptor(target, key);
    const write = typeof key === 'string' ? this.#store.read(key, this.#version) : undefined;
    return write && { value: write.value, enumerable: true, configurable: true, writable: false };
  }

  preventExtensions(target: object): boolean {
    if (!this.#whole) {
      Object.setPrototypeOf(target, Object.prototype);
      for (const key of this.#store.keys(this.#version)) {
        const value = this.#store.read(key, this.#version)?.value;
        Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
      }
      this.#whole = true;
    }
    Object.freeze(target);
    return true;
  }

  defineProperty(target: object, key: string | symbol, description: PropertyDescriptor): boolean {
    return this.#whole && Reflect.defineProperty(target, key, description);
  }

  getPrototypeOf(): object {
    return Object.prototype;
  }

  set(): boolean {
    return false;
  }

  deleteProperty(): boolean {
    return false;
  }

  setPrototypeOf(): boolean {
    return false;
  }
}

/** Node's inspect shows a proxy's target, unless that says how to show it. */
const INSPECTABLE: object = Object.create(Object.prototype, {
  [Symbol.for('nodejs.util.inspect.custom')]: {
    value(this: object): object {
      return { ...this };
    },
  },
});

/**
 * Up to this many keys a snapshot is copied, which is what people expect of an object; past it, copying one for each
 * task would cost the square of the tasks.
 */
const LARGEST_COPY = 64;
