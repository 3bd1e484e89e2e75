import { type Token, tokensIn } from '../../server/access/tokens.ts';
import { storeOf } from '../../server/store/store-of.ts';
import { withJournal } from '../stored/with-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { formatDate } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import { textTable } from '../terminal/text-table.ts';
import { action, type DefineCommand, withTokenDb } from './shared-options.ts';

/** Defines `tintype token list`. */
export const define: DefineCommand = (command, context) =>
  withTokenDb(command, HELP)
    .option('--json', 'print one JSON array')
    .action(action(context, (io, options) => listTokens(options, io)));

const HELP = `
Examples:
  tintype token list
  tintype token list --json
`;

export type TokenListOptions = { readonly db: string; readonly json?: boolean };

/** Prints the tokens of a database. Resolves to the exit code. */
export const listTokens = ({ db, json }: TokenListOptions, io: CliIo): Promise<number> =>
  withJournal(
    db,
    io,
    async ({ journal, out }) => {
      const tokens = await tokensIn(storeOf(journal), Date.now).list();
      if (json) out.line(JSON.stringify(tokens));
      else if (tokens.length === 0) out.line('There are no tokens.');
      else for (const line of textTable(COLUMNS, tokens.map(row(out.sanitize)), out)) out.line(line);
      return EXIT.completed;
    },
    { reads: true },
  );

const COLUMNS = [
  { title: 'TOKEN' },
  { title: 'NAME', cut: 'middle' },
  { title: 'ROLES' },
  { title: 'OWNERS', cut: 'end' },
  { title: 'MADE' },
  { title: 'USED' },
  { title: 'EXPIRES' },
] as const;

const row =
  (sanitize: (text: string) => string) =>
  ({ id, name, roles, owners, createdAt, lastUsedAt, expiresAt }: Token): readonly string[] => [
    id,
    sanitize(name),
    roles.join(', '),
    sanitize(owners ? owners.join(', ') : roles.includes('worker') ? 'all' : ''),
    formatDate(createdAt),
    lastUsedAt === undefined ? 'never' : formatDate(lastUsedAt),
    expiresAt === undefined ? 'never' : `${formatDate(expiresAt)}${expiresAt <= Date.now() ? ' (over)' : ''}`,
  ];
