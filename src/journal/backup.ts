import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalError } from '../engine/errors/errors.ts';
import type { Database } from './database.ts';
import { isCorrupt, journalFailure } from './sqlite-failure.ts';

/** Copies the whole database to a new file. Other processes may write the database meanwhile. @throws JournalError */
export const backUp = ({ file, prepared }: Database, to: string): void => {
  if (existsSync(to)) {
    throw new JournalError(
      'JOURNAL_FAILED',
      `The journal ${file} can't be backed up to ${to}: that exists already. Name a new file, or remove it first.`,
    );
  }
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    // SQLite fills an empty file, and keeps its mode.
    closeSync(openSync(to, 'wx', 0o600));
  } catch (error) {
    throw journalFailure(to, error);
  }
  try {
    prepared('VACUUM INTO ?').run(to);
    flush(to);
  } catch (error) {
    discard(to);
    // Damage is in the journal, which SQLite reads. Any other error concerns the copy.
    throw journalFailure(isCorrupt(error) ? file : to, error);
  }
};

/** Flushes the copy to the disk, because `VACUUM INTO` leaves that to the system. */
const flush = (file: string): void => {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

const discard = (file: string): void => {
  try {
    rmSync(file, { force: true });
  } catch {}
};
