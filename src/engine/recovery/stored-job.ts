import { isTerminalJobState } from '../../events/states.ts';
import type { Sealed } from '../definition/sealed.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { JournalError } from '../errors/errors.ts';

export const hasEnded = ({ state }: JournalJob): boolean => isTerminalJobState(state);

/** Returns a stored job. @throws JournalError `JOB_NOT_FOUND` */
export const loadStoredJob = async (journal: Journal, jobId: string): Promise<JournalJob> => {
  const stored = await journal.job(jobId);
  if (stored) return stored;
  throw new JournalError('JOB_NOT_FOUND', `The journal holds no job "${jobId}".`, { jobId });
};

export const unknownDefinition = ({ id, name }: JournalJob, given: Sealed | undefined): JournalError => {
  const what = given
    ? `was given the definition "${given.name}"`
    : `is of the definition "${name}", which the engine does not know`;
  const message = `Job "${name}" ("${id}") ${what}. Hand it over: createEngine({ definitions: [...] }), or the option definition.`;
  return new JournalError('UNKNOWN_DEFINITION', message, { jobId: id });
};
