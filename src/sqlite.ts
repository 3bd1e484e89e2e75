/* Entry point `tintype/sqlite`: needs an SQLite driver, so the core does not export it. */
export type { CheckProblem, CheckReport } from './journal/check.ts';
export { type SqliteJournal, type SqliteJournalOptions, sqliteJournal } from './journal/sqlite-journal.ts';
