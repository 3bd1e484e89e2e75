import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { shellQuoted } from '../terminal/shell-quoted.ts';
import { shortId } from '../terminal/short-id.ts';

/** Where a job is kept. */
export type Kept = {
  readonly db: string;
  /** Its workflow file, if that is not where it was. */
  readonly file?: string | undefined;
  /** The options that it was told to run by, as words. */
  readonly told?: readonly string[] | undefined;
};

/** A command about a kept job, as it is typed: `tintype resume 3f2a77b0`. */
export const jobCommand = (
  name: string,
  jobId: string,
  { db, file, told = [] }: Kept,
  more: readonly string[] = [],
): string => {
  const where = [...(file === undefined ? [] : ['--file', file]), ...(db === DEFAULT_JOURNAL ? [] : ['--db', db])];
  const words = [briefId(jobId), ...more, ...told, ...where].map(shellQuoted);
  return ['tintype', name, ...words].join(' ');
};

/** A job for people: `3f2a77b0 (nightly)`. */
export const jobLabel = ({ id, name }: { readonly id: string; readonly name: string }): string =>
  `${briefId(id)} (${name})`;

/** Should another job begin so too, whoever types it is told. */
const briefId = (id: string): string => shortId(id, []);
