import type { JobEvent, TaskLog } from '../../events/event.ts';
import { type Journal, type JournalJob, NO_VALUE } from '../durable/journal.ts';
import { readStored } from '../durable/read-stored.ts';
import { decode } from '../durable/serialise.ts';
import type { LogsNote } from '../model/logs-note.ts';
import { restOf } from '../run/kept-logs.ts';

/** Returns the last lines of the attempts that have not ended, each as the event that would end the attempt's log now. */
export const unfinishedLogs = async (
  journal: Pick<Journal, 'notes'>,
  job: JournalJob,
): Promise<readonly (JobEvent & TaskLog)[]> => {
  const notes = (await journal.notes(job.id)).filter(({ kind, value }) => kind === 'logs' && value !== NO_VALUE);
  return notes.map(({ task, value }) => {
    const note = readStored(job.id, `the note "logs" of task "${task}"`, () => decode(value)) as LogsNote;
    const { id: jobId, name: jobName, lastSeq: seq } = job;
    const at = note.last[0]?.at ?? job.updatedAt;
    return { type: 'task.log', task, attempt: note.attempt, ...restOf(note), jobId, jobName, seq, at };
  });
};
