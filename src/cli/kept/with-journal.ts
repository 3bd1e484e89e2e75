import { JournalError, type JournalErrorCode, OptionError } from '../../engine/errors/errors.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { createPrinter, type Printer } from '../terminal/printer.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { openJournal } from './journal-file.ts';

/** What a command about kept jobs works with. */
export type Desk = {
  readonly journal: SqliteJournal;
  readonly out: Printer;
  readonly err: Printer;
  readonly io: CliIo;
};

/** Does something with a journal that is there already, and closes it. Resolves to the exit code. */
export const withJournal = (file: string, io: CliIo, work: (desk: Desk) => Promise<number>): Promise<number> =>
  tellingErrors(io, async (out, err) => {
    const journal = openJournal(file, { create: false });
    try {
      return await work({ journal, out, err, io });
    } finally {
      await journal.close();
    }
  });

/** What is wrong with the command line, or with the journal, is told on stderr. Resolves to the exit code. */
export const tellingErrors = async (
  io: CliIo,
  work: (out: Printer, err: Printer) => Promise<number>,
): Promise<number> => {
  const out = createPrinter(io.stdout, io.env);
  const err = createPrinter(io.stderr, io.env);
  try {
    return await work(out, err);
  } catch (error) {
    out.flush();
    if (error instanceof UsageError || error instanceof OptionError) {
      printUsageError(error, err);
      return EXIT.usage;
    }
    if (!(error instanceof JournalError)) throw error;
    err.line(journalErrorLine(error, err));
    return HARD_LUCK.has(error.code) ? EXIT.failed : EXIT.usage;
  } finally {
    out.flush();
    err.flush();
  }
};

/** An error of a journal as one line, with its code. */
export const journalErrorLine = ({ message, code }: JournalError, { foreign }: Printer): string =>
  `error: ${foreign(message)} (${code})`;

const printUsageError = ({ message }: Error, { line, foreign }: Printer): void => {
  const [first = '', ...more] = message.split('\n').map(foreign);
  line(`error: ${first}`);
  for (const text of more) line(text);
};

/** What befell a journal that is right; with any other code it is the wrong one, or it was asked for something wrong. */
const HARD_LUCK: ReadonlySet<JournalErrorCode> = new Set([
  'JOURNAL_FAILED',
  'JOURNAL_FULL',
  'JOURNAL_READ_ONLY',
  'JOURNAL_LOCKED',
  'LEASE_LOST',
]);
