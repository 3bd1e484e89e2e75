import type { QueuedTask } from './queued-task.ts';

/** A semaphore that remembers its holders, so releasing twice or without acquiring changes nothing. */
export class Semaphore {
  readonly kind: 'concurrency' | 'pool';
  /** Name for messages: `the job "etl"`, `pool "db" of the engine`. */
  readonly name: string;
  size: number;
  readonly #now: () => number;
  readonly #holders = new Set<QueuedTask>();
  #taken = 0;
  /** Up to `#countedAt`, a time of `now`. */
  #busyMs = 0;
  #countedAt = 0;

  /** `now`: a time in ms that is never set back; by default it stands still, so that `busyMs` stays 0. */
  constructor(kind: 'concurrency' | 'pool', name: string, size: number, now: () => number = STILL) {
    this.kind = kind;
    this.name = name;
    this.size = size;
    this.#now = now;
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
    this.#countBusy();
    this.#holders.add(task);
    this.#taken += this.slotsOf(task);
  }

  release(task: QueuedTask): void {
    if (!this.#holders.delete(task)) return;
    this.#countBusy();
    this.#taken -= this.slotsOf(task);
  }

  /** For how long slots have been taken up to now, in ms, summed over the slots. */
  get busyMs(): number {
    this.#countBusy();
    return this.#busyMs;
  }

  #countBusy(): void {
    const now = this.#now();
    this.#busyMs += this.#taken * (now - this.#countedAt);
    this.#countedAt = now;
  }

  slotsOf({ definition }: QueuedTask): number {
    return this.kind === 'pool' ? (definition.slots ?? 1) : 1;
  }
}

const STILL = (): number => 0;
