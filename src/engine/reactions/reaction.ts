import type { JobTransition, TaskTransition } from '../../events/event.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/**
 * A subscriber of the event stream that answers transitions with commands to the actors. It keeps nothing of its own:
 * what is to be remembered stands in the records of the job and its tasks.
 */
export type Reaction = {
  readonly onTask?: (job: JobRun, task: TaskRun, event: TaskTransition) => void;
  readonly onJob?: (job: JobRun, event: JobTransition) => void;
};
