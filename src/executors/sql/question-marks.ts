import { sqlStatements } from './scan.ts';

/** Returns the offset of the first `?` in a query that PostgreSQL is to run with a list of params: it knows only `$1`. */
export const questionMarkIn = (query: string, params: unknown): number | undefined => {
  if (!Array.isArray(params) || params.length === 0) return undefined;
  const tokens = sqlStatements(query, 'sqlite').flatMap((statement) => statement.tokens);
  const places = tokens.filter(({ kind }) => kind === 'place');
  return places.some(({ text }) => /^\$\d/.test(text)) ? undefined : places.find(({ text }) => text[0] === '?')?.from;
};

export const NUMBERED_PLACES = 'PostgreSQL numbers the places of its parameters: write $1, $2 … instead of "?".';
