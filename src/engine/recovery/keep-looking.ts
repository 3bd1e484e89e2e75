import type { JournalErrorCode } from '../errors/errors.ts';
import type { Clock } from '../time/clock.ts';
import { setIdleTimer } from '../time/idle-timer.ts';

/** What a look found that could not be resumed. */
type Refused = { readonly jobId: string; readonly error: Error };

/**
 * Looks for jobs to resume every `everyMs`, after each look has ended. Reports what can't be resumed as a warning of the
 * process, each job once for each reason; but not jobs of definitions that are unknown here: other programs may share the
 * journal. Returns a function that stops it.
 */
export const keepLooking = (
  look: () => Promise<readonly Refused[]>,
  everyMs: number,
  clock: Clock,
  known: readonly Refused[],
): (() => void) => {
  const warned = new Set(known.map(keyOf));
  let isOver = false;
  let callOff = (): void => {};
  const warn = (key: string, error: Error): void => {
    if (warned.has(key) || isOver) return;
    warned.add(key);
    const { code } = error as { readonly code?: string };
    process.emitWarning(`A recovery: ${error.message}`, code === undefined ? {} : { code });
  };
  const again = async (): Promise<void> => {
    try {
      for (const one of await look()) if (codeOf(one.error) !== 'UNKNOWN_DEFINITION') warn(keyOf(one), one.error);
      warned.delete('');
    } catch (error) {
      warn('', error as Error);
    }
    wait();
  };
  const wait = (): void => {
    if (!isOver) callOff = setIdleTimer(clock, () => void again(), everyMs);
  };
  wait();
  return () => {
    isOver = true;
    callOff();
  };
};

const codeOf = (error: Error): JournalErrorCode | undefined => (error as { readonly code?: JournalErrorCode }).code;

const keyOf = ({ jobId, error }: Refused): string => `${codeOf(error)} ${jobId}`;
