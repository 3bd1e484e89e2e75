/** Keeps Node.js from warning on stderr that its SQLite is experimental, which whoever uses a command can't do anything about. */
export const silenceSqliteWarning = (target: Pick<NodeJS.Process, 'emitWarning'>): void => {
  const emit = target.emitWarning as (warning: string | Error, ...more: unknown[]) => void;
  target.emitWarning = (warning: string | Error, ...more: unknown[]): void => {
    if (!isAboutSqlite(String(warning), more[0])) emit.call(target, warning, ...more);
  };
};

/** It names the warning's type, or options that hold it. */
const isAboutSqlite = (text: string, about: unknown): boolean => {
  const type = typeof about === 'object' && about !== null ? (about as { type?: unknown }).type : about;
  return type === 'ExperimentalWarning' && /\bSQLite\b/.test(text);
};
