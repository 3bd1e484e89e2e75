import { isTerminalJobState } from '../events/states.ts';
import type { JobColumns, JobHead } from './job-columns.ts';
import { isSettledLetter, KIND_LETTERS, type KindLetter, REMOVED, STATE_LETTERS, type StateLetter } from './letters.ts';
import { changesIn, type JobChange, type PatchEvent, rowsIn, type TaskChange, type TaskRow } from './patches.ts';

/** The columns of a job to be changed in place. */
export type JobTable = {
  seq: number;
  readonly epoch: string;
  readonly startedAt: number;
  readonly names: string[];
  readonly parent: number[];
  readonly kind: KindLetter[];
  readonly up: (readonly number[])[];
  readonly state: StateLetter[];
  readonly readyAt: number[];
  readonly startAt: number[];
  readonly endAt: number[];
  readonly attempt: number[];
  /** By the index of a nested job or map, the indices of the tasks directly inside. */
  readonly inside: Map<number, number[]>;
  job: JobHead;
};

/** Returns a table without tasks, before the first event. */
export const emptyTable = (epoch: string, startedAt: number, job: JobHead): JobTable => ({
  seq: -1,
  epoch,
  startedAt,
  names: [],
  parent: [],
  kind: [],
  up: [],
  state: [],
  readyAt: [],
  startAt: [],
  endAt: [],
  attempt: [],
  inside: new Map(),
  job,
});

/** Returns a table of columns. */
export const tableOf = (columns: JobColumns): JobTable => {
  const table: JobTable = {
    seq: columns.seq,
    epoch: columns.epoch,
    startedAt: columns.startedAt,
    // No task has an empty name.
    names: columns.names === '' ? [] : columns.names.split('\n'),
    parent: [...columns.parent],
    kind: [...columns.kind] as KindLetter[],
    up: [...columns.up],
    state: [...columns.state] as StateLetter[],
    readyAt: [...columns.readyAt],
    startAt: [...columns.startAt],
    endAt: [...columns.endAt],
    attempt: [...columns.attempt],
    inside: new Map(),
    job: columns.job,
  };
  for (const [index, parent] of table.parent.entries()) putInside(table, index, parent);
  return table;
};

/** Returns the columns of a table. `now`: in epoch ms. */
export const columnsOf = (
  { seq, epoch, startedAt, names, parent, kind, up, state, readyAt, startAt, endAt, attempt, job }: JobTable,
  now: number,
): JobColumns => ({
  seq,
  epoch,
  startedAt,
  now,
  names: names.join('\n'),
  parent: [...parent],
  kind: kind.join(''),
  up: [...up],
  state: state.join(''),
  readyAt: [...readyAt],
  startAt: [...startAt],
  endAt: [...endAt],
  attempt: [...attempt],
  job,
});

/** Returns the path of a task. */
export const pathOf = ({ names, parent }: Pick<JobTable, 'names' | 'parent'>, index: number): string => {
  const name = names[index] as string;
  const around = parent[index] as number;
  if (around < 0) return name;
  return pathOf({ names, parent }, around) + (name.startsWith('[') ? name : `/${name}`);
};

/** Applies an event of a stream of patches; one that the table has already changes nothing that counts. */
export const applyEvent = (table: JobTable, { type, seq, data }: PatchEvent): void => {
  if (type === 'tasks') for (const row of rowsIn(data)) putRow(table, row);
  else if (type === 'patch') for (const change of changesIn(data)) applyChange(table, change);
  else if (type === 'job') table.job = jobAfter(table.job, data);
  if (seq !== undefined && seq > table.seq) table.seq = seq;
};

/** Adds a task, or replaces what is known of one, but for its state. */
export const putRow = (table: JobTable, { index, name, parent, kind, up }: TaskRow): void => {
  const isNew = index >= table.names.length;
  table.names[index] = name;
  table.parent[index] = parent;
  table.kind[index] = kind;
  table.up[index] = up;
  if (!isNew) return;
  table.attempt[index] = 0;
  clear(table, index, REMOVED);
  putInside(table, index, parent);
};

const putInside = ({ inside }: JobTable, index: number, parent: number): void => {
  if (parent < 0) return;
  const known = inside.get(parent);
  if (known) known.push(index);
  else inside.set(parent, [index]);
};

/** Applies a change of a task. A new attempt of a nested job or map starts with what is inside as if it had never run. */
export const applyChange = (table: JobTable, { index, state, at, attempt }: TaskChange): void => {
  const from = table.state[index];
  if (from === REMOVED && table.kind[index] === KIND_LETTERS.item) beginInside(table, index);
  if (state === REMOVED) startOver(table, index, true);
  if (state === STATE_LETTERS.unscheduled || state === REMOVED) clear(table, index, state);
  else {
    table.state[index] = state;
    applyTimes(table, index, from, at);
  }
  table.attempt[index] = attempt;
  if (state === STATE_LETTERS.running && from !== STATE_LETTERS.paused) startOver(table, index);
};

const applyTimes = (table: JobTable, index: number, from: StateLetter | undefined, at: number): void => {
  const state = table.state[index] as StateLetter;
  if (state === STATE_LETTERS.ready) {
    if (from !== undefined && isSettledLetter(from)) clear(table, index, state);
    if ((table.readyAt[index] as number) < 0) table.readyAt[index] = at;
  } else if (state === STATE_LETTERS.running) {
    if ((table.startAt[index] as number) < 0) table.startAt[index] = at;
  } else if (isSettledLetter(state)) table.endAt[index] = at;
};

const clear = (table: JobTable, index: number, state: StateLetter): void => {
  table.state[index] = state;
  table.readyAt[index] = -1;
  table.startAt[index] = -1;
  table.endAt[index] = -1;
};

/**
 * Items are not there until something happens to them, nor is what is inside (`isGone`); the other tasks inside wait as in
 * the beginning.
 */
const startOver = (table: JobTable, around: number, isGone = false): void => {
  for (const index of table.inside.get(around) ?? []) {
    const goes = isGone || table.kind[index] === KIND_LETTERS.item;
    startOver(table, index, goes);
    if (table.state[index] === REMOVED) continue;
    clear(table, index, goes ? REMOVED : STATE_LETTERS.unscheduled);
    table.attempt[index] = 0;
  }
};

/** The tasks of the nested job of an item are there with it. */
const beginInside = (table: JobTable, around: number): void => {
  for (const index of table.inside.get(around) ?? []) {
    if (table.kind[index] === KIND_LETTERS.item) continue;
    clear(table, index, STATE_LETTERS.unscheduled);
    beginInside(table, index);
  }
};

/** Returns what is known of a job after a change. */
export const jobAfter = (job: JobHead, { at, from, to, reason, error }: JobChange): JobHead => {
  if (to === undefined) return job;
  const begins = to === 'running' && from !== 'paused';
  return {
    ...job,
    state: to,
    reason,
    error,
    startedAt: begins ? at : job.startedAt,
    endedAt: isTerminalJobState(to) ? at : begins ? undefined : job.endedAt,
  };
};
