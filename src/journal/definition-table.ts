import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import type { SqliteRow } from './sqlite-driver.ts';
import { journalCorrupt } from './sqlite-failure.ts';
import { fromStored, storableJson, toStored } from './storable-text.ts';

/** Stores the shape of a definition (JSON) under its fingerprint, unless it is stored already. */
export const insertDefinition = ({ prepared }: Database, fingerprint: string, shape: string): void => {
  const stored = toStored(fingerprint);
  const json = storableJson(shape);
  const insert = prepared('INSERT INTO definition (fingerprint, shape, crc) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  insert.run(stored, json, rowChecksum(stored, json));
};

/** Deletes the shape with the fingerprint `stored` (in stored form), unless a job still refers to it. */
export const deleteUnusedDefinition = ({ prepared }: Database, stored: string): void => {
  prepared(`DELETE FROM definition WHERE fingerprint = ?
    AND NOT EXISTS (SELECT 1 FROM job WHERE job.fingerprint = definition.fingerprint)`).run(stored);
};

/** Returns the shape of a definition, by its fingerprint. @throws JournalError `JOURNAL_CORRUPT` */
export const readShape = (database: Database, fingerprint: string): string | undefined => {
  const select = database.prepared('SELECT fingerprint, shape, crc FROM definition WHERE fingerprint = ?');
  const row = select.get(toStored(fingerprint));
  return row && shapeOf(database, row);
};

/** Returns the shape from a row of `definition`. @throws JournalError `JOURNAL_CORRUPT` if its checksum is wrong */
export const shapeOf = ({ file }: Database, row: SqliteRow): string => {
  const { fingerprint, shape, crc } = row as { fingerprint: string; shape: string; crc: number };
  if (rowChecksum(fingerprint, shape) === crc) return shape;
  throw journalCorrupt(file, `the definition ${fromStored(String(fingerprint))} is not what was written`);
};
