import type { Plan } from '../../engine/definition/plan.ts';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import { UNFINISHED_STATES } from '../../events/states.ts';
import { placeOf } from '../jobs/find-job.ts';
import type { UnitBody } from '../schemas/unit.ts';
import { bodiesOfStored } from './unit-body.ts';

export type StoredUnits = {
  readonly engine: Engine;
  readonly journal: Journal;
  /** Returns the plan of a job's definition, if this server knows it: the journal has no owners, data and priorities. */
  readonly planOf: (job: JournalJob) => Promise<Plan | undefined>;
};

/** Returns the units of a stored job that does not run here, or is over. @throws JournalError */
export const unitsOfStored = async (source: StoredUnits, job: JournalJob): Promise<readonly UnitBody[]> => {
  const found = await source.engine.find(job.id);
  return found ? bodiesOfStored(found, await source.planOf(job).catch(() => undefined)) : [];
};

type Known = { readonly lastSeq: number; readonly units: readonly UnitBody[] };

/**
 * The units of unfinished jobs that other processes run. The journal is read for them when somebody asks: wholly the
 * first time, and then what its feed says has changed.
 */
export const unitsElsewhere = (source: StoredUnits): (() => Promise<readonly UnitBody[]>) => {
  const { engine, journal } = source;
  const { feed } = journal;
  const known = new Map<string, Known>();
  let position: number | undefined;

  const read = async (job: JournalJob | undefined, jobId: string): Promise<void> => {
    if (!job || placeOf(job, source) !== 'elsewhere') known.delete(jobId);
    else if (known.get(jobId)?.lastSeq !== job.lastSeq)
      known.set(jobId, { lastSeq: job.lastSeq, units: await unitsOfStored(source, job) });
  };

  const refresh = async (): Promise<void> => {
    const newest = await feed?.newest();
    const jobIds = new Set(known.keys());
    if (feed && position !== undefined && newest !== undefined && newest - position <= MAX_CHANGES) {
      const changes = newest > position ? await feed.changes(position) : [];
      for (const { jobId } of changes) if (!engine.job(jobId)) jobIds.add(jobId);
      for (const jobId of jobIds) await read(await journal.job(jobId), jobId);
      position = changes.at(-1)?.position ?? position;
      return;
    }
    for (const job of await journal.jobs({ states: UNFINISHED_STATES }, () => {})) {
      jobIds.delete(job.id);
      await read(job, job.id);
    }
    for (const jobId of jobIds) known.delete(jobId);
    position = newest;
  };

  let underWay: Promise<void> | undefined;
  return async () => {
    underWay ??= refresh().finally(() => {
      underWay = undefined;
    });
    await underWay;
    return [...known.values()].flatMap(({ units }) => units);
  };
};

/** With more changes since the last time, listing the unfinished jobs takes less. */
const MAX_CHANGES = 5000;
