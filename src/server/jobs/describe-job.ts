import type { z } from '@hono/zod-openapi';
import type { JournalJob, Labels } from '../../engine/durable/journal.ts';
import { HttpProblem } from '../http/problem.ts';
import type * as schemas from '../schemas/job.ts';
import { TOPIC } from '../topics/topics.ts';
import { isOfCommandLine } from './command-line-job.ts';
import { labelsWith, type StartParts } from './start-job.ts';

type Change = z.infer<typeof schemas.JobChange>;

/** Changes topic, labels and metadata of a job that was started. @throws HttpProblem, OptionError, JournalError */
export const describeStarted = async (parts: StartParts, stored: JournalJob, change: Change): Promise<void> => {
  const { id } = stored;
  const { document, topic, labels, metadata } = change;
  const refuse = (why: string) => new HttpProblem(409, 'INVALID_STATE', `The job "${id}" has begun: ${why}`);
  if (document) throw refuse('only the document of a draft can be changed. Add tasks, or rerun the job.');
  if (metadata && isOfCommandLine(stored))
    throw refuse('tintype run did it, and keeps in the metadata how it is resumed. Change its labels.');
  const changed =
    topic === undefined && labels === undefined ? undefined : await changedLabels(parts, stored.labels, change);
  await parts.engine.describe(id, { labels: changed, metadata });
};

/** Returns the labels of a job after a change; its topic stays unless another is given. @throws HttpProblem */
export const changedLabels = async (
  parts: Pick<StartParts, 'topics'>,
  before: Labels,
  { topic, labels }: Change,
): Promise<Labels> => {
  const { [TOPIC]: named, ...others } = labels ?? before;
  const after = topic === undefined ? (named ?? before[TOPIC]) : topic;
  if (after === null || after === undefined) return others;
  // A topic that was archived meanwhile keeps its jobs.
  if (after === before[TOPIC]) return { ...others, [TOPIC]: after };
  return (await labelsWith(parts, others, after)).labels;
};
