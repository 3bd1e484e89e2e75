import type { TaskState } from '../../src/events/event.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { KIND_LETTERS, STATE_LETTERS, type WireKind } from '../../src/wire/letters.ts';

/** A task of a job that a test is about. Times in ms since the start of the job. */
export type TestTask = {
  readonly name: string;
  readonly parent?: number;
  readonly kind?: WireKind;
  readonly up?: readonly number[];
  readonly state?: TaskState;
  readonly ready?: number;
  readonly start?: number;
  readonly end?: number;
  readonly attempt?: number;
};

export const STARTED_AT = Date.UTC(2026, 10, 30, 12);

export const columns = (tasks: readonly TestTask[], change: Partial<JobColumns> = {}): JobColumns => ({
  seq: 0,
  epoch: 'e',
  startedAt: STARTED_AT,
  now: STARTED_AT + 10_000,
  names: tasks.map(({ name }) => name).join('\n'),
  parent: tasks.map(({ parent = -1 }) => parent),
  kind: tasks.map(({ kind = 'function' }) => KIND_LETTERS[kind]).join(''),
  up: tasks.map(({ up = [] }) => up),
  state: tasks.map(({ state = 'unscheduled' }) => STATE_LETTERS[state]).join(''),
  readyAt: tasks.map(({ ready = -1 }) => ready),
  startAt: tasks.map(({ start = -1 }) => start),
  endAt: tasks.map(({ end = -1 }) => end),
  attempt: tasks.map(({ attempt, start }) => attempt ?? (start === undefined ? 0 : 1)),
  job: {
    id: 'j',
    name: 'job',
    state: 'running',
    labels: {},
    runs: 'here',
    createdAt: STARTED_AT,
    startedAt: STARTED_AT,
  },
  ...change,
});
