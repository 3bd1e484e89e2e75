/** Hides Node.js's warning that its SQLite is experimental: users of a command can't do anything about that. */
export const silenceSqliteWarning = (target: Pick<NodeJS.Process, 'emitWarning'>): void => {
  const emit = target.emitWarning as (warning: string | Error, ...more: unknown[]) => void;
  target.emitWarning = (warning: string | Error, ...more: unknown[]): void => {
    if (!isAboutSqlite(String(warning), more[0])) emit.call(target, warning, ...more);
  };
};

const isAboutSqlite = (text: string, about: unknown): boolean => {
  const type = typeof about === 'object' && about !== null ? (about as { type?: unknown }).type : about;
  return type === 'ExperimentalWarning' && /\bSQLite\b/.test(text);
};
