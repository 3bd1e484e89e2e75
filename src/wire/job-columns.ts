import type { JobState } from '../events/event.ts';

/**
 * A job with its tasks in columns: the task with index `i` has the `i`-th element of each. Indices are only appended, a
 * removed task keeps its own. A task stands after the one around it.
 */
export type JobColumns = {
  /** `seq` of the last event that the columns contain; -1 before the first. Patches continue after it. */
  readonly seq: number;
  /** Indices of columns with another epoch may mean other tasks. */
  readonly epoch: string;
  /** Times of tasks count from here, in epoch ms. It stays the same also if the job is retried. */
  readonly startedAt: number;
  /** The server's time, in epoch ms. */
  readonly now: number;
  /**
   * The last steps of the paths, joined by line feeds. The path of a task is its name; inside another task, that one's
   * path, a slash and the name, without the slash if the name begins with a bracket: `outer/inner`, `clean[3]`.
   */
  readonly names: string;
  /** Index of the nested job or map around the task; -1 if there is none. */
  readonly parent: readonly number[];
  /** A letter of `KIND_LETTERS` for each task. */
  readonly kind: string;
  /** Indices of the direct upstreams, which have the same parent. */
  readonly up: readonly (readonly number[])[];
  /** A letter of `STATE_LETTERS`, or `REMOVED`, for each task. */
  readonly state: string;
  /** When the task was first ready, first began and ended, since it last started over: ms since `startedAt`; -1: not yet. */
  readonly readyAt: readonly number[];
  readonly startAt: readonly number[];
  readonly endAt: readonly number[];
  /** Number of attempts begun. */
  readonly attempt: readonly number[];
  readonly job: JobHead;
};

/** What a page says of the job itself. Times are in epoch ms. */
export type JobHead = {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly labels: Readonly<Record<string, string>>;
  /** The id of the job whose results this one reuses. */
  readonly forkedFrom?: string | undefined;
  /** Which process runs it: the server, another one, or none. */
  readonly runs: 'here' | 'elsewhere' | 'nowhere';
  readonly createdAt: number;
  /** When it started, or was last retried. */
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  /** The reason of its last transition: of a cancellation, or who paused it. */
  readonly reason?: string | undefined;
  readonly error?: WireError | undefined;
};

/** An error in short. */
export type WireError = { readonly name: string; readonly message: string; readonly code?: string | undefined };
