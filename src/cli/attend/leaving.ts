import type { Engine } from '../../engine/engine.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';

/** Leaves a job to be resumed later. Resolves to the `seq` of its last stored event; `undefined` if it has ended. */
export type LeaveJob = () => Promise<number | undefined>;

/** Ends what runs of the engine's only job, and hands the job off as `engine.close` does. */
export const leaveJob =
  (engine: Engine, journal: SqliteJournal, jobId: string): LeaveJob =>
  async () => {
    await engine.close({ mode: 'abort' });
    const stored = await journal.job(jobId);
    return stored === undefined || isTerminalJobState(stored.state) ? undefined : stored.lastSeq;
  };

/**
 * Holds events back while a job is being left: in this process the job ends as cancelled, which never happened to the
 * stored job. `release` passes on those up to `lastSeq`; without it, all.
 */
export const heldEvents = () => {
  let isHolding = false;
  const held: { readonly event: JobEvent; readonly next: (event: JobEvent) => void }[] = [];
  return {
    hold: (): void => {
      isHolding = true;
    },
    /** Returns a subscriber that receives events now or after `release`; those that `isHarmless`, always now. */
    through:
      (next: (event: JobEvent) => void, isHarmless: (event: JobEvent) => boolean = () => false) =>
      (event: JobEvent): void => {
        if (isHolding && !isHarmless(event)) held.push({ event, next });
        else next(event);
      },
    release: (lastSeq = Number.POSITIVE_INFINITY): void => {
      isHolding = false;
      for (const { event, next } of held.splice(0)) if (event.seq <= lastSeq) next(event);
    },
  };
};
