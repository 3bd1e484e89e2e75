export { type SqliteJournal, type SqliteJournalOptions, sqliteJournal } from './journal/sqlite-journal.ts';
