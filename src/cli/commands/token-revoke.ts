import { tokensIn } from '../../server/access/tokens.ts';
import { storeOf } from '../../server/store/store-of.ts';
import { withJournal } from '../stored/with-journal.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, withTokenDb } from './shared-options.ts';

/** Defines `tintype token revoke`. */
export const define: DefineCommand = (command, context) =>
  withTokenDb(command, HELP)
    .argument('<token>', 'the id of the token, as tintype token list shows it')
    .action(action(context, (io, options, token) => revokeToken(token as string, options, io)));

const HELP = `
Example:
  tintype token revoke k3j9x2ab

When the last one is revoked, the server answers to this machine alone, without a token.
`;

/** Revokes a token. Resolves to the exit code. */
export const revokeToken = (id: string, { db }: { readonly db: string }, io: CliIo): Promise<number> =>
  withJournal(db, io, async ({ journal, out }) => {
    if (!(await tokensIn(storeOf(journal), Date.now).revoke(id)))
      throw new UsageError(`There is no token "${id}". tintype token list shows all.`);
    out.line(`Revoked ${out.sanitize(id)}.`);
    return EXIT.completed;
  });
