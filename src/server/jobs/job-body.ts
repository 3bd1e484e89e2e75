/* Jobs as the API shows and steers them. `job-body.ts` shows a stored job, `job-counts.ts` counts them, `find-job.ts` finds one with what the engine
 * knows of it, `start-job.ts` starts one, `overlaps.ts` minds others of its name, `describe-job.ts` changes its labels and metadata, `job-version.ts` says which version of it there is, `steer-job.ts` sends commands to one, here or in another process,
 * `own-output.ts` shows what a task put out, `job-progress.ts` how far jobs are, `repeat-job.ts` retries and reruns, `grow-job.ts` adds and removes tasks, `bulk.ts` steers many,
 * `take-up.ts` takes up those that a dead process left, `housekeeping.ts` removes old ones. */

import type { z } from '@hono/zod-openapi';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import { decode } from '../../engine/durable/serialise.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Draft } from '../documents/documents.ts';
import type * as schemas from '../schemas/job.ts';
import { TOPIC } from '../topics/topics.ts';
import { etagOf, etagOfDraft } from './job-version.ts';

export type JobBody = z.infer<typeof schemas.JobBody>;

/** Who runs a stored job that is not over: this process, another one, or none. */
export type Place = 'here' | 'elsewhere' | 'nowhere';

/** Shows a stored job. */
export const bodyOf = (job: JournalJob, place: Place): JobBody => {
  const { id, name, key, state, labels, createdAt, startedAt, endedAt, updatedAt, forkedFrom, lastSeq, lease } = job;
  const isOver = isTerminalJobState(state);
  const interrupted = !isOver && place === 'nowhere';
  return {
    id,
    name,
    topic: labels[TOPIC],
    state,
    interrupted,
    resumable: interrupted ? `POST /api/v1/jobs/${encodeURIComponent(id)}/resume, or: tintype resume ${id}` : undefined,
    elsewhere:
      !isOver && place === 'elsewhere' && lease ? { host: lease.host.split(' ')[0] ?? '', pid: lease.pid } : undefined,
    jobKey: key,
    labels: { ...labels },
    metadata: objectIn(job.metadata),
    createdAt,
    startedAt,
    endedAt,
    updatedAt,
    forkedFrom,
    lastSeq,
    etag: etagOf(job),
  };
};

/** Shows a job that has not been started. */
export const bodyOfDraft = (draft: Draft): JobBody => {
  const { id, document, labels, metadata, createdAt, updatedAt } = draft;
  return {
    id,
    name: document.name,
    topic: labels[TOPIC],
    state: 'draft',
    interrupted: false,
    labels: { ...labels },
    metadata: { ...metadata },
    createdAt,
    updatedAt,
    lastSeq: -1,
    etag: etagOfDraft(draft),
  };
};

/** Whether this process holds the lease of a job. */
export const isOurs = ({ lease }: JournalJob): boolean => {
  const { host, pid, processStart } = thisProcess();
  return lease?.host === host && lease.pid === pid && lease.processStart === processStart;
};

/** Reads an object that the engine has encoded; a program may have kept something else. */
export const objectIn = (text: string): Record<string, unknown> => {
  const value: unknown = decode(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
};
