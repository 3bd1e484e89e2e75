import type { AnyJob, Recovery } from '../../engine/engine-options.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { UNFINISHED_STATES } from '../../events/states.ts';
import { underWayUntil } from '../../events/under-way.ts';
import type { Documents } from '../documents/documents.ts';
import { isOfCommandLine } from './command-line-job.ts';
import { type JobSource, placeOf } from './find-job.ts';
import { addedSpecs } from './repeat-job.ts';

type Source = JobSource & { readonly documents: Documents; readonly clock: Clock };

export type Taking = {
  /** Takes them up now. @throws JournalError */
  readonly takeUp: () => Promise<Recovery>;
  readonly stop: () => void;
};

/**
 * Takes up the jobs that no process runs, but for those of `tintype run`; looks again once a minute after the first time,
 * for those that had to be left meanwhile, as when the disk was full. Logs those that can't go on, each once for a reason.
 */
export const keepTakingUp = (source: Source, logger: Logger | undefined): Taking => {
  const { clock } = source;
  const warned = new Set<string>();
  let isOver = false;
  let stopTimer = (): void => {};
  const takeUp = async (): Promise<Recovery> => {
    const recovery = await takeUpJobs(source);
    for (const { jobId, jobName, error } of recovery.refused) {
      const warning = `The job "${jobId}" of "${jobName}" is interrupted, and can't go on: ${error.message}`;
      if (!warned.has(warning)) logger?.warn(warning);
      warned.add(warning);
    }
    later();
    return recovery;
  };
  const later = (): void => {
    // What fails now, as in a database that is locked, is tried again.
    if (!isOver) stopTimer = clock.setTimer(() => void underWayUntil(takeUp()).catch(later), EVERY_MS);
  };
  return {
    takeUp,
    stop: () => {
      isOver = true;
      stopTimer();
    },
  };
};

const EVERY_MS = 60_000;

const takeUpJobs = async (source: Source): Promise<Recovery> => {
  const { engine, journal } = source;
  const resumed: AnyJob[] = [];
  const refused: Recovery['refused'][number][] = [];
  const unfinished = { states: UNFINISHED_STATES, order: 'oldest' } as const;
  for (const stored of await journal.jobs(unfinished, (damaged) => refused.push(damaged))) {
    if (engine.closed) break;
    if (isOfCommandLine(stored) || placeOf(stored, source) !== 'nowhere') continue;
    try {
      resumed.push((await engine.resume(stored.id, { added: await addedSpecs(source, stored.id) })).job);
    } catch (error) {
      // Another process has taken it up meanwhile.
      if (error instanceof JournalError && error.code === 'JOB_LEASED') continue;
      refused.push({ jobId: stored.id, jobName: stored.name, error: error as Error });
    }
  }
  return { resumed, refused };
};
