import type { JournalJob } from '../../engine/durable/journal.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import { UsageError } from '../terminal/exit-code.ts';
import { jobLabel } from './job-command.ts';
import { type ShapeTask, tasksByPath } from './shape-tasks.ts';

/** Accepts any path if the stored definition can't be read. @throws UsageError if it has no such external task */
export const requireExternal = (job: JournalJob, path: string, tasks: readonly ShapeTask[]): void => {
  const all = tasksByPath(tasks);
  const kind = all.get(path)?.kind;
  if (kind === 'external' || (kind === undefined && tasks.length === 0)) return;
  const externals = [...all].filter(([, { kind }]) => kind === 'external').map(([path]) => path);
  const known = externals.length === 0 ? 'It has no external task.' : `Its external tasks are ${externals.join(', ')}.`;
  const what =
    kind === undefined ? `has no task "${path}".${didYouMean(path, all.keys())}` : `performs "${path}" itself.`;
  throw new UsageError(`${jobLabel(job)} ${what} ${known}`);
};
