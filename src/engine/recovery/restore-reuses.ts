import { type Journal, NO_VALUE } from '../durable/journal.ts';
import type { JobRun } from '../model/run.ts';
import { findTask } from '../run/find-task.ts';
import { LiveRun } from '../run/job-run.ts';
import { type JobHistory, loadHistory } from './job-history.ts';
import { type AddedTask, restoreJob } from './restore.ts';

/**
 * Restores the earlier results that nested jobs and fan-outs were about to reuse when the process died.
 * @throws JournalError
 */
export const restoreReuses = async (
  run: JobRun,
  journal: Journal,
  history: JobHistory,
  added: AddedTask,
): Promise<void> => {
  const pending = history.notes.filter(({ kind, value }) => kind === 'again' && value !== NO_VALUE);
  if (pending.length === 0) return;
  const before = await historyBefore(journal, history);
  if (!before) return;
  const earlier = new LiveRun(run.plan.sealed ?? run.plan, {}, {});
  restoreJob(earlier, before, added);
  for (const { task: path } of pending) {
    const task = findTask(run, path).task;
    const was = findTask(earlier, path).task;
    if (!task || !was?.child) continue;
    task.child ??= was.child;
    task.pathsToRerun = new Set(history.note<readonly string[]>(path, 'again'));
  }
};

/** Reads the job's history before its last retry, or the history of the job that it was forked from. */
const historyBefore = async (journal: Journal, { job, retriedSeq }: JobHistory): Promise<JobHistory | undefined> => {
  if (retriedSeq !== undefined) return loadHistory(journal, job, retriedSeq);
  const source = job.forkedFrom === undefined ? undefined : await journal.job(job.forkedFrom);
  return source && loadHistory(journal, source);
};
