import { define as defineBackup } from './db-backup.ts';
import { define as defineCheck } from './db-check.ts';
import { define as defineVacuum } from './db-vacuum.ts';
import { type DefineCommand, subcommand } from './shared-options.ts';

/** Defines `tintype db` and its commands. */
export const define: DefineCommand = (command, context) => {
  command.addHelpText('after', HELP);
  defineCheck(subcommand(command, 'db check', 'read all of it, and tell what is damaged'), context);
  defineBackup(subcommand(command, 'db backup', 'copy it as of now, while it is in use'), context);
  defineVacuum(subcommand(command, 'db vacuum', 'give the room that removed jobs took back to the disk'), context);
};

const HELP = `
Examples:
  tintype db check
  tintype db backup jobs-copy.db
  tintype db vacuum
`;
