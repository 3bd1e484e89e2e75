import { isolate } from '../../events/isolate.ts';
import { isThenable } from '../../events/thenable.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import type { Assignment, Executor, ExecutorRoom, ExecutorSlot, ExecutorTask } from '../definition/executor.ts';
import type { FanOut } from '../definition/plan.ts';
import { sensorOutcome } from '../definition/sensor.ts';
import type { TaskScope } from '../definition/task-function.ts';
import { decodedOutput, EncodedOutput } from '../durable/encoded-output.ts';
import { type Elsewhere, ExecutorLimit } from '../limits/executor-limit.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { reportLateResult } from './late-result.ts';

/**
 * Connects an executor to the dispatcher and the jobs of an engine. Only engines import this file, so that bundles without
 * one lack it.
 */
export const createElsewhere = (executor: Executor): Elsewhere => {
  /** By their tags: one limit for all tasks that need workers with the same ones. */
  const limits = new Map<string, ExecutorLimit>();
  const shielded = isolate("The engine's executor");
  let stopListening = (): void => {};

  const orElse = <Value>(ask: () => Value, otherwise: Value): Value => {
    let answer = otherwise;
    shielded(() => {
      answer = ask();
    });
    return answer;
  };

  const limitFor = (tags: readonly string[]): ExecutorLimit => {
    const key = tags.join();
    const known = limits.get(key) ?? new ExecutorLimit(tags, elsewhere);
    limits.set(key, known);
    return known;
  };

  const elsewhere: Elsewhere = {
    place: (task: TaskRun) => {
      if (task.definition.nested && typeof (task.definition.nested as FanOut).over !== 'function') return null;
      const asked = new Known(task);
      return orElse(() => executor.takes(asked) === true, false) ? limitFor(asked.tags) : null;
    },
    room: (tags) => {
      // Called often: without a function of its own for each call.
      try {
        return executor.room(tags);
      } catch (error) {
        return orElse<ExecutorRoom>(() => raise(error), NO_ROOM);
      }
    },
    reserve: (task: TaskRun) => {
      try {
        return executor.reserve(new Known(task));
      } catch (error) {
        return { perform: () => Promise.reject(error), release: () => {} };
      }
    },
    perform,
    onRoom: (listener) => {
      stopListening = executor.onRoom(listener);
    },
    close: () => {
      shielded(() => stopListening());
      for (const limit of limits.values()) limit.releaseAll();
    },
  };
  return elsewhere;
};

const raise = (error: unknown): never => {
  throw error;
};

const NO_ROOM: ExecutorRoom = Object.freeze({ size: 0, taken: 0 });

/** Hands a running attempt to the slot that is reserved for it. Returns a promise of what its function would return. */
const perform = async (task: TaskRun, attempt: Attempt, scope: TaskScope, run: () => unknown): Promise<unknown> => {
  const { job, definition } = task;
  // An interceptor may call twice, or so late that the slot is that of the next attempt.
  const slot: ExecutorSlot | undefined = task.attempt === attempt ? task.place?.handOver(task) : undefined;
  if (!slot) throw attempt.reason ?? new Error(`The attempt of task "${task.path}" is over.`);
  const given = slot.perform(new Given(task, attempt, scope, run));
  const value: unknown = isThenable(given) ? await given : given;
  // An output that a schema checks may change on the way: its text is not used.
  const keeps = job.recorder !== undefined && !definition.output;
  const output = value instanceof EncodedOutput ? decodedOutput(value, task.path, keeps) : value;
  return definition.sensor && !definition.nested ? sensorOutcome(output) : output;
};

/** What is known of a task. A class, since getters that all objects share cost an attempt nothing. */
class Known implements ExecutorTask {
  readonly #task: TaskRun;

  constructor(task: TaskRun) {
    this.#task = task;
  }

  get jobId(): string {
    return this.#task.job.id;
  }

  get definition(): ExecutorTask['definition'] {
    const { plan } = outermost(this.#task.job);
    return { name: plan.name, fingerprint: definitionShape(plan).fingerprint };
  }

  get task(): string {
    return this.#task.path;
  }

  get names(): readonly string[] {
    return namesTo(this.#task);
  }

  get call(): ExecutorTask['call'] {
    const { nested, kind } = this.#task.definition;
    return nested ? 'over' : kind === 'sensor' ? 'check' : 'run';
  }

  get tags(): readonly string[] {
    return this.#task.definition.worker?.tags ?? NO_TAGS;
  }

  get added(): boolean {
    return isAdded(this.#task);
  }
}

const NO_TAGS: readonly string[] = Object.freeze([]);

class Given extends Known implements Assignment {
  readonly scope: TaskScope;
  readonly run: () => unknown;
  readonly #task: TaskRun;
  readonly #attempt: Attempt;

  constructor(task: TaskRun, attempt: Attempt, scope: TaskScope, run: () => unknown) {
    super(task);
    this.#task = task;
    this.#attempt = attempt;
    this.scope = scope;
    this.run = run;
  }

  get attempt(): number {
    return this.#attempt.number;
  }

  get input(): Readonly<Record<string, unknown>> {
    return this.#task.job.context.at(0);
  }

  get contextVersion(): number {
    return this.#attempt.version;
  }

  get onAbort(): Assignment['onAbort'] {
    return (callback) => this.#attempt.onAbort(callback);
  }

  get lateResult(): Assignment['lateResult'] {
    return (outcome) => {
      if (this.#attempt.phase === 'over') reportLateResult(this.#task.job, this.#task, this.#attempt, outcome);
    };
  }
}

const outermost = (job: JobRun): JobRun => (job.parent ? outermost(job.parent.job) : job);

/** Returns the names of the tasks around a task, and its own. An instance has that of its fan-out. */
const namesTo = ({ job, definition }: TaskRun): readonly string[] => {
  const around = job.parent ? namesTo(job.parent) : [];
  return job.isFanOut ? around : [...around, definition.name];
};

/** Whether a task, or one around it, was added to its running job. */
const isAdded = ({ job, index }: TaskRun): boolean =>
  (job.plan.sealed !== undefined && index >= job.plan.sealed.tasks.length) ||
  (job.parent !== undefined && isAdded(job.parent));
