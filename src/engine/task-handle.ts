import type { TaskState } from '../events/event.ts';
import type { TaskError } from './errors.ts';
import type { TaskResult } from './job-result.ts';
import type { JobRun } from './job-run.ts';
import type { TaskRun } from './task-run.ts';

/** How one task of a job stands: each property answers for the moment it is read. */
export class TaskHandle implements TaskResult {
  readonly #run: JobRun;
  readonly #index: number;

  /** @internal */
  constructor(run: JobRun, index: number) {
    this.#run = run;
    this.#index = index;
  }

  get #task(): TaskRun | undefined {
    return this.#run.tasks[this.#index];
  }

  get name(): string {
    return this.#run.plan.graph.names[this.#index] as string;
  }

  get state(): TaskState {
    return this.#task?.state ?? 'unscheduled';
  }

  /** The attempt that runs or ran last, from 1; 0 before the first. */
  get attempt(): number {
    return this.attempts;
  }

  get attempts(): number {
    return this.#task?.attempts ?? 0;
  }

  get startedAt(): number | undefined {
    return this.#task?.startedAt;
  }

  get durationMs(): number | undefined {
    return durationOf(this.#task, this.#run.clock.now);
  }

  /** Why it failed, or why its last attempt did if it is being tried again. */
  get error(): TaskError | undefined {
    const task = this.#task;
    return task?.error ?? (task?.state === 'completed' ? undefined : task?.lastError);
  }

  get reason(): string | undefined {
    return this.#task?.reason;
  }

  /** How many results came after their attempt had timed out or been cancelled, and were dropped. */
  get lateResults(): number {
    return this.#task?.lateResults ?? 0;
  }
}

/** From its first attempt to its end, or to now; in ms, never below 0, even if the clock was set back. */
export const durationOf = (task: TaskRun | undefined, now: () => number): number | undefined =>
  task?.startedAt === undefined ? undefined : Math.max(0, (task.endedAt ?? now()) - task.startedAt);
