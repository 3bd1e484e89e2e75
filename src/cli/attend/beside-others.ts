import { unfinishedOf } from '../../journal/overlap.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { holderText, jobLabel } from '../stored/job-command.ts';
import type { StoredJobContext } from './with-stored-job.ts';

/**
 * Warns if a job that is resumed, retried or rerun will run beside others of its name, although its file says that such
 * jobs don't. It starts all the same: somebody has named this very job, and `skip` or `cancel` would undo that.
 */
export const warnOfOthers = async (
  { journal, stored, err }: StoredJobContext,
  { workflow }: LoadedWorkflow,
  { quiet }: { readonly quiet?: boolean | undefined },
): Promise<void> => {
  const { overlap = 'allow' } = workflow;
  if (quiet || overlap === 'allow') return;
  const others = (await unfinishedOf(journal, stored.name)).filter(
    ({ id, lease }) => id !== stored.id && lease !== undefined,
  );
  if (others.length === 0) return;
  const named = others.map((job) => `${jobLabel(job)}, of ${holderText(job)}`).join('; ');
  err.line(err.sanitize(`warning: Runs beside ${named}: "overlap: ${overlap}" of the file counts for new jobs alone.`));
};
