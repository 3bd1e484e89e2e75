import { isolate } from '../../events/isolate.ts';
import { isThenable } from '../../events/thenable.ts';
import { definitionShape } from '../definition/definition-shape.ts';
import type { Assignment, Executor, ExecutorRoom, ExecutorSlot, ExecutorTask } from '../definition/executor.ts';
import { lazyProperties } from '../definition/lazy-properties.ts';
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

  const limitFor = (tags: readonly string[]): ExecutorLimit => {
    const key = tags.join();
    const known = limits.get(key) ?? new ExecutorLimit(tags, elsewhere);
    limits.set(key, known);
    return known;
  };

  const elsewhere: Elsewhere = {
    place: (task: TaskRun) => {
      if (task.definition.nested && typeof (task.definition.nested as FanOut).over !== 'function') return null;
      let isTaken = false;
      const asked = executorTask(task);
      shielded(() => {
        isTaken = executor.takes(asked) === true;
      });
      return isTaken ? limitFor(asked.tags) : null;
    },
    room: (tags) => {
      let room = NO_ROOM;
      shielded(() => {
        room = executor.room(tags);
      });
      return room;
    },
    reserve: (task: TaskRun) => {
      try {
        return executor.reserve(executorTask(task));
      } catch (error) {
        return { perform: () => Promise.reject(error), release: () => {} };
      }
    },
    perform: (task: TaskRun, scope: TaskScope, run) => perform(task, scope, run),
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

const NO_ROOM: ExecutorRoom = Object.freeze({ size: 0, taken: 0 });

/** Hands a running attempt to the slot that is reserved for it. Returns a promise of what its function would return. */
const perform = async (task: TaskRun, scope: TaskScope, run: () => unknown): Promise<unknown> => {
  const { job, attempt, definition } = task;
  const slot: ExecutorSlot | undefined = attempt && task.place?.handOver(task);
  // An interceptor may call late, or twice.
  if (!slot || !attempt) throw attempt?.reason ?? new Error(`The attempt of task "${task.path}" is over.`);
  const given = slot.perform(assignmentOf({ job, task, attempt, scope, run }));
  const value: unknown = isThenable(given) ? await given : given;
  // An output that a schema checks may change on the way: its text is not used.
  const keeps = job.recorder !== undefined && !definition.output;
  const output = value instanceof EncodedOutput ? decodedOutput(value, task.path, keeps) : value;
  return definition.sensor && !definition.nested ? sensorOutcome(output) : output;
};

type Performed = {
  readonly job: JobRun;
  readonly task: TaskRun;
  readonly attempt: Attempt;
  readonly scope: TaskScope;
  readonly run: () => unknown;
};

const assignmentOf = (work: Performed): Assignment => {
  const { job, task, attempt, scope, run } = work;
  const assignment = Object.assign(executorTask(task), {
    attempt: attempt.number,
    scope,
    contextVersion: attempt.version,
    onAbort: attempt.onAbort.bind(attempt),
    lateResult: (outcome: 'succeeded' | 'failed'): void => {
      if (attempt.phase === 'over') reportLateResult(job, task, attempt, outcome);
    },
    run,
  });
  return withInput(assignment, work);
};

const withInput = lazyProperties<Performed, Pick<Assignment, 'input'>>({
  input: ({ job }) => job.context.at(0),
});

const executorTask = (task: TaskRun): ExecutorTask => {
  const { job, path, definition } = task;
  const { kind, nested, worker } = definition;
  return withDefinition(
    {
      jobId: job.id,
      task: path,
      names: namesTo(task),
      call: nested ? ('over' as const) : kind === 'sensor' ? ('check' as const) : ('run' as const),
      tags: worker?.tags ?? NO_TAGS,
      added: isAdded(task),
    },
    job,
  );
};

const NO_TAGS: readonly string[] = Object.freeze([]);

const withDefinition = lazyProperties<JobRun, Pick<ExecutorTask, 'definition'>>({
  definition: (job) => {
    const { plan } = outermost(job);
    return { name: plan.name, fingerprint: definitionShape(plan).fingerprint };
  },
});

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
