import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import {
  action,
  type DefineCommand,
  duration,
  fileName,
  logFormat,
  secretNamesOf,
  wait,
  wholeNumber,
} from './shared-options.ts';

/** Defines `tintype serve`. Each option may be given by a variable of the environment, too. */
export const define: DefineCommand = (command, context) => {
  const option = (flags: string, description: string): Option =>
    new Option(flags, description).env(variableOf(/--([a-z-]+)/.exec(flags)?.[1] ?? ''));
  command
    .addHelpText('after', HELP)
    .optionsGroup('Where:')
    .addOption(
      option('--db <file>', 'the database that holds the jobs; it is made if there is none')
        .argParser(fileName)
        .default(DEFAULT_JOURNAL),
    )
    .addOption(
      option(
        '--host <address>',
        'the address to listen on; where others can reach it, a token is needed first',
      ).default('127.0.0.1'),
    )
    .addOption(option('--port <port>', 'the port; 0 takes a free one').argParser(portNumber).default(8080))
    .addOption(
      option(
        '--base-path <path>',
        'the path below which browsers reach it, such as /tintype behind a proxy (default: none)',
      ).argParser(basePath),
    )
    .addOption(option('--open', 'open a browser at the web UI, signed in'))
    .addOption(
      option('--demo', 'show jobs that begin again and again, in a temporary database').conflicts([
        'db',
        'workflows',
        'module',
      ]),
    )
    .optionsGroup('What may be started:')
    .addOption(option('--workflows <folder>', 'a folder of workflow files; it is watched').argParser(fileName))
    .addOption(
      option('--module <file>', 'an ES module whose exports are sealed definitions, made with tintype').argParser(
        fileName,
      ),
    )
    .addOption(
      option(
        '--allow-upload [level]',
        'what clients may upload: external tasks, also http, sql and sensors, or also processes',
      )
        .choices(['external', 'http', 'processes'])
        .preset('external'),
    )
    .addOption(
      option(
        '--upload-secrets <names>',
        'secrets that uploaded files may read, with commas between (default: none)',
      ).argParser(secretNamesOf),
    )
    .optionsGroup('How it runs:')
    .addOption(option('-w, --workers <count>', 'how many tasks run at once').argParser(wholeNumber).default(16))
    .addOption(
      option(
        '--synchronous <mode>',
        'full: what is kept survives a loss of power; normal: faster, the last moments may not',
      )
        .choices(['full', 'normal'])
        .default('full'),
    )
    .addOption(
      option('--max-body <size>', 'the largest body of a request, such as 4MiB (default: 1MiB)').argParser(byteSize),
    )
    .addOption(option('--metrics-open', 'whoever reaches the server may read /metrics, without a token'))
    .addOption(option('--node-metrics', 'show the metrics of Node.js in /metrics, too'))
    .addOption(
      option('--prune-after <duration>', 'remove jobs that ended so long ago, such as 90d (default: never)').argParser(
        duration,
      ),
    )
    .addOption(
      option('--grace <duration>', 'how long running tasks may take to end after a signal')
        .argParser(wait)
        .default(10_000, '10s'),
    )
    .optionsGroup('What is printed:')
    .addOption(
      option(
        '--log-level <level>',
        'the least that is logged on stderr: jobs, requests, problems (default: warn, with --log-format json info)',
      ).choices(['debug', 'info', 'warn', 'error']),
    )
    .addOption(logFormat())
    .action(
      action(context, async (io, options) => {
        const { serve } = await import('../serving/serve.ts');
        return serve(options, io);
      }),
    );
};

const variableOf = (name: string): string => `TINTYPE_${name.replaceAll('-', '_').toUpperCase()}`;

export const portNumber = (text: string): number => {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a whole number, 0 to 65535.');
};

const basePath = (text: string): string => {
  if (/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*\/?$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a path such as /tintype, of letters, digits, ".", "_", "~" and "-".');
};

const byteSize = (text: string): number => {
  const [, amount, unit = ''] = /^(\d{1,12}) ?(KiB|MiB|GiB)?$/.exec(text) ?? [];
  const bytes = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('It must be a number of bytes above 0, or such as 512KiB or 4MiB.');
};

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

const HELP = `
Examples:
  tintype serve
  tintype serve --open
  tintype serve --demo --open
  tintype serve --workflows workflows --port 9000
  tintype serve --module jobs.mjs --db /data/jobs.db --host 0.0.0.0
  TINTYPE_DB=/data/jobs.db TINTYPE_PORT=9000 tintype serve

Without tokens, it answers to this machine alone, and to whoever uses it. As soon as
there is one (tintype token create), each request needs one. /docs has the reference.

SIGTERM and SIGINT end it: new requests get 503; what runs may end within --grace; jobs
that are not over are left, and the next server takes them up. A second signal ends it
at once.

Exit codes:
  1    the database can't be used, or another server uses it
  2    wrong usage, or the address can't be had
  70   an error that tintype did not expect
  130  ended by Ctrl-C (143 by SIGTERM)
`;
