import type { JobFilter, JournalJob } from '../engine/durable/journal.ts';
import { isTerminalJobState } from '../events/states.ts';
import { begins } from './begins.ts';

/** Whether a filter selects a job, apart from its cursor, offset and limit. */
export const matches = (job: JournalJob, filter: JobFilter): boolean => {
  const { states, names, labels = {}, idPrefix, prefix, forkedFrom, since, before, endedBefore } = filter;
  return (
    (states === undefined || states.includes(job.state)) &&
    (names === undefined || names.includes(job.name)) &&
    Object.entries(labels).every(([key, value]) => Object.hasOwn(job.labels, key) && job.labels[key] === value) &&
    (idPrefix === undefined || job.id.startsWith(idPrefix)) &&
    (prefix === undefined || begins(job, prefix)) &&
    (forkedFrom === undefined || job.forkedFrom === forkedFrom) &&
    (since === undefined || job.createdAt >= since) &&
    (before === undefined || job.createdAt < before) &&
    (endedBefore === undefined || (isTerminalJobState(job.state) && (job.endedAt ?? job.updatedAt) < endedBefore))
  );
};
