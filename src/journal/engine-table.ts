import type { Lease } from '../engine/durable/journal.ts';
import { systemClock } from '../events/system-clock.ts';
import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import type { HolderOf } from './job-row.ts';
import { BEATS, isLiving } from './lease-rules.ts';
import { journalCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

/** A row of the table `engine`. Texts are in stored form. */
type EngineRow = {
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly process_start: string;
  /** The last beat, in epoch ms. */
  readonly beat_at: number;
  readonly lease_ms: number;
  /** 1 if it was taken for dead: it has lost its leases. */
  readonly dead: number;
  /** Null in a database of an older version that may only be read. */
  readonly crc: number | null;
};

/** Stores that an engine lives which is about to hold a lease. Forgets engines that hold none. */
export const joinEngine = (database: Database, lease: Lease, leaseMs: number): void => {
  const known = engineRow(database, toStored(lease.owner));
  if (known) {
    const isFresh = Math.abs(systemClock.now() - known.beat_at) < leaseMs / (2 * BEATS);
    if (!isFresh) beatEngine(database, lease, leaseMs);
    return;
  }
  const { prepared } = database;
  prepared(`DELETE FROM engine WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.owner = engine.owner)`).run();
  const row = {
    owner: toStored(lease.owner),
    host: toStored(lease.host),
    pid: lease.pid,
    process_start: toStored(lease.processStart),
    beat_at: systemClock.now(),
    lease_ms: leaseMs,
    dead: 0,
  };
  prepared(`INSERT OR REPLACE INTO engine (owner, host, pid, process_start, beat_at, lease_ms, dead, crc)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`).run(...Object.values(row), checksumOf(row));
};

/** Stores that an engine lives. Returns whether it is known and was not taken for dead. */
export const beatEngine = (database: Database, { owner }: Lease, leaseMs: number): boolean => {
  const row = engineRow(database, toStored(owner));
  if (row?.dead !== 0) return false;
  write(database, { ...row, beat_at: systemClock.now(), lease_ms: leaseMs });
  return true;
};

/** Takes an engine for dead. `owner` is in stored form. */
export const buryEngine = (database: Database, owner: string): void => {
  const row = engineRow(database, owner);
  if (row) write(database, { ...row, dead: 1 });
};

/** Returns what finds the holders of leases; each is looked up once. @throws JournalError `JOURNAL_CORRUPT` */
export const holders = (database: Database): HolderOf => {
  const known = new Map<string, Lease | undefined>();
  return (owner) => {
    if (!known.has(owner)) known.set(owner, livingHolder(database, owner));
    return known.get(owner);
  };
};

const livingHolder = (database: Database, stored: string): Lease | undefined => {
  const row = engineRow(database, stored);
  if (row?.dead !== 0) return undefined;
  const lease = {
    owner: fromStored(row.owner),
    host: fromStored(row.host),
    pid: row.pid,
    processStart: fromStored(row.process_start),
  };
  return isLiving({ ...lease, at: row.beat_at, leaseMs: row.lease_ms }, systemClock.now()) ? lease : undefined;
};

/** Returns the row of an engine. A damaged one counts as missing: what it holds is taken over, which fences it. */
const engineRow = ({ prepared }: Database, owner: string): EngineRow | undefined => {
  const row = prepared('SELECT * FROM engine WHERE owner = ?').get(owner) as EngineRow | undefined;
  return row && isSound(row) ? row : undefined;
};

const isSound = (row: EngineRow): boolean => row.crc === null || checksumOf(row) === row.crc;

const write = ({ prepared }: Database, row: EngineRow): void => {
  prepared('UPDATE engine SET beat_at = ?, lease_ms = ?, dead = ?, crc = ? WHERE owner = ?').run(
    row.beat_at,
    row.lease_ms,
    row.dead,
    checksumOf(row),
    row.owner,
  );
};

const checksumOf = (row: Omit<EngineRow, 'crc'>): number =>
  rowChecksum(row.owner, row.host, row.pid, row.process_start, row.beat_at, row.lease_ms, row.dead);

/** Checks all rows of engines. @throws JournalError `JOURNAL_CORRUPT` */
export const checkEngines = ({ file, prepared }: Database): void => {
  for (const row of prepared('SELECT * FROM engine').all() as EngineRow[])
    if (!isSound(row)) throw journalCorrupt(file, `the row of the engine "${row.owner}" is not what was written`);
};
