import { JournalError } from '../errors/errors.ts';
import type { Journal } from './journal.ts';

/** The parts of the interface that a journal may lack. */
type OptionalPart = { [Name in keyof Journal]-?: undefined extends Journal[Name] ? Name : never }[keyof Journal];

/** Returns a journal that has a part which others may lack. @throws JournalError `JOURNAL_FAILED` if it lacks the part */
export const journalWith = <Part extends OptionalPart>(
  journal: Journal,
  part: Part,
): Journal & { readonly [Name in Part]-?: NonNullable<Journal[Name]> } => {
  if (journal[part] !== undefined) return journal as never;
  throw new JournalError(
    'JOURNAL_FAILED',
    `This journal has no "${part}", which is needed here. Add it as the type Journal says, and try the journal with journalContract; or use sqliteJournal or memoryJournal.`,
  );
};
