import { Command, InvalidArgumentError, Option } from 'commander';
import { didYouMean } from '../engine/errors/suggest.ts';
import { DURATION, durationMs } from '../workflow/duration.ts';
import {
  CANCEL_HELP,
  COMPLETE_HELP,
  COMPLETION_HELP,
  DB_BACKUP_HELP,
  DB_CHECK_HELP,
  DB_HELP,
  EXPORT_HELP,
  GRAPH_HELP,
  IMPORT_HELP,
  INIT_HELP,
  JOBS_HELP,
  LOGS_HELP,
  PROGRAM_HELP,
  PRUNE_HELP,
  RERUN_HELP,
  RESUME_HELP,
  RETRY_HELP,
  RUN_HELP,
  SCHEMA_HELP,
  SHOW_HELP,
  VALIDATE_HELP,
} from './help.ts';
import { DEFAULT_JOURNAL } from './terminal/default-journal.ts';
import { EXIT_CODES_HELP } from './terminal/exit-code.ts';
import type { CliIo } from './terminal/io.ts';
import { OVER, SHOWN_STATES } from './terminal/job-states.ts';

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

  const commandOf = (parent: Command, path: string, description: string, help: string): Command =>
    parent
      .command(path.split(' ').at(-1) as string)
      .description(description)
      .helpOption('-h, --help', 'print this help')
      .showHelpAfterError(`Try: tintype ${path} --help`)
      .addHelpText('after', help);
  const command = (name: string, description: string, help: string): Command =>
    commandOf(program, name, description, help);

  const run = onFile(command('run', 'run the workflow that a YAML file describes', `${RUN_HELP}\n${EXIT_CODES_HELP}`))
    .option('-w, --workers <count>', 'how many tasks run at once', wholeNumber, 4)
    .option('-p, --param <name=value>', 'a param of the workflow; may be given several times', listOf)
    .option('--params-file <file>', 'a YAML or JSON file of params; --param goes before it')
    .option('--only <tasks>', 'only these tasks; +task with all it needs, task+ with all that needs it', namesOf)
    .option('--skip <tasks>', 'all but these tasks, which count as done', namesOf)
    .option('--dry-run', 'print the order and what would run in parallel, and run nothing')
    .option('--timeout <duration>', 'time limit of the whole job, such as 10m', duration)
    .addOption(onFailure('what the file says, else "continue"'))
    .addOption(grace().default(2000, '2s'))
    .option(
      '--db <file>',
      `the database that keeps the job (default: "${DEFAULT_JOURNAL}", if it can be made)`,
      fileName,
    )
    .option('--no-db', 'keep nothing: the job can not be resumed, nor tried again');
  asTold(run).action(async (argument: string | undefined, options, command: Command) => {
    const file = fileOf(argument, options.file, command);
    const { run } = await import('./commands/run.ts');
    const { db, ...others } = options;
    // Commander makes it true where neither option is given.
    done(await run(file, { ...others, ...(db !== true && { db }) }, withoutColour(io, options.color)));
  });

  const resume = onJob(onJournal(command('resume', 'go on with a job whose process died', RESUME_HELP)));
  asTold(asStarted(resume)).action(async (job: string, options) => {
    const { resumeJob } = await import('./commands/resume-job.ts');
    done(await resumeJob(job, options, withoutColour(io, options.color)));
  });

  const retry = onJob(onJournal(command('retry', 'try again what failed in a job that is over', RETRY_HELP)))
    .option('--task <tasks>', 'these tasks, with commas between (default: what did not complete)', namesOf)
    .option('--no-downstream', 'leave alone what completed after them')
    .option('--dry-run', 'print what would run and what would be kept, and run nothing');
  asTold(asStarted(retry)).action(async (job: string, options) => {
    const { retryJob } = await import('./commands/retry-job.ts');
    done(await retryJob(job, options, withoutColour(io, options.color)));
  });

  const rerun = onJob(onJournal(command('rerun', 'run a part of a job anew, as another job', RERUN_HELP)))
    .option('--from <tasks>', 'from these tasks on, with commas between (default: what did not complete)', namesOf)
    .option('--dry-run', 'print what would run and what would be taken over, and run nothing');
  asTold(asStarted(rerun)).action(async (job: string, options) => {
    const { rerunJob } = await import('./commands/rerun-job.ts');
    done(await rerunJob(job, options, withoutColour(io, options.color)));
  });

  onJob(onJournal(command('cancel', 'cancel a job, wherever it runs', CANCEL_HELP)))
    .option('--drain', 'let what runs finish, and start nothing')
    .option('--reason <text>', 'why, for those who look at the job later')
    .option('--no-wait', 'do not wait for its end')
    .option('-f, --file <file>', 'the workflow file, if it is not where it was')
    .option('-q, --quiet', 'print errors alone')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (job: string, options) => {
      const { cancelJob } = await import('./commands/cancel-job.ts');
      done(await cancelJob(job, options, withoutColour(io, options.color)));
    });

  onJob(onJournal(command('complete', 'complete an external task of a job that runs', COMPLETE_HELP)))
    .argument('<task>', 'the task; one of a nested job as outer/inner')
    .option('--output <json>', 'what it puts out')
    .addOption(new Option('--fail <message>', 'fail it instead').conflicts('output'))
    .action(async (job: string, task: string, options) => {
      const { completeTask } = await import('./commands/complete-task.ts');
      done(await completeTask(job, task, options, io));
    });

  onFile(command('validate', 'check a workflow file, and run nothing', VALIDATE_HELP))
    .option('--json', 'print the problems as JSON')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (argument: string | undefined, options, command: Command) => {
      const file = fileOf(argument, options.file, command);
      const { validate } = await import('./commands/validate.ts');
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
      const { graphOfFile } = await import('./commands/graph-of-file.ts');
      done(await graphOfFile(file, options, withoutColour(io, options.color)));
    });

  onJournal(command('jobs', 'list the jobs that were kept, the newest first', JOBS_HELP))
    .option('--state <states>', 'only jobs in these states, with commas between', statesOf(SHOWN_STATES))
    .option('--name <name>', 'only jobs of this name')
    .option('--since <duration>', 'only jobs that were created no longer ago, such as 7d', duration)
    .option('--before <duration>', 'only jobs that were created longer ago, such as 2h', duration)
    .option('--limit <count>', 'at most so many (default: 50, with --json all)', wholeNumber)
    .option('--json', 'print one JSON array')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (options) => {
      const { listJobs } = await import('./commands/list-jobs.ts');
      done(await listJobs(options, withoutColour(io, options.color)));
    });

  onJob(onJournal(command('show', 'show a job: its times, tasks and errors', SHOW_HELP)))
    .option('--graph', 'draw its tasks and what they wait for')
    .addOption(new Option('--json', 'print all of it as one JSON value, outputs included').conflicts('graph'))
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (job: string, options) => {
      const { showJob } = await import('./commands/show-job.ts');
      done(await showJob(job, options, withoutColour(io, options.color)));
    });

  onJob(onJournal(command('logs', 'print what happened in a job, and what its tasks printed', LOGS_HELP)))
    .argument('[task]', 'only this task, and what is within it')
    .option('--follow', 'go on until the job is over, or Ctrl-C')
    .option('--json', 'print every event, one JSON value a line')
    .option('--no-color', 'print no colours; so does the variable NO_COLOR')
    .action(async (job: string, task: string | undefined, options) => {
      const { showLogs } = await import('./commands/show-logs.ts');
      done(await showLogs(job, task, options, withoutColour(io, options.color)));
    });

  onJournal(command('prune', 'remove jobs that have been over for long', PRUNE_HELP))
    .requiredOption('--older-than <duration>', 'how long ago they ended at least, such as 30d', duration)
    .option('--state <states>', 'only jobs that ended so, with commas between', statesOf(OVER))
    .option('--dry-run', 'print what would be removed, and remove nothing')
    .action(async (options) => {
      const { pruneJobs } = await import('./commands/prune-jobs.ts');
      done(await pruneJobs(options, io));
    });

  onJob(onJournal(command('export', 'print all that was kept of a job, as lines of JSON', EXPORT_HELP)))
    .option('-o, --output <file>', 'write to a file instead of stdout')
    .action(async (job: string, options) => {
      const { exportJob } = await import('./commands/export-job.ts');
      done(await exportJob(job, options, io));
    });

  onJournal(command('import', 'take in a job that was exported', IMPORT_HELP))
    .argument('[file]', 'the file; - or none is the standard input')
    .action(async (file: string | undefined, options) => {
      const { importJob } = await import('./commands/import-job.ts');
      done(await importJob(file, options, io));
    });

  const db = command('db', 'look after the database of jobs', DB_HELP);
  onJournal(commandOf(db, 'db check', 'read all of it, and tell what is damaged', DB_CHECK_HELP)).action(
    async (options) => {
      const { checkJournal } = await import('./commands/check-journal.ts');
      done(await checkJournal(options.db, io));
    },
  );
  onJournal(commandOf(db, 'db backup', 'copy it as of now, while it is in use', DB_BACKUP_HELP))
    .argument('<file>', 'the file to write')
    .option('--force', 'overwrite a file that is there')
    .action(async (file: string, options) => {
      const { backupJournal } = await import('./commands/backup-journal.ts');
      done(await backupJournal(file, options, io));
    });

  command('init', 'write an example to start from', INIT_HELP)
    .argument('[file]', 'the file to write', 'workflow.yaml')
    .option('--force', 'overwrite a file that is there')
    .action(async (file: string, options) => {
      const { init } = await import('./commands/init.ts');
      done(await init(file, { force: options.force === true }, io));
    });

  command('schema', 'print the JSON Schema of workflow files, for editors', SCHEMA_HELP).action(async () => {
    const { workflowJsonSchema } = await import('../workflow/json-schema.ts');
    io.stdout.write(`${JSON.stringify(workflowJsonSchema(), null, 2)}\n`);
  });

  command('completion', 'print the completion script of a shell', COMPLETION_HELP)
    .addArgument(program.createArgument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./completion/completion.ts');
      io.stdout.write(completion(shell, program));
    });
  return program;
};

const onFile = (command: Command): Command =>
  command.argument('[file]', 'the workflow file').option('-f, --file <file>', 'the workflow file, as an option');

/** How a job is told that runs here. */
const asTold = (command: Command): Command =>
  command
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
    .option('--no-color', 'print no colours; so does the variable NO_COLOR');

/** What a start may be told, of a job that was started before. */
const asStarted = (command: Command): Command =>
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
    .option('-w, --workers <count>', 'how many tasks run at once (default: as before)', wholeNumber)
    .option('--timeout <duration>', 'time limit of the whole job (default: as before)', duration)
    .addOption(onFailure('as before'))
    .addOption(grace('as before'));

const onFailure = (unsaid: string): Option =>
  new Option(
    '--on-failure <policy>',
    `when a task fails for good: end the rest at once, let what runs finish, or let all that does not depend on it run (default: ${unsaid})`,
  ).choices(['abort', 'drain', 'continue']);

const grace = (unsaid?: string): Option =>
  new Option(
    '--grace <duration>',
    `how long tasks may take to end after SIGTERM, before SIGKILL${unsaid === undefined ? '' : ` (default: ${unsaid})`}`,
  ).argParser(duration);

const onJournal = (command: Command): Command =>
  command.option('--db <file>', 'the database that holds the jobs', fileName, DEFAULT_JOURNAL);

const onJob = (command: Command): Command =>
  command.argument('<job>', 'the job: its id, the beginning of it, or "last" for the newest');

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
  throw new InvalidArgumentError('It must be a duration above 0, such as 500ms, 30s or 5m.');
};

const fileName = (text: string): string => {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must name a file.');
};

const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** @throws InvalidArgumentError of what is none of them */
const statesOf =
  (known: readonly string[]) =>
  (text: string, before: readonly string[] = []): readonly string[] => {
    const states = namesIn(text, 'state');
    const odd = states.find((state) => !known.includes(state));
    if (odd === undefined) return [...before, ...states];
    throw new InvalidArgumentError(`"${odd}" is none of ${known.join(', ')}.${didYouMean(odd, known)}`);
  };

/** Names given together, with commas between, or one after the other. */
const namesOf = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...namesIn(text, 'task'),
];

/** @throws InvalidArgumentError of a text without a name */
const namesIn = (text: string, what: string): readonly string[] => {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError(`It must name a ${what}.`);
  return names;
};

const withoutColour = (io: CliIo, colour: boolean): CliIo =>
  colour ? io : { ...io, env: { ...io.env, NO_COLOR: '1' } };
