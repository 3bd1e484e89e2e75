import { crc32 } from 'node:zlib';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { Documents, Draft } from '../documents/documents.ts';
import { requireMatch } from '../http/if-match.ts';

/**
 * The version of a stored job, for `ETag` and `If-Match`: labels and metadata, which change without an event, its last
 * event, and how often it was taken up.
 */
export const etagOf = ({ lastSeq, fence, labels, metadata }: JournalJob): string =>
  `"${crc32(`${JSON.stringify(labels)} ${metadata}`).toString(36)}-${lastSeq}-${fence}"`;

export const etagOfDraft = ({ version }: Draft): string => `"draft${version}"`;

/** Refuses to change a job or a draft that has not the version of `ifMatch`, if that is given. @throws HttpProblem */
export const requireVersion = async (
  source: { readonly journal: Journal; readonly documents: Documents },
  jobId: string,
  ifMatch: string | undefined,
  partOf: (etag: string) => string | undefined = (etag) => etag,
): Promise<void> => {
  if (ifMatch === undefined) return;
  const stored = await source.journal.job(jobId);
  const draft = stored ? undefined : await source.documents.draft(jobId);
  const present = stored ? etagOf(stored) : draft && etagOfDraft(draft);
  // Of what is not there, the change itself says so.
  if (present !== undefined)
    requireMatch(ifMatch, (etag) => partOf(etag) === partOf(present), `The job ${JSON.stringify(jobId)}`);
};

/** The part of a version that changes when labels, metadata or a draft are changed, but not while a job runs on. */
export const describedPart = (etag: string): string | undefined => etag.split('-')[0];
