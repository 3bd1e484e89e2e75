import { filter, type OperatorFunction } from 'rxjs';
import type { JobEvent, Stamp, TaskProgress, TaskTransition } from './event.ts';

/** An event about one task. */
export type TaskEvent = Extract<JobEvent, { readonly task: string }>;

/** Selects the transitions of tasks. */
export const taskTransitions = (): OperatorFunction<JobEvent, TaskTransition & Stamp> =>
  filter((event) => event.type === 'task.transition');

/** Selects the events of one task, by path. */
export const ofTask = (name: string): OperatorFunction<JobEvent, TaskEvent> =>
  filter((event): event is TaskEvent => 'task' in event && event.task === name);

/** Selects progress reports of tasks; `fraction` is from 0 to 1. */
export const progress = (): OperatorFunction<JobEvent, TaskProgress & Stamp> =>
  filter((event) => event.type === 'task.progress');
