import { type Journal, NO_VALUE } from '../durable/journal.ts';
import type { JobRun } from '../model/run.ts';
import { findTask } from '../run/find-task.ts';
import { LiveRun } from '../run/job-run.ts';
import { type Past, readPast } from './past.ts';
import { type AddedTask, restoreJob } from './restore.ts';

/**
 * Restores the earlier results that nested jobs and fan-outs were about to reuse when the process died.
 * @throws JournalError
 */
export const restoreReuses = async (run: JobRun, journal: Journal, past: Past, added: AddedTask): Promise<void> => {
  const pending = past.notes.filter(({ kind, value }) => kind === 'again' && value !== NO_VALUE);
  if (pending.length === 0) return;
  const before = await pastBefore(journal, past);
  if (!before) return;
  const earlier = new LiveRun(run.plan.sealed ?? run.plan, {}, {});
  restoreJob(earlier, before, added);
  for (const { task: path } of pending) {
    const task = findTask(run, path).task;
    const was = findTask(earlier, path).task;
    if (!task || !was?.child) continue;
    task.child ??= was.child;
    task.pathsToRerun = new Set(past.note<readonly string[]>(path, 'again'));
  }
};

/** Reads the job's history before its last retry, or that of the job it was forked from. */
const pastBefore = async (journal: Journal, { job, retriedSeq }: Past): Promise<Past | undefined> => {
  if (retriedSeq !== undefined) return readPast(journal, job, retriedSeq);
  const source = job.forkedFrom === undefined ? undefined : await journal.job(job.forkedFrom);
  return source && readPast(journal, source);
};
