import { filter, type OperatorFunction } from 'rxjs';
import type { JobEvent, Stamp, TaskProgress, TaskTransition } from './event.ts';

/** An event that is about one task. */
export type TaskEvent = Extract<JobEvent, { readonly task: string }>;

/** The state changes of tasks alone. */
export const taskTransitions = (): OperatorFunction<JobEvent, TaskTransition & Stamp> =>
  filter((event) => event.type === 'task.transition');

/** Everything about one task. */
export const ofTask = (name: string): OperatorFunction<JobEvent, TaskEvent> =>
  filter((event): event is TaskEvent => 'task' in event && event.task === name);

/** What tasks report of their progress, each from 0 to 1. */
export const progress = (): OperatorFunction<JobEvent, TaskProgress & Stamp> =>
  filter((event) => event.type === 'task.progress');
