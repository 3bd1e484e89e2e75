import type { JobEvent } from './event.ts';

/** Returns a subscriber that prints transitions like daguerreo: `JOB > idle -> running`, `dice > ready -> running`. */
export const eventLogger =
  (write: (line: string) => void = console.log): ((event: JobEvent) => void) =>
  (event) => {
    if (event.type === 'job.transition') write(`JOB > ${event.from} -> ${event.to}`);
    else if (event.type === 'task.transition') write(`${event.task} > ${event.from} -> ${event.to}`);
  };
