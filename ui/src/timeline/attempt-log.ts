import type { TaskState } from '../../../src/events/event.ts';
import { stateOf } from '../../../src/wire/letters.ts';
import { changesIn } from '../../../src/wire/patches.ts';
import type { JobModel } from '../job/job-model.ts';

/** One time that a task ran; times in ms since the start of the job. */
export type Attempt = {
  readonly startAt: number;
  /** Undefined while it runs. */
  endAt: number | undefined;
  /** What it ended as, or `running`. */
  state: TaskState;
};

/** The attempts of all tasks by the events of the whole job, read as they come. */
export class AttemptLog {
  readonly #byTask = new Map<number, Attempt[]>();
  readonly #model: JobModel;
  #read = 0;

  constructor(model: JobModel) {
    this.#model = model;
  }

  of(index: number): readonly Attempt[] {
    return this.#byTask.get(index) ?? [];
  }

  /** Reads what has come since it was last called. */
  update(): void {
    const { events } = this.#model;
    for (; this.#read < events.length; this.#read += 1) {
      const event = events[this.#read];
      if (event?.type !== 'patch') continue;
      for (const { index, state, at } of changesIn(event.data)) this.#change(index, stateOf(state), at);
    }
  }

  #change(index: number, state: TaskState | undefined, at: number): void {
    const attempts = this.#byTask.get(index);
    const last = attempts?.at(-1);
    if (state === 'running') {
      if (last !== undefined && last.endAt === undefined) return;
      const attempt: Attempt = { startAt: at, endAt: undefined, state };
      if (attempts === undefined) this.#byTask.set(index, [attempt]);
      else attempts.push(attempt);
    } else if (last !== undefined && last.endAt === undefined) {
      // A pause ends a bar, also where the attempt continues after it.
      last.endAt = at;
      last.state = state ?? 'cancelled';
    }
  }
}
