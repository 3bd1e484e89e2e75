import { produce } from 'immer';
import { type OperatorFunction, scan } from 'rxjs';
import type { JobEvent, TaskState } from './event.ts';

type States = Readonly<Record<string, TaskState>>;

/**
 * The state of every task of one job, by path, after each event. A task is absent until its first event, and after its removal.
 *
 * Each value is a new object, so an event costs time in proportion to the number of tasks. For a job of thousands, batch the
 * events first: `events$.pipe(bufferTime(100), taskStates())` yields one value for each batch.
 *
 * @param initial The states before the first event. Default: none.
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
    // Without a prototype, a task may have any name, `__proto__` too.
    Object.assign(Object.create(null), initial) as States,
  );
