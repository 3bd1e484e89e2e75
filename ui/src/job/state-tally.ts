import type { TaskState } from '../../../src/events/event.ts';
import type { JobTable } from '../../../src/wire/job-table.ts';
import { REMOVED, STATE_LETTERS, TASK_STATES } from '../../../src/wire/letters.ts';
import type { StateCounts } from '../states/meter.tsx';

const STATES = TASK_STATES.length;
const PLACE = new Uint8Array(128).fill(255);
for (const [place, state] of TASK_STATES.entries()) PLACE[STATE_LETTERS[state].charCodeAt(0)] = place;

/** Counts of the states of all tasks without others inside, rolled up to whatever is around them. */
export class StateTally {
  /** A row for each task, and the last one for the whole job. */
  #rows = new Uint32Array(0);
  #totals = new Uint32Array(0);
  #hasInside = new Uint8Array(0);
  #size = -1;

  constructor(table: JobTable) {
    this.update(table);
  }

  /** Counts again; the memory stays the same as long as no task is added. */
  update({ state, parent, inside }: JobTable): void {
    const size = state.length;
    if (size === this.#size) {
      this.#rows.fill(0);
      this.#totals.fill(0);
      this.#hasInside.fill(0);
    } else {
      this.#size = size;
      this.#rows = new Uint32Array((size + 1) * STATES);
      this.#totals = new Uint32Array(size + 1);
      this.#hasInside = new Uint8Array(size);
    }
    const hasInside = this.#hasInside;
    for (const [around, tasks] of inside) if (tasks.some((one) => state[one] !== REMOVED)) hasInside[around] = 1;
    for (let index = 0; index < size; index += 1) {
      if (hasInside[index] === 1) continue;
      const place = PLACE[(state[index] as string).charCodeAt(0)] as number;
      if (place === 255) continue;
      this.#add(index, place);
      for (let around = parent[index] as number; around >= 0; around = parent[around] as number)
        this.#add(around, place);
      this.#add(size, place);
    }
  }

  #add(row: number, place: number): void {
    this.#rows[row * STATES + place] = (this.#rows[row * STATES + place] as number) + 1;
    this.#totals[row] = (this.#totals[row] as number) + 1;
  }

  count(index: number, state: TaskState): number {
    const row = index < 0 ? this.#size : index;
    return this.#rows[row * STATES + TASK_STATES.indexOf(state)] as number;
  }

  total(index: number): number {
    return this.#totals[index < 0 ? this.#size : index] as number;
  }

  counts(index: number): StateCounts {
    return Object.fromEntries(TASK_STATES.map((state) => [state, this.count(index, state)]));
  }
}
