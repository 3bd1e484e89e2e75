import { positive, problemsOf, throwIfInvalid } from '../engine/definition/option-rules.ts';
import type {
  Batch,
  Held,
  JobFilter,
  Journal,
  JournalChange,
  JournalJob,
  JournalMessage,
  Lease,
  NewJob,
  Note,
  StoredEvent,
  TaskDurations,
} from '../engine/durable/journal.ts';
import { durable } from '../engine/recovery/durable.ts';
import { ENDED_STATES } from '../events/states.ts';
import { systemClock } from '../events/system-clock.ts';
import {
  DEFAULT_MAX_OUTPUT_BYTES,
  endedAfter,
  lastSeqAfter,
  MAX_REMOVED,
  MAX_REMOVED_EVENTS,
  refuseLargeOutputs,
  sortedCounts,
} from './batch-rules.ts';
import { changeHint } from './change-hint.ts';
import { eventsIn, partAfter } from './change-part.ts';
import { cursorOf, type Place, placeOf } from './cursor.ts';
import { BEATS, type Beat, DEFAULT_LEASE_MS, isLiving, jobLeased, jobNotFound, leaseLength } from './lease-rules.ts';
import { matches } from './matches.ts';
import { memoryCompletions } from './memory-completions.ts';
import { mergedDurations } from './merged-durations.ts';

export type MemoryJournalOptions = {
  /** The largest output of a task, in bytes of its JSON. The journal rejects a larger one. Default 16 MiB. */
  readonly maxOutputBytes?: number | undefined;
  /** How long an engine counts as alive without a beat, in ms; it beats each third of that time. Default 15,000, at least 300. */
  readonly leaseMs?: number | undefined;
};

/** An engine that holds or held leases. */
type KnownEngine = { beat: Beat; isDead: boolean };

type Entry = {
  job: JournalJob;
  /** Grows with each new job; sorts jobs with equal `createdAt`. */
  readonly order: number;
  readonly events: StoredEvent[];
  /** By task and kind. */
  readonly notes: Map<string, Note>;
  inbox: (JournalMessage & { readonly order: number })[];
};

/**
 * Creates a journal in memory, for tests and trials. Jobs survive their engine, but not the process; `close` does
 * nothing, so that another engine can use the journal.
 * @throws OptionError if an option is invalid
 */
export const memoryJournal = (options: MemoryJournalOptions = {}): Required<Journal> => {
  throwIfInvalid('The memory journal', problemsOf(options, RULES, { subject: 'The memory journal' }));
  const { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES, leaseMs = DEFAULT_LEASE_MS } = options;
  const engines = new Map<string, KnownEngine>();
  const entries = new Map<string, Entry>();
  const byKey = new Map<string, Entry>();
  const shapes = new Map<string, string>();
  const durations = new Map<string, readonly TaskDurations[]>();
  let order = 0;
  const hint = changeHint();
  let feed: JournalChange[] = [];
  let newest = 0;

  const held = ({ jobId, fence }: Held): Entry | undefined => {
    const entry = entries.get(jobId);
    return entry?.job.lease && entry.job.fence === fence ? entry : undefined;
  };

  const beat = (lease: Lease): boolean => {
    const engine = engines.get(lease.owner);
    if (!engine || engine.isDead) return false;
    engine.beat = { ...lease, at: systemClock.now(), leaseMs };
    return true;
  };

  const join = (lease: Lease): void => {
    if (!beat(lease) && !engines.has(lease.owner))
      engines.set(lease.owner, { beat: { ...lease, at: systemClock.now(), leaseMs }, isDead: false });
  };

  const isHeld = ({ lease }: JournalJob): boolean => {
    const engine = lease && engines.get(lease.owner);
    return engine !== undefined && !engine.isDead && isLiving(engine.beat, systemClock.now());
  };

  /** A job as it is now: without its lease if the holder is dead. */
  const shown = ({ job }: Entry): JournalJob => (job.lease && !isHeld(job) ? { ...job, lease: undefined } : job);

  const existing = ({ id, name, key }: NewJob): Entry | undefined =>
    entries.get(id) ?? (key === undefined ? undefined : byKey.get(keyOf(name, key)));

  const write = (entry: Entry, batch: Batch): void => {
    const { at, events, notes, handled, state, startedAt, definition, release } = batch;
    const { job } = entry;
    if (definition) shapes.set(definition.fingerprint, definition.shape);
    for (const event of events) entry.events.push({ ...event });
    if (events.length > 0) {
      newest += events.length;
      feed.push({ position: newest, jobId: job.id, fromSeq: job.lastSeq + 1, toSeq: job.lastSeq + events.length });
      hint.stored();
    }
    for (const note of notes) entry.notes.set(JSON.stringify([note.task, note.kind]), { ...note });
    if (batch.durations) durations.set(job.name, mergedDurations(durations.get(job.name) ?? [], batch.durations));
    if (handled) entry.inbox = entry.inbox.filter(({ id }) => !handled.includes(id));
    entry.job = {
      ...job,
      fingerprint: definition?.fingerprint ?? job.fingerprint,
      state: state ?? job.state,
      startedAt: startedAt ?? job.startedAt,
      endedAt: endedAfter(job.endedAt, batch),
      updatedAt: at,
      lastSeq: job.lastSeq + events.length,
      lease: release ? undefined : job.lease,
    };
  };

  const entryOf = ({ shape: _, labels, ...rest }: NewJob, lease: Lease): Entry => {
    const place = { createdAt: rest.createdAt, order: order++ };
    return {
      job: {
        ...rest,
        labels: Object.freeze({ ...labels }),
        cursor: cursorOf(place),
        state: 'idle',
        updatedAt: rest.createdAt,
        lastSeq: -1,
        fence: 1,
        lease: { ...lease },
      },
      order: place.order,
      events: [],
      notes: new Map(),
      inbox: [],
    };
  };

  const keep = (entry: Entry, { id, name, key, fingerprint, shape }: NewJob): void => {
    if (!shapes.has(fingerprint)) shapes.set(fingerprint, shape);
    entries.set(id, entry);
    if (key !== undefined) byKey.set(keyOf(name, key), entry);
  };

  const matching = (filter: JobFilter): readonly Entry[] => {
    const sign = filter.order === 'oldest' ? -1 : 1;
    const after = filter.cursor === undefined ? undefined : placeOf(filter.cursor);
    return [...entries.values()]
      .filter((entry) => matches(entry.job, filter) && (!after || sign * compare(placeOfEntry(entry), after) > 0))
      .sort((a, b) => sign * compare(placeOfEntry(a), placeOfEntry(b)));
  };

  const drop = (dropped: readonly Entry[]): void => {
    for (const { id, name, key } of dropped.map(({ job }) => job)) {
      entries.delete(id);
      if (key !== undefined) byKey.delete(keyOf(name, key));
    }
    feed = feed.filter(({ jobId }) => entries.has(jobId));
  };

  const changes = (after: number, limit = Number.POSITIVE_INFINITY): readonly JournalChange[] => {
    const found: JournalChange[] = [];
    let left = limit;
    for (let at = firstAfter(feed, after); at < feed.length && left > 0; at++) {
      const change = partAfter(feed[at] as JournalChange, after, left);
      found.push(change);
      left -= eventsIn(change);
    }
    return found;
  };

  return durable({
    maxOutputBytes,
    beatMs: leaseMs / BEATS,

    create: (job, lease) => {
      const known = existing(job);
      if (known) return { created: false, job: shown(known) };
      join(lease);
      const entry = entryOf(job, lease);
      keep(entry, job);
      return { created: true, job: entry.job };
    },

    acquire: (jobId, lease) => {
      const entry = entries.get(jobId);
      if (!entry) throw jobNotFound(jobId);
      const { job } = entry;
      const holder = job.lease;
      if (holder && holder.owner !== lease.owner) {
        if (isHeld(job)) throw jobLeased(jobId, holder);
        const engine = engines.get(holder.owner);
        if (engine) engine.isDead = true;
      }
      join(lease);
      entry.job = { ...job, fence: job.fence + 1, lease: { ...lease } };
      return entry.job;
    },

    beat,

    release: (one) => {
      const entry = held(one);
      if (entry) entry.job = { ...entry.job, lease: undefined };
    },

    append: (batches) => {
      const reached = new Map<string, number>();
      const released = new Set<string>();
      const lost = new Set<string>();
      const accepted: (readonly [Entry, Batch])[] = [];
      const made = new Map<string, Entry>();
      const madeKeys = new Set<string>();
      const create = ({ job, lease }: NonNullable<Batch['creates']>): Entry | undefined => {
        const key = job.key === undefined ? undefined : keyOf(job.name, job.key);
        if (existing(job) || made.has(job.id) || (key !== undefined && madeKeys.has(key))) return undefined;
        const entry = entryOf(job, lease);
        made.set(job.id, entry);
        if (key !== undefined) madeKeys.add(key);
        return entry;
      };
      for (const batch of batches) {
        const { jobId, fence, events, creates } = batch;
        const known = creates ? create(creates) : (made.get(jobId) ?? held(batch));
        const entry = released.has(jobId) || known?.job.fence !== fence ? undefined : known;
        if (!entry) {
          lost.add(jobId);
          continue;
        }
        refuseLargeOutputs(jobId, events, maxOutputBytes);
        reached.set(jobId, lastSeqAfter(jobId, reached.get(jobId) ?? entry.job.lastSeq, events));
        if (batch.release) released.add(jobId);
        accepted.push([entry, batch]);
      }
      for (const [entry, batch] of accepted) {
        if (batch.creates) {
          join(batch.creates.lease);
          keep(entry, batch.creates.job);
        }
        write(entry, batch);
      }
      return [...lost];
    },

    job: (jobId) => {
      const entry = entries.get(jobId);
      return entry && shown(entry);
    },
    notes: (jobId) => [...(entries.get(jobId)?.notes.values() ?? [])],
    shape: (fingerprint) => shapes.get(fingerprint),

    jobs: (filter = {}) => matching(filter).slice(filter.offset).slice(0, filter.limit).map(shown),

    events: (jobId, fromSeq = 0, limit = Number.POSITIVE_INFINITY) => {
      const from = Math.max(0, fromSeq);
      return entries.get(jobId)?.events.slice(from, from + limit) ?? [];
    },

    send: (jobId, message) => {
      const entry = entries.get(jobId);
      if (!entry) throw jobNotFound(jobId);
      entry.inbox.push({ jobId, id: String(order), message, order: order++ });
    },

    receive: (owner) =>
      [...entries.values()]
        .flatMap(({ job, inbox }) => (inbox.length > 0 && job.lease?.owner === owner ? inbox : []))
        .sort((a, b) => a.order - b.order)
        .map(({ order: _, ...message }) => message),

    remove: (jobId) => {
      const entry = entries.get(jobId);
      if (entry) drop([entry]);
    },

    removeEnded: ({ keepNewest = 0, limit = MAX_REMOVED, states = ENDED_STATES, endedBefore, ...others }) => {
      const ended = { ...others, states: states.filter((state) => ENDED_STATES.includes(state)) };
      const kept = new Set(matching(ended).slice(0, keepNewest));
      const most = Math.min(limit, MAX_REMOVED);
      const removed: Entry[] = [];
      let events = 0;
      const isFull = (): boolean => removed.length >= most || events >= MAX_REMOVED_EVENTS;
      for (const entry of matching({ ...ended, endedBefore, order: 'oldest' })) {
        if (isFull()) break;
        if (kept.has(entry) || isHeld(entry.job)) continue;
        removed.push(entry);
        events += entry.events.length;
      }
      drop(removed);
      return { removed: removed.length, more: isFull() };
    },

    describe: (jobId, { at, labels, metadata }) => {
      const entry = entries.get(jobId);
      if (!entry) throw jobNotFound(jobId);
      const { job } = entry;
      entry.job = {
        ...job,
        labels: labels ? Object.freeze({ ...labels }) : job.labels,
        metadata: metadata ?? job.metadata,
        updatedAt: at,
      };
    },

    counts: ({ by, ...filter }) => {
      const counts = new Map<string, number>();
      for (const { job } of matching(filter)) counts.set(job[by], (counts.get(job[by]) ?? 0) + 1);
      return sortedCounts([...counts].map(([value, count]) => ({ value, count })));
    },

    completions: memoryCompletions(),
    durations: (jobName) => durations.get(jobName) ?? [],

    feed: { changes, oldest: () => changes(0, 1)[0]?.position, newest: () => newest, onChange: hint.onChange },

    close: () => {},
  });
};

const RULES = { maxOutputBytes: positive, leaseMs: leaseLength };

/** Returns the index of the first change after a position. */
const firstAfter = (feed: readonly JournalChange[], after: number): number => {
  let [low, high] = [0, feed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((feed[middle] as JournalChange).position > after) high = middle;
    else low = middle + 1;
  }
  return low;
};

const keyOf = (name: string, key: string): string => JSON.stringify([name, key]);

const placeOfEntry = ({ job: { createdAt }, order }: Entry): Place => ({ createdAt, order });

/** Sorts the newest first. */
const compare = (a: Place, b: Place): number => b.createdAt - a.createdAt || b.order - a.order;
