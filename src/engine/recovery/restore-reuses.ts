import { type Journal, NO_VALUE } from '../durable/journal.ts';
import type { JobRun } from '../model/run.ts';
import { find } from '../run/address.ts';
import { LiveRun } from '../run/job-run.ts';
import { type Past, readPast } from './past.ts';
import { type AddedTask, restoreJob } from './restore.ts';

/**
 * Nested jobs and fan-outs that were to begin with results of an earlier attempt, when the process died: gives them the
 * job that those are of, as the journal has it. @throws JournalError
 */
export const restoreReuses = async (run: JobRun, journal: Journal, past: Past, added: AddedTask): Promise<void> => {
  const pending = past.notes.filter(({ kind, value }) => kind === 'again' && value !== NO_VALUE);
  if (pending.length === 0) return;
  const before = await pastBefore(journal, past);
  if (!before) return;
  const earlier = new LiveRun(run.plan.sealed ?? run.plan, {}, {});
  restoreJob(earlier, before, added);
  for (const { task: path } of pending) {
    const task = find(run, path).task;
    const was = find(earlier, path).task;
    if (!task || !was?.child) continue;
    task.child ??= was.child;
    task.reuses = new Set(past.note<readonly string[]>(path, 'again'));
  }
};

/** What the job was before it was tried again, or the one whose results it takes over. */
const pastBefore = async (journal: Journal, { job, retriedSeq }: Past): Promise<Past | undefined> => {
  if (retriedSeq !== undefined) return readPast(journal, job, retriedSeq);
  const source = job.forkedFrom === undefined ? undefined : await journal.job(job.forkedFrom);
  return source && readPast(journal, source);
};
