import { nameBegins } from './begins.ts';
import { type Condition, idBegins, isIn, isNamed } from './condition.ts';
import type { Database } from './database.ts';
import { fromStored, toStored } from './storable-text.ts';

/**
 * What is known of the jobs whose id or name begins with `prefix`: the names that begin so; or, of a journal with many
 * names, the numbers of these jobs; or, if there are many of them, too, nothing.
 */
export type Beginning = {
  readonly prefix: string;
  readonly names?: readonly string[] | undefined;
  readonly numbers?: readonly number[] | undefined;
};

export const beginningOf = (prepared: Database['prepared'], prefix: string): Beginning => {
  const names = namesThatBegin(prepared, prefix);
  return names ? { prefix, names } : { prefix, numbers: numbersThatBegin(prepared, prefix) };
};

/** Selects rows whose id or name begins so. + keeps SQLite from an index that would have it sort what it finds. */
export const hasBegun = ({ prefix, names, numbers }: Beginning): Condition => {
  if (numbers) return isIn('job.number', numbers);
  const ofName = names ? isNamed(names) : isNameBegun(prefix);
  const ofId = idBegins(prefix, '+job.id');
  return { text: `(+${ofName.text} OR ${ofId.text})`, values: [...ofName.values, ...ofId.values] };
};

/** The most jobs that are counted, or sorted, to find others faster. */
export const MAX_COUNTED = 4_000;

/** How many names are looked through at most. */
const MAX_NAMES = 1_000;

/** The index is asked for the next name after each: that does not take longer the more jobs have a name. */
const namesThatBegin = (prepared: Database['prepared'], prefix: string): readonly string[] | undefined => {
  const rows = prepared(SELECT_NAMES).all(MAX_NAMES + 1);
  if (rows.length > MAX_NAMES) return undefined;
  return rows.map(({ name }) => fromStored(name as string)).filter((name) => nameBegins(name, prefix));
};

const SELECT_NAMES = `WITH RECURSIVE each (name) AS (
    SELECT min(name) FROM job
    UNION ALL
    SELECT (SELECT min(job.name) FROM job WHERE job.name > each.name) FROM each WHERE each.name IS NOT NULL LIMIT ?
  )
  SELECT name FROM each WHERE name IS NOT NULL`;

const numbersThatBegin = (prepared: Database['prepared'], prefix: string): readonly number[] | undefined => {
  const [ofName, ofId] = [isNameBegun(prefix), idBegins(prefix)];
  const rows = prepared(`SELECT number FROM job INDEXED BY job_by_name WHERE ${ofName.text}
    UNION ALL SELECT number FROM job WHERE ${ofId.text} LIMIT ${MAX_COUNTED}`).all(...ofName.values, ...ofId.values);
  return rows.length < MAX_COUNTED ? rows.map(({ number }) => number as number) : undefined;
};

const isNameBegun = (prefix: string): Condition => {
  const stored = toStored(prefix);
  return { text: 'substr(job.name, 1, length(?)) = ? COLLATE NOCASE', values: [stored, stored] };
};
