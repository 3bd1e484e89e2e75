import type { Job } from './job.ts';
import type { JobRun } from './model/run.ts';
import { handOffJob } from './recovery/hand-off.ts';
import { endEarly } from './run/shutdown.ts';
import type { Clock } from './time/clock.ts';

/** A job of an engine that is not over. */
export type Live = { readonly job: Job; readonly run: JobRun };

/** `drain`: running tasks finish. `abort`: they are aborted. */
export type CloseMode = 'drain' | 'abort';

/** How long clean-up may take after `close({ mode: 'abort' })`, unless `graceMs` is given. */
export const CLEAN_UP_MS = 10_000;

const CLOSING = 'the engine is closing';

/** Hands a job with a journal off to a later process, cancels another. */
export const endLive = async ({ run }: Live, mode: CloseMode): Promise<void> => {
  if (run.recorder && !run.ended) await handOffJob(run, mode, CLOSING);
  else endEarly(run, mode, CLOSING);
};

/**
 * Hastens the end of jobs that were asked to end with `mode`: every `graceMs` one step further, from draining to aborting
 * to the end of clean-up. Returns a function that stops it.
 */
export const hasten = (jobs: readonly Live[], mode: CloseMode, graceMs: number, clock: Clock): (() => void) => {
  const steps = mode === 'abort' ? [endCleanUp] : [abort, endCleanUp];
  let callOff = (): void => {};
  const wait = (): void => {
    const step = steps.shift();
    if (!step) return;
    callOff = clock.setTimer(() => {
      for (const job of jobs) step(job);
      wait();
    }, graceMs);
  };
  wait();
  return () => callOff();
};

const abort = (live: Live): void => void endLive(live, 'abort');

const endCleanUp = ({ run }: Live): void => {
  if (!run.recorder) endEarly(run, 'abort', CLOSING, true);
};
