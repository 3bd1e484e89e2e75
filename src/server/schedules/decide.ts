import { type DueTimes, startOfDue } from './due-times.ts';
import type { Schedule } from './schedule.ts';
import { MAX_CAUGHT_UP, MAX_COUNTED, type Outcome, type Owed, type ScheduleState } from './schedule-state.ts';

/** A change of what is kept, and what became of due times by it. */
export type Decision = { readonly state: ScheduleState; readonly outcomes: readonly Outcome[] };

/** Decides what the due times that have passed by `now` owe. Starts nothing. */
export const decide = (schedule: Schedule, dues: DueTimes, state: ScheduleState, now: number): Decision => {
  const first = dues.next(state.considered);
  if (first === undefined || first > now) return { state, outcomes: [] };
  const oldest = now - (schedule.catchup === 'none' ? ON_TIME_MS : schedule.catchupWindow);
  const room = MAX_CAUGHT_UP - state.owed.filter(({ lane }) => lane === 'catchup').length;
  const wanted = wantedOf(schedule, dues, first, oldest, now).filter((_, index, all) => index >= all.length - room);
  const missed = wanted[0] === first ? undefined : missedOf(dues, state.considered, (wanted[0] ?? now + 1) - 1, now);
  // What was missed runs in order, one after the other.
  const isLate = wanted.length > 1 || wanted.some((due) => due < now - ON_TIME_MS);
  const lane = isLate ? 'catchup' : 'due';
  const owed = wanted.map((due): Owed => ({ due, at: startOfDue(schedule, due), lane }));
  return {
    state: { ...state, considered: now, owed: [...state.owed, ...owed] },
    outcomes: missed === undefined ? [] : [missed],
  };
};

/** A due time is missed if it passed longer ago, in ms: the server was away, or the machine slept. */
const ON_TIME_MS = 60_000;

/** Returns which of the due times from `first` to `now` start a job. */
const wantedOf = (
  { catchup }: Schedule,
  dues: DueTimes,
  first: number,
  oldest: number,
  now: number,
): readonly number[] => {
  const second = dues.next(first);
  if (second === undefined || second > now) return first >= oldest ? [first] : [];
  return dues.last(Math.max(first, oldest) - 1, now, catchup === 'all' ? MAX_CAUGHT_UP : 1);
};

/** What is not started of the due times after `after`, up to `until`. */
const missedOf = (dues: DueTimes, after: number, until: number, now: number): Outcome | undefined => {
  const missed = dues.last(after, until, MAX_COUNTED);
  const due = missed.at(-1);
  if (due === undefined) return undefined;
  return {
    due,
    at: now,
    outcome: 'missed',
    count: missed.length,
    reason: 'It passed while no server ran, or while the machine slept.',
  };
};
