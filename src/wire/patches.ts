import type { JobState } from '../events/event.ts';
import type { WireError } from './job-columns.ts';
import type { KindLetter, StateLetter } from './letters.ts';

/** Changes are sent together after so many ms at most, in frames of so many bytes at most. */
export const PATCH_MS = 100;
export const PATCH_BYTES = 64 * 1024;

/**
 * The events of a stream of patches, with their data. `tasks` comes before the first `patch` with these tasks. `patch` and
 * `job` have the `seq` of their last event as id, `end` that of the job's last one; the others have none, since they are sent
 * again after a cut. Applying an event again changes nothing.
 */
export type PatchEvents = {
  readonly patch: PatchData;
  readonly tasks: TasksAdded;
  readonly progress: ProgressData;
  readonly job: JobChange;
  readonly end: StreamEnd;
  readonly reset: StreamReset;
};

export type PatchEvent = {
  readonly [Type in keyof PatchEvents]: {
    readonly type: Type;
    /** `seq` that the columns have after the event; undefined if it stays as it is. */
    readonly seq: number | undefined;
    readonly data: PatchEvents[Type];
  };
}[keyof PatchEvents];

/** Four values a change, in the order of the events: index, letter of the new state, ms since `startedAt`, attempts begun. */
export type PatchData = readonly (number | string)[];

export type TaskChange = {
  readonly index: number;
  readonly state: StateLetter;
  /** In ms since `startedAt` of the columns. */
  readonly at: number;
  readonly attempt: number;
};

/** Reads the changes in the data of a patch. */
export const changesIn = function* (data: PatchData): Generator<TaskChange> {
  for (let at = 0; at + 3 < data.length; at += 4) {
    yield {
      index: data[at] as number,
      state: data[at + 1] as StateLetter,
      at: data[at + 2] as number,
      attempt: data[at + 3] as number,
    };
  }
};

/** Adds a change to the data of a patch. */
export const addChange = (data: (number | string)[], { index, state, at, attempt }: TaskChange): void => {
  data.push(index, state, at, attempt);
};

/**
 * Tasks that are new, or known better, in columns; `index` says which. An index that the columns have already is replaced,
 * but for its state. A new task is `REMOVED` until a patch says otherwise.
 */
export type TasksAdded = {
  readonly index: readonly number[];
  /** As in the columns: joined by line feeds. */
  readonly names: string;
  readonly parent: readonly number[];
  /** A letter of `KIND_LETTERS` for each. */
  readonly kind: string;
  readonly up: readonly (readonly number[])[];
};

/** A row of `TasksAdded`. */
export type TaskRow = {
  readonly index: number;
  readonly name: string;
  readonly parent: number;
  readonly kind: KindLetter;
  readonly up: readonly number[];
};

export const rowsIn = function* ({ index, names, parent, kind, up }: TasksAdded): Generator<TaskRow> {
  const namesIn = names.split('\n');
  for (const [at, own] of index.entries()) {
    yield {
      index: own,
      name: namesIn[at] as string,
      parent: parent[at] as number,
      kind: kind[at] as KindLetter,
      up: up[at] ?? [],
    };
  }
};

export const tasksAdded = (rows: readonly TaskRow[]): TasksAdded => ({
  index: rows.map(({ index }) => index),
  names: rows.map(({ name }) => name).join('\n'),
  parent: rows.map(({ parent }) => parent),
  kind: rows.map(({ kind }) => kind).join(''),
  up: rows.map(({ up }) => up),
});

/** What tasks reported last: for each, `[index, attempt, fraction, message?]`. */
export type ProgressData = readonly TaskProgress[];

export type TaskProgress = readonly [index: number, attempt: number, fraction: number, message?: string];

/** A transition of the job itself, or that another process continues it. */
export type JobChange = {
  /** In epoch ms. */
  readonly at: number;
  /** Absent if another process continues the job. */
  readonly from?: JobState | undefined;
  readonly to?: JobState | undefined;
  readonly reason?: string | undefined;
  readonly error?: WireError | undefined;
  /** Which process continues the job. */
  readonly resumedBy?: string | undefined;
};

/** The job is over, and so is the stream. */
export type StreamEnd = { readonly state: JobState };

/**
 * The stream is over: take a new view. `after`: the id to continue after is none of this job, or too long ago; `epoch`: the
 * indices may mean other tasks; `slow`: the client did not keep up.
 */
export type StreamReset = { readonly reason: 'after' | 'epoch' | 'slow' };

/** All that happened to the columns of a job, as `GET /jobs/{id}/patches` answers JSON: `emptyTable` and these events make them. */
export type PatchHistory = {
  /** `progress`, `patch`, `tasks` and `job`. From before the first event on, they begin with the tasks of the definition. */
  readonly events: readonly PatchEvent[];
  /** `seq` of the last event of the job that they contain. */
  readonly seq: number;
  /** Whether more follow, up to where they were asked for: there are very many. Continue after `seq`. */
  readonly more: boolean;
  readonly epoch: string;
  /** Times of tasks count from here, in epoch ms. */
  readonly startedAt: number;
};
