import type { Database } from './database.ts';

/** The size of a database before and after, in bytes. */
export type VacuumReport = { readonly before: number; readonly after: number };

/** Gives the room that nothing takes any more back to the disk. Must not run in a transaction. */
export const vacuum = ({ prepared }: Database): VacuumReport => {
  const size = (): number =>
    Number(prepared('PRAGMA page_count').get()?.page_count) * Number(prepared('PRAGMA page_size').get()?.page_size);
  const before = size();
  prepared('VACUUM').run();
  // The file becomes shorter when the write-ahead log has been moved into it.
  prepared('PRAGMA wal_checkpoint(TRUNCATE)').get();
  return { before, after: size() };
};
