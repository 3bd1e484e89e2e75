import { compileTasks, resolveUses } from '../documents/compile.ts';
import type { Documents, Draft } from '../documents/documents.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import type { Document, DocumentTask } from '../schemas/document.ts';
import { TOPIC, type Topics } from '../topics/topics.ts';
import { type JobSource, jobHere, placeOf, storedJob } from './find-job.ts';
import { bodyOf, bodyOfDraft, type JobBody } from './job-body.ts';

type Source = JobSource & { readonly documents: Documents; readonly topics: Topics };

/** Adds tasks to a draft, or to a job of a document that runs here. @throws HttpProblem, JobDefinitionError */
export const addTasksTo = async (source: Source, jobId: string, tasks: readonly DocumentTask[]): Promise<JobBody> => {
  const { documents, journal, topics } = source;
  if (!(await journal.job(jobId))) {
    const draft = await changedDraft(source, jobId, (document) => ({
      ...document,
      tasks: [...document.tasks, ...tasks],
    }));
    return bodyOfDraft(draft);
  }
  const { job } = await jobHere(source, jobId, 'changed');
  const document = await documents.documentOf(jobId);
  if (!document) throw notOfDocument(jobId);
  const { labels } = await storedJob(source, jobId);
  const topic = labels[TOPIC] === undefined ? undefined : await topics.get(labels[TOPIC]);
  const added = resolveUses({ name: document.name, tasks: [...tasks] }, topic?.definitions ?? {}).tasks;
  // Whoever takes the job up after a crash has to know the tasks: they are kept first.
  const before = await documents.addedTo(jobId);
  await documents.keep(jobId, document, [...before, ...added]);
  try {
    job.addTasks(compileTasks(added));
  } catch (error) {
    await documents.keep(jobId, document, before);
    throw error;
  }
  await job.saved();
  const stored = await storedJob(source, jobId);
  return bodyOf(stored, placeOf(stored, source));
};

/** Removes a task that has not started. @throws HttpProblem, CommandError, UnknownTaskError */
export const removeTaskFrom = async (source: Source, jobId: string, path: string): Promise<void> => {
  if (!(await source.journal.job(jobId))) {
    await changedDraft(source, jobId, (document) => {
      if (!document.tasks.some(({ name }) => name === path)) throw notFound('task', 'TASK_NOT_FOUND', path);
      return { ...document, tasks: document.tasks.filter(({ name }) => name !== path) };
    });
    return;
  }
  const { job } = await jobHere(source, jobId, 'changed');
  job.removeTask(path);
  await job.saved();
};

const changedDraft = async (
  { documents }: Source,
  jobId: string,
  change: (document: Document) => Document,
): Promise<Draft> => {
  const draft = await documents.draft(jobId);
  if (!draft) throw notFound('job', 'JOB_NOT_FOUND', jobId);
  const { version, updatedAt: _, ...kept } = draft;
  const changed = await documents.putDraft({ ...kept, document: change(draft.document) }, version);
  if (!changed)
    throw new HttpProblem(409, 'DRAFT_CHANGED', `The draft "${jobId}" was changed meanwhile. Read it again.`);
  return changed;
};

const notOfDocument = (jobId: string): HttpProblem =>
  new HttpProblem(409, 'INVALID_STATE', `Tasks can be added to jobs of documents alone, and "${jobId}" is none.`);
