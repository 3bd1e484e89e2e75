import { Command, Help } from 'commander';
import { requireHere, withServerOptions } from './commands/server-options.ts';
import { type CommandContext, type DefineCommand, subcommand } from './commands/shared-options.ts';
import { EXIT, EXIT_CODES_HELP } from './terminal/exit-code.ts';
import { fitHelp, helpItem } from './terminal/help-text.ts';
import { writeMessage } from './terminal/json-messages.ts';
import { plainLines } from './terminal/safe-text.ts';

type Entry = readonly [
  name: string,
  usage: string,
  summary: string,
  load: () => Promise<{ readonly define: DefineCommand }>,
];

/** The commands by group, in the order of the help. Each command's file defines its options and implements it. */
const GROUPS: readonly (readonly [heading: string, commands: readonly Entry[]])[] = [
  [
    'Workflow files:',
    [
      ['init', '[options] [file]', 'write an example to start from', () => import('./commands/init.ts')],
      ['run', '[options] [file]', 'run the workflow that a YAML file describes', () => import('./commands/run.ts')],
      [
        'validate',
        '[options] [file]',
        'check a workflow file, and run nothing',
        () => import('./commands/validate.ts'),
      ],
      [
        'graph',
        '[options] [file]',
        'draw the tasks of a workflow file and what they wait for',
        () => import('./commands/graph.ts'),
      ],
    ],
  ],
  [
    'Look at jobs:',
    [
      ['jobs', '[options]', 'list the jobs that were kept, the newest first', () => import('./commands/jobs.ts')],
      ['show', '[options] <job>', 'show a job: its times, tasks and errors', () => import('./commands/show.ts')],
      [
        'logs',
        '[options] <job> [task]',
        'print what happened in a job, and what its tasks printed',
        () => import('./commands/logs.ts'),
      ],
    ],
  ],
  [
    'Act on jobs:',
    [
      ['resume', '[options] <job>', 'go on with a job whose process died', () => import('./commands/resume.ts')],
      ['retry', '[options] <job>', 'try again what failed in a job that is over', () => import('./commands/retry.ts')],
      ['rerun', '[options] <job>', 'run a part of a job anew, as another job', () => import('./commands/rerun.ts')],
      ['cancel', '[options] <job>', 'cancel a job, wherever it runs', () => import('./commands/cancel.ts')],
      [
        'complete',
        '[options] <job> <task>',
        'complete an external task of a job that runs',
        () => import('./commands/complete.ts'),
      ],
    ],
  ],
  [
    'Serve:',
    [
      ['ui', '[options]', 'show jobs in a browser, live', () => import('./commands/ui.ts')],
      ['serve', '[options]', 'answer over HTTP: jobs, units, events', () => import('./commands/serve.ts')],
      ['token', '', 'make, list and revoke tokens for those who ask', () => import('./commands/token.ts')],
    ],
  ],
  [
    'The database of jobs:',
    [
      ['prune', '[options]', 'remove jobs that have been over for long', () => import('./commands/prune.ts')],
      [
        'export',
        '[options] <job>',
        'print all that was kept of a job, as lines of JSON',
        () => import('./commands/export.ts'),
      ],
      ['import', '[options] [file]', 'take in a job that was exported', () => import('./commands/import.ts')],
      ['db', '', 'look after the database of jobs', () => import('./commands/db.ts')],
    ],
  ],
  [
    'Editors, shells, help:',
    [
      ['schema', '', 'print the JSON Schema of workflow files, for editors', () => import('./commands/schema.ts')],
      ['completion', '<shell>', 'print the completion script of a shell', async () => ({ define: defineCompletion })],
    ],
  ],
];

const COMMANDS = GROUPS.flatMap(([, commands]) => commands);

/** What `tintype` prints when nothing else is typed. */
export const FIRST_STEPS = `Runs tasks that depend on one another, as many at once as you like.
To begin with:

  tintype init                 write an example, workflow.yaml
  tintype run workflow.yaml    run it
  tintype show last            show what happened in it

All commands: tintype --help
`;

/** Returns a command's name and arguments for the help, even if the command's file is not loaded. */
const termOf = (command: Command): string => {
  const [name, usage] = (command.parent?.parent ? undefined : COMMANDS.find(([name]) => name === command.name())) ?? [];
  return name === undefined ? new Help().subcommandTerm(command) : `${name} ${usage}`.trim();
};

/** Creates the program `tintype`. Loads the commands named in `argv`, all for `completion`; the help lists all. */
export const createProgram = async (
  version: string,
  context: CommandContext,
  argv: readonly string[],
): Promise<Command> => {
  const { io } = context;
  const program = new Command('tintype')
    .description('Runs tasks that depend on one another, as many at once as you like.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(plainLines(fitHelp(text, io.stdout.columns ?? 80))),
      writeErr: (text) => writeMessage(io, text),
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('Try: tintype --help')
    .configureHelp({ subcommandTerm: termOf, formatItem: helpItem })
    .addHelpText('after', HELP);
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const [name, , summary, load] of commands) {
      const command = subcommand(program, name, summary);
      if (argv.includes(name) || argv.includes('completion')) (await load()).define(command, context);
    }
  }
  withServerOptions(program).hook('preAction', (_, command) => {
    const path = pathOf(command);
    const [name = ''] = path;
    if (ON_SERVER.has(name)) return;
    const isOfJobs = ON_DATABASE.has(name) || (name === 'graph' && command.opts().job !== undefined);
    requireHere(command, path.join(' '), isOfJobs, io.env);
  });
  program.helpCommand('help [command]', 'print the help of a command');
  return program;
};

/** The commands that work on a server as well, and those that need a database. */
const ON_SERVER: ReadonlySet<string> = new Set([
  'run',
  'jobs',
  'show',
  'logs',
  'resume',
  'retry',
  'rerun',
  'cancel',
  'complete',
]);
const ON_DATABASE: ReadonlySet<string> = new Set(['prune', 'export', 'import', 'db']);

/** Returns the names that lead to a command: `db`, `check`. */
const pathOf = (command: Command): readonly string[] =>
  command.parent ? [...pathOf(command.parent), command.name()] : [];

const HELP = `
Examples:
  tintype init                     write an example, workflow.yaml
  tintype run workflow.yaml -w 8   run it, 8 tasks at once
  tintype validate workflow.yaml   check it, and run nothing
  tintype graph workflow.yaml      draw it
  tintype jobs                     list the jobs that were kept
  tintype resume last              go on with one whose process died
  tintype --server URL jobs        list those of a server; so with run, show,
                                   logs, resume, retry, rerun, cancel, complete

${EXIT_CODES_HELP}`;

/** Defines `tintype completion`, here because it needs the whole program. */
const defineCompletion: DefineCommand = (command, { io, done }) => {
  const program = command.parent as Command;
  command
    .addHelpText('after', COMPLETION_HELP)
    .addArgument(program.createArgument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./completion/completion.ts');
      io.stdout.write(completion(shell, program));
      done(EXIT.completed);
    });
};

const COMPLETION_HELP = `
Examples:
  source <(tintype completion bash)         # in ~/.bashrc
  source <(tintype completion zsh)          # in ~/.zshrc, after compinit
  tintype completion fish | source          # in ~/.config/fish/config.fish
`;
