import { errorData } from '../../events/error-data.ts';
import type { JobEvent } from '../../events/event.ts';
import { eventProblems } from '../../events/event-problems.ts';
import { JournalError, TintypeError } from '../errors/errors.ts';
import type { StoredEvent } from './journal.ts';

/** Returns the event as it was published, except for its output. @throws JournalError `JOURNAL_CORRUPT` if it is none */
export const eventOf = ({ seq, data }: StoredEvent, jobId: string): JobEvent =>
  readStored(jobId, `event ${seq}`, () => {
    const event: unknown = JSON.parse(data);
    const [problem] = eventProblems(event);
    if (problem) throw new TypeError(`"${problem.field}" should be ${problem.expected}`);
    const { seq: itsSeq, jobId: itsJob } = event as JobEvent;
    if (itsSeq !== seq || itsJob !== jobId) throw new TypeError('it is that of another job, or stands elsewhere');
    return event as JobEvent;
  });

/** Returns what `read` makes of a part of a stored job. @throws JournalError `JOURNAL_CORRUPT` if it makes no sense */
export const readStored = <Value>(jobId: string, what: string, read: () => Value): Value => {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof TintypeError) throw cause;
    const why = errorData(cause).message;
    const message = `In the journal of the job "${jobId}" ${what} can't be read: ${why}. Go back to a backup, or remove the job.`;
    throw new JournalError('JOURNAL_CORRUPT', message, { jobId, cause });
  }
};
