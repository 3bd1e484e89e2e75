import type { JournalJob } from '../../engine/durable/journal.ts';
import { withoutNumbers } from '../../engine/durable/task-path.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import type { TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import { UsageError } from '../terminal/exit-code.ts';
import { type JobLocation, jobCommand, jobLabel } from './job-command.ts';
import { type ShapeTask, tasksByPath } from './shape-tasks.ts';
import type { StoredJob } from './stored-job.ts';

/** Accepts any path if the stored definition can't be read. @throws UsageError if it has no such external task */
export const requireExternal = (job: JournalJob, path: string, tasks: readonly ShapeTask[]): void => {
  const all = tasksByPath(tasks);
  const kind = all.get(withoutNumbers(path))?.kind;
  if (kind === 'external' || (kind === undefined && tasks.length === 0)) return;
  const externals = [...all].filter(([, { kind }]) => kind === 'external').map(([path]) => path);
  const known = externals.length === 0 ? 'It has no external task.' : `Its external tasks are ${externals.join(', ')}.`;
  const what =
    kind === undefined ? `has no task "${path}".${didYouMean(path, all.keys())}` : `performs "${path}" itself.`;
  throw new UsageError(`${jobLabel(job)} ${what} ${known}`);
};

/** If a task is not ready yet, returns what it waits for and when to complete it; else an empty text. */
export const hintIfEarly = ({ job, record, shape = [] }: StoredJob, task: string, place: JobLocation): string => {
  const stateOf = (path: string): TaskState => record.tasks.get(path)?.state ?? 'unscheduled';
  if (stateOf(task) !== 'unscheduled') return '';
  const prefix = task.slice(0, task.lastIndexOf('/') + 1);
  const needs = (tasksByPath(shape).get(withoutNumbers(task))?.dependsOn ?? []).map((need) => prefix + need);
  const open = needs.filter((need) => !SETTLED.has(stateOf(need)));
  const why = open.length === 0 ? '' : ` It waits for ${open.join(', ')}.`;
  return `${why} Complete it once ${jobCommand('show', job.id, place)} says that it is ready.`;
};
