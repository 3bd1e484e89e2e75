/* Units: external tasks of all jobs, as clients see and do them. `units.ts` lists and hands them out. `unit-index.ts`
 * keeps those of the jobs that run here in order (`lists/sorted-list.ts`), `waiting-claims.ts` the claims that wait for one,
 * `claim-answers.ts` what a repeated claim got. `command.ts` does what a worker reports, `command-history.ts` reads it
 * back. `find-unit.ts` finds a unit in a running job, `elsewhere.ts` those that other processes run (`plan-of.ts` has what journals do not keep), `unit-body.ts` shows
 * them, `output-json-schema.ts` says what their outputs have to be like, `unit-id.ts` names them. */

import { setImmediate } from 'node:timers/promises';
import type { Plan, TaskDefinition } from '../../engine/definition/plan.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import { CommandError } from '../../engine/errors/errors.ts';
import { runOf } from '../../engine/job.ts';
import type { JobRun } from '../../engine/model/run.ts';
import type { Clock } from '../../engine/time/clock.ts';
import { notFound } from '../http/problem.ts';
import { type JobSource, notHere, placeOf } from '../jobs/find-job.ts';
import type { ClaimedUnitBody, UnitBody, UnitState } from '../schemas/unit.ts';
import { unitsElsewhere, unitsOfStored } from './elsewhere.ts';
import { definitionAt, type LiveUnit, liveUnitAt, pathsOfUnits } from './find-unit.ts';
import { bodyOfLive, claimed } from './unit-body.ts';
import { placeOfUnit, type UnitPlace } from './unit-id.ts';
import {
  compareTexts,
  compareUnits,
  type IndexedUnit,
  type OpenState,
  UnitIndex,
  type UnitOrder,
} from './unit-index.ts';
import { type Connection, WaitingClaims } from './waiting-claims.ts';

export type UnitFilter = {
  /** Whether whoever asks may see the units of an owner. */
  readonly sees: (owner: string | undefined) => boolean;
  readonly owner?: string | undefined;
  readonly state: UnitState;
  readonly topic?: string | undefined;
  readonly jobId?: string | undefined;
  /** Path of the task around the units. */
  readonly task?: string | undefined;
};

export type Claim = {
  readonly owners: readonly string[];
  readonly worker: string;
  readonly max: number;
  readonly waitMs: number;
  readonly leaseMs?: number | undefined;
  readonly topics?: readonly string[] | undefined;
};

/** A unit of a job that runs here, with its run; or a unit of another job, as it is stored. */
export type FoundUnit =
  | { readonly run: JobRun; readonly live: LiveUnit; readonly stored?: undefined; readonly body?: undefined }
  | { readonly run?: undefined; readonly live?: undefined; readonly stored: JournalJob; readonly body: UnitBody };

export type OwnerStats = {
  readonly owner: string | undefined;
  readonly ready: number;
  readonly claimed: number;
  readonly oldestReadyMs: number;
};

export type Units = {
  /** Looks at all jobs that run, once those that were interrupted have been taken up. */
  readonly build: () => void;
  /** Looks at the units of a job again, whose topic has changed. */
  readonly lookAgain: (jobId: string) => void;
  /** Returns units in order, those after another one; of jobs that are not over, unless the filter names one. */
  readonly list: (filter: UnitFilter, after: UnitOrder | undefined, limit: number) => Promise<readonly UnitBody[]>;
  readonly stats: (sees: UnitFilter['sees']) => readonly OwnerStats[];
  /** Returns how many claims wait. */
  readonly waiting: () => number;
  /** Returns how many units of jobs that other processes run are ready. @throws JournalError */
  readonly readyElsewhere: (sees: UnitFilter['sees']) => Promise<number>;
  /** @throws HttpProblem `UNIT_NOT_FOUND` */
  readonly find: (id: string) => Promise<FoundUnit>;
  /** Returns the definition of a unit of a job that does not run here, if it is known. */
  readonly definitionOf: (found: FoundUnit) => Promise<TaskDefinition | undefined>;
  /** Claims units, and waits for the first; resolves once the claims are kept. @throws HttpProblem, JournalError */
  readonly claim: (
    claim: Claim,
    client: string | undefined,
    connection: Connection,
  ) => Promise<readonly ClaimedUnitBody[]>;
  /** Claims one unit. @throws HttpProblem, CommandError, JournalError */
  readonly claimOne: (id: string, claim: Pick<Claim, 'worker' | 'leaseMs'>) => Promise<ClaimedUnitBody>;
  /** Answers claims that wait of clients without a token, since there is one now. */
  readonly endOpenClaims: () => void;
  /** Answers all claims that wait. */
  readonly close: () => void;
};

type Source = JobSource & {
  readonly clock: Clock;
  readonly planOf: (job: JournalJob) => Promise<Plan | undefined>;
  /** Is told of each claim, whose unit it is. */
  readonly onClaim?: ((owner: string | undefined) => void) | undefined;
};

type Taken = {
  /** Shows the unit. Its trace is known once its claim has been published. */
  readonly show: () => ClaimedUnitBody;
  readonly job: { readonly saved: () => Promise<void> };
};

export const unitsOf = (source: Source): Units => {
  const { engine, journal, clock } = source;
  const index = new UnitIndex(engine, (owner) => claims.wake(owner));
  const claims = new WaitingClaims<Taken>(clock, (owner) => index.listOf('ready', owner) !== undefined);
  const elsewhere = unitsElsewhere(source);
  const subscription = engine.events$.subscribe((event) => index.handle(event));

  const bodyAt = ({ jobId, path }: UnitPlace): UnitBody | undefined => {
    const job = engine.job(jobId);
    const run = job && runOf(job);
    const live = run && liveUnitAt(run, path);
    return live && bodyOfLive(run, live);
  };

  const take = (unit: UnitPlace, { worker, leaseMs }: Pick<Claim, 'worker' | 'leaseMs'>): Taken => {
    const { jobId, path } = unit;
    const job = engine.job(jobId) as unknown as AnyJob;
    const ofUnit = liveUnitAt(runOf(job), path)?.definition.external?.heartbeatTimeout;
    const token = job.task(path).claim(worker, { leaseMs: leaseMs ?? ofUnit ?? DEFAULT_LEASE_MS });
    index.look(jobId, path);
    const body = bodyAt(unit) as UnitBody;
    source.onClaim?.(body.owner);
    return { show: () => claimed(body, token, liveUnitAt(runOf(job), path)), job };
  };

  const takeUpTo = (claim: Claim): readonly Taken[] => {
    const taken: Taken[] = [];
    let last: IndexedUnit | undefined;
    while (taken.length < claim.max) {
      last = index.firstReady(claim.owners, claim.topics, last);
      if (!last) break;
      if (index.look(last.jobId, last.path)?.state !== 'ready') continue;
      try {
        taken.push(take(last, claim));
      } catch (error) {
        // The engine decides whether a unit can be claimed.
        if (!(error instanceof CommandError)) throw error;
      }
    }
    return taken;
  };

  const openUnits = async (filter: UnitFilter, state: OpenState, after: UnitOrder | undefined, limit: number) => {
    const owners = filter.owner === undefined ? index.ownersOf(state) : [filter.owner];
    const found: UnitBody[] = [];
    for (const owner of owners) {
      if (!filter.sees(owner)) continue;
      let taken = 0;
      for (const unit of index.listOf(state, owner)?.from(after) ?? []) {
        if (filter.topic !== undefined && unit.topic !== filter.topic) continue;
        const body = bodyAt(unit);
        if (body?.state !== state || !matches(body, filter)) continue;
        found.push(body);
        if (++taken === limit) break;
      }
    }
    return found;
  };

  /** Returns the units of one job, or of all that run here, in a state that is not kept in order. */
  const otherUnits = async (filter: UnitFilter, after: UnitOrder | undefined, limit: number): Promise<UnitBody[]> => {
    const found: UnitBody[] = [];
    const jobs = engine.jobs.filter(({ id }) => after === undefined || id >= after.jobId);
    jobs.sort((a, b) => compareTexts(a.id, b.id));
    let began = performance.now();
    for (const job of jobs) {
      if (found.length >= limit) break;
      found.push(...unitsIn(runOf(job)).filter((body) => matches(body, filter) && isAfter(body, after)));
      if (performance.now() - began < MAX_TURN_MS) continue;
      await setImmediate();
      began = performance.now();
    }
    return found;
  };

  const unitsOfJob = async (jobId: string): Promise<readonly UnitBody[]> => {
    const job = engine.job(jobId);
    if (job && !runOf(job).remote) return unitsIn(runOf(job));
    const stored = await journal.job(jobId);
    return stored ? unitsOfStored(source, stored) : [];
  };

  return {
    build: () => index.build(),
    lookAgain: (jobId) => index.lookAgain(jobId),
    list: async (filter, after, limit) => {
      const compare = orderFor(filter);
      const isNext = (body: UnitBody): boolean =>
        matches(body, filter) && (after === undefined || compare(orderOf(body), after) > 0);
      if (filter.jobId !== undefined) return sorted((await unitsOfJob(filter.jobId)).filter(isNext), compare, limit);
      const others = (await elsewhere()).filter(isNext);
      const here = isOpen(filter.state)
        ? await openUnits(filter, filter.state, after, limit)
        : await otherUnits(filter, after, limit);
      return sorted([...here, ...others], compare, limit);
    },
    stats: (sees) => {
      const owners = new Set([...index.ownersOf('ready'), ...index.ownersOf('claimed')].filter(sees));
      return [...owners].map((owner) => {
        const ready = index.listOf('ready', owner);
        let oldest = clock.now();
        for (const { readySince } of ready?.from() ?? []) oldest = Math.min(oldest, readySince);
        const claimed = index.listOf('claimed', owner)?.size ?? 0;
        return { owner, ready: ready?.size ?? 0, claimed, oldestReadyMs: clock.now() - oldest };
      });
    },
    waiting: () => claims.size,
    readyElsewhere: async (sees) =>
      (await elsewhere()).filter(({ state, owner }) => state === 'ready' && sees(owner)).length,
    find: async (id) => {
      const place = placeOfUnit(id);
      const job = place && engine.job(place.jobId);
      const run = job && runOf(job);
      const live = run && liveUnitAt(run, place.path);
      if (live) return { run, live };
      const stored = place && (await journal.job(place.jobId));
      const body = stored && (await unitsOfStored(source, stored)).find((unit) => unit.id === id);
      if (!body) throw notFound('unit', 'UNIT_NOT_FOUND', id);
      return { stored, body };
    },
    definitionOf: async ({ live, stored, body }) => {
      const plan = stored && (await source.planOf(stored).catch(() => undefined));
      return live?.definition ?? (plan && definitionAt(plan, orderOf(body).path));
    },
    claim: async (claim, client, connection) => {
      // Those that wait come first.
      claims.giveOut();
      let taken = takeUpTo(claim);
      if (taken.length === 0 && claim.waitMs > 0) {
        const { owners, waitMs } = claim;
        taken = await claims.park({ owners, waitMs, client, connection, take: () => takeUpTo(claim) });
      }
      return kept(taken);
    },
    claimOne: async (id, claim) => {
      const place = placeOfUnit(id);
      const job = place && engine.job(place.jobId);
      if (!place || !job || runOf(job).remote) {
        const stored = place && (await journal.job(place.jobId));
        if (!stored) throw notFound('unit', 'UNIT_NOT_FOUND', id);
        throw notHere(stored, placeOf(stored, source), 'worked on');
      }
      if (!liveUnitAt(runOf(job), place.path)) throw notFound('unit', 'UNIT_NOT_FOUND', id);
      const { show } = take(place, claim);
      await job.saved();
      return show();
    },
    endOpenClaims: () => claims.endOpen(),
    close: () => {
      claims.close();
      subscription.unsubscribe();
    },
  };
};

/** The lease of a claim if neither the client nor the unit says how long it lasts. In ms. */
export const DEFAULT_LEASE_MS = 60_000;

/** How long a list looks at jobs before others get their turn. In ms. */
const MAX_TURN_MS = 10;

/** Waits until claims are kept: a token that nobody has heard of before a crash would be lost. @throws JournalError */
const kept = async (taken: readonly Taken[]): Promise<readonly ClaimedUnitBody[]> => {
  const saves = new Map(taken.map(({ job }) => [job, job.saved()]));
  const results = await Promise.allSettled(taken.map(({ job }) => saves.get(job)));
  const units = taken.filter((_, at) => results[at]?.status === 'fulfilled').map(({ show }) => show());
  const failed = results.find((result) => result.status === 'rejected');
  if (units.length === 0 && failed) throw failed.reason;
  return units;
};

const unitsIn = (run: JobRun): readonly UnitBody[] =>
  pathsOfUnits(run).flatMap((path) => {
    const live = liveUnitAt(run, path);
    return live ? [bodyOfLive(run, live)] : [];
  });

const isOpen = (state: UnitState): state is OpenState => state === 'ready' || state === 'claimed' || state === 'paused';

const matches = (body: UnitBody, { sees, owner, state, topic, jobId, task }: UnitFilter): boolean =>
  body.state === state &&
  sees(body.owner) &&
  (owner === undefined || body.owner === owner) &&
  (topic === undefined || body.topic === topic) &&
  (jobId === undefined || body.jobId === jobId) &&
  (task === undefined || body.task === task);

/** Units that somebody could work on are in the order in which they are handed out, others by job and path. */
const orderFor = ({ state }: UnitFilter): ((a: UnitOrder, b: UnitOrder) => number) =>
  isOpen(state) ? compareUnits : compareByPath;

const compareByPath = (a: UnitOrder, b: UnitOrder): number =>
  compareTexts(a.jobId, b.jobId) || compareTexts(a.path, b.path);

const isAfter = (body: UnitBody, after: UnitOrder | undefined): boolean =>
  after === undefined || compareByPath(orderOf(body), after) > 0;

export const orderOf = ({ jobId, task, name, priority, readySince = 0 }: UnitBody): UnitOrder => ({
  priority,
  readySince,
  jobId,
  path: task === undefined ? name : `${task}/${name}`,
});

const sorted = (
  bodies: readonly UnitBody[],
  compare: (a: UnitOrder, b: UnitOrder) => number,
  limit: number,
): readonly UnitBody[] =>
  bodies
    .map((body) => ({ body, order: orderOf(body) }))
    .sort((a, b) => compare(a.order, b.order))
    .slice(0, limit)
    .map(({ body }) => body);
