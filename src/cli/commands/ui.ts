import { Option } from 'commander';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { portNumber } from './serve.ts';
import { action, type DefineCommand, fileName, logFormat } from './shared-options.ts';

/** Defines `tintype ui`, which is `serve --open` with its defaults. */
export const define: DefineCommand = (command, context) => {
  command
    .addHelpText('after', HELP)
    .addOption(
      new Option('--db <file>', 'the database that holds the jobs').argParser(fileName).default(DEFAULT_JOURNAL),
    )
    .addOption(new Option('--port <port>', 'the port; 0 takes a free one').argParser(portNumber).default(8080))
    .option('--no-open', 'open no browser')
    .addOption(logFormat())
    .action(
      action(context, async (io, options) => {
        const { serve } = await import('../serving/serve.ts');
        return serve({ ...DEFAULTS, ...options }, io);
      }),
    );
};

/** What `tintype serve` takes if nothing else is said. */
const DEFAULTS = { host: '127.0.0.1', synchronous: 'full', workers: 16, grace: 10_000 } as const;

const HELP = `
Examples:
  tintype ui
  tintype ui --db /data/jobs.db --port 9000

It shows the jobs of a database, also those that other processes run, as they go on. It
is a server on this machine: tintype serve has more options, and starts jobs, too.

Ctrl-C ends it; jobs of other processes go on.
`;
