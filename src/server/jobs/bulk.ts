import type { z } from '@hono/zod-openapi';
import { isTerminalJobState } from '../../events/states.ts';
import { hasRole, type Principal } from '../access/principal.ts';
import { HttpProblem, problemOf } from '../http/problem.ts';
import type * as schemas from '../schemas/job.ts';
import { TOPIC } from '../topics/topics.ts';
import type { JobSource } from './find-job.ts';
import { retryOf } from './repeat-job.ts';
import { cancelJob, pauseJob, resumeJob, type Source } from './steer-job.ts';

type BulkBody = z.infer<typeof schemas.BulkBody>;
type BulkResult = z.infer<typeof schemas.BulkResult>;

/** Does one thing to many jobs, one after the other. What one job refuses does not keep the others. @throws HttpProblem */
export const bulk = async (source: Source, principal: Principal, body: BulkBody): Promise<BulkResult> => {
  const { action, reason, dryRun } = body;
  if (action === 'remove' && !hasRole(principal, 'admin'))
    throw new HttpProblem(403, 'FORBIDDEN', 'To remove jobs needs the role admin.');
  const ids = await matching(source, body);
  if (dryRun) return { matched: ids.length, done: 0, failed: [] };
  const failed: BulkResult['failed'] = [];
  let done = 0;
  for (const id of ids) {
    try {
      await ACTIONS[action](source, id, reason, principal.name);
      done++;
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) throw error;
      failed.push({ id, code: problem.code, detail: problem.message });
    }
  }
  return { matched: ids.length, done, failed };
};

type Action = (source: Source, id: string, reason: string | undefined, by: string) => Promise<unknown>;

const ACTIONS: Readonly<Record<BulkBody['action'], Action>> = {
  cancel: (source, id, reason) => cancelJob(source, id, { reason }),
  pause: (source, id, reason, by) => pauseJob(source, id, {}, reason ?? by),
  resume: (source, id) => resumeJob(source, id, {}),
  retry: (source, id) => retryOf(source, id, {}),
  remove: async ({ engine, documents }, id) => {
    await engine.remove(id);
    await documents.remove(id);
  },
};

/** The most jobs that one request may concern. */
const MAX_JOBS = 10_000;

/** @throws HttpProblem if there are more than MAX_JOBS */
const matching = async ({ journal }: JobSource, { ids, filter = {}, action }: BulkBody): Promise<readonly string[]> => {
  if (ids) return [...new Set(ids)];
  const { state, name, topic, labels = {}, since, before } = filter;
  const jobs = await journal.jobs(
    {
      states: state,
      names: name === undefined ? undefined : [name],
      labels: { ...labels, ...(topic !== undefined && { [TOPIC]: topic }) },
      since,
      before,
      limit: MAX_JOBS + 1,
    },
    () => {},
  );
  // What can't concern a job in its state is left out, unless it is asked for.
  const wantsOver = action === 'retry' || action === 'remove';
  const found = state ? jobs : jobs.filter((job) => isTerminalJobState(job.state) === wantsOver);
  if (found.length <= MAX_JOBS) return found.map(({ id }) => id);
  throw new HttpProblem(
    413,
    'TOO_MANY_JOBS',
    `More than ${MAX_JOBS} jobs match: narrow the filter, as by since and before.`,
  );
};
