/* A job as the web UI gets it: columns, and patches that change them (`src/wire`). `job-fold.ts` makes them of the events
 * in the journal, wherever the job runs or ran, `attempts.ts` keeps what its attempts were; `patch-events.ts` says what
 * events change, `patch-history.ts` what all of them did, `plan-ranges.ts` a plan in indices. `job-views.ts` keeps the folds of
 * jobs that are looked at, `task-counts.ts` counts tasks by state, `definition-runs.ts` reads the last jobs of a definition, their outer tasks and, with
 * `job-summary.ts` and `definition-metrics.ts`, what they took and failed of. Whoever folds the same events gives
 * the same indices to the same tasks, so that they hold through restarts, and in every process. */

import type { JournalJob } from '../../engine/durable/journal.ts';
import { parentPath } from '../../engine/durable/task-path.ts';
import type { Outline } from '../../engine/views/outline.ts';
import type { JobEvent, JobTransition, Stamp, TaskTransition } from '../../events/event.ts';
import type { TaskAttempts } from '../../wire/attempts.ts';
import type { JobHead } from '../../wire/job-columns.ts';
import { applyChange, emptyTable, type JobTable, jobAfter, putRow } from '../../wire/job-table.ts';
import { KIND_LETTERS, type KindLetter, REMOVED, STATE_LETTERS } from '../../wire/letters.ts';
import type { JobChange, TaskChange, TaskRow } from '../../wire/patches.ts';
import { type Attempts, endAttempt, recordAttempt, shortError } from './attempts.ts';

/** The columns of a job, folded from its events, with what is needed to say what an event changed. */
export type JobFold = {
  readonly table: JobTable;
  /** By path, the indices of tasks. */
  readonly indexOf: Map<string, number>;
  /** By index, the `seq` of the event that added the task; -1 if the definition has it. */
  readonly addedSeq: number[];
  /** By index, whether the definition says what is inside the task. */
  readonly isClosed: boolean[];
  /** By the index of a map, what each item is, if it is more than a function. */
  readonly each: Map<number, NonNullable<Outline['each']>>;
  readonly attempts: (Attempts | undefined)[];
  /** By the path of a task that was not there yet, those that had been added to wait for it. */
  readonly awaited: Map<string, number[]>;
};

/** Indices mean the same tasks as long as the definition stays, and the job is not another one with the same id. */
export const epochOf = ({ fingerprint, createdAt }: Pick<JournalJob, 'fingerprint' | 'createdAt'>): string =>
  `${fingerprint.slice(0, 12)}-${createdAt.toString(36)}`;

/** Returns the fold of a job before its first event. */
export const emptyFold = (job: JournalJob, outline: readonly Outline[]): JobFold => {
  const { id, name, labels, forkedFrom, createdAt } = job;
  const head: JobHead = { id, name, state: 'idle', labels, forkedFrom, runs: 'nowhere', createdAt };
  const fold: JobFold = {
    table: emptyTable(epochOf(job), createdAt, head),
    indexOf: new Map(),
    addedSeq: [],
    isClosed: [],
    each: new Map(),
    attempts: [],
    awaited: new Map(),
  };
  addLevel(fold, outline, -1, '', -1);
  return fold;
};

/** Adds the tasks of a definition, each before those inside. `seq`: of the event with which they are there. */
const addLevel = (fold: JobFold, level: readonly Outline[], parent: number, prefix: string, seq: number): void => {
  const first = new Map<string, number>();
  let next = fold.table.names.length;
  for (const task of level) {
    first.set(task.name, next);
    next += sizeOf(task);
  }
  for (const { name, kind, dependsOn, inside, each } of level) {
    const index = first.get(name) as number;
    const up = dependsOn.map((upstream) => first.get(upstream) as number);
    const path = prefix + name;
    addTask(fold, path, { index, name, parent, kind: KIND_LETTERS[kind === 'task' ? 'function' : kind], up }, seq);
    fold.isClosed[index] = kind !== 'map';
    fold.table.state[index] = STATE_LETTERS.unscheduled;
    if (each) fold.each.set(index, each);
    if (inside) addLevel(fold, inside, index, `${path}/`, seq);
  }
};

const sizeOf = ({ inside }: Outline): number => 1 + (inside ?? []).reduce((sum, task) => sum + sizeOf(task), 0);

const addTask = (fold: JobFold, path: string, row: TaskRow, seq: number): void => {
  if (!fold.indexOf.has(path)) fold.addedSeq[row.index] = seq;
  fold.indexOf.set(path, row.index);
  putRow(fold.table, row);
};

/** Updates a fold with the next event. Call it with all events, in order. */
export const foldEvent = (fold: JobFold, event: JobEvent): void => {
  const { table } = fold;
  table.seq = event.seq;
  const change = jobChangeOf(event);
  if (change) table.job = jobAfter(table.job, change);
  if (!isOfTask(event)) return;
  learn(fold, event);
  const taskChange = taskChangeOf(fold, event);
  if (!taskChange) return;
  if (event.type === 'task.transition') recordIn(fold, event, taskChange);
  applyChange(table, taskChange);
};

/** Adds a task that the definition does not have, and finds out its kind by what it does. */
const learn = (fold: JobFold, event: JobEvent & { readonly task: string }): void => {
  const { table, indexOf } = fold;
  const { task: path, seq } = event;
  const around = parentPath(path);
  const parent = around === undefined ? -1 : indexOf.get(around);
  if (parent === undefined) return;
  const known = indexOf.get(path);
  const index = known ?? table.names.length;
  const name = around === undefined ? path : path.slice(around.length).replace(/^\//, '');
  if (event.type === 'task.added') {
    const prefix = around === undefined ? '' : `${around}/`;
    const up: number[] = [];
    for (const upstream of [...event.dependsOn].sort()) {
      const its = indexOf.get(prefix + upstream);
      if (its !== undefined) up.push(its);
      else fold.awaited.set(prefix + upstream, [...(fold.awaited.get(prefix + upstream) ?? []), index]);
    }
    addTask(fold, path, { index, name, parent, kind: KIND_LETTERS.function, up }, seq);
    for (const waiting of fold.awaited.get(path) ?? []) table.up[waiting] = [...(table.up[waiting] ?? []), index];
  } else if (event.type !== 'task.transition') {
    return;
  } else if (known === undefined && parent >= 0 && !fold.isClosed[parent]) {
    const isItem = name.startsWith('[');
    addTask(fold, path, { index, name, parent, kind: KIND_LETTERS[isItem ? 'item' : 'function'], up: [] }, seq);
    specify(fold, parent, KIND_LETTERS[isItem ? 'map' : 'job']);
    const inside = fold.each.get(parent)?.inside;
    if (!inside) return;
    fold.isClosed[index] = true;
    addLevel(fold, inside, index, `${path}/`, seq);
  } else if (known !== undefined && event.owner !== undefined) {
    specify(fold, known, KIND_LETTERS.external);
  } else if (known !== undefined && event.to === 'polling') {
    specify(fold, known, KIND_LETTERS.sensor);
  }
};

/** The event that adds a task does not say of which kind it is. */
const specify = ({ table }: JobFold, index: number, kind: KindLetter): void => {
  if (table.kind[index] === KIND_LETTERS.function) table.kind[index] = kind;
};

const isOfTask = (event: JobEvent): event is JobEvent & { readonly task: string } => 'task' in event;

/** Returns what an event changes of a task that the fold knows. */
export const taskChangeOf = (
  { table, indexOf }: Pick<JobFold, 'table' | 'indexOf'>,
  event: JobEvent,
): TaskChange | undefined => {
  const index = 'task' in event ? indexOf.get(event.task) : undefined;
  if (index === undefined) return undefined;
  const at = timeIn(table, event.at);
  if (event.type === 'task.added') return { index, state: STATE_LETTERS.unscheduled, at, attempt: 0 };
  if (event.type === 'task.removed') return { index, state: REMOVED, at, attempt: 0 };
  if (event.type !== 'task.transition') return undefined;
  const { to } = event;
  // A check that returned "not yet" is no attempt.
  const attempt = to === 'polling' ? event.attempt - 1 : event.attempt;
  const isGone = to === 'unscheduled' && attempt === 0 && table.kind[index] === KIND_LETTERS.item;
  return { index, state: isGone ? REMOVED : STATE_LETTERS[to], at, attempt };
};

/** In ms since the job's `startedAt`. A clock that was set back makes no time negative, which would mean "not yet". */
const timeIn = ({ startedAt }: JobTable, at: number): number => Math.max(0, at - startedAt);

const recordIn = (fold: JobFold, event: TaskTransition & Stamp, { index, at }: TaskChange): void => {
  fold.attempts[index] ??= { kept: [], omitted: 0 };
  recordAttempt(fold.attempts[index], event, at);
  if (event.to === 'running' && event.from !== 'paused') endInside(fold, index, at);
};

const endInside = (fold: JobFold, around: number, at: number): void => {
  for (const index of fold.table.inside.get(around) ?? []) {
    const attempts = fold.attempts[index];
    if (attempts) endAttempt(attempts, at);
    endInside(fold, index, at);
  }
};

/** Returns the rows of tasks that an event adds, or says more of. */
export const rowsOf = (fold: JobFold, event: JobEvent): readonly TaskRow[] => {
  const index = 'task' in event ? fold.indexOf.get(event.task) : undefined;
  if (index === undefined) return [];
  const { table, addedSeq, awaited } = fold;
  const rows = (...indices: readonly number[]): readonly TaskRow[] =>
    indices.map((told) => rowOf(fold, told, event.seq));
  if (event.type === 'task.added') return rows(index, ...(awaited.get(event.task) ?? []));
  if (event.type !== 'task.transition') return [];
  const around = table.parent[index] as number;
  const isAdded = (its: number): boolean => (addedSeq[its] ?? -1) >= 0;
  if (addedSeq[index] === event.seq)
    return rows(...(isAdded(around) ? [around] : []), index, ...allInside(table, index));
  const tellsKind = event.owner !== undefined || event.to === 'polling';
  return tellsKind && isAdded(index) ? rows(index) : [];
};

/** Returns all tasks inside a task, each before those inside it. */
const allInside = (table: JobTable, around: number): readonly number[] =>
  (table.inside.get(around) ?? []).flatMap((index) => [index, ...allInside(table, index)]);

/** Returns the rows of the tasks that the definition has. */
export const definedRows = (fold: JobFold): readonly TaskRow[] =>
  fold.addedSeq.flatMap((seq, index) => (seq < 0 ? [rowOf(fold, index, -1)] : []));

/** Returns the row of a task as it was told up to an event: a client may not know what was added later. */
const rowOf = ({ table, addedSeq }: JobFold, index: number, seq: number): TaskRow => ({
  index,
  name: table.names[index] as string,
  parent: table.parent[index] as number,
  kind: table.kind[index] as KindLetter,
  up: (table.up[index] as readonly number[]).filter((upstream) => (addedSeq[upstream] as number) <= seq),
});

/** Returns what an event changes of the job itself. */
export const jobChangeOf = (event: JobEvent): JobChange | undefined => {
  if (event.type === 'job.resumed') return { at: event.at, resumedBy: event.by };
  if (event.type !== 'job.transition') return undefined;
  const { at, from, to, reason, error }: JobTransition & Stamp = event;
  return { at, from, to, reason, error: error && shortError(error) };
};

/** Returns the attempts of a task; undefined if there is none with this path. */
export const attemptsOf = ({ indexOf, attempts }: JobFold, task: string): TaskAttempts | undefined => {
  const index = indexOf.get(task);
  if (index === undefined) return undefined;
  const { kept = [], omitted = 0 } = attempts[index] ?? {};
  return { task, attempts: kept.map((attempt) => ({ ...attempt })), omitted };
};
