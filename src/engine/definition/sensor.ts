import { isThenable } from '../../events/thenable.ts';
import { backoffMs } from '../../machines/retry.ts';
import { directiveOf, kindOfDirective, type NotReady } from './directive.ts';
import { requireWait } from './hook-results.ts';
import type { SensorPace } from './options.ts';
import type { TaskFunction, TaskScope } from './task-function.ts';

const POLL = Symbol('poll');

export type Poll = { readonly [POLL]: true; readonly reason: string };

export const isPoll = (value: unknown): value is Poll => typeof value === 'object' && value !== null && POLL in value;

/** Wraps a check as a task function: `true` completes without output, `false` and `notReady(…)` mean "check later". */
export const sensorFunction = (check: TaskFunction): TaskFunction => {
  if (typeof check !== 'function') return check;
  return (scope: TaskScope) => {
    const answer: unknown = check(scope);
    return isThenable(answer) ? answer.then(outcomeOf) : outcomeOf(answer);
  };
};

const outcomeOf = (answer: unknown): unknown => {
  if (answer === undefined)
    throw new TypeError('The check of a sensor answered nothing: expected true, false, notReady(reason) or an output');
  return sensorOutcome(answer);
};

/** Returns what a sensor's task function returns for an answer of the check. Nothing means ready, as `true` does. */
export const sensorOutcome = (answer: unknown): unknown => {
  if (answer === true) return undefined;
  if (answer === false) return poll('not yet');
  const other = directiveOf(answer);
  if (other && kindOfDirective(other) === 'notReady') return poll((other as NotReady).reason);
  return answer;
};

const poll = (reason: string): Poll => ({ [POLL]: true, reason });

/** Returns the wait in ms after check number `check` (from 1). @throws RangeError if it is negative or not finite */
export const intervalMs = (pace: SensorPace, check: number): number => {
  const { interval = 1_000, backoff = 'fixed', factor, maxInterval } = pace;
  const policy = { backoff, delayMs: interval, factor, maxDelayMs: maxInterval };
  return requireWait(
    'an interval',
    backoffMs(policy, check, undefined, () => 0),
  );
};
