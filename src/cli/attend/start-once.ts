import { setImmediate } from 'node:timers/promises';
import { inputDifference } from '../../engine/durable/input-difference.ts';
import type { Journal, JournalJob, NewJob } from '../../engine/durable/journal.ts';
import { jobExists } from '../../engine/durable/journal-writer.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { type Turn, turnOf } from '../../journal/overlap.ts';
import { createAfter, type SqliteJournal } from '../../journal/sqlite-journal.ts';
import { jobLabel } from '../stored/job-command.ts';

/** The job that there was instead of the one that was to be created. */
export type Taken = { readonly stored: JournalJob; readonly wanted: NewJob };

/** A journal for the start of one job. `taken` tells before the job begins whether there was another one instead. */
export type OnceJournal = {
  readonly journal: Journal;
  readonly taken: Promise<Taken | undefined>;
  /** The jobs that the new one waits for, once `taken` has told that there is a new one. */
  readonly before: () => readonly JournalJob[];
};

/**
 * Returns a journal that starts a job once: it refuses the job in this process if `create` finds another one, which would
 * otherwise be taken up unseen, without regard to a changed file or to what an imported job names. `turn`: the new job
 * begins after those of its name.
 */
export const onceJournal = (journal: SqliteJournal, turn?: Turn): OnceJournal => {
  let before: readonly JournalJob[] = [];
  let tell: (taken: Taken | undefined) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const taken = new Promise<Taken | undefined>((resolve, reject) => {
    tell = resolve;
    fail = reject;
  });
  const create: Journal['create'] = async (wanted, lease) => {
    try {
      const answer = turn
        ? await createAfter(journal, wanted, lease)
        : { ...(await journal.create(wanted, lease)), before: [] };
      before = answer.before;
      tell(answer.created ? undefined : { stored: answer.job, wanted });
      // Who waits for `taken` subscribes to the events before the job begins.
      await setImmediate();
      if (answer.created && turn) await turnOf(journal, wanted, { before, lease }, turn);
      if (answer.created) return answer;
    } catch (error) {
      fail(error);
      throw error;
    }
    throw jobExists(wanted.id);
  };
  return { journal: { ...journal, create }, taken, before: () => before };
};

/** Requires the same input of a start whose key is known, but at `computed` paths. @throws JournalError `JOB_KEY_CONFLICT` */
export const requireSameInput = ({ stored, wanted }: Taken, computed: readonly string[] | undefined): void => {
  const path = inputDifference(stored.input, wanted.input, computed);
  if (path === undefined) return;
  const where = path === '' || path === 'params' ? 'the params differ' : `"${path}" differs`;
  const message = `${jobLabel(stored)} was started with the key "${wanted.key}" and other params: ${where}. Give it the same ones, or a key of its own.`;
  throw new JournalError('JOB_KEY_CONFLICT', message, { jobId: stored.id, path });
};
