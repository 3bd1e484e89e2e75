import type { JobEvent } from './event.ts';
import { isolate } from './isolate.ts';

/**
 * Returns a subscriber that prints transitions like daguerreo: `JOB > idle -> running`, `dice > ready -> running`. If
 * `write` throws, the process warns once.
 */
export const eventLogger = (write: (line: string) => void = console.log): ((event: JobEvent) => void) => {
  const isolated = isolate('The function of an event logger');
  return (event) => {
    if (event.type === 'job.transition') isolated(() => write(`JOB > ${event.from} -> ${event.to}`));
    else if (event.type === 'task.transition') isolated(() => write(`${event.task} > ${event.from} -> ${event.to}`));
  };
};
