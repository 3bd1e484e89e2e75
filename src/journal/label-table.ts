import type { Labels } from '../engine/durable/journal.ts';
import { rowChecksum } from './checksum.ts';
import type { Database } from './database.ts';
import { jobCorrupt } from './sqlite-failure.ts';
import { fromStored, toStored } from './storable-text.ts';

/** Stores the labels of a job that has none. `id` is in stored form. */
export const insertLabels = (
  { prepared }: Database,
  { id, created_at }: { readonly id: string; readonly created_at: number },
  labels: Labels,
): void => {
  for (const [key, value] of Object.entries(labels)) {
    const [storedKey, storedValue] = [toStored(key), toStored(value)];
    prepared(`INSERT INTO label (key, value, created_at, job, crc)
      VALUES (?, ?, ?, (SELECT number FROM job WHERE id = ?), ?)`).run(
      storedKey,
      storedValue,
      created_at,
      id,
      labelChecksum(id, storedKey, storedValue),
    );
  }
};

export const deleteLabels = ({ prepared }: Database, job: number): void => {
  prepared('DELETE FROM label WHERE job = ?').run(job);
};

/** Selects the labels of the job of a row as one JSON text, which `labelsOf` reads. */
export const SELECT_LABELS = `(SELECT json_group_array(json_array(key, value, crc, label.created_at = job.created_at))
  FROM label WHERE label.job = job.number)`;

/** Returns the labels in the text of `SELECT_LABELS`. `id` is in stored form. @throws JournalError `JOURNAL_CORRUPT` */
export const labelsOf = (file: string, id: string, text: string): Labels => {
  if (text === '[]') return NO_LABELS;
  let rows: readonly LabelRow[];
  try {
    rows = JSON.parse(text) as readonly LabelRow[];
  } catch {
    throw jobCorrupt(file, id, 'the labels of', 'are not what was written');
  }
  const labels = rows.map(([key, value, crc, isInPlace]) => {
    if (isInPlace === 1 && labelChecksum(id, key, value) === crc) return [fromStored(key), fromStored(value)] as const;
    throw jobCorrupt(file, id, `the label "${key}" of`);
  });
  return Object.freeze(Object.fromEntries(labels));
};

const NO_LABELS: Labels = Object.freeze({});

type LabelRow = readonly [key: string, value: string, crc: number, isInPlace: number];

const labelChecksum = (id: string, key: string, value: string): number => rowChecksum(id, 'label', key, value);
