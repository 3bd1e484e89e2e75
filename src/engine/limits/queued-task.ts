import type { TaskState } from '../../events/event.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';
import type { ExecutorLimit } from './executor-limit.ts';

/** The part of a ready task that queues and limits use. `Queue` is the type of the queue that holds the task. */
export type QueuedTask<Queue = unknown> = {
  readonly index: number;
  /** Position in the order in which the job's ready tasks run. */
  readonly rank: number;
  readonly state: TaskState;
  readonly definition: TaskDefinition;
  readonly job: QueuedJob<Queue>;
  queue: Queue | undefined;
  /** The limit of the workers that perform the attempts; null if the engine does. Absent before that is known. */
  place?: ExecutorLimit | null;
  /** Set if the engine itself performs the attempts, whatever an executor takes. */
  readonly run?: unknown;
  readonly conditionError?: unknown;
  /** Absent while the task holds no slots. */
  readonly attempt: unknown;
};

type QueuedJob<Queue = unknown> = {
  readonly plan: Plan;
  readonly options: { readonly sequential?: boolean | undefined };
  readonly limitScope: {
    queueFor(pool: string | undefined, place?: ExecutorLimit | null): Queue;
    nestedQueueFor(place: ExecutorLimit | null): Queue | undefined;
  };
  /** The job's number among the dispatcher's jobs, in order of creation. */
  readonly order: number;
  /** The number of the outermost job. */
  readonly rootOrder: number;
  readonly priority: number;
  readonly isFanOut: boolean;
  /** The length of the chain behind the task in which the job is nested, in tasks. */
  readonly tail: number;
  readonly paused: boolean;
  readonly ending: boolean;
  readonly pauseRequests: ReadonlyMap<number, string> | undefined;
  readonly waitingForResume: { push(task: unknown): number };
  run(task: unknown): void;
};
