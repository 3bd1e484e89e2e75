import { Command, InvalidArgumentError, Option } from 'commander';
import { DURATION, durationMs } from '../workflow/duration.ts';
import { EXIT_CODES_HELP } from './exit-code.ts';
import { COMPLETION_HELP, GRAPH_HELP, INIT_HELP, PROGRAM_HELP, RUN_HELP, SCHEMA_HELP, VALIDATE_HELP } from './help.ts';
import type { CliIo } from './io.ts';

/** The commands of `tintype`. `done` gets the exit code of the one that ran. What a command needs is loaded when it runs. */
export const createProgram = (version: string, io: CliIo, done: (exitCode: number) => void): Command => {
  const program = new Command('tintype')
    .description('Runs tasks that depend on one another, as many at once as you like.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('Try: tintype --help')
    .addHelpText('after', PROGRAM_HELP);

  const command = (name: string, description: string, help: string): Command =>
    program
      .command(name)
      .description(description)
      .helpOption('-h, --help', 'print this help')
      .showHelpAfterError(`Try: tintype ${name} --help`)
      .addHelpText('after', help);

  onFile(command('run', 'run the workflow that a YAML file describes', `${RUN_HELP}\n${EXIT_CODES_HELP}`))
    .option('-w, --workers <count>', 'how many tasks run at once', wholeNumber, 4)
    .option('-p, --param <name=value>', 'a param of the workflow; may be given several times', listOf)
    .option('--params-file <file>', 'a YAML or JSON file of params; --param goes before it')
    .option('--only <tasks>', 'only these tasks; +task with all it needs, task+ with all that needs it', namesOf)
    .option('--skip <tasks>', 'all but these tasks, which count as done', namesOf)
    .option('--dry-run', 'print the order and what would run in parallel, and run nothing')
    .option('--timeout <duration>', 'time limit of the whole job, such as 10m', duration)
    .addOption(
      new Option(
        '--on-failure <policy>',
        'when a task fails for good: end the rest at once, let what runs finish, or let all that does not depend on it run (default: what the file says, else "continue")',
      ).choices(['abort', 'drain', 'continue']),
    )
    .addOption(
      new Option('--grace <duration>', 'how long tasks may take to end after SIGTERM, before SIGKILL')
        .argParser(duration)
        .default(2000, '2s'),
    )
    .option('--json', 'print the result as one JSON value on stdout, and all else on stderr')
    .option('--events <file>', 'write every event to a file, one JSON value a line')
    .addOption(
      new Option('--log-level <level>', 'the least that is worth a line')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'how lines are written').choices(['pretty', 'json']).default('pretty'),
    )
    .option('-v, --verbose', 'show what tasks print also on a terminal')
    .option('-q, --quiet', 'print errors alone')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (argument: string | undefined, options, command: Command) => {
      const file = fileOf(argument, options.file, command);
      const { run } = await import('./run.ts');
      done(await run(file, options, withoutColour(io, options.color)));
    });

  onFile(command('validate', 'check a workflow file, and run nothing', VALIDATE_HELP))
    .option('--json', 'print the problems as JSON')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (argument: string | undefined, options, command: Command) => {
      const file = fileOf(argument, options.file, command);
      const { validate } = await import('./validate.ts');
      done(await validate(file, { json: options.json === true }, withoutColour(io, options.color)));
    });

  onFile(command('graph', 'draw the tasks of a workflow file and what they wait for', GRAPH_HELP))
    .addOption(
      new Option('--format <format>', 'how to draw').choices(['text', 'mermaid', 'dot', 'svg']).default('text'),
    )
    .option('-o, --output <file>', 'write to a file instead of stdout')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (argument: string | undefined, options, command: Command) => {
      const file = fileOf(argument, options.file, command);
      const { graphOfFile } = await import('./graph-of-file.ts');
      done(await graphOfFile(file, options, withoutColour(io, options.color)));
    });

  command('init', 'write an example to start from', INIT_HELP)
    .argument('[file]', 'the file to write', 'workflow.yaml')
    .option('--force', 'overwrite a file that is there')
    .action(async (file: string, options) => {
      const { init } = await import('./init.ts');
      done(await init(file, { force: options.force === true }, io));
    });

  command('schema', 'print the JSON Schema of workflow files, for editors', SCHEMA_HELP).action(async () => {
    const { workflowJsonSchema } = await import('../workflow/json-schema.ts');
    io.stdout.write(`${JSON.stringify(workflowJsonSchema(), null, 2)}\n`);
  });

  command('completion', 'print the completion script of a shell', COMPLETION_HELP)
    .addArgument(program.createArgument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./completion.ts');
      io.stdout.write(completion(shell, program));
    });
  return program;
};

const onFile = (command: Command): Command =>
  command.argument('[file]', 'the workflow file').option('-f, --file <file>', 'the workflow file, as an option');

const fileOf = (argument: string | undefined, option: string | undefined, command: Command): string => {
  if (argument !== undefined && option !== undefined && argument !== option) {
    command.error(`error: two files are named, '${argument}' and '${option}': name one`);
  }
  const file = argument ?? option;
  if (!file) command.error(`error: no file is named. Example: tintype ${command.name()} pipeline.yaml`);
  return file;
};

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
};

const duration = (text: string): number => {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) : DURATION.test(text) ? durationMs(text) : Number.NaN;
  if (ms > 0 && Number.isFinite(ms)) return ms;
  throw new InvalidArgumentError('It must be a duration such as 500ms, 30s or 5m.');
};

const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Names given together, with commas between, or one after the other. */
/** @throws InvalidArgumentError of a text without a name */
const namesOf = (text: string, before: readonly string[] = []): readonly string[] => {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('It must name a task.');
  return [...before, ...names];
};

const withoutColour = (io: CliIo, colour: boolean): CliIo =>
  colour ? io : { ...io, env: { ...io.env, NO_COLOR: '1' } };
