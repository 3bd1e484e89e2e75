import { textOf } from '../../events/error-data.ts';

/** The signal that a job was cancelled by, if it was: the reason of its end, or the cause of its error. */
export const cancellingSignal = (reason: unknown): NodeJS.Signals | undefined => {
  const text = reason instanceof Error ? reason.message : textOf(reason);
  return SIGNALS.find((signal) => signal === text);
};

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'];
