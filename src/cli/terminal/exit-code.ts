import { constants } from 'node:os';
import type { JobState } from '../../events/event.ts';

/** The exit codes of the command line, apart from those of signals. Documented in its help. */
export const EXIT = {
  completed: 0,
  failed: 1,
  /** Wrong usage, or a workflow file that can't run. */
  usage: 2,
  notReady: 3,
  /** An error that the program did not expect. As EX_SOFTWARE in BSD's sysexits.h. */
  unexpected: 70,
  /** A signal left the job to be resumed, or `overlap: skip` did not start it. As EX_TEMPFAIL in BSD's sysexits.h: try again later. */
  left: 75,
  timedOut: 124,
} as const;

/** Returns 128 + the signal's number, as shells do: 130 for SIGINT, 141 for SIGPIPE, 143 for SIGTERM. */
export const exitCodeOfSignal = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/** Returns the exit code for a job's final state. `signal` is what cancelled the job. Default SIGINT (Ctrl-C). */
export const exitCodeOf = (state: JobState, signal: NodeJS.Signals = 'SIGINT'): number => {
  switch (state) {
    case 'completed':
    case 'notReady':
    case 'timedOut':
      return EXIT[state];
    case 'cancelled':
      return exitCodeOfSignal(signal);
    default:
      return EXIT.failed;
  }
};

export const EXIT_CODES_HELP = `Exit codes:
  0    the job completed
  1    the job failed
  2    wrong usage, or a file that can't run
  3    a task was not ready
  70   an error that tintype did not expect
  75   left by SIGTERM, to be resumed; or not started, by overlap: skip
  124  the job ran out of time
  130  cancelled by Ctrl-C (143 by SIGTERM, 141 when nobody reads the output)`;

/** Thrown when a command line is wrong. Commands exit with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
