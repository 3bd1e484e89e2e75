import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';

/** Adds the options that name a server, which stand before the command or after it. */
export const withServerOptions = (program: Command): Command =>
  program
    .optionsGroup('A server elsewhere:')
    .option(
      '--server <url>',
      'work on the jobs of a tintype server instead of a database; so does the variable TINTYPE_SERVER',
      serverUrl,
    )
    .option('--token-file <file>', 'a file with the token for it; the variable TINTYPE_TOKEN holds one itself')
    .addOption(
      new Option(
        '--token <token>',
        'the token, which other users of this machine may read in the list of processes (ps)',
      ).conflicts('tokenFile'),
    )
    .optionsGroup('Options:');

type Given = { readonly server?: string; readonly token?: string; readonly tokenFile?: string };

/** Returns the server of a command; undefined if none is named, or `--db` names a database beside the variable. */
export const serverOf = (command: Command, env: CliIo['env']): ServerAddress | undefined => {
  const { server, token, tokenFile } = given(command);
  if (isTyped(command, 'db')) {
    if (server !== undefined) command.error('error: --server and --db name two places: leave out one of them');
    return undefined;
  }
  const url = server ?? urlOfVariable(command, env.TINTYPE_SERVER);
  if (url === undefined) {
    if (token !== undefined || tokenFile !== undefined)
      command.error('error: a token is for a server: name it by --server');
    return undefined;
  }
  return { url, token: tokenOf(command, token ?? fileText(command, tokenFile) ?? env.TINTYPE_TOKEN) };
};

/** Ends a command that works here alone with a usage error if a server is named. `isOfJobs`: a database is meant. */
export const requireHere = (command: Command, name: string, isOfJobs: boolean, env: CliIo['env']): void => {
  const { server, token, tokenFile } = given(command);
  if ((server ?? token ?? tokenFile) !== undefined)
    command.error(`error: tintype ${name} works here alone, not on a server: leave out --server and its token`);
  if (env.TINTYPE_SERVER && isOfJobs && !isTyped(command, 'db'))
    command.error(
      `error: tintype ${name} works on a database, not on the server that TINTYPE_SERVER names: name the database by --db, or unset the variable`,
    );
};

/** Ends a command with a usage error if an option was typed that it does not have with a server. */
export const requireOptions = (command: Command, known: readonly string[]): void => {
  const odd = command.options.find(
    (option) => !known.includes(option.attributeName()) && isTyped(command, option.attributeName()),
  );
  if (odd) command.error(`error: ${odd.long} is not for jobs of a server: leave it out, or name no server`);
};

const given = (command: Command): Given => {
  let program = command;
  while (program.parent) program = program.parent;
  return program.opts();
};

const isTyped = (command: Command, option: string): boolean => command.getOptionValueSource(option) === 'cli';

const serverUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('It must be a URL, such as http://127.0.0.1:8080.');
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('It must hold no user or password: a token is what is needed.');
  return text.replace(/\/+$/, '');
};

const urlOfVariable = (command: Command, text: string | undefined): string | undefined => {
  try {
    return text ? serverUrl(text) : undefined;
  } catch (error) {
    return command.error(`error: the variable TINTYPE_SERVER is '${text}'. ${(error as Error).message}`);
  }
};

const fileText = (command: Command, file: string | undefined): string | undefined => {
  try {
    return file === undefined ? undefined : readFileSync(file, 'utf8').trim();
  } catch (error) {
    return command.error(`error: the token can't be read: ${(error as Error).message}`);
  }
};

/** The token stands in a header of HTTP. */
const tokenOf = (command: Command, token: string | undefined): string | undefined => {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  return token === ''
    ? undefined
    : command.error('error: the token holds what no token has: spaces, or letters beyond ASCII');
};
