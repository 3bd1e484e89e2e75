import type { TaskState } from '../../events/event.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';

/**
 * The part of a ready task that queues and limits use. The type parameter is the type of the queue that it waits in.
 */
export type QueuedTask<Lane = unknown> = {
  readonly index: number;
  /** Position in the order in which the job's ready tasks run. */
  readonly place: number;
  readonly state: TaskState;
  readonly definition: TaskDefinition;
  readonly job: QueuedJob<Lane>;
  lane: Lane | undefined;
};

/** The part of a ready task's job that queues and limits use. */
export type QueuedJob<Lane = unknown> = {
  readonly plan: Plan;
  readonly options: { readonly sequential?: boolean | undefined };
  readonly level: { lane(pool: string | undefined): Lane; readonly turns: Lane | undefined };
  /** Number of the job among those with the same dispatcher, by start; `rootOrder` is that of the outermost job. */
  readonly order: number;
  readonly rootOrder: number;
  readonly priority: number;
  readonly paused: boolean;
  readonly ending: boolean;
  readonly heldTasks: ReadonlyMap<number, string> | undefined;
  readonly parked: { push(task: unknown): number };
  run(task: unknown): void;
};
