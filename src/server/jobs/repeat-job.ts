import type { z } from '@hono/zod-openapi';
import { firstValueFrom } from 'rxjs';
import type { Preview } from '../../engine/recovery/retry-plan.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { compileTasks } from '../documents/compile.ts';
import type { Documents } from '../documents/documents.ts';
import { HttpProblem } from '../http/problem.ts';
import type * as schemas from '../schemas/job.ts';
import { type JobSource, jobHere, storedJob } from './find-job.ts';
import { onceJobId } from './start-job.ts';

type RetryBody = z.infer<typeof schemas.RetryBody>;
type RerunBody = z.infer<typeof schemas.RerunBody>;
type Plan = z.infer<typeof schemas.PlanBody>;

type Source = JobSource & { readonly documents: Documents };

/** Returns what a job of a document got while it ran, for whoever takes it up. @throws JournalError */
export const addedSpecs = async ({ documents }: Source, jobId: string) => compileTasks(await documents.addedTo(jobId));

/** Retries a job that is over, or tasks of one that runs here; returns the plan of a dry run. @throws HttpProblem */
export const retryOf = async (source: Source, jobId: string, body: RetryBody): Promise<Plan | undefined> => {
  const { dryRun, tasks, downstream, changed } = body;
  const stored = await storedJob(source, jobId);
  const options = { tasks, downstream, changed, added: await addedSpecs(source, jobId) };
  if (!isTerminalJobState(stored.state)) {
    if (dryRun)
      throw new HttpProblem(409, 'INVALID_STATE', `The job "${jobId}" is not over: only then can a plan be made.`);
    const { job } = await jobHere(source, jobId, 'retried');
    job.retry(tasks ? { tasks } : undefined);
    await job.saved();
    return undefined;
  }
  if (dryRun) return planOf(await source.engine.previewRetry(jobId, options));
  const { job } = await source.engine.retry(jobId, options);
  // Until its first event the job is over, as before.
  await firstValueFrom(job.events$, { defaultValue: undefined });
  await job.saved();
  return undefined;
};

/** Reruns a job that is over; returns the new job's id, or the plan of a dry run. @throws HttpProblem */
export const rerunOf = async (
  source: Source & { readonly newId: () => string },
  jobId: string,
  { dryRun, from, changed, labels, metadata }: RerunBody,
  onceKey: string | undefined,
): Promise<Plan | { readonly jobId: string }> => {
  const { engine, journal, documents, newId } = source;
  const stored = await storedJob(source, jobId);
  const added = await addedSpecs(source, jobId);
  if (dryRun) return planOf(await engine.previewRerun(jobId, { from, changed, added }));
  const id = onceKey === undefined ? newId() : onceJobId(onceKey);
  if (onceKey !== undefined && (await journal.job(id))) return { jobId: id };
  const document = await documents.documentOf(jobId);
  if (document) await documents.keep(id, document, await documents.addedTo(jobId));
  try {
    const options = { from, changed, added, jobId: id, metadata, labels: labels ?? stored.labels };
    const { job } = await engine.rerun(jobId, options);
    await job.saved();
    return { jobId: id };
  } catch (error) {
    if (document && !(await journal.job(id))) await documents.remove(id);
    throw error;
  }
};

const planOf = ({ runs, keeps }: Preview): Plan => ({ runs: [...runs], keeps: [...keeps] });
