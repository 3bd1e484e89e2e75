import type { ErrorData } from '../../events/error-data.ts';
import type { AbortError } from '../errors/errors.ts';

/** The clean-up that a stopping job has not started yet. */
export type CleanUp = {
  /** For each clean-up task, the number of upstream tasks that it still waits for. */
  readonly waiting: Map<number, number>;
  /** For each of these upstream tasks, the clean-up tasks that wait for it. */
  readonly dependents: Map<number, number[]>;
};

/** Why and how a job ends before all its tasks have settled. */
export type Stop = {
  readonly to: 'failed' | 'timedOut' | 'cancelled';
  /** `abort`: aborts running attempts. `drain`: lets running attempts finish. Only clean-up starts in both modes. */
  readonly mode: 'abort' | 'drain';
  /** The error of a task, or what was given to `cancel`. */
  readonly cause?: unknown;
  /** The conflict, if the job fails because of one. */
  readonly conflict?: ConflictDetails;
  /** For a nested job: the reason with which its attempts are aborted, the same as for the enclosing attempt. */
  readonly reason?: AbortError;
  /** The journal failed or the job was handed off: it ends here without clean-up. Another process may resume it. */
  readonly interrupted?: boolean;
  /** Clean-up ends, too: what runs of it is aborted, nothing more of it starts. */
  readonly endsCleanUp?: boolean;
};

/** What a journal stores of a stop, so that the job still ends the same way if its process dies meanwhile. */
export type StopNote = Pick<Stop, 'to' | 'mode' | 'endsCleanUp'> & {
  readonly conflict?: ConflictDetails | undefined;
  readonly cause?: ErrorData | undefined;
  /** For a nested job: the number of the enclosing attempt, and the code of the error that aborted that attempt. */
  readonly attempt?: number | undefined;
  readonly code?: AbortError['code'] | undefined;
};

type ConflictDetails = { readonly key: string; readonly tasks: readonly [string, string] };
