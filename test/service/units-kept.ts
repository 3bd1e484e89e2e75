import type { TaskTransition } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { eventOf } from '../../src/engine/durable/read-stored.ts';
import { decode } from '../../src/engine/durable/serialise.ts';

/** What a database has of a unit. */
export type KeptUnit = {
  /** Id of the job and path. */
  readonly unit: string;
  /** Who claimed it, in turn, and when (epoch ms). */
  readonly claims: { readonly worker: string | undefined; readonly at: number }[];
  /** When it was completed, each time. */
  readonly completed: number[];
  state: TaskTransition['to'];
  /** What the worker gave. */
  output: unknown;
};

/** Reads the units of all jobs of a database, which nobody serves any more. */
export const unitsKept = async (file: string): Promise<readonly KeptUnit[]> => {
  const journal = sqliteJournal(file);
  try {
    const jobs = await journal.jobs();
    return (await Promise.all(jobs.map(({ id }) => unitsOf(journal, id)))).flat();
  } finally {
    await journal.close();
  }
};

/** A unit of a document is a task within another one. */
const unitsOf = async (journal: Journal, jobId: string): Promise<readonly KeptUnit[]> => {
  const units = new Map<string, KeptUnit>();
  for (const stored of await journal.events(jobId)) {
    const event = eventOf(stored, jobId);
    if (event.type !== 'task.transition' || !event.task.includes('/')) continue;
    const unit = units.get(event.task) ?? {
      unit: `${jobId} ${event.task}`,
      claims: [],
      completed: [],
      state: event.to,
      output: undefined,
    };
    units.set(event.task, unit);
    unit.state = event.to;
    if (event.to === 'running') unit.claims.push({ worker: event.worker, at: event.at });
    if (event.to !== 'completed') continue;
    unit.completed.push(event.at);
    const output = stored.output === undefined ? {} : (decode(stored.output) as Record<string, unknown>);
    unit.output = output[event.task.slice(event.task.lastIndexOf('/') + 1)];
  }
  return [...units.values()];
};
