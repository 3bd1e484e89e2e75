import { startNested } from '../kinds/nested.ts';
import type { Attempt } from '../model/attempt.ts';
import { isStopped, type JobRun, type TaskRun } from '../model/run.ts';
import { failCondition } from '../run/attempt-result.ts';
import { callFunction } from '../run/perform-function.ts';
import { cancelTask } from '../run/shutdown.ts';
import type { Reaction } from './reaction.ts';

/**
 * Performs an attempt when its task becomes `running`, after all events so far are committed. Does nothing for an
 * external task: the program that claimed the task performs it.
 */
export const perform: Reaction = {
  onTask: (job, task, { from, to }) => {
    const { attempt, definition, conditionError } = task;
    if (to !== 'running' || from === 'paused' || !attempt) return;
    if (isStopped(task)) cancelTask(job, task);
    else if (conditionError) failCondition(job, task, conditionError.thrown);
    else if (definition.kind !== 'external') job.afterCommit(() => begin(job, task, attempt));
  },
};

/** Starts the work, unless the attempt ended while it waited for the journal. */
const begin = (job: JobRun, task: TaskRun, attempt: Attempt): void => {
  if (attempt.phase !== 'live' || job.isLeaving) return;
  attempt.begun = true;
  if (task.definition.nested) startNested(job, task, attempt);
  else callFunction(job, task, attempt);
};
