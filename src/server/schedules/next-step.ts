import type { Schedule } from './schedule.ts';
import type { Owed, ScheduleState } from './schedule-state.ts';

export type RunningJob = ScheduleState['running'][number];

/** What to do about what is owed. */
export type Step =
  | { readonly do: 'start'; readonly owed: Owed }
  | { readonly do: 'skip'; readonly owed: Owed; readonly reason: string }
  | { readonly do: 'cancel'; readonly jobs: readonly RunningJob[] };

/**
 * Returns what to do now; undefined if that is nothing, before a job has ended or the time of `nextStepAt` has come.
 * `busy`: the jobs of the schedule that run.
 */
export const nextStep = (
  { overlap }: Schedule,
  { owed }: ScheduleState,
  busy: readonly RunningJob[],
  now: number,
): Step | undefined => {
  const ready = owed.filter(({ at }) => at <= now).sort(inOrder);
  const [first] = ready;
  const [running] = busy;
  if (overlap === 'allow' || running === undefined) return first && { do: 'start', owed: first };
  const [older, newer] = ready.filter(({ lane }) => lane === 'due');
  if (older === undefined) return undefined;
  const reason = `The job ${running.jobId} of ${new Date(running.due).toISOString()} had not ended.`;
  const skip = (one: Owed): Step => ({ do: 'skip', owed: one, reason });
  // Jobs that are caught up or backfilled run one after the other, and keep none that is due from running.
  const isBehind = busy.some(({ lane }) => lane !== 'due') || owed.some(({ lane }) => lane === 'catchup');
  if (isBehind || overlap === 'queue') return newer && skip(newer);
  if (overlap === 'skip') return skip(older);
  return newer ? skip(older) : { do: 'cancel', jobs: busy };
};

/** Returns when `nextStep` may return something, if no job ends before. */
export const nextStepAt = (
  { overlap }: Schedule,
  { owed }: ScheduleState,
  busy: readonly RunningJob[],
  now: number,
): number | undefined => {
  const isBlocked = overlap !== 'allow' && busy.length > 0;
  const times = owed.filter(({ lane, at }) => !isBlocked || (lane === 'due' && at > now)).map(({ at }) => at);
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
};

/** What is due, or was missed, goes before what is backfilled. */
const inOrder = (a: Owed, b: Owed): number =>
  Number(a.lane === 'backfill') - Number(b.lane === 'backfill') || a.at - b.at || a.due - b.due;
