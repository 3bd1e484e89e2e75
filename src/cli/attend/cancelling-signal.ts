import { textOf } from '../../events/error-data.ts';

/** Returns the signal that a job was cancelled by, if any. `reason` is the job's reason, or the cause of its error. */
export const cancellingSignal = (reason: unknown): NodeJS.Signals | undefined => {
  const text = reason instanceof Error ? reason.message : textOf(reason);
  return SIGNALS.find((signal) => signal === text);
};

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'];
