import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalError } from '../engine/errors/errors.ts';

/** Whether another connection holds the lock that was needed. */
export const isBusy = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED;
};

/** Whether it is no SQLite database at all. */
export const isNoDatabase = (error: unknown): boolean => primaryCode(error) === NOT_A_DATABASE;

/** What went wrong with the file of a journal, with the way out. */
export const journalFailure = (file: string, error: unknown): JournalError => {
  if (error instanceof JournalError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const extended = codeOf(error);
  const primary = primaryCode(error);
  const system = (error as NodeJS.ErrnoException | undefined)?.code;
  if (primary === FULL || system === 'ENOSPC' || (primary === IO_ERROR && isDiskFull(file)))
    return journalFull(file, error);
  if (
    primary === CORRUPT ||
    primary === NOT_A_DATABASE ||
    SIGNS_OF_DAMAGE.has(extended ?? 0) ||
    isForeignNumber(error)
  ) {
    return journalCorrupt(file, text, { cause: error });
  }
  if (OTHER_TABLES.test(text)) return journalCorrupt(file, text, { cause: error });
  if (primary === READ_ONLY || system === 'EROFS' || (primary !== undefined && mayNotBeWritten(file))) {
    return journalReadOnly(file, error);
  }
  if (primary === BUSY || primary === LOCKED) return journalLocked(file, error);
  return new JournalError(
    'JOURNAL_FAILED',
    `The journal ${file} can't be used: ${text}. Check that it is a file on a local disk that may be read and written, in a folder where files may be made.`,
    { cause: error },
  );
};

export const journalFull = (file: string, cause?: unknown): JournalError =>
  new JournalError(
    'JOURNAL_FULL',
    `There is no room left for the journal ${file}. Free space on its disk, or remove old jobs; what was kept before is still there.`,
    { cause },
  );

export const journalReadOnly = (file: string, cause?: unknown): JournalError =>
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

/** `what` is not as it was written; `jobId` and `seq` say where. */
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

/** What the message of a failure says is wrong, without the frame that it has where it is thrown. */
export const detailOf = ({ message }: JournalError): string => FRAME.exec(message)?.[1] ?? message;

const FRAME = /^The journal .+? is corrupt: (.+)\. See what is damaged with/s;

/** The primary result codes of SQLite that matter here: https://www.sqlite.org/rescode.html */
const BUSY = 5;

const LOCKED = 6;

const READ_ONLY = 8;

const IO_ERROR = 10;

const CORRUPT = 11;

const FULL = 13;

const NOT_A_DATABASE = 26;

/**
 * Extended codes: damage that the file system found; and a row in the way where, by all that was read just before, there
 * is none.
 */
const SIGNS_OF_DAMAGE: ReadonlySet<number> = new Set([8202, 8458, 1555, 2067]);

/** What SQLite says of statements that were written for other tables than it finds, or of a head that it does not know. */
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

/** SQLite's own texts, for a driver that does not always hand on the code. */
const CODES: ReadonlyMap<string, number> = new Map([
  ['database is locked', BUSY],
  ['database table is locked', LOCKED],
  ['attempt to write a readonly database', READ_ONLY],
  ['disk I/O error', IO_ERROR],
  ['database disk image is malformed', CORRUPT],
  ['database or disk is full', FULL],
  ['file is not a database', NOT_A_DATABASE],
]);

/** A number was read that is larger than any that tintype writes. */
const isForeignNumber = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Value is too large to be represented as a JavaScript number');

const isDiskFull = (file: string): boolean => {
  try {
    return statfsSync(dirname(file)).bavail === 0;
  } catch {
    return false;
  }
};

/** SQLite can't open its companion files either where the folder is write-protected. */
const mayNotBeWritten = (file: string): boolean => {
  try {
    accessSync(dirname(file), constants.W_OK);
    if (existsSync(file)) accessSync(file, constants.W_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
};
