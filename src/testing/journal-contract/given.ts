import assert from 'node:assert/strict';
import type {
  Awaitable,
  Batch,
  Held,
  JobFilter,
  Journal,
  JournalJob,
  JournalMessage,
  Lease,
  NewJob,
  StoredEvent,
} from '../../engine/durable/journal.ts';
import { thisProcess } from '../../engine/durable/process-identity.ts';
import type { JournalErrorCode } from '../../engine/errors/errors.ts';

/** Tests of a journal, each by the rule that it tests. */
export type ContractTests = Readonly<Record<string, (journal: Journal) => Promise<void>>>;

/** The time of the tests, in epoch ms. */
export const NOW = 1_750_000_000_000;

/** A pid that no process can have: Linux assigns at most 4,194,304. */
export const NO_PROCESS = 2 ** 22 + 1;

export const newJob = (about: Partial<NewJob> = {}): NewJob => ({
  id: 'job',
  name: 'etl',
  createdAt: NOW,
  fingerprint: 'f1',
  shape: '{"tasks":[]}',
  input: '{}',
  options: '{}',
  metadata: '{}',
  ...about,
});

export const lease = (about: Partial<Lease> = {}): Lease => ({
  owner: 'me',
  ...thisProcess(),
  ...about,
});

export const held = (jobId = 'job', fence = 1): Held => ({ jobId, fence });

export const batch = (about: Partial<Batch>): Batch => ({
  jobId: 'job',
  fence: 1,
  at: NOW,
  events: [],
  notes: [],
  ...about,
});

/** Returns events with the seqs from `from` up to, but not including, `to`. */
export const events = (from: number, to: number): readonly StoredEvent[] =>
  range(from, to).map((seq) => ({ seq, data: JSON.stringify({ type: 'task.log', seq }) }));

export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

/** Creates a job in a journal and returns it. Its lease has the fence 1. */
export const started = async (journal: Journal, id = 'job', about: Partial<NewJob> = {}): Promise<JournalJob> =>
  (await journal.create(newJob({ ...about, id }), lease())).job;

/** Lets another engine have the lease of a job, whose fence is 1. */
export const takenOver = async (journal: Journal, jobId = 'job'): Promise<JournalJob> => {
  await journal.release(held(jobId));
  return journal.acquire(jobId, lease({ owner: 'other' }));
};

export const idsOf = async (journal: Journal, filter?: JobFilter): Promise<readonly string[]> =>
  (await journal.jobs(filter)).map(({ id }) => id);

/** Returns each message with its job, as `job: message`. */
export const textsOf = (messages: readonly JournalMessage[]): readonly string[] =>
  messages.map(({ jobId, message }) => `${jobId}: ${message}`);

/** Returns the fields of a job that `append` changes. */
export const pick = ({ state, startedAt, endedAt, updatedAt, lastSeq }: JournalJob): readonly unknown[] => [
  state,
  startedAt,
  endedAt,
  updatedAt,
  lastSeq,
];

export const sorted = <Value>(values: readonly Value[]): readonly Value[] =>
  [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Asserts that two values are equal as data. An undefined field equals an absent field. */
export const same = (actual: unknown, expected: unknown): void => assert.deepEqual(present(actual), present(expected));

const present = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.map(([name, field]) => [name, present(field)]));
};

type Refusal = Error & { readonly code: JournalErrorCode; readonly jobId?: string };

/** Asserts that a call throws or rejects with an error of this code. Returns the error. */
export const refuses = async (code: JournalErrorCode, call: () => Awaitable<unknown>): Promise<Refusal> => {
  try {
    await call();
  } catch (error) {
    assert.equal((error as Refusal).code, code, String(error));
    return error as Refusal;
  }
  return assert.fail(`It was to be refused with ${code}.`);
};
