import { HEARTBEAT, INTERRUPTED } from '../../engine/model/task-record.ts';
import { cutText } from '../../events/cut-text.ts';
import type { Stamp, TaskTransition } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import type { AttemptOutcome, WireAttempt } from '../../wire/attempts.ts';
import type { WireError } from '../../wire/job-columns.ts';

/** The attempts of one task so far: the last `MAX_ATTEMPTS` of them. */
export type Attempts = { readonly kept: Writable<WireAttempt>[]; omitted: number };

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** How many attempts of a task are kept: a sensor may look many thousand times. */
export const MAX_ATTEMPTS = 100;

/** Updates attempts with the next transition of their task. `at`: in ms since the job's `startedAt`. */
export const recordAttempt = (attempts: Attempts, event: TaskTransition & Stamp, at: number): void => {
  const { from, to, attempt: number, reason } = event;
  const outcome = outcomeOf(event);
  const open = openIn(attempts);
  if (outcome && open) {
    open.endAt = at;
    open.outcome = outcome;
    if (reason !== undefined) open.reason = cutText(reason, MAX_TEXT);
    if (event.error) open.error = shortError(event.error);
  } else if (outcome && to !== 'unscheduled') {
    push(attempts, { number, endAt: at, outcome, reason, error: event.error && shortError(event.error) });
  }
  if (to === 'ready' && from !== 'paused') push(attempts, { number: 0, readyAt: at });
  if (to !== 'running' || from === 'paused') return;
  const waiting = openIn(attempts);
  if (waiting) {
    waiting.number = number;
    waiting.startAt = at;
  } else push(attempts, { number, startAt: at });
};

/** Ends the attempt that has not ended, since the task around it begins anew. `at`: in ms since the job's `startedAt`. */
export const endAttempt = (attempts: Attempts, at: number): void => {
  const open = openIn(attempts);
  if (!open) return;
  open.endAt = at;
  open.outcome = 'reset';
};

/** An error without what is long: its stack, its cause, its details. */
export const shortError = ({ name, message, code }: WireError): WireError => ({
  name: cutText(name, MAX_TEXT),
  message: cutText(message, MAX_TEXT),
  ...(code !== undefined && { code }),
});

const MAX_TEXT = 500;

const openIn = ({ kept }: Attempts): Writable<WireAttempt> | undefined => {
  const last = kept.at(-1);
  return last?.outcome === undefined ? last : undefined;
};

const push = (attempts: Attempts, attempt: Writable<WireAttempt>): void => {
  attempts.kept.push(attempt);
  if (attempts.kept.length <= MAX_ATTEMPTS) return;
  attempts.kept.shift();
  attempts.omitted++;
};

/** Returns how a transition ends an attempt; undefined if it ends none. */
const outcomeOf = ({ from, to, reason, error }: TaskTransition): AttemptOutcome | undefined => {
  if (SETTLED.has(to)) return to as AttemptOutcome;
  if (to === 'unscheduled') return 'reset';
  if (to === 'polling') return 'notYet';
  const hasDied = reason === INTERRUPTED || reason === HEARTBEAT;
  if (to === 'retrying') return hasDied ? 'interrupted' : 'failed';
  if (to === 'paused') return error ? 'failed' : undefined;
  if (to === 'ready' && from === 'running') return hasDied ? 'interrupted' : 'released';
  return undefined;
};
