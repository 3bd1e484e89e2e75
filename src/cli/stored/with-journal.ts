import type { JournalError, JournalErrorCode, OptionError } from '../../engine/errors/errors.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter, printTogether } from '../terminal/json-messages.ts';
import { createPrinter, type Printer } from '../terminal/printer.ts';
import { openJournal } from './journal-file.ts';

/** The journal, printers and streams of a command for stored jobs. */
export type JournalContext<Source = SqliteJournal> = {
  readonly journal: Source;
  readonly out: Printer;
  readonly err: Printer;
  readonly io: CliIo;
};

/**
 * Runs `work` with an existing journal, then closes the journal. `reads`: it only reads, so the database may be
 * write-protected. Resolves to the exit code.
 */
export const withJournal = (
  file: string,
  io: CliIo,
  work: (context: JournalContext) => Promise<number>,
  { reads }: { readonly reads?: boolean | undefined } = {},
): Promise<number> =>
  withErrorReporting(io, async (out, err) => {
    const journal = openJournal(file, { create: false, reads });
    try {
      return await work({ journal, out, err, io });
    } finally {
      await journal.close();
    }
  });

/** Runs `work`, and reports usage, option and journal errors on stderr. Resolves to the exit code. */
export const withErrorReporting = async (
  io: CliIo,
  work: (out: Printer, err: Printer) => Promise<number>,
): Promise<number> => {
  const out = createPrinter(io.stdout, io.env);
  const err = messagePrinter(io);
  try {
    return await work(out, err);
  } catch (error) {
    out.flush();
    if (error instanceof UsageError || isOptionError(error)) {
      const { code } = error as { readonly code?: string };
      printTogether(err, `error: ${error.message}`.split('\n').map(err.sanitize), code === undefined ? {} : { code });
      return EXIT.usage;
    }
    if (!isJournalError(error)) throw error;
    err.line(journalErrorLine(error, err));
    return JOURNAL_FAILURES.has(error.code) ? EXIT.failed : EXIT.usage;
  } finally {
    out.flush();
    err.flush();
  }
};

/** By their names: errors of the installed package are of other classes than those of the bundled command line. */
const isOptionError = (error: unknown): error is OptionError => (error as Error | undefined)?.name === 'OptionError';
const isJournalError = (error: unknown): error is JournalError => (error as Error | undefined)?.name === 'JournalError';

/** Formats a journal error as one line, with its code. */
export const journalErrorLine = ({ message, code }: JournalError, { sanitize }: Printer): string =>
  `error: ${sanitize(message)} (${code})`;

/** Failures of a valid journal (exit 1). Any other code is a usage error (exit 2). */
export const JOURNAL_FAILURES: ReadonlySet<JournalErrorCode> = new Set([
  'JOURNAL_FAILED',
  'JOURNAL_FULL',
  'JOURNAL_READ_ONLY',
  'JOURNAL_LOCKED',
  'LEASE_LOST',
]);
