import { isAbsolute } from 'node:path';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { loadWorkflow } from '../../workflow/workflow.ts';
import { pathWithin } from '../definitions/workflow-folder.ts';
import { HttpProblem } from '../http/problem.ts';
import { objectIn } from './job-body.ts';

/** Whether `tintype run` started a job: it keeps how in the metadata. Such a job is left to `tintype resume`. */
export const isOfCommandLine = ({ metadata }: JournalJob): boolean => {
  const { workers, grace } = objectIn(metadata);
  return typeof workers === 'number' && typeof grace === 'number';
};

/**
 * Loads the definition of a job that `tintype run` started. No path of the database is opened that does not lie in the
 * folder of workflows. @throws HttpProblem, WorkflowError, SelectionError
 */
export const definitionOfRun = async (job: JournalJob, folder: string | undefined): Promise<AnyDefinition> => {
  const { file, only, skip, grace } = objectIn(job.metadata);
  const isKnown =
    typeof file === 'string' && isAbsolute(file) && folder !== undefined && pathWithin(folder, file) !== undefined;
  if (!isKnown) {
    const where =
      typeof file === 'string' ? 'its file does not lie in the folder of --workflows' : 'it was read from a pipe';
    throw new HttpProblem(
      409,
      'INVALID_STATE',
      `The job "${job.id}" was started by tintype run, and ${where}: tintype resume ${job.id}`,
    );
  }
  const selection = { only: textsOf(only), skip: textsOf(skip) };
  const killGraceMs = typeof grace === 'number' ? grace : undefined;
  return (await loadWorkflow(file as string, { selection, ...(killGraceMs !== undefined && { killGraceMs }) }))
    .definition;
};

const textsOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined;
