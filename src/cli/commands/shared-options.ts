import { type Command, InvalidArgumentError, Option } from 'commander';
import { didYouMean } from '../../engine/errors/suggest.ts';
import { DURATION, durationMs } from '../../workflow/duration.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { requireOptions, serverOf } from './server-options.ts';

/** The streams of a command, and `done`, which receives its exit code. */
export type CommandContext = { readonly io: CliIo; readonly done: (exitCode: number) => void };

/** Adds arguments, options, help and action to a command. */
export type DefineCommand = (command: Command, context: CommandContext) => void;

/** Creates a command. `path` is its full name, with parent commands: `db check`. */
export const subcommand = (parent: Command, path: string, description: string): Command =>
  parent
    .command(path.split(' ').at(-1) as string)
    .description(description)
    .helpOption(...HELP_OPTION)
    .showHelpAfterError(`Try: tintype ${path} --help`);

const HELP_OPTION = ['-h, --help', 'print this help'] as const;

/** What a command does; resolves to its exit code. Each command says which options and arguments it has. */
// biome-ignore lint/suspicious/noExplicitAny: commander gives options and arguments without their types
type Work<Before extends readonly unknown[] = []> = (...given: [...Before, CliIo, any, ...any[]]) => Promise<number>;

/** Returns an action for commander: it calls `work` and passes the exit code to `done`. */
export const action =
  ({ io, done }: CommandContext, work: Work) =>
  async (...given: unknown[]): Promise<void> => {
    const [options, args] = [given.at(-2) as { readonly color?: boolean }, given.slice(0, -2)];
    const printsPlain = options.color === false;
    done(await work(printsPlain ? { ...io, env: { ...io.env, NO_COLOR: '1' } } : io, options, ...args));
  };

/** What a command does with the jobs of a server. `options`: those that it has there, as attributes of commander. */
export type OnServer = {
  readonly options: readonly string[];
  readonly work: Work<[server: ServerAddress]>;
};

/** The options of reports that a job of a server has as well. */
export const WATCH_OPTIONS = ['json', 'events', 'logLevel', 'logFormat', 'verbose', 'quiet', 'onSignal'];

/** Returns an action that works on the server which is named or, if none is, here. */
export const actionAnywhere =
  (context: CommandContext, here: Parameters<typeof action>[1], there: OnServer) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const server = serverOf(command, context.io.env);
    if (!server) return action(context, here)(...given);
    requireOptions(command, [...there.options, 'color']);
    await action(context, (io, options, ...args) => there.work(server, io, options, ...args))(...given);
  };

export const noColour = (command: Command): Command =>
  command.option('--no-color', 'print no colours; so does the variable NO_COLOR');

export const withFileArgument = (command: Command, help: string): Command =>
  command
    .addHelpText('after', help)
    .argument('[file]', 'the workflow file')
    .option('-f, --file <file>', 'the workflow file, as an option');

/** Adds the options for how a job is reported while it runs. */
export const withReportOptions = (command: Command): Command =>
  noColour(
    command
      .optionsGroup('What is printed:')
      .helpOption(...HELP_OPTION)
      .option('--json', 'print the result as one JSON value on stdout, and all else on stderr')
      .option('--events <file>', 'write every event to a file, one JSON value a line')
      .addOption(
        new Option('--log-level <level>', 'the least that is worth a line')
          .choices(['debug', 'info', 'warn', 'error'])
          .default('info'),
      )
      .addOption(logFormat())
      .option('-v, --verbose', 'show what tasks print also on a terminal')
      .option('-q, --quiet', 'print errors alone'),
  );

export const logFormat = (): Option =>
  new Option('--log-format <format>', 'how lines are written, those on stderr too')
    .env('TINTYPE_LOG_FORMAT')
    .choices(['pretty', 'json'])
    .default('pretty');

/** Adds the options of a command that runs a stored job again. */
export const withContinueOptions = (command: Command): Command =>
  withReportOptions(
    command
      .addOption(
        new Option(
          '--changed <policy>',
          'when the workflow file has changed: refuse, go on if no task that was removed or changed has begun, or in any case',
        )
          .choices(['refuse', 'accept', 'force'])
          .default('refuse'),
      )
      .option('-f, --file <file>', 'the workflow file, if it is not where it was')
      .addOption(trust())
      .optionsGroup('How it runs:')
      .option('-w, --workers <count>', 'how many tasks run at once (default: as before)', wholeNumber)
      .option('--timeout <duration>', 'time limit of the whole job (default: as before)', duration)
      .addOption(onFailure('as before'))
      .addOption(grace('as before'))
      .addOption(onSignal())
      .addOption(keepLogs('as before')),
  );

export const trust = (): Option => new Option('--trust', 'use the files and hosts that an imported job names');

export const onFailure = (unsaid: string): Option =>
  new Option(
    '--on-failure <policy>',
    `when a task fails for good: end the rest at once, let what runs finish, or let all that does not depend on it run (default: ${unsaid})`,
  ).choices(['abort', 'drain', 'continue']);

export const grace = (unsaid?: string): Option =>
  new Option(
    '--grace <duration>',
    `how long tasks may take to end after SIGTERM, before SIGKILL${unsaid === undefined ? '' : ` (default: ${unsaid})`}`,
  ).argParser(wait);

export const onSignal = (): Option =>
  new Option(
    '--on-signal <policy>',
    'what a signal does to a job that is kept: leave it to be resumed, or cancel it (default: SIGTERM leaves, SIGINT and SIGHUP cancel)',
  ).choices(['leave', 'cancel']);

export const keepLogs = (unsaid: string): Option =>
  new Option(
    '--keep-logs <lines>',
    `how many first and last lines of each attempt are kept, or all or none (default: ${unsaid})`,
  ).argParser(keptLogs);

export const withDbOption = (command: Command, help: string): Command =>
  command
    .addHelpText('after', help)
    .option('--db <file>', 'the database that holds the jobs', fileName, DEFAULT_JOURNAL);

/** The same for tokens, which a server that is named by its environment must share. */
export const withTokenDb = (command: Command, help: string): Command =>
  command
    .addHelpText('after', help)
    .addOption(
      new Option('--db <file>', 'the database of the server')
        .env('TINTYPE_DB')
        .argParser(fileName)
        .default(DEFAULT_JOURNAL),
    );

export const withJob = (command: Command, help: string): Command =>
  withDbOption(command, help).argument('<job>', 'the job: its id, the beginning of it, or "last" for the newest');

export const fileOf = (argument: string | undefined, option: string | undefined, command: Command): string => {
  if (argument !== undefined && option !== undefined && argument !== option) {
    command.error(`error: two files are named, '${argument}' and '${option}': name one`);
  }
  const file = argument ?? option;
  if (!file) command.error(`error: no file is named. Example: tintype ${command.name()} pipeline.yaml`);
  return file;
};

export const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
};

const keptLogs = (text: string): number | 'all' | 'none' => {
  if (text === 'all' || text === 'none') return text;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or more, or all or none.');
};

export const duration = (text: string): number => {
  const ms = millisecondsOf(text);
  if (ms > 0 && Number.isFinite(ms)) return ms;
  throw new InvalidArgumentError('It must be a duration above 0, such as 500ms, 30s or 5m.');
};

/** Parses a duration that may be 0. */
export const wait = (text: string): number => {
  const ms = millisecondsOf(text);
  if (ms >= 0 && Number.isFinite(ms)) return ms;
  throw new InvalidArgumentError('It must be a duration, 0 or more, such as 500ms, 30s or 5m.');
};

const millisecondsOf = (text: string): number =>
  /^\d+(\.\d+)?$/.test(text) ? Number(text) : DURATION.test(text) ? durationMs(text) : Number.NaN;

export const fileName = (text: string): string => {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must name a file.');
};

export const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** A name and a value, as of `--param name=value`. */
export type Pair = readonly [name: string, value: string];

/** Parses `name=value`. If the option is repeated, adds to the pairs before. */
export const pairsOf = (text: string, before: readonly Pair[] = []): readonly Pair[] => {
  const at = text.indexOf('=');
  if (at > 0) return [...before, [text.slice(0, at), text.slice(at + 1)]];
  throw new InvalidArgumentError('It must be name=value.');
};

/** Returns a parser of comma-separated states. @throws InvalidArgumentError if a state is not `known` */
export const statesOf =
  (known: readonly string[]) =>
  (text: string, before: readonly string[] = []): readonly string[] => {
    const states = namesIn(text, 'state');
    const odd = states.find((state) => !known.includes(state));
    if (odd === undefined) return [...before, ...states];
    throw new InvalidArgumentError(`"${odd}" is none of ${known.join(', ')}.${didYouMean(odd, known)}`);
  };

/** Parses comma-separated task names. If the option is repeated, adds to the names before. */
export const namesOf = (text: string, before: readonly string[] = []): readonly string[] =>
  before.concat(namesIn(text, 'task'));

/** Parses comma-separated names of secrets, as `namesOf` does. */
export const secretNamesOf = (text: string, before: readonly string[] = []): readonly string[] =>
  before.concat(namesIn(text, 'secret'));

/** @throws InvalidArgumentError if the text contains no name */
const namesIn = (text: string, what: string): readonly string[] => {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError(`It must name a ${what}.`);
  return names;
};

export const JOB_NAMES = `A JOB is named by its id, by the beginning of it, or as "last" for the newest.`;

export const INTERRUPTED = `A job is "interrupted" if it is not over and its process is gone: tintype resume JOB
goes on with it.`;

export const AS_RUN = `Exit codes are those of tintype run.`;
