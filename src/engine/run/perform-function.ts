import { isPromise } from 'node:util/types';
import { errorData } from '../../events/error-data.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection, isThenable } from '../../events/thenable.ts';
import { checked } from '../definition/check-schema.ts';
import type { TaskScope } from '../definition/task-function.ts';
import { InterruptedError, isA } from '../errors/errors.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { handleError, handleResult } from './attempt-result.ts';
import { intercepted } from './intercept.ts';
import { reportLateResult } from './late-result.ts';
import { applyPassedLimits } from './passed-limits.ts';
import { createScope } from './scope.ts';
import { cancelTask } from './shutdown.ts';
import { logOf } from './task-log.ts';

/** Calls a task's function. Applies the outcome, unless the attempt has ended meanwhile. */
export const callFunction = (job: JobRun, task: TaskRun, attempt: Attempt): void => {
  const { output: schema } = task.definition;
  const run = task.run ?? task.definition.run;
  let outcome: unknown;
  let isKnown = false;
  try {
    const elsewhere = task.place && !task.run ? job.dispatcher.elsewhere : undefined;
    const scope = createScope(job, task, attempt);
    const performed = elsewhere ? scope : enriched(job, task, attempt, scope);
    // `enrich` may have ended the job.
    if (attempt.phase !== 'live') throw attempt.reason;
    outcome = elsewhere
      ? intercepted(job, scope, () =>
          elsewhere.perform(task, attempt, scope, () => run(enriched(job, task, attempt, scope))),
        )
      : intercepted(job, performed, run);
    isKnown = !schema && !isThenable(outcome);
  } catch (error) {
    outcome = Promise.reject(error);
    isKnown = true;
  }
  // What is known at once is in time now, even if other functions block the event loop before it is handled.
  if (isKnown && attempt.phase === 'live') applyPassedLimits(task);
  const settle = (how: 'succeeded' | 'failed', value: unknown): void => {
    if (!isKnown && attempt.phase === 'live') applyPassedLimits(task);
    // A function may throw a promise, too, that nobody awaits: the next turn would be too late for its rejection.
    ignoreRejection(value);
    if (job.turn.mustWait()) job.turn.putOffUnbound(() => job.inContext(() => end(job, task, attempt, how, value)));
    else end(job, task, attempt, how, value);
  };
  const promise = isPromise(outcome) ? outcome : Promise.resolve(outcome);
  const answer = schema ? promise.then((value) => checked(schema, value, task)) : promise;
  answer.then(
    (value) => settle('succeeded', value),
    (error) => settle('failed', error),
  );
};

/** Adds what the task's `enrich` returns to the scope. */
const enriched = (job: JobRun, task: TaskRun, attempt: Attempt, scope: TaskScope): TaskScope => {
  const { enrich, instance } = task.definition;
  if (!enrich) return scope;
  try {
    const extra: unknown = enrich(scope);
    ignoreRejection(extra);
    if (!isPlainObject(extra)) throw new TypeError('it answered no plain object at once');
    const { item: _, index: __, ...others } = Object.getOwnPropertyDescriptors(extra) as PropertyDescriptorMap;
    return Object.defineProperties(scope, instance ? others : Object.getOwnPropertyDescriptors(extra));
  } catch (error) {
    ignoreRejection(error);
    logOf(job, task.path, attempt).warn(`The scope was not enriched: ${errorData(error).message}.`);
    return scope;
  }
};

const end = (job: JobRun, task: TaskRun, attempt: Attempt, outcome: 'succeeded' | 'failed', value: unknown): void => {
  const { phase } = attempt;
  attempt.phase = 'over';
  if (phase === 'live') {
    if (outcome === 'succeeded') handleResult(job, task, value);
    else handleError(job, task, value);
    return;
  }
  const isResult = outcome === 'succeeded' || !(attempt.isAbortError(value) || isA(value, InterruptedError));
  if (isResult) reportLateResult(job, task, attempt, outcome);
  if (phase === 'aborting') cancelTask(job, task);
};
