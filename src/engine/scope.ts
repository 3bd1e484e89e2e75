import type { LogLevel } from '../events/event.ts';
import { jsonSafe } from '../events/json-safe.ts';
import type { Attempt } from './attempt.ts';
import type { JobRun } from './job-run.ts';
import type { TaskLogger, TaskScope } from './task-function.ts';
import type { TaskRun } from './task-run.ts';

/** What a task function receives. What costs something is made when first asked for. */
export class AttemptScope implements TaskScope {
  readonly #job: JobRun;
  readonly #task: TaskRun;
  readonly #attempt: Attempt;
  #deps: Readonly<Record<string, unknown>> | undefined;

  constructor(job: JobRun, task: TaskRun, attempt: Attempt) {
    this.#job = job;
    this.#task = task;
    this.#attempt = attempt;
  }

  get ctx(): Readonly<Record<string, unknown>> {
    return this.#job.context.at(this.#attempt.version);
  }

  get deps(): Readonly<Record<string, unknown>> {
    this.#deps ??= outputsOf(this.#job, this.#task.index);
    return this.#deps;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get isActive(): () => boolean {
    const attempt = this.#attempt;
    return () => attempt.phase === 'live' && !attempt.aborted;
  }

  get attempt(): number {
    return this.#attempt.number;
  }

  get jobId(): string {
    return this.#job.id;
  }

  get taskName(): string {
    return this.#task.definition.name;
  }

  get log(): TaskLogger {
    const at = (level: LogLevel) => (message: string, data?: unknown) => this.#log(level, message, data);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  get progress(): (fraction: number, message?: string) => void {
    return (fraction, message) => {
      if (!(fraction >= 0 && fraction <= 1)) {
        throw new RangeError(
          `Task "${this.taskName}" reported a progress of ${fraction}: expected a number from 0 to 1.`,
        );
      }
      if (this.#attempt.phase === 'over') return;
      const { taskName: task, attempt } = this;
      const said = message === undefined ? {} : { message: String(message) };
      this.#job.publish({ type: 'task.progress', task, attempt, fraction, ...said });
    };
  }

  #log(level: LogLevel, message: string, data: unknown): void {
    const { taskName: task, attempt } = this;
    const more = data === undefined ? {} : { data: jsonSafe(data) };
    this.#job.publish({ type: 'task.log', task, attempt, level, message: String(message), ...more });
  }
}

const outputsOf = (job: JobRun, index: number): Readonly<Record<string, unknown>> => {
  const outputs: [string, unknown][] = [];
  for (const upstream of job.plan.graph.upstream[index] ?? []) {
    outputs.push([job.plan.graph.names[upstream] as string, job.tasks[upstream]?.output]);
  }
  return Object.freeze(Object.fromEntries(outputs));
};
