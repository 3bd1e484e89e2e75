import type { Job, JobEvent } from 'tintype';

/** The events of a job, from now on. */
export const heard = (job: Pick<Job, 'events$'>): JobEvent[] => {
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  return events;
};
