import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import { isLeasedElsewhere } from '../../engine/recovery/read-back.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Documents } from '../documents/documents.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { isOurs, type Place } from './job-body.ts';

export type JobSource = {
  readonly engine: Engine;
  readonly journal: Journal;
  /** Where drafts are looked for, to say that a job is none yet. */
  readonly documents?: Pick<Documents, 'draft'>;
};

export const placeOf = (job: JournalJob, { engine, journal }: JobSource): Place => {
  if (engine.job(job.id) && isOurs(job)) return 'here';
  if (isTerminalJobState(job.state)) return 'nowhere';
  return isLeasedElsewhere(job, journal) ? 'elsewhere' : 'nowhere';
};

/** @throws HttpProblem `JOB_NOT_FOUND` */
export const storedJob = async (source: JobSource, jobId: string): Promise<JournalJob> => {
  const job = await source.journal.job(jobId);
  if (!job) throw await noJob(source, jobId);
  return job;
};

/** Why there is no job with an id: perhaps since it is a draft. */
export const noJob = async ({ documents }: Pick<JobSource, 'documents'>, jobId: string): Promise<HttpProblem> => {
  if (!(await documents?.draft(jobId))) return notFound('job', 'JOB_NOT_FOUND', jobId);
  const start = `POST /api/v1/jobs/${encodeURIComponent(jobId)}/start`;
  return new HttpProblem(404, 'JOB_NOT_FOUND', `The job "${jobId}" is a draft: start it first, by ${start}.`);
};

/** Returns the handle of a job that runs here, wrapped, since awaiting it would await its end. @throws HttpProblem if it is over, runs elsewhere, or nowhere */
export const jobHere = async (source: JobSource, jobId: string, what: string): Promise<{ readonly job: AnyJob }> => {
  const stored = await storedJob(source, jobId);
  const live = source.engine.job(jobId);
  const place = placeOf(stored, source);
  if (live && place === 'here') return { job: live as unknown as AnyJob };
  throw notHere(stored, place, what);
};

/** Why a job can't be commanded here. */
export const notHere = (job: JournalJob, place: Place, what: string): HttpProblem => {
  const { id, state, lease } = job;
  if (isTerminalJobState(state))
    return new HttpProblem(409, 'INVALID_STATE', `The job "${id}" can't be ${what}: it is ${state}.`);
  if (place === 'elsewhere')
    return new HttpProblem(
      409,
      'JOB_LEASED',
      `The job "${id}" can't be ${what} here: process ${lease?.pid} on ${lease?.host.split(' ')[0]} runs it.`,
    );
  return new HttpProblem(
    409,
    'INVALID_STATE',
    `The job "${id}" can't be ${what}: it is interrupted, no process runs it. Resume it first.`,
  );
};
