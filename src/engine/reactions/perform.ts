import { startNested } from '../kinds/nested.ts';
import { refuseTask } from '../outcome.ts';
import { callFunction } from '../perform-function.ts';
import { cancelTask } from '../stop.ts';
import { isCleanUp } from '../task-run.ts';
import type { Reaction } from './reaction.ts';

/** Attempts: performs one whenever a task runs. An external task is performed by whoever claimed it. */
export const perform: Reaction = {
  onTask: (job, task, { from, to }) => {
    const { attempt, definition, refusal } = task;
    if (to !== 'running' || from === 'paused' || !attempt) return;
    if (job.stop && !isCleanUp(task)) cancelTask(job, task);
    else if (refusal) refuseTask(job, task, refusal.thrown);
    else if (definition.nested) startNested(job, task, attempt);
    else if (definition.kind !== 'external') callFunction(job, task, attempt);
  },
};
