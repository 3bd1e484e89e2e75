/** Whether the id or the name of a job begins so, as `JobFilter.prefix` says. */
export const begins = ({ id, name }: { readonly id: string; readonly name: string }, prefix: string): boolean =>
  id.startsWith(prefix) || nameBegins(name, prefix);

/** Folds the letters that SQLite folds, too. */
export const nameBegins = (name: string, prefix: string): boolean => lower(name).startsWith(lower(prefix));

const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
