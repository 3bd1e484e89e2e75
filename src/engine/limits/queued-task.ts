import type { TaskState } from '../../events/event.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';

/** The part of a ready task that queues and limits use. `Lane` is the type of its queue. */
export type QueuedTask<Lane = unknown> = {
  readonly index: number;
  /** Position in the order in which the job's ready tasks run. */
  readonly place: number;
  readonly state: TaskState;
  readonly definition: TaskDefinition;
  readonly job: QueuedJob<Lane>;
  lane: Lane | undefined;
};

export type QueuedJob<Lane = unknown> = {
  readonly plan: Plan;
  readonly options: { readonly sequential?: boolean | undefined };
  readonly level: { lane(pool: string | undefined): Lane; readonly turns: Lane | undefined };
  /** Number by start among the dispatcher's jobs; `rootOrder` is that of the outermost job. */
  readonly order: number;
  readonly rootOrder: number;
  readonly priority: number;
  readonly paused: boolean;
  readonly ending: boolean;
  readonly heldTasks: ReadonlyMap<number, string> | undefined;
  readonly parked: { push(task: unknown): number };
  run(task: unknown): void;
};
