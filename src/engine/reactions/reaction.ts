import type { JobTransition, TaskTransition } from '../../events/event.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/**
 * Responds to transitions with commands. A reaction has no state of its own: all state is in the records of the job and
 * its tasks.
 */
export type Reaction = {
  readonly onTask?: (job: JobRun, task: TaskRun, event: TaskTransition) => void;
  readonly onJob?: (job: JobRun, event: JobTransition) => void;
};
