import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isPartOf } from '../stored/journal-file.ts';
import { withJournal } from '../stored/with-journal.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, withDbOption } from './shared-options.ts';

/** Defines `tintype db backup`. */
export const define: DefineCommand = (command, context) =>
  withDbOption(command, HELP)
    .argument('<file>', 'the file to write')
    .option('--force', 'overwrite a file that is there')
    .action(action(context, (io, options, file) => backupJournal(file as string, options, io)));

const HELP = `
Example:
  tintype db backup jobs-copy.db
`;

export type BackupOptions = { readonly db: string; readonly force?: boolean };

/** Copies a journal as it is now, even while other processes write to it. Resolves to the exit code. */
export const backupJournal = (to: string, { db, force }: BackupOptions, io: CliIo): Promise<number> =>
  withJournal(
    db,
    io,
    async ({ journal, out }) => {
      const target = statSync(to, { throwIfNoEntry: false });
      if (target) {
        if (isPartOf(journal.file, to)) {
          throw new UsageError(`${to} is the database itself. Name another file for its copy.`);
        }
        if (!target.isFile()) throw new UsageError(`${to} is no file. Name one for the copy.`);
        if (!force)
          throw new UsageError(`There is a file ${to} already. Name another one, or overwrite it with --force.`);
        replace(to, journal.backup);
      } else {
        if (!existsSync(dirname(to)))
          throw new UsageError(`There is no folder ${dirname(to)} for the copy. Make it first.`);
        journal.backup(to);
      }
      out.line(`Copied ${out.sanitize(journal.file)} to ${out.sanitize(to)}.`);
      return EXIT.completed;
    },
    { reads: true },
  );

/** Replaces an existing file by a copy. The old file stays until the copy is complete. */
const replace = (to: string, backup: (to: string) => void): void => {
  const copy = `${to}.${process.pid}.new`;
  rmSync(copy, { force: true });
  backup(copy);
  try {
    // SQLite would take the write-ahead log of the old file for that of the copy.
    for (const end of ['-wal', '-shm']) rmSync(`${to}${end}`, { force: true });
    renameSync(copy, to);
  } catch (error) {
    rmSync(copy, { force: true });
    throw new UsageError(`The copy can't be put in the place of ${to}: ${(error as Error).message}.`);
  }
};
