import type { ExecutorRoom, ExecutorSlot } from '../definition/executor.ts';

/** The room that the workers with certain tags have. Holds the slots that are reserved for attempts that have not begun. */
export class ExecutorLimit {
  readonly kind = 'worker';
  /** Sorted. Empty if any worker will do. */
  readonly tags: readonly string[];
  readonly #elsewhere: Pick<Elsewhere, 'room' | 'reserve'>;
  /** The slot of each running task; undefined once it has been handed over. */
  readonly #slots = new Map<object, ExecutorSlot | undefined>();

  constructor(tags: readonly string[], elsewhere: Pick<Elsewhere, 'room' | 'reserve'>) {
    this.tags = tags;
    this.#elsewhere = elsewhere;
  }

  get room(): ExecutorRoom {
    return this.#elsewhere.room(this.tags);
  }

  hasCapacity(): boolean {
    const { size, taken } = this.room;
    return taken < size;
  }

  acquire(task: object): void {
    if (!this.#slots.has(task)) this.#slots.set(task, this.#elsewhere.reserve(task));
  }

  /** Returns who performs the attempt of a task with a slot that has not begun, if that is known. */
  workerOf(task: object): string | undefined {
    return this.#slots.get(task)?.worker;
  }

  /** Hands the slot of a task over to the attempt; undefined if there is none, or it was handed over before. */
  handOver(task: object): ExecutorSlot | undefined {
    const slot = this.#slots.get(task);
    if (slot) this.#slots.set(task, undefined);
    return slot;
  }

  release(task: object): void {
    const slot = this.#slots.get(task);
    if (this.#slots.delete(task)) slot?.release();
  }

  releaseAll(): void {
    for (const task of [...this.#slots.keys()]) this.release(task);
  }
}

/** What the dispatcher and its jobs ask of an executor. The tasks are those of `QueuedTask`. */
export type Elsewhere = {
  /** Returns the limit for the attempts of a task that the executor takes; null if the engine performs them. */
  place(task: object): ExecutorLimit | null;
  room(tags: readonly string[]): ExecutorRoom;
  reserve(task: object): ExecutorSlot;
  /** Performs an attempt of a task. `run` calls its function with `scope`, in this process. */
  perform(task: object, attempt: object, scope: object, run: () => unknown): unknown;
  onRoom(listener: () => void): void;
  /** Gives back all slots of attempts that have not begun, and listens no more. */
  close(): void;
};
