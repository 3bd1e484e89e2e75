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
  /** Of this write and all before it, the first place in topological order. */
  readonly first: number;
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
  #version = 0;
  #latest: Readonly<Record<string, unknown>> | undefined;

  constructor(input: object) {
    for (const [key, value] of Object.entries(input)) {
      this.#writes.set(key, { value, position: -1, version: 0, before: undefined, kept: undefined, first: -1 });
    }
  }

  /** Names the snapshot of this moment. */
  get version(): number {
    return this.#version;
  }

  /** Merges an output; answers the keys that another task had written before, each with the writer it stood against. */
  merge(output: object, position: number): readonly Overlap[] {
    const version = ++this.#version;
    this.#latest = undefined;
    const overlaps: Overlap[] = [];
    for (const [key, value] of Object.entries(output)) {
      const before = this.#writes.get(key);
      const rival = before && (before.kept ?? before);
      if (rival && rival.position >= 0) {
        const { position: other } = rival;
        overlaps.push({ key, positions: other < position ? [other, position] : [position, other] });
      }
      const kept = rival && rival.position > position ? rival : undefined;
      const first = before ? Math.min(before.first, position) : position;
      this.#writes.set(key, { value, position, version, before, kept, first });
    }
    return overlaps;
  }

  /** The context as it was at a version: a frozen plain object, or a view that behaves as one where it would be large. */
  at(version: number): Readonly<Record<string, unknown>> {
    if (this.#writes.size > LARGEST_COPY) return this.#view(version);
    if (version !== this.#version) return this.#copy(version);
    this.#latest ??= this.#copy(version);
    return this.#latest;
  }

  /** All of it as a frozen plain object, its keys in the order of their first writers. */
  final(): Readonly<Record<string, unknown>> {
    const keys = [...this.#writes].sort(([, a], [, b]) => a.first - b.first);
    return Object.freeze(Object.fromEntries(keys.map(([key, write]) => [key, (write.kept ?? write).value])));
  }

  #read(key: string, version: number): Write | undefined {
    let write = this.#writes.get(key);
    while (write && write.version > version) write = write.before;
    return write?.kept ?? write;
  }

  #keys(version: number): string[] {
    return [...this.#writes.keys()].filter((key) => this.#read(key, version) !== undefined);
  }

  #copy(version: number): Readonly<Record<string, unknown>> {
    return Object.freeze(Object.fromEntries(this.#keys(version).map((key) => [key, this.#read(key, version)?.value])));
  }

  #view(version: number): Readonly<Record<string, unknown>> {
    const refuse = (): boolean => false;
    const plain = (): Readonly<Record<string, unknown>> => this.#copy(version);
    // Node's inspect shows a proxy's target, unless that says how to show it.
    const target = Object.defineProperty({}, INSPECT, { value: plain, configurable: true });
    return new Proxy<Record<string, unknown>>(target, {
      get: (_target, key) => {
        if (typeof key === 'symbol') return Reflect.get(target, key);
        const write = this.#read(key, version);
        return write ? write.value : Reflect.get(Object.prototype, key);
      },
      has: (_target, key) =>
        (typeof key === 'string' && this.#read(key, version) !== undefined) || key in Object.prototype,
      ownKeys: () => this.#keys(version),
      getOwnPropertyDescriptor: (_target, key) => {
        const write = typeof key === 'string' ? this.#read(key, version) : undefined;
        return write && { value: write.value, enumerable: true, configurable: true, writable: false };
      },
      set: refuse,
      defineProperty: refuse,
      deleteProperty: refuse,
      setPrototypeOf: refuse,
      preventExtensions: refuse,
    });
  }
}

/**
 * Up to this many keys a snapshot is copied, which is what people expect of an object; past it, copying one for each
 * task would cost the square of the tasks.
 */
const LARGEST_COPY = 64;

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
