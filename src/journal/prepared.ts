import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.ts';

/** A statement of a database, prepared once. */
export type Prepared = (sql: string) => SqliteStatement;

export const preparedOn = (db: SqliteDatabase): Prepared => {
  const statements = new Map<string, SqliteStatement>();
  return (sql) => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
};
