/** A value that a task wrote to a key. */
type Write = {
  readonly value: unknown;
  /** The writer's position in topological order; -1 for the input. */
  readonly position: number;
  /** The number of merges so far, including this one. */
  readonly version: number;
  /** The previous write to the same key, if any. */
  readonly before: Write | undefined;
  /** The earlier write that wins over this one because its task is later in topological order, if there is one. */
  readonly winner: Write | undefined;
};

type Output = { readonly output: object; readonly position: number };

/** A key that two tasks wrote, and the positions of both tasks in topological order. */
export type Overlap = { readonly key: string; readonly positions: readonly [number, number] };

/**
 * The merged context: the input and all outputs. If several tasks write a key, the last task in topological order wins,
 * whichever finished first. A snapshot is only a version number, so it costs nothing. A merge takes time in proportion
 * to the output, not to the context.
 */
export class ContextStore {
  readonly #writes = new Map<string, Write>();
  readonly #outputs: Output[] = [];
  #version = 0;
  #latest: Readonly<Record<string, unknown>> | undefined;

  constructor(input: object) {
    this.#outputs.push({ output: input, position: -1 });
    for (const [key, value] of Object.entries(input)) {
      this.#writes.set(key, { value, position: -1, version: 0, before: undefined, winner: undefined });
    }
  }

  /** Identifies the current snapshot. */
  get version(): number {
    return this.#version;
  }

  /** Merges an output. Returns the keys that another task had written before, each with both writers. */
  merge(output: object, position: number): readonly Overlap[] {
    const entries = Object.entries(output);
    const version = ++this.#version;
    this.#latest = undefined;
    this.#outputs.push({ output, position });
    const overlaps: Overlap[] = [];
    for (const [key, value] of entries) {
      const before = this.#writes.get(key);
      const rival = before && (before.winner ?? before);
      if (rival && rival.position >= 0) {
        const { position: other } = rival;
        overlaps.push({ key, positions: other < position ? [other, position] : [position, other] });
      }
      const winner = rival && rival.position > position ? rival : undefined;
      this.#writes.set(key, { value, position, version, before, winner });
    }
    return overlaps;
  }

  /** Returns the context at a version: a frozen plain object or, if it is large, a proxy that behaves like one. */
  at(version: number): Readonly<Record<string, unknown>> {
    if (this.#writes.size > MAX_COPIED_KEYS)
      return new Proxy(Object.create(INSPECTABLE), new ContextView(this, version));
    if (version !== this.#version) return this.#copy(version);
    this.#latest ??= this.#copy(version);
    return this.#latest;
  }

  /** Returns the final context as a frozen plain object: the input and all outputs, merged in topological order. */
  final(): Readonly<Record<string, unknown>> {
    return this.#merged(this.#outputs);
  }

  /** Returns the final context without the input. */
  outputs(): Readonly<Record<string, unknown>> {
    return this.#merged(this.#outputs.filter(({ position }) => position >= 0));
  }

  #merged(outputs: readonly Output[]): Readonly<Record<string, unknown>> {
    const merged = new Map<string, unknown>();
    for (const { output } of outputs.toSorted((a, b) => a.position - b.position)) {
      for (const [key, value] of Object.entries(output)) merged.set(key, value);
    }
    return Object.freeze(Object.fromEntries(merged));
  }

  /** Returns the write that wins for a key at a version. */
  read(key: string, version: number): Write | undefined {
    let write = this.#writes.get(key);
    while (write && write.version > version) write = write.before;
    return write?.winner ?? write;
  }

  /** Returns the keys that exist at a version. */
  keys(version: number): string[] {
    return [...this.#writes.keys()].filter((key) => this.read(key, version) !== undefined);
  }

  #copy(version: number): Readonly<Record<string, unknown>> {
    return Object.freeze(Object.fromEntries(this.keys(version).map((key) => [key, this.read(key, version)?.value])));
  }
}

/** Handler of a proxy that behaves like a frozen copy of the context. Only freezing the proxy makes a real copy. */
class ContextView implements ProxyHandler<Record<string, unknown>> {
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

/** Makes Node's `inspect` show the properties of the proxy; by default it shows the proxy's target. */
const INSPECTABLE: object = Object.create(Object.prototype, {
  [Symbol.for('nodejs.util.inspect.custom')]: {
    value(this: object): object {
      return { ...this };
    },
  },
});

/** A context with more keys is not copied: a copy for each of n tasks would cost n² time. */
const MAX_COPIED_KEYS = 64;
