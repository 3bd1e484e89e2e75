import { startNested } from '../kinds/nested.ts';
import type { Attempt } from '../model/attempt.ts';
import { isCleanUp, type JobRun, type TaskRun } from '../model/run.ts';
import { refuseTask } from '../run/outcome.ts';
import { callFunction } from '../run/perform-function.ts';
import { cancelTask } from '../run/stop.ts';
import type { Reaction } from './reaction.ts';

/**
 * Attempts: performs an attempt when its task runs, after all events so far are committed. An external task is
 * performed by the program that claimed it.
 */
export const perform: Reaction = {
  onTask: (job, task, { from, to }) => {
    const { attempt, definition, refusal } = task;
    if (to !== 'running' || from === 'paused' || !attempt) return;
    if (job.stop && !isCleanUp(task)) cancelTask(job, task);
    else if (refusal) refuseTask(job, task, refusal.thrown);
    else if (definition.kind !== 'external') job.whenSaved(() => begin(job, task, attempt));
  },
};

/** Starts the work, unless the attempt ended while it waited for the journal. */
const begin = (job: JobRun, task: TaskRun, attempt: Attempt): void => {
  if (attempt.phase !== 'live' || job.isLeaving) return;
  attempt.begun = true;
  if (task.definition.nested) startNested(job, task, attempt);
  else callFunction(job, task, attempt);
};
