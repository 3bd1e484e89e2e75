import { createHash } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import type { Trace } from '../../engine/definition/trace.ts';
import type { Journal } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import type { Catalog } from '../definitions/catalog.ts';
import { compileDocument, resolveUses } from '../documents/compile.ts';
import type { Documents, Draft } from '../documents/documents.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import type { Document } from '../schemas/document.ts';
import type * as schemas from '../schemas/job.ts';
import { TOPIC, type Topic, type Topics } from '../topics/topics.ts';
import type { Overlaps } from './overlaps.ts';

export type StartParts = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly catalog: Catalog;
  readonly documents: Documents;
  readonly topics: Topics;
  readonly newId: () => string;
  /** The time now, in epoch ms. */
  readonly now: () => number;
};

export type StartBody = z.infer<typeof schemas.StartBody>;

export type Started = { readonly jobId: string; readonly found: boolean };

export type StartRequest = {
  /** The same for each repetition of the request. */
  readonly onceKey?: string | undefined;
  /** Obeys what a workflow file says of other jobs of its name. */
  readonly overlaps?: Overlaps | undefined;
  /** The trace that the request belongs to. */
  readonly trace?: Trace | undefined;
};

/** Starts a job, and returns once it is kept. @throws HttpProblem */
export const startOf = async (
  parts: StartParts,
  body: StartBody,
  { onceKey, overlaps, trace }: StartRequest = {},
): Promise<Started> => {
  const { definition, document, input, topic, jobKey } = body;
  const ofFile = definition === undefined ? undefined : parts.catalog.entries().get(definition)?.loaded?.workflow;
  const labels = await labelsWith(parts, { ...ofFile?.labels, ...body.labels }, topic);
  const options = { ...optionsOf(body.options), labels: labels.labels, metadata: body.metadata, trace };
  if (jobKey !== undefined && body.jobId !== undefined)
    throw new HttpProblem(400, 'INVALID_REQUEST', 'A job is found by jobId or by jobKey: leave out one of them.');
  // A repetition after a crash between start and answer finds the job by its id.
  const jobId = body.jobId ?? (onceKey === undefined ? parts.newId() : onceJobId(onceKey));
  const isRepeated = body.jobId === undefined && onceKey !== undefined;
  if (body.jobId !== undefined && (await parts.documents.draft(jobId))) throw draftExists(jobId);
  if (definition !== undefined) {
    const sealed = definitionNamed(parts.catalog, definition);
    const identity = jobKey === undefined ? { jobId } : { jobKey };
    const { overlap = 'allow' } = ofFile ?? {};
    const starting: Starting =
      overlaps === undefined || overlap === 'allow'
        ? undefined
        : (begin) => overlaps.start(sealed.name, overlap, begin);
    // The job of an earlier request overlaps nothing.
    if (starting && isRepeated && jobKey === undefined && (await parts.journal.job(jobId)))
      return { jobId, found: true };
    return startKept(parts, sealed, input, { ...options, ...identity }, isRepeated, starting);
  }
  const resolved = resolveUses(document as Document, labels.topic?.definitions ?? {});
  return jobKey === undefined
    ? startDocument(parts, resolved, { ...options, jobId }, isRepeated)
    : startKeyed(parts, resolved, jobKey, options);
};

/** Starts a document with a key: its id follows from name and key, since the document is kept before the job. */
const startKeyed = async (
  parts: StartParts,
  document: Document,
  jobKey: string,
  options: Options,
): Promise<Started> => {
  const jobId = uuidOf(`key ${JSON.stringify([document.name, jobKey])}`);
  const known = await parts.documents.documentOf(jobId);
  if (known && (await parts.journal.job(jobId)) && JSON.stringify(known) !== JSON.stringify(document))
    throw new HttpProblem(
      409,
      'JOB_KEY_CONFLICT',
      `The job with the key "${jobKey}" was started of another document. Take a key of its own.`,
    );
  return startDocument(parts, document, { ...options, jobId }, true);
};

/** Starts a draft as the job that it will be, and removes it. @throws HttpProblem */
export const startDraft = async (parts: StartParts, draft: Draft, trace?: Trace): Promise<Started> => {
  const { id: jobId, document, metadata } = draft;
  const { labels, topic } = await labelsWith(parts, draft.labels, undefined);
  const resolved = resolveUses(document, topic?.definitions ?? {});
  const started = await startDocument(parts, resolved, { jobId, labels, metadata: { ...metadata }, trace }, true);
  await parts.documents.removeDraft(jobId);
  return started;
};

/** Checks and keeps a draft. @throws HttpProblem `JOB_EXISTS` */
export const keepDraft = async (parts: StartParts, body: StartBody): Promise<Draft> => {
  const { labels } = await labelsWith(parts, body.labels ?? {}, body.topic);
  const id = body.jobId ?? parts.newId();
  if (await parts.journal.job(id)) throw jobExists(id);
  const { document, metadata = {} } = body;
  const draft = { id, document: document as Document, labels, metadata, createdAt: parts.now() };
  const kept = await parts.documents.putDraft(draft, 0);
  if (!kept) throw jobExists(id);
  return kept;
};

/** Adds the label of a topic, which must be there. @throws HttpProblem */
export const labelsWith = async (
  { topics }: Pick<StartParts, 'topics'>,
  labels: Readonly<Record<string, string>>,
  named: string | undefined,
): Promise<{ readonly labels: Readonly<Record<string, string>>; readonly topic: Topic | undefined }> => {
  const name = named ?? labels[TOPIC];
  if (name === undefined) return { labels, topic: undefined };
  const topic = await topics.get(name);
  if (!topic) throw notFound('topic', 'TOPIC_NOT_FOUND', name);
  if (topic.archivedAt !== undefined)
    throw new HttpProblem(409, 'TOPIC_ARCHIVED', `The topic "${name}" is archived, and takes no more jobs.`);
  return { labels: { ...labels, [TOPIC]: name }, topic };
};

/** @throws HttpProblem `DEFINITION_NOT_FOUND`, `INVALID_DEFINITION` */
export const definitionNamed = (catalog: Catalog, name: string): AnyDefinition => {
  const entries = catalog.entries();
  const entry = entries.get(name);
  if (!entry) {
    const hint = didYouMean(name, entries.keys());
    throw new HttpProblem(404, 'DEFINITION_NOT_FOUND', `There is no definition "${name}".${hint}`);
  }
  if (entry.definition) return entry.definition;
  throw new HttpProblem(
    422,
    'INVALID_DEFINITION',
    `The file of "${name}" can't be used: ${entry.problems[0]?.message}`,
  );
};

type Options = NonNullable<Parameters<Engine['start']>[2]>;

/** Starts a job by what its file says of others; undefined for one that minds none. */
type Starting = ((begin: Parameters<Overlaps['start']>[2]) => ReturnType<Overlaps['start']>) | undefined;

const startKept = async (
  { engine }: StartParts,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>> | undefined,
  options: Options,
  mayExist: boolean,
  starting?: Starting,
): Promise<Started> => {
  const { jobId } = options;
  try {
    if (starting) {
      const { job } = await starting((journal) => ({ job: engine.start(definition, input, { ...options, journal }) }));
      return { jobId: job.id, found: job.found === true };
    }
    const job = engine.start(definition, input, options);
    await job.saved();
    return { jobId: job.id, found: job.found === true };
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    if (jobId === undefined || !isTaken(error, engine, jobId)) throw error;
    if (mayExist) return { jobId, found: true };
    throw jobExists(jobId);
  }
};

const startDocument = async (
  parts: StartParts,
  document: Document,
  options: Options & { readonly jobId: string },
  mayExist: boolean,
): Promise<Started> => {
  const { jobId } = options;
  const definition = compileDocument(document);
  if (await parts.journal.job(jobId)) {
    if (mayExist) return { jobId, found: true };
    throw jobExists(jobId);
  }
  await parts.documents.keep(jobId, document);
  try {
    const started = await startKept(parts, definition, {}, options, mayExist);
    return started;
  } catch (error) {
    if (!(await parts.journal.job(jobId))) await parts.documents.remove(jobId);
    throw error;
  }
};

/** Whether a start was refused because a job has the id. */
const isTaken = (error: unknown, engine: Engine, jobId: string): boolean =>
  (error instanceof JournalError && error.code === 'JOB_EXISTS') || engine.job(jobId) !== undefined;

const jobExists = (id: string): HttpProblem =>
  new HttpProblem(409, 'JOB_EXISTS', `There is a job "${id}" already. Leave out jobId for one of its own.`);

const draftExists = (id: string): HttpProblem =>
  new HttpProblem(409, 'JOB_EXISTS', `There is a draft "${id}": start it, or remove it first.`);

const optionsOf = (given: StartBody['options']) => {
  const { timeoutMs: timeout, onFailure, maxConcurrency } = given ?? {};
  return { timeout, onFailure, maxConcurrency };
};

/** The id of the job of a request that may be repeated. */
export const onceJobId = (onceKey: string): string => uuidOf(`once ${onceKey}`);

/** A UUID that follows from a text, of version 8 (RFC 9562), so that commands shorten it as that of any other job. */
const uuidOf = (text: string): string => {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
