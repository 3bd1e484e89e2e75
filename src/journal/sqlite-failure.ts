import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalError } from '../engine/errors/errors.ts';
import { fromStored } from './storable-text.ts';

/** What is added to the name of the database for each of its files: SQLite keeps two beside it while it is open. */
export const FILES = ['', '-wal', '-shm'] as const;

export const isBusy = (error: unknown): boolean => [BUSY, LOCKED].includes(primaryCode(error) ?? 0);

export const isCorrupt = (error: unknown): boolean => primaryCode(error) === CORRUPT;

export const isNoDatabase = (error: unknown): boolean => primaryCode(error) === NOT_A_DATABASE;

/** Converts any error from the use of a journal's file to a JournalError with a code and a remedy. */
export const journalFailure = (file: string, error: unknown): JournalError => {
  if (error instanceof JournalError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const primary = primaryCode(error);
  const system = (error as NodeJS.ErrnoException | undefined)?.code;
  if (primary === FULL || system === 'ENOSPC' || (primary === IO_ERROR && isDiskFull(file)))
    return journalFull(file, error);
  const isDamaged = primary === CORRUPT || primary === NOT_A_DATABASE || SIGNS_OF_DAMAGE.has(codeOf(error) ?? 0);
  if (isDamaged || isForeignNumber(error) || OTHER_TABLES.test(text))
    return journalCorrupt(file, text, { cause: error });
  if (primary === READ_ONLY || system === 'EROFS' || (primary !== undefined && isWriteProtected(file))) {
    return journalReadOnly(file, error);
  }
  if (isBusy(error)) return journalLocked(file, error);
  return new JournalError(
    'JOURNAL_FAILED',
    `The journal ${file} can't be used: ${text}. Check that it is a file on a local disk that may be read and written, in a folder where files may be made.`,
    { cause: error },
  );
};

const journalFull = (file: string, cause?: unknown): JournalError =>
  new JournalError(
    'JOURNAL_FULL',
    `There is no room left for the journal ${file}. Free space on its disk, or remove old jobs; what was kept before is still there.`,
    { cause },
  );

const journalReadOnly = (file: string, cause?: unknown): JournalError =>
  new JournalError(
    'JOURNAL_READ_ONLY',
    `The journal ${file} may not be written. Let this user write the file and its folder, or choose another file.`,
    { cause },
  );

export const journalLocked = (file: string, cause?: unknown): JournalError =>
  new JournalError(
    'JOURNAL_LOCKED',
    `The journal ${file} is locked by another process. End what holds its lock, or raise busyTimeoutMs.`,
    { cause },
  );

/** Makes the error for a damaged journal. `what` says what is damaged; `jobId` is the job concerned, if any. */
export const journalCorrupt = (
  file: string,
  what: string,
  options: ErrorOptions & { readonly jobId?: string } = {},
): JournalError =>
  new JournalError(
    'JOURNAL_CORRUPT',
    `The journal ${file} is corrupt: ${what}. See what is damaged with "tintype db check", and go back to a backup, or remove the job concerned.`,
    options,
  );

/** Makes the error for damage to a job's data: "<what> the job <id> <how>". `id` is in stored form, perhaps damaged. */
export const jobCorrupt = (file: string, id: unknown, what: string, how = 'is not what was written'): JournalError => {
  const jobId = typeof id === 'string' ? fromStored(id) : String(id);
  return journalCorrupt(file, `${what} the job "${jobId}" ${how}`, { jobId });
};

/** Returns the error for a row of a job that can't be read. @throws the error itself if it is about no single row */
export const rowDamage = (file: string, jobId: string, error: unknown): JournalError => {
  if (error instanceof JournalError && error.code === 'JOURNAL_CORRUPT') return error;
  if (!isForeignNumber(error)) throw error;
  return journalCorrupt(file, `the row of the job "${jobId}" has a number that tintype does not write`, {
    cause: error,
    jobId,
  });
};

/** Extracts `what` from the message of a `journalCorrupt` error; returns any other message unchanged. */
export const detailOf = ({ message }: JournalError): string => FRAME.exec(message)?.[1] ?? message;

const FRAME = /^The journal .+? is corrupt: (.+)\. See what is damaged with/s;

// SQLite's primary result codes, as far as they matter here: https://www.sqlite.org/rescode.html
const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/**
 * Extended codes that mean damage: SQLITE_IOERR_DATA, SQLITE_IOERR_CORRUPTFS, SQLITE_CONSTRAINT_PRIMARYKEY and _UNIQUE.
 * The last two mean that a row exists, although a query just before did not find it.
 */
const SIGNS_OF_DAMAGE: ReadonlySet<number> = new Set([8202, 8458, 1555, 2067]);

/** Matches SQLite's messages about missing tables, columns or indexes, and about an unknown file format. */
const OTHER_TABLES = /no such (?:table|column|index)|has no column|unsupported file format/;

const codeOf = (error: unknown): number | undefined => {
  const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
  return typeof errcode === 'number' ? errcode : undefined;
};

const primaryCode = (error: unknown): number | undefined => {
  const code = codeOf(error);
  if (code !== undefined) return code & 0xff;
  return error instanceof Error ? CODES.get(error.message) : undefined;
};

/** Primary result codes by SQLite's messages, since one driver does not always pass the code on. */
const CODES: ReadonlyMap<string, number> = new Map([
  ['database is locked', BUSY],
  ['database table is locked', LOCKED],
  ['attempt to write a readonly database', READ_ONLY],
  ['disk I/O error', IO_ERROR],
  ['database disk image is malformed', CORRUPT],
  ['database or disk is full', FULL],
  ['file is not a database', NOT_A_DATABASE],
]);

/** Returns whether SQLite read a number that is larger than any that tintype writes, which means damage. */
export const isForeignNumber = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Value is too large to be represented as a JavaScript number');

const isDiskFull = (file: string): boolean => {
  try {
    return statfsSync(dirname(file)).bavail === 0;
  } catch {
    return false;
  }
};

/** Returns whether one of the database's files or their folder is write-protected. */
const isWriteProtected = (file: string): boolean => {
  try {
    accessSync(dirname(file), constants.W_OK);
    for (const end of FILES) if (existsSync(`${file}${end}`)) accessSync(`${file}${end}`, constants.W_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
};
