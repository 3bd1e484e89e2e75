import type { TaskState } from '../../events/event.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';

/** A ready task, as far as limits and queues have to know it. `Lane` is the queue that it waits in. */
export type QueuedTask<Lane = unknown> = {
  readonly index: number;
  readonly place: number;
  readonly state: TaskState;
  readonly definition: TaskDefinition;
  readonly job: QueuedJob<Lane>;
  lane: Lane | undefined;
};

/** The job of a ready task, likewise. */
export type QueuedJob<Lane = unknown> = {
  readonly plan: Plan;
  readonly options: { readonly sequential?: boolean | undefined };
  readonly level: { lane(pool: string | undefined): Lane; readonly turns: Lane | undefined };
  readonly order: number;
  readonly rootOrder: number;
  readonly priority: number;
  readonly paused: boolean;
  readonly ending: boolean;
  readonly heldTasks: ReadonlyMap<number, string> | undefined;
  readonly parked: { push(task: unknown): number };
  run(task: unknown): void;
};
