import type { JobEvent } from './event.ts';

/** A subscriber that prints each transition as daguerreo does: `JOB > idle -> running`, `dice > unscheduled -> ready`. */
export const eventLogger =
  (write: (line: string) => void = console.log): ((event: JobEvent) => void) =>
  (event) => {
    if (event.type === 'job.transition') write(`JOB > ${event.from} -> ${event.to}`);
    else if (event.type === 'task.transition') write(`${event.task} > ${event.from} -> ${event.to}`);
  };
