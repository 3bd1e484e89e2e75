import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_CODES_HELP } from './exit-code.ts';
import type { CliIo } from './io.ts';

/** The commands of `tintype`. `done` gets the exit code of the one that ran. What a command needs is loaded when it runs. */
export const createProgram = (version: string, io: CliIo, done: (exitCode: number) => void): Command => {
  const program = new Command('tintype')
    .description('Runs tasks that depend on one another, as many at once as you like.')
    .version(version)
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
    .addHelpText('after', `\nExample:\n  tintype run pipeline.yaml -w 8\n\n${EXIT_CODES_HELP}`);

  program
    .command('run')
    .description('run the workflow that a YAML file describes')
    .argument('[file]', 'the workflow file')
    .option('-f, --file <file>', 'the workflow file, as an option')
    .option('-w, --workers <count>', 'how many tasks run at once', wholeNumber, 4)
    .addOption(
      new Option(
        '--on-failure <policy>',
        'when a task fails for good: end the rest at once, let what runs finish, or let all that does not depend on it run',
      )
        .choices(['abort', 'drain', 'continue'])
        .default('continue'),
    )
    .showHelpAfterError('Try: tintype run --help')
    .addHelpText('after', `${RUN_HELP}\n${EXIT_CODES_HELP}`)
    .action(async (argument: string | undefined, options, command: Command) => {
      if (argument !== undefined && options.file !== undefined && argument !== options.file) {
        command.error(`error: two files are named, '${argument}' and '${options.file}': name one`);
      }
      const file = argument ?? options.file;
      if (!file) command.error('error: no file is named. Example: tintype run pipeline.yaml');
      const { run } = await import('./run.ts');
      done(await run(file, { workers: options.workers, onFailure: options.onFailure }, io));
    });
  return program;
};

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
};

const RUN_HELP = `
Example:
  tintype run pipeline.yaml -w 8

  # pipeline.yaml
  name: example_pipeline
  tasks:
    - name: extract
      type: bash              # or python
      command: "echo 'Extracting data...'; sleep 2"
      max_retries: 3          # tries after the first; default 0
      timeout: 30s            # of each try; ms, s, m, h or d; default none
    - name: transform
      type: python
      command: |
        print("transforming")
      dependencies: ["extract"]
      continue_on_failure: true  # what depends on it runs all the same

Commands run in the directory of the file; bash commands with -eo pipefail. A
command ends together with what it started. Ctrl-C cancels (SIGTERM, SIGKILL
after 2 s), a second one kills at once.
`;
