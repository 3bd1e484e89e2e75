import { isPromise } from 'node:util/types';
import type { Attempt } from '../attempt.ts';
import type { JobRun } from '../job-run.ts';
import { failAttempt, succeedAttempt } from '../outcome.ts';
import { createScope } from '../scope.ts';
import { cancelTask } from '../stop.ts';
import type { TaskRun } from '../task-run.ts';
import type { Reaction } from './reaction.ts';

/** Attempts: performs one whenever a task runs, and brings its outcome back, if anybody still waits for it. */
export const perform: Reaction = {
  onTask: (job, task, { to }) => {
    const { attempt } = task;
    if (to !== 'running' || !attempt) return;
    if (job.stop) {
      cancelTask(job, task);
      return;
    }
    let outcome: unknown;
    try {
      outcome = task.definition.run(createScope(job, task, attempt));
    } catch (error) {
      outcome = Promise.reject(error);
    }
    (isPromise(outcome) ? outcome : Promise.resolve(outcome)).then(
      (value) => end(job, task, attempt, 'succeeded', value),
      (error) => end(job, task, attempt, 'failed', error),
    );
  },
};

const end = (job: JobRun, task: TaskRun, attempt: Attempt, outcome: 'succeeded' | 'failed', value: unknown): void => {
  const { phase } = attempt;
  attempt.phase = 'over';
  if (phase === 'live') {
    if (outcome === 'succeeded') succeedAttempt(job, task, value);
    else failAttempt(job, task, value);
    return;
  }
  if (outcome === 'succeeded' || !attempt.answersAbort(value)) {
    task.lateResults++;
    job.publish({ type: 'task.lateResult', task: task.definition.name, attempt: attempt.number, outcome });
  }
  if (phase === 'aborting') cancelTask(job, task);
};
