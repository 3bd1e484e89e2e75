import type { AnyJob, Recovery } from '../../engine/engine-options.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState, UNFINISHED_STATES } from '../../events/states.ts';
import { underWayUntil } from '../../events/under-way.ts';
import type { Documents } from '../documents/documents.ts';
import { isOfCommandLine } from './command-line-job.ts';
import { type JobSource, placeOf } from './find-job.ts';
import type { Overlaps } from './overlaps.ts';
import { addedSpecs } from './repeat-job.ts';

type Source = JobSource & {
  readonly documents: Documents;
  readonly clock: Clock;
  readonly overlaps: Pick<Overlaps, 'takenUp'>;
};

export type Taking = {
  /** Takes them up now. @throws JournalError */
  readonly takeUp: () => Promise<Recovery>;
  /** Whether a job could not be taken up the last time. */
  readonly isLeft: (jobId: string) => boolean;
  readonly stop: () => void;
};

/**
 * Takes up the jobs that no process runs, but for those of `tintype run`. After the first time it looks again once a
 * minute, and each second while jobs had to be left because the journal fails, as when the disk was full. Logs those that
 * can't go on, each once for a reason.
 */
export const keepTakingUp = (source: Source, logger: Logger | undefined): Taking => {
  const { clock, engine } = source;
  const warned = new Set<string>();
  let left = new Set<string>();
  let isOver = false;
  let hasFailed = false;
  let isTaking = false;
  let stopTimer = (): void => {};
  const takeUp = async (): Promise<Recovery> => {
    hasFailed = false;
    isTaking = true;
    const { recovery, isJournalFailing } = await takeUpJobs(source).finally(() => {
      isTaking = false;
    });
    // One that the journal kept from it is tried again soon.
    left = new Set(recovery.refused.filter(({ error }) => !isFailureOfAll(error)).map(({ jobId }) => jobId));
    for (const { jobId, jobName, error } of recovery.refused) {
      const warning = `The job "${jobId}" of "${jobName}" is interrupted, and can't go on: ${error.message}`;
      if (!warned.has(warning)) logger?.warn(warning);
      warned.add(warning);
    }
    later(isJournalFailing || hasFailed ? SOON_MS : EVERY_MS);
    return recovery;
  };
  const later = (ms: number): void => {
    stopTimer();
    // What fails now, as in a database that is locked, is tried again.
    if (!isOver) stopTimer = clock.setTimer(() => void underWayUntil(takeUp()).catch(() => later(SOON_MS)), ms);
  };
  const onFailure = (error: unknown): void => {
    if (!isFailureOfAll(error)) return;
    hasFailed = true;
    if (!isTaking) later(SOON_MS);
  };
  // The end of a job that could not be kept is the only event of that.
  const ends = engine.events$.subscribe((event) => {
    if (event.type === 'job.transition' && isTerminalJobState(event.to))
      engine.job(event.jobId)?.saved().catch(onFailure);
  });
  return {
    takeUp,
    isLeft: (jobId) => left.has(jobId),
    stop: () => {
      isOver = true;
      stopTimer();
      ends.unsubscribe();
    },
  };
};

const EVERY_MS = 60_000;
const SOON_MS = 1_000;

const takeUpJobs = async (
  source: Source,
): Promise<{ readonly recovery: Recovery; readonly isJournalFailing: boolean }> => {
  const { engine, journal } = source;
  const resumed: AnyJob[] = [];
  const refused: Recovery['refused'][number][] = [];
  const unfinished = { states: UNFINISHED_STATES, order: 'oldest' } as const;
  for (const stored of await journal.jobs(unfinished, (damaged) => refused.push(damaged))) {
    if (engine.closed) break;
    if (isOfCommandLine(stored) || placeOf(stored, source) !== 'nowhere') continue;
    try {
      const { job } = await engine.resume(stored.id, { added: await addedSpecs(source, stored.id) });
      source.overlaps.takenUp(job);
      resumed.push(job);
    } catch (error) {
      // Another process has taken it up meanwhile.
      if (error instanceof JournalError && error.code === 'JOB_LEASED') continue;
      refused.push({ jobId: stored.id, jobName: stored.name, error: error as Error });
      // All others would be refused, too.
      if (isFailureOfAll(error)) return { recovery: { resumed, refused }, isJournalFailing: true };
    }
  }
  return { recovery: { resumed, refused }, isJournalFailing: false };
};

const isFailureOfAll = (error: unknown): boolean => error instanceof JournalError && FAILURES.has(error.code);

const FAILURES = new Set<JournalError['code']>([
  'JOURNAL_FAILED',
  'JOURNAL_FULL',
  'JOURNAL_LOCKED',
  'JOURNAL_READ_ONLY',
]);
