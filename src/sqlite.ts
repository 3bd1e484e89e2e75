/* Entry point `tintype/sqlite`: separate from the core, because it needs an SQLite driver. */
export type { CheckProblem, CheckReport } from './journal/check.ts';
export { type SqliteJournal, type SqliteJournalOptions, sqliteJournal } from './journal/sqlite-journal.ts';
export type { VacuumReport } from './journal/vacuum.ts';
