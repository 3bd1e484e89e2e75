import { SETTLED } from '../../events/states.ts';
import { AbortError } from '../errors/errors.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { expireTask } from '../run/outcome.ts';
import { interrupt } from '../run/stop.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';
import type { Reaction } from './reaction.ts';

/** Deadlines: from a task's first `ready` on, over all its attempts and the waits between them; anew
 * for one that a person tries again after it failed. Paused time does not count. */
export const deadline: Reaction = {
  onTask: (job, task, { from, to }) => {
    if ((from === 'unscheduled' || from === 'failed') && to === 'ready' && hasLimit(task.definition.deadline)) {
      startDeadline(job, task, task.definition.deadline);
    } else if (task.deadlineTimer && SETTLED.has(to)) {
      // Told of its failure, somebody may have tried it again already: the state of the task says nothing here.
      task.deadlineTimer.cancel();
      task.deadlineTimer = undefined;
    }
  },
};

/** `restMs`: what is left of it. */
export const startDeadline = (job: JobRun, task: TaskRun, limitMs: number, restMs = limitMs): void => {
  const expire = (): void => {
    const { attempt } = task;
    if (attempt?.phase === 'aborting') {
      if (attempt.verdict) attempt.verdict = () => expireTask(job, task, limitMs);
      return;
    }
    const reason = new AbortError('TASK_DEADLINE', `The task was not done within ${limitMs} ms.`);
    interrupt(task, reason, () => expireTask(job, task, limitMs));
  };
  task.deadlineTimer = new PausableTimer(job.clock, expire, restMs, job.paused || task.state === 'paused');
};
