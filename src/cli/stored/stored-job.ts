/* This folder reads stored jobs. `with-journal.ts` opens the journal (`journal-file.ts`) and reports errors, and
 * `find-job.ts` finds the job that a command names. `stored-job.ts` folds the job's events into a record, with the tasks'
 * last output (`printed-lines.ts`) and the tasks of the definition (`shape-tasks.ts`). `shape-definition.ts` makes a
 * definition of these tasks, to draw or cancel the job; `stored-progress.ts` says how far it is; `stored-process-error.ts` restores errors. `shown-state.ts`,
 * `job-source.ts` says what is read of a journal or a server; `job-params.ts` and `job-command.ts` describe a job in words, `external-task.ts` checks what is to be completed, `write-all.ts` writes long lists, `write-trace.ts` trace files; `job-file.ts` exports and imports it (`job-file-schema.ts`,
 * `filed-outputs.ts`, `named-places.ts`). */

import { setImmediate } from 'node:timers/promises';
import { buildGraph, sortGraph } from '../../engine/definition/graph.ts';
import { eventReader } from '../../engine/durable/event-reader.ts';
import type { Journal, JournalJob, StoredEvent } from '../../engine/durable/journal.ts';
import { parentPath } from '../../engine/durable/task-path.ts';
import { emptyRecord, type JobRecord, recordEvent, StoredTask } from '../../engine/model/job-record.ts';
import type { TaskState } from '../../events/event.ts';
import { taskSnapshot } from '../../machines/task.ts';
import type { JobSource } from './job-source.ts';
import { recordPrinted, type Tails } from './printed-lines.ts';
import { handlersIn, INSTANCE, type ShapeTask, shapeTasks } from './shape-tasks.ts';

/** A job as read from a journal. */
export type StoredJob = {
  /** `startedAt` is the job's first start, whereas the journal stores the latest. */
  readonly job: JournalJob;
  readonly record: JobRecord;
  readonly tails: Tails;
  /** The tasks of the job's definition; `undefined` if the shape can't be read. */
  readonly shape: readonly ShapeTask[] | undefined;
};

/** Reads all events of a job into a record. @throws JournalError */
export const readStoredJob = async (journal: Omit<JobSource, 'file'>, job: JournalJob): Promise<StoredJob> => {
  const record = emptyRecord();
  const tails: Tails = new Map();
  const wholeEvent = eventReader({ journal, jobId: job.id });
  for await (const stored of storedEvents(journal, job.id, 0, job.lastSeq)) {
    const event = wholeEvent(stored);
    recordEvent(record, event);
    recordPrinted(tails, event);
  }
  const startedAt = record.begins[0] ?? job.startedAt;
  return { job: { ...job, startedAt }, record, tails, shape: shapeTasks(await journal.shape(job.fingerprint, job.id)) };
};

/** Reads which states the outer tasks of a job are in; all events, unless the source has less. @throws JournalError */
export const readOutline = async (journal: JobSource, job: JournalJob): Promise<StoredJob> => {
  const outline = await journal.outline?.(job.id);
  if (!outline) return readStoredJob(journal, job);
  const record = emptyRecord();
  for (const [name, state] of outline.states) {
    const task = new StoredTask();
    task.snapshot = taskSnapshot(state, task.snapshot.context);
    record.tasks.set(name, task);
  }
  return { job, record, tails: new Map(), shape: shapeTasks(outline.shape) };
};

/** Yields the events of a job from one `seq` to another inclusive, read in pages. @throws JournalError */
export async function* storedEvents(
  journal: Pick<Journal, 'events'>,
  jobId: string,
  from: number,
  to: number,
): AsyncGenerator<StoredEvent> {
  for (let next = from; next <= to; ) {
    const page = await journal.events(jobId, next, Math.min(PAGE, to + 1 - next));
    if (page.length === 0) return;
    yield* page;
    next += page.length;
    // Lets signals and broken pipes be handled between pages.
    if (next <= to) await setImmediate();
  }
}

const PAGE = 1000;

/** Returns the top-level tasks in topological order, else by start. Leaves out tasks that a changed file dropped. */
export const taskNames = ({ record, shape }: Pick<StoredJob, 'record' | 'shape'>): readonly string[] => {
  const { added, removed } = growthOf(record);
  const needs = new Map([...(shape ?? []).map(({ name, dependsOn }) => [name, dependsOn] as const), ...added]);
  const begun = [...record.tasks.keys()].filter((path) => parentPath(path) === undefined);
  const known = shape ? begun.filter((path) => needs.has(path)) : begun;
  const names = new Set([...known, ...[...needs.keys()].filter((path) => parentPath(path) === undefined)]);
  for (const path of removed) names.delete(path);
  const needsOf = (name: string) => (needs.get(name) ?? []).filter((need) => names.has(need));
  const graph = buildGraph([...names].map((name) => ({ name, dependsOn: needsOf(name) })));
  return sortGraph(graph).order.map((index) => graph.names[index] as string);
};

/** Returns the paths of all tasks: each top-level task, followed by its nested tasks, or its instances by number. */
export const taskPaths = (stored: StoredJob): readonly string[] => {
  const { removed } = growthOf(stored.record);
  const within = (path: string): readonly string[] => [
    path,
    ...[...(stored.record.nested.get(path) ?? [])]
      .filter((inner) => !removed.has(inner))
      .sort((a, b) => numberOf(a) - numberOf(b))
      .flatMap(within),
  ];
  return taskNames(stored).flatMap(within);
};

const numberOf = (path: string): number => Number(INSTANCE.exec(path)?.[1] ?? 0);

/** Returns the tasks that were added while the job ran and remain, with their dependencies, and the removed tasks. */
export const growthOf = ({
  growth,
}: JobRecord): { readonly added: ReadonlyMap<string, readonly string[]>; readonly removed: ReadonlySet<string> } => {
  const added = new Map<string, readonly string[]>();
  const removed = new Set<string>();
  for (const { task, dependsOn } of growth) {
    added.delete(task);
    removed.delete(task);
    if (dependsOn) added.set(task, dependsOn);
    else removed.add(task);
  }
  return { added, removed };
};

/** The number of top-level tasks, in total and by state. */
export type TaskCounts = { readonly total: number } & { readonly [State in TaskState]?: number };

export const taskCounts = (stored: StoredJob): TaskCounts => {
  const names = taskNames(stored);
  const counts: { total: number } & { [State in TaskState]?: number } = { total: names.length };
  for (const name of names) {
    const state = stored.record.tasks.get(name)?.state ?? 'unscheduled';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
};

/** Returns how many top-level tasks completed, out of how many. Skipped handlers are not counted. */
export const completedOf = (stored: StoredJob): { readonly completed: number; readonly total: number } => {
  const { completed = 0, total } = taskCounts(stored);
  const passed = handlersIn(stored.shape ?? []).handlers.filter(
    (name) => stored.record.tasks.get(name)?.state === 'skipped',
  );
  return { completed, total: total - passed.length };
};
