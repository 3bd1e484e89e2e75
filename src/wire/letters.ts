/* What the server and the web UI both need of a job as it is sent: pure, without a dependency on either. `letters.ts`
 * has a letter for each state and kind of a task, `job-columns.ts` the answer of `GET /jobs/{id}/view`, `patches.ts` the
 * events of `GET /jobs/{id}/patches`. `job-table.ts` applies patches to columns, on both sides by the same code. */
import type { TaskState } from '../events/event.ts';

/** The states of tasks, in the order of a task's life. */
export const TASK_STATES = [
  'unscheduled',
  'ready',
  'running',
  'retrying',
  'polling',
  'paused',
  'completed',
  'failed',
  'notReady',
  'skipped',
  'cancelled',
] as const satisfies readonly TaskState[];

/** The letter of each state of a task. */
export const STATE_LETTERS = {
  unscheduled: 'u',
  ready: 'w',
  running: 'r',
  retrying: 't',
  polling: 'l',
  paused: 'p',
  completed: 'c',
  failed: 'f',
  notReady: 'n',
  skipped: 's',
  cancelled: 'x',
} as const satisfies Readonly<Record<TaskState, string>>;

/** In place of a state: the task is not part of the job any more, or an item that is not there yet. It keeps its index. */
export const REMOVED = '-';

export type StateLetter = (typeof STATE_LETTERS)[TaskState] | typeof REMOVED;

const STATES = new Map<string, TaskState>(TASK_STATES.map((state) => [STATE_LETTERS[state], state]));

/** Returns the state of a letter; undefined for a task that was removed. */
export const stateOf = (letter: string): TaskState | undefined => STATES.get(letter);

/** Whether nothing more happens to a task of this state by itself. */
export const isSettledLetter = (letter: string): boolean => SETTLED.has(letter);

const SETTLED: ReadonlySet<string> = new Set(
  (['completed', 'failed', 'notReady', 'skipped', 'cancelled'] as const).map((state) => STATE_LETTERS[state]),
);

/** The kinds of tasks. `function`: a task that runs a function. `item`: one of a map. */
export const TASK_KINDS = ['function', 'job', 'map', 'item', 'sensor', 'external'] as const;

export type WireKind = (typeof TASK_KINDS)[number];

/** The letter of each kind. */
export const KIND_LETTERS = {
  function: 'f',
  job: 'j',
  map: 'm',
  item: 'i',
  sensor: 's',
  external: 'e',
} as const satisfies Readonly<Record<WireKind, string>>;

export type KindLetter = (typeof KIND_LETTERS)[WireKind];

const KINDS = new Map<string, WireKind>(TASK_KINDS.map((kind) => [KIND_LETTERS[kind], kind]));

/** Returns the kind of a letter. */
export const kindOf = (letter: string): WireKind => KINDS.get(letter) ?? 'function';
