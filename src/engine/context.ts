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
    if (this.#writes.size > LARGEST_COPY) return this.#view(version);
    if (version !== this.#version) return this.#copy(version);
    this.#latest ??= this.#copy(version);
    return this.#latest;
  }

  /** All of it as a frozen plain object: the input, then every output in topological order, laid one over the other. */
  final(): Readonly<Record<string, unknown>> {
    const merged = new Map<string, unknown>();
    for (const { output } of this.#outputs.toSorted((a, b) => a.position - b.position)) {
      for (const [key, value] of Object.entries(output)) merged.set(key, value);
    }
    return Object.freeze(Object.fromEntries(merged));
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

  /** Like the frozen copy to whoever reads it; becomes that copy when somebody freezes it. */
  #view(version: number): Readonly<Record<string, unknown>> {
    const inspected = (): Readonly<Record<string, unknown>> => this.#copy(version);
    const target: Record<string, unknown> = Object.defineProperty({}, INSPECT, {
      value: inspected,
      configurable: true,
    });
    let whole = false;
    const refuse = (): boolean => false;
    return new Proxy(target, {
      get: (_target, key) => {
        const write = typeof key === 'string' ? this.#read(key, version) : undefined;
        return write ? write.value : Reflect.get(target, key);
      },
      has: (_target, key) => (typeof key === 'string' && this.#read(key, version) !== undefined) || key in target,
      ownKeys: () => (whole ? Reflect.ownKeys(target) : this.#keys(version)),
      getOwnPropertyDescriptor: (_target, key) => {
        if (whole) return Reflect.getOwnPropertyDescriptor(target, key);
        const write = typeof key === 'string' ? this.#read(key, version) : undefined;
        return write && { value: write.value, enumerable: true, configurable: true, writable: false };
      },
      preventExtensions: () => {
        if (!whole) for (const key of this.#keys(version)) define(target, key, this.#read(key, version)?.value);
        whole = true;
        Reflect.deleteProperty(target, INSPECT);
        Object.freeze(target);
        return true;
      },
      defineProperty: (_target, key, description) => whole && Reflect.defineProperty(target, key, description),
      set: refuse,
      deleteProperty: refuse,
      setPrototypeOf: refuse,
    });
  }
}

const define = (target: object, key: string, value: unknown): void => {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
};

/**
 * Up to this many keys a snapshot is copied, which is what people expect of an object; past it, copying one for each
 * task would cost the square of the tasks.
 */
const LARGEST_COPY = 64;

/** Node's inspect shows a proxy's target, unless that says how to show it. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
