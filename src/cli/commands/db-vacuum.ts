import { withJournal } from '../stored/with-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, withDbOption } from './shared-options.ts';

/** Defines `tintype db vacuum`. */
export const define: DefineCommand = (command, context) =>
  withDbOption(command, HELP).action(action(context, (io, options) => vacuumJournal(options.db, io)));

const HELP = `
Example:
  tintype prune --older-than 30d && tintype db vacuum

Writes the file anew, which takes as much room again meanwhile.
`;

/** Gives the room that removed jobs took back to the disk. Resolves to the exit code. */
export const vacuumJournal = (db: string, io: CliIo): Promise<number> =>
  withJournal(db, io, async ({ journal, out }) => {
    const { before, after } = await journal.vacuum();
    out.line(`${out.sanitize(journal.file)} takes ${sizeText(after)}, before ${sizeText(before)}.`);
    return EXIT.completed;
  });

const sizeText = (bytes: number): string =>
  bytes < MIB ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;

const MIB = 1024 * 1024;
