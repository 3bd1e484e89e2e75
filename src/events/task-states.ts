import { produce } from 'immer';
import { type OperatorFunction, scan } from 'rxjs';
import type { JobEvent, TaskState } from './event.ts';

type States = Readonly<Record<string, TaskState>>;

/**
 * Emits the states of a job's tasks, by path, after each event. A task is absent before its first event or if removed.
 *
 * Each value is a new object, so an event costs time in proportion to the number of tasks. For a job of thousands,
 * batch the events first: `events$.pipe(bufferTime(100), taskStates())` yields one value for each batch.
 *
 * @param initial The states before the first event. Default: no states.
 */
export const taskStates = (initial: States = {}): OperatorFunction<JobEvent | readonly JobEvent[], States> =>
  scan(
    produce((states: Record<string, TaskState>, events: JobEvent | readonly JobEvent[]) => {
      for (const event of 'type' in events ? [events] : events) {
        if (event.type === 'task.transition') states[event.task] = event.to;
        else if (event.type === 'task.added') states[event.task] ??= 'unscheduled';
        else if (event.type === 'task.removed') delete states[event.task];
      }
    }),
    // No prototype, so that a task may be named `__proto__`.
    Object.assign(Object.create(null), initial) as States,
  );
