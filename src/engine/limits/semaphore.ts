import type { QueuedTask } from './queued-task.ts';

/** A semaphore that remembers its holders, so releasing twice or without acquiring changes nothing. */
export class Semaphore {
  readonly kind: 'concurrency' | 'pool';
  /** Name for messages: `the job "etl"`, `pool "db" of the engine`. */
  readonly name: string;
  size: number;
  readonly #holders = new Set<QueuedTask>();
  #taken = 0;

  constructor(kind: 'concurrency' | 'pool', name: string, size: number) {
    this.kind = kind;
    this.name = name;
    this.size = size;
  }

  get holders(): readonly QueuedTask[] {
    return [...this.#holders];
  }

  get taken(): number {
    return this.#taken;
  }

  hasCapacity(task: QueuedTask): boolean {
    return this.#taken + this.slotsOf(task) <= this.size;
  }

  acquire(task: QueuedTask): void {
    if (this.#holders.has(task)) return;
    this.#holders.add(task);
    this.#taken += this.slotsOf(task);
  }

  release(task: QueuedTask): void {
    if (this.#holders.delete(task)) this.#taken -= this.slotsOf(task);
  }

  slotsOf({ definition }: QueuedTask): number {
    return this.kind === 'pool' ? (definition.slots ?? 1) : 1;
  }
}
