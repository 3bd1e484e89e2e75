import { InvalidArgumentError, Option } from 'commander';
import { didYouMean } from '../../engine/errors/suggest.ts';
import { ROLES, type Role } from '../../server/access/principal.ts';
import { tokensIn } from '../../server/access/tokens.ts';
import { storeOf } from '../../server/store/store-of.ts';
import { makeDefaultFolder, openJournal } from '../stored/journal-file.ts';
import { withErrorReporting } from '../stored/with-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { formatDate } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, duration, listOf, withTokenDb } from './shared-options.ts';

/** Defines `tintype token create`. */
export const define: DefineCommand = (command, context) =>
  withTokenDb(command, HELP)
    .addOption(
      new Option('--role <role>', 'what it allows; may be given several times')
        .choices(ROLES)
        .argParser(rolesOf)
        .makeOptionMandatory(),
    )
    .option('--owner <owner>', 'whose units a worker sees and does; may be given several times (default: all)', listOf)
    .option('--name <name>', 'what it is for, as the list shows it (default: its roles)')
    .option('--expires <duration>', 'how long it counts, such as 90d (default: until it is revoked)', duration)
    .action(action(context, (io, options) => createToken(options, io)));

const rolesOf = (text: string, before: readonly Role[] = []): readonly Role[] => {
  const role = ROLES.find((one) => one === text);
  if (role !== undefined) return [...before, role];
  throw new InvalidArgumentError(`It must be one of ${ROLES.join(', ')}.${didYouMean(text, ROLES)}`);
};

const HELP = `
Examples:
  tintype token create --role admin
  tintype token create --role viewer --name screen --expires 90d
  tintype token create --role worker --owner cook --owner barker

Roles:
  viewer    reads all but tokens
  worker    claims and does units of its owners, and sees those alone
  operator  reads all, starts and steers jobs
  admin     does all: also uploads, removes, and gives tokens

The secret is printed on stdout, here alone: it is not kept. Clients send it as
"Authorization: Bearer SECRET".
`;

export type TokenCreateOptions = {
  readonly db: string;
  readonly role: readonly Role[];
  readonly owner?: readonly string[];
  readonly name?: string;
  /** In ms. */
  readonly expires?: number;
};

/** Makes a token in a database, which is created if there is none. Resolves to the exit code. */
export const createToken = (
  { db, role, owner, name = role.join(', '), expires }: TokenCreateOptions,
  io: CliIo,
): Promise<number> =>
  withErrorReporting(io, async (out, err) => {
    makeDefaultFolder(db);
    const journal = openJournal(db, { create: true });
    try {
      const now = Date.now();
      const { token, secret } = await tokensIn(storeOf(journal), () => now).create({
        name,
        roles: [...new Set(role)],
        owners: owner,
        expiresAt: expires === undefined ? undefined : now + expires,
      });
      out.line(secret);
      const until = token.expiresAt === undefined ? '' : `, until ${formatDate(token.expiresAt)}`;
      err.line(err.sanitize(`Token ${token.id} (${token.roles.join(', ')})${until}. Its secret is shown here alone.`));
      return EXIT.completed;
    } finally {
      await journal.close();
    }
  });
