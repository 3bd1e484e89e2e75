import type { ErrorData } from '../../events/error-data.ts';
import type { AbortError } from '../errors/errors.ts';

/** The clean-up that a stopping job has yet to start. */
export type CleanUp = {
  /** For each such task, how many tasks upstream may still change. */
  readonly waiting: Map<number, number>;
  /** For each task that may still change, the clean-up that waits for it. */
  readonly heirs: Map<number, number[]>;
};

/** How a job ends before all its tasks have. */
export type Stop = {
  readonly to: 'failed' | 'timedOut' | 'cancelled';
  /** `abort`: running attempts are told to stop. `drain`: they finish. Nothing starts in either, but clean-up. */
  readonly mode: 'abort' | 'drain';
  /** What brought it about: a task's error, or what `cancel` was given. */
  readonly cause?: unknown;
  /** The failure, where it is not that of a task. */
  readonly conflict?: ConflictDetails;
  /** What the signals of a nested job's attempts abort with: the reason of the task around it. */
  readonly reason?: AbortError;
  /** The journal can't be written: the job ends here, and may go on elsewhere; nothing is cleaned up. */
  readonly interrupted?: boolean;
};

/** What a journal keeps of a stop, so that a job whose process dies meanwhile ends the same way. */
export type StopNote = Pick<Stop, 'to' | 'mode'> & {
  readonly conflict?: ConflictDetails | undefined;
  readonly cause?: ErrorData | undefined;
  /** Of a nested job: the attempt of the task around it, and why that was aborted. */
  readonly attempt?: number | undefined;
  readonly code?: AbortError['code'] | undefined;
};

export type ConflictDetails = { readonly key: string; readonly tasks: readonly [string, string] };
