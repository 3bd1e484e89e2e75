import { type DefineCommand, subcommand } from './shared-options.ts';
import { define as defineCreate } from './token-create.ts';
import { define as defineList } from './token-list.ts';
import { define as defineRevoke } from './token-revoke.ts';

/** Defines `tintype token` and its commands. */
export const define: DefineCommand = (command, context) => {
  command.addHelpText('after', HELP);
  defineCreate(subcommand(command, 'token create', 'make a token, and print its secret'), context);
  defineList(subcommand(command, 'token list', 'list the tokens, without their secrets'), context);
  defineRevoke(subcommand(command, 'token revoke', 'revoke a token, from the next request on'), context);
};

const HELP = `
Examples:
  tintype token create --role admin
  tintype token list
  tintype token revoke k3j9x2ab

They stand in the database; a server that uses it knows them at once.
`;
