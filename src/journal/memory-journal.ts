import { positive, problemsOf, throwIfInvalid } from '../engine/definition/option-rules.ts';
import type {
  Batch,
  Held,
  JobFilter,
  Journal,
  JournalJob,
  JournalMessage,
  Lease,
  NewJob,
  Note,
  StoredEvent,
} from '../engine/durable/journal.ts';
import { DEFAULT_MAX_OUTPUT_BYTES, endedAfter, lastSeqAfter, refuseLargeOutputs } from './batch-rules.ts';
import { jobLeased, jobNotFound, mayTake } from './lease-rules.ts';

export type MemoryJournalOptions = {
  /** The largest output of a task, in bytes of its JSON. The journal rejects a larger one. Default 16 MiB. */
  readonly maxOutputBytes?: number | undefined;
};

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
export const memoryJournal = (options: MemoryJournalOptions = {}): Journal => {
  throwIfInvalid('The memory journal', problemsOf(options, RULES, { subject: 'The memory journal' }));
  const { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  const entries = new Map<string, Entry>();
  const byKey = new Map<string, Entry>();
  const shapes = new Map<string, string>();
  let order = 0;

  const held = ({ jobId, fence }: Held): Entry | undefined => {
    const entry = entries.get(jobId);
    return entry?.job.lease && entry.job.fence === fence ? entry : undefined;
  };

  const existing = ({ id, name, key }: NewJob): Entry | undefined =>
    entries.get(id) ?? (key === undefined ? undefined : byKey.get(keyOf(name, key)));

  const write = (entry: Entry, batch: Batch): void => {
    const { at, events, notes, handled, state, startedAt, definition, release } = batch;
    const { job } = entry;
    if (definition) shapes.set(definition.fingerprint, definition.shape);
    for (const event of events) entry.events.push({ ...event });
    for (const note of notes) entry.notes.set(JSON.stringify([note.task, note.kind]), { ...note });
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

  const entryOf = ({ shape: _, ...rest }: NewJob, lease: Lease): Entry => ({
    job: { ...rest, state: 'idle', updatedAt: lease.at, lastSeq: -1, fence: 1, lease: { ...lease } },
    order: order++,
    events: [],
    notes: new Map(),
    inbox: [],
  });

  const keep = (entry: Entry, { id, name, key, fingerprint, shape }: NewJob): void => {
    if (!shapes.has(fingerprint)) shapes.set(fingerprint, shape);
    entries.set(id, entry);
    if (key !== undefined) byKey.set(keyOf(name, key), entry);
  };

  return {
    maxOutputBytes,

    create: (job, lease) => {
      const known = existing(job);
      if (known) return { created: false, job: known.job };
      const entry = entryOf(job, lease);
      keep(entry, job);
      return { created: true, job: entry.job };
    },

    acquire: (jobId, lease) => {
      const entry = entries.get(jobId);
      if (!entry) throw jobNotFound(jobId);
      const { job } = entry;
      if (job.lease && !mayTake(job.lease, lease)) throw jobLeased(jobId, job.lease);
      entry.job = { ...job, fence: job.fence + 1, lease: { ...lease } };
      return entry.job;
    },

    renew: (leases, lease) => {
      const lost: string[] = [];
      for (const one of leases) {
        const entry = held(one);
        if (entry) entry.job = { ...entry.job, lease: { ...lease } };
        else lost.push(one.jobId);
      }
      return lost;
    },

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
        if (batch.creates) keep(entry, batch.creates.job);
        write(entry, batch);
      }
      return [...lost];
    },

    job: (jobId) => entries.get(jobId)?.job,
    notes: (jobId) => [...(entries.get(jobId)?.notes.values() ?? [])],
    shape: (fingerprint) => shapes.get(fingerprint),

    jobs: (filter = {}) =>
      [...entries.values()]
        .filter(({ job }) => matches(job, filter))
        .sort((a, b) => b.job.createdAt - a.job.createdAt || b.order - a.order)
        .slice(0, filter.limit)
        .map(({ job }) => job),

    events: (jobId, fromSeq = 0, limit = Number.POSITIVE_INFINITY) => {
      const from = Math.max(0, fromSeq);
      return entries.get(jobId)?.events.slice(from, from + limit) ?? [];
    },

    send: (jobId, message) => {
      const entry = entries.get(jobId);
      if (!entry) throw jobNotFound(jobId);
      entry.inbox.push({ jobId, id: String(order), message, order: order++ });
    },

    receive: (leases) =>
      leases
        .flatMap((one) => held(one)?.inbox ?? [])
        .sort((a, b) => a.order - b.order)
        .map(({ order: _, ...message }) => message),

    remove: (jobId) => {
      const entry = entries.get(jobId);
      if (!entry) return;
      entries.delete(jobId);
      const { name, key } = entry.job;
      if (key !== undefined) byKey.delete(keyOf(name, key));
    },

    close: () => {},
  };
};

const RULES = { maxOutputBytes: positive };

const keyOf = (name: string, key: string): string => JSON.stringify([name, key]);

const matches = (job: JournalJob, { states, name, since, before }: JobFilter): boolean =>
  (states === undefined || states.includes(job.state)) &&
  (name === undefined || job.name === name) &&
  (since === undefined || job.createdAt >= since) &&
  (before === undefined || job.createdAt < before);
