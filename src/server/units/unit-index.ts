import type { Engine } from '../../engine/engine.ts';
import { runOf } from '../../engine/job.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { SortedList } from '../lists/sorted-list.ts';
import { TOPIC } from '../topics/topics.ts';
import { liveUnitAt, prefixInside, priorityOf, stateOf, visitActive } from './find-unit.ts';

/** The states of units that are kept in order. */
export type OpenState = 'ready' | 'claimed' | 'paused';

/** Where a unit stands among others: higher priority first, then the one that has been ready for longer. */
export type UnitOrder = {
  readonly priority: number;
  readonly readySince: number;
  readonly jobId: string;
  readonly path: string;
};

export type IndexedUnit = UnitOrder & {
  readonly state: OpenState;
  readonly owner: string | undefined;
  readonly topic: string | undefined;
};

export const compareUnits = (a: UnitOrder, b: UnitOrder): number =>
  b.priority - a.priority ||
  a.readySince - b.readySince ||
  compareTexts(a.jobId, b.jobId) ||
  compareTexts(a.path, b.path);

export const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type UnitList = SortedList<IndexedUnit, UnitOrder>;

type Lists = Map<string | undefined, UnitList>;

/**
 * The units of all jobs that run here which are ready, claimed or paused, in order. Events say which unit to look at; how
 * it stands is what the engine says at that moment, so that a late event does no harm.
 */
export class UnitIndex {
  readonly #engine: Pick<Engine, 'job' | 'jobs'>;
  readonly #onReady: (owner: string) => void;
  readonly #byJob = new Map<string, Map<string, IndexedUnit>>();
  readonly #byOwner: Readonly<Record<OpenState, Lists>> = { ready: new Map(), claimed: new Map(), paused: new Map() };
  /** The ready ones once more, by owner and topic. */
  readonly #byTopic = new Map<string, UnitList>();

  /** `onReady` is told of each unit with an owner that becomes ready. */
  constructor(engine: Pick<Engine, 'job' | 'jobs'>, onReady: (owner: string) => void) {
    this.#engine = engine;
    this.#onReady = onReady;
  }

  /** Looks at all units of the jobs that run now: a job that is taken up publishes nothing of them again. */
  build(): void {
    for (const { id } of this.#engine.jobs) this.#lookAtJob(id);
  }

  handle(event: JobEvent): void {
    const { jobId } = event;
    switch (event.type) {
      case 'task.transition': {
        const { task, from, to } = event;
        if (to === 'ready' || this.#byJob.get(jobId)?.has(task)) this.look(jobId, task);
        else if (to === 'paused' || from === 'paused') this.#lookInside(jobId, task);
        return;
      }
      case 'task.removed':
        this.look(jobId, event.task);
        return;
      case 'job.transition':
        if (event.from === 'paused' || event.to === 'paused' || isTerminalJobState(event.to)) this.lookAgain(jobId);
        return;
      case 'job.resumed':
        this.#lookAtJob(jobId);
    }
  }

  /** Puts a unit where it belongs now. Returns it if it is kept. */
  look(jobId: string, path: string): IndexedUnit | undefined {
    const known = this.#byJob.get(jobId)?.get(path);
    const unit = this.#unitAt(jobId, path);
    const isSame = known && known.state === unit?.state && known.topic === unit.topic;
    if (isSame && compareUnits(known, unit) === 0) return known;
    if (known) this.#remove(known);
    if (unit) this.#add(unit);
    return unit;
  }

  /** Looks again at those units of a job that are kept, and whose path begins so. */
  lookAgain(jobId: string, prefix = ''): void {
    const units = this.#byJob.get(jobId);
    if (units) for (const path of [...units.keys()]) if (path.startsWith(prefix)) this.look(jobId, path);
  }

  /** Returns the owners that have units in a state; `undefined` stands for those without an owner. */
  ownersOf(state: OpenState): readonly (string | undefined)[] {
    return [...this.#byOwner[state].keys()];
  }

  /** Returns the units of an owner in a state, in order. */
  listOf(state: OpenState, owner: string | undefined): UnitList | undefined {
    return this.#byOwner[state].get(owner);
  }

  /** Returns the first ready unit of these owners, and topics if given, that comes after another one. */
  firstReady(
    owners: readonly string[],
    topics: readonly string[] | undefined,
    after: IndexedUnit | undefined,
  ): IndexedUnit | undefined {
    let first: IndexedUnit | undefined;
    const consider = (list: UnitList | undefined): void => {
      const unit = list?.first(after);
      if (unit && (!first || compareUnits(unit, first) < 0)) first = unit;
    };
    for (const owner of owners) {
      if (!topics) consider(this.#byOwner.ready.get(owner));
      else for (const topic of topics) consider(this.#byTopic.get(topicKey(owner, topic)));
    }
    return first;
  }

  #unitAt(jobId: string, path: string): IndexedUnit | undefined {
    const job = this.#engine.job(jobId);
    const run = job && runOf(job);
    const found = run && liveUnitAt(run, path);
    const state = found && stateOf(found);
    if (state !== 'ready' && state !== 'claimed' && state !== 'paused') return undefined;
    return {
      jobId,
      path,
      state,
      owner: found?.definition.external?.owner,
      topic: run?.options.labels?.[TOPIC],
      priority: found ? priorityOf(found) : 0,
      readySince: found?.task?.queuedAt ?? 0,
    };
  }

  #lookAtJob(jobId: string): void {
    this.lookAgain(jobId);
    const job = this.#engine.job(jobId);
    if (job) visitActive(runOf(job), (path) => this.look(jobId, path));
  }

  /** Looks again at the units inside a task, if it runs nested jobs. */
  #lookInside(jobId: string, path: string): void {
    const job = this.#byJob.has(jobId) ? this.#engine.job(jobId) : undefined;
    const prefix = job && prefixInside(runOf(job), path);
    if (prefix !== undefined) this.lookAgain(jobId, prefix);
  }

  #add(unit: IndexedUnit): void {
    const { jobId, path, state, owner, topic } = unit;
    getOrCreate(this.#byJob, jobId, () => new Map()).set(path, unit);
    getOrCreate(this.#byOwner[state], owner, newList).add(unit);
    if (state !== 'ready' || owner === undefined) return;
    if (topic !== undefined) getOrCreate(this.#byTopic, topicKey(owner, topic), newList).add(unit);
    this.#onReady(owner);
  }

  #remove(unit: IndexedUnit): void {
    const { jobId, path, state, owner, topic } = unit;
    const units = this.#byJob.get(jobId);
    units?.delete(path);
    if (units?.size === 0) this.#byJob.delete(jobId);
    removeFrom(this.#byOwner[state], owner, unit);
    if (state === 'ready' && owner !== undefined && topic !== undefined)
      removeFrom(this.#byTopic, topicKey(owner, topic), unit);
  }
}

/** With the length: both are texts that may have spaces, and an owner must not get the units of another. */
const topicKey = (owner: string, topic: string): string => `${topic.length} ${topic} ${owner}`;

const newList = (): UnitList => new SortedList(compareUnits);

const getOrCreate = <Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value => {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
};

const removeFrom = <Key>(map: Map<Key, UnitList>, key: Key, unit: IndexedUnit): void => {
  const list = map.get(key);
  list?.remove(unit);
  if (list?.size === 0) map.delete(key);
};
