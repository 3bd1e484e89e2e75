import { randomUUID } from 'node:crypto';
import { InvalidArgumentError, Option } from 'commander';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { Job } from '../../engine/job.ts';
import { OVERLAPS, type Overlap, type Turn } from '../../journal/overlap.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';
import { logLimitsOf } from '../../workflow/to-definition.ts';
import { type LoadedWorkflow, loadWorkflow } from '../../workflow/workflow.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import { leaveJob } from '../attend/leaving.ts';
import { givenParams } from '../attend/params.ts';
import { type RunOptions, repeatableArgs } from '../attend/repeatable-options.ts';
import { resumeCommand } from '../attend/resume-hint.ts';
import { type RunContext, withRunContext } from '../attend/run-context.ts';
import { type OnceJournal, onceJournal } from '../attend/start-once.ts';
import { type RunMetadata, runMetadata } from '../attend/stored-workflow.ts';
import { traceOfEnv } from '../attend/tracing.ts';
import { upToDateNotices } from '../attend/up-to-date-notices.ts';
import { openEvents, SPARE_MS, watchJob } from '../attend/watch-job.ts';
import { holderText, jobLabel } from '../stored/job-command.ts';
import { openJournal, withOutputLimit } from '../stored/journal-file.ts';
import { shownState } from '../stored/shown-state.ts';
import { JOURNAL_FAILURES } from '../stored/with-journal.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { EXIT_CODES_HELP, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { attendKnown } from './attend-known.ts';
import { dryRun } from './dry-run.ts';
import { repeatCommand } from './repeat-command.ts';
import {
  actionAnywhere,
  type DefineCommand,
  duration,
  fileName,
  fileOf,
  grace,
  keepLogs,
  listOf,
  namesOf,
  onFailure,
  onSignal,
  pairsOf,
  WATCH_OPTIONS,
  wholeNumber,
  withFileArgument,
  withReportOptions,
} from './shared-options.ts';

/** Defines `tintype run`. */
export const define: DefineCommand = (command, context) => {
  withFileArgument(command.optionsGroup('What runs:'), `${HELP}\n${EXIT_CODES_HELP}`)
    .option('-p, --param <name=value>', 'a param of the workflow; may be given several times', listOf)
    .option('--params-file <file>', 'a YAML or JSON file of params; --param goes before it')
    .option('--label <key=value>', 'a label of the job, by which it is found; may be given several times', pairsOf)
    .option('--only <tasks>', 'only these tasks; +task with all it needs, task+ with all that needs it', namesOf)
    .option('--skip <tasks>', 'all but these tasks, which count as done', namesOf)
    .option('--force', 'run all tasks, also those whose sources have not changed')
    .option('--why', 'say of each task with sources or generates why it runs, or that it is up to date')
    .option('--dry-run', 'print the order and what would run in parallel, and run nothing')
    .optionsGroup('Once:')
    .option(
      '--key <key>',
      'same key, same job: if there is one, wait for it, go on with it, or say how it ended',
      keyText,
    )
    .addOption(
      new Option(
        '--overlap <policy>',
        'what happens while another job of this name is not over: start all the same, start nothing (exit code 75), wait for it, or cancel it (default: what the file says, else "allow")',
      ).choices(OVERLAPS),
    )
    .option('--no-overlap', 'as --overlap skip')
    .optionsGroup('How it runs:')
    .option('-w, --workers <count>', 'how many tasks run at once (default: what the file says, else 4)', wholeNumber)
    .option('--timeout <duration>', 'time limit of the whole job, such as 10m', duration)
    .addOption(onFailure('what the file says, else "continue"'))
    .addOption(grace().default(2000, '2s'))
    .addOption(onSignal())
    .optionsGroup('What is kept:')
    .addOption(keepLogs('what the file says, else 1000'))
    .option(
      '--db <file>',
      `the database that keeps the job (default: "${DEFAULT_JOURNAL}", if it can be made)`,
      fileName,
    )
    .option('--no-db', 'keep nothing: the job can not be resumed, nor tried again');
  withReportOptions(command).action(
    actionAnywhere(
      context,
      (io, { db, file, ...options }, argument) =>
        // Commander sets `db` to true if neither --db nor --no-db is given.
        run(fileOf(argument, file, command), { ...options, ...(db !== true && { db }) }, io),
      {
        options: [...WATCH_OPTIONS, 'file', 'param', 'paramsFile', 'label', 'key', 'workers', 'timeout', 'onFailure'],
        work: async (server, io, { file, ...options }, argument) =>
          (await import('./run-remote.ts')).runRemote(fileOf(argument, file, command), options, server, io),
      },
    ),
  );
};

const HELP = `
Examples:
  tintype run pipeline.yaml -w 8
  tintype run pipeline.yaml --param day=2024-05-01 --verbose
  tintype run pipeline.yaml --only report+ --dry-run
  tintype run pipeline.yaml --key 2026-11-30 --no-overlap
  tintype run pipeline.yaml --json --events events.ndjson > result.json

  # pipeline.yaml
  name: example_pipeline
  tasks:
    - name: extract
      type: bash             # or python, node, http, sql, sensor, job, external
      command: "echo 'Extracting data...'; sleep 2"
      max_retries: 3         # tries after the first; default 0
      timeout: 30s           # of each try; ms, s, m, h or d; default none
    - name: transform
      type: python
      command: |
        print("transforming")
      dependencies: ["extract"]
      continue_on_failure: true  # what depends on it runs all the same

Commands run in the directory of the file; bash commands with -eo pipefail. A
command ends together with what it started. Ctrl-C cancels (SIGTERM, and SIGKILL
after --grace), a second one kills at once; SIGTERM leaves a job that is kept,
to be resumed. On a terminal what tasks print is shown with --verbose, and the
last lines of those that fail always; elsewhere all of it, line by line. A line
is cut at 8,192 characters; an output holds at most 10 MiB, or what
max_output_bytes in the file says. The job is kept in .tintype/jobs.db, params
and outputs as they are, secrets masked: killed, it goes on with the command
that it printed.
`;

/** What is not given here, the file may say. */
type GivenOptions = Omit<RunOptions, 'workers' | 'overlap'> & {
  readonly workers?: number | undefined;
  readonly overlap?: Overlap | false | undefined;
};

const DEFAULT_WORKERS = 4;

/** Runs a workflow file and reports on `io`. Resolves to the exit code when all its processes are gone. */
export const run = (file: string, given: GivenOptions, io: CliIo): Promise<number> =>
  withRunContext(given, io, async (context) => {
    const { only, skip } = given;
    const { gate } = context;
    const env = given.dryRun ? false : io.env;
    const checks = upToDateNotices(given);
    const loaded = await loadWorkflow(file, {
      env,
      gate,
      killGraceMs: given.grace,
      selection: { only, skip },
      force: given.force,
      onUpToDateCheck: checks.check,
    });
    const { workers = loaded.workflow.workers ?? DEFAULT_WORKERS } = given;
    const options = { ...given, workers, overlap: overlapOf(given, loaded, context) };
    if ((only ?? skip) !== undefined && loaded.workflow.tasks.length === 0) {
      throw new UsageError('--only and --skip leave no task to run.');
    }
    const isGiven = (options.param ?? options.paramsFile) !== undefined;
    const params = options.dryRun && !isGiven ? {} : await givenParams(loaded.workflow, options);
    if (options.dryRun && options.why)
      throw new UsageError('--why looks at each task when its turn has come: leave out --dry-run.');
    if (options.dryRun) return dryRun(loaded, options, io);
    checkKey(options, loaded);
    const db = options.db === false ? undefined : (options.db ?? DEFAULT_JOURNAL);
    const events = openEvents(options, { file, db });
    const metadata = runMetadata(file, options);
    // All other options are stored with the job.
    const args = repeatableArgs({ onSignal: options.onSignal, json: options.json, events: options.events });
    const wait = new AbortController();
    let begun: Job | undefined;
    const turn: Turn = {
      cancels: options.overlap === 'cancel',
      signal: wait.signal,
      onCancel: ({ mode, reason }) => {
        begun?.cancel(reason === undefined ? undefined : loaded.mask.text(reason), mode === undefined ? {} : { mode });
        wait.abort();
      },
    };
    const stopListening = isQueued(options) ? onInterrupts(io, [() => wait.abort()]) : () => {};
    const { job, journal, engine, taken, before } = startStored({ loaded, params, metadata, options, turn }, context);
    begun = job;
    try {
      const known = taken && (await taken);
      if (known && journal) {
        stopListening();
        events?.close();
        const attended = { ...options, db: db ?? DEFAULT_JOURNAL };
        return await attendKnown(known, { ...context, journal }, attended, metadata, loaded.definition.options);
      }
      if (!options.quiet)
        for (const line of waitLines(before?.() ?? [], options.overlap)) context.err.line(context.err.sanitize(line));
      return await watchJob(job, {
        loaded,
        options,
        context,
        events,
        notices: checks.notices,
        location: journal && db !== undefined && metadata.file !== undefined ? { db, args } : undefined,
        ...(journal && {
          leaving: {
            leave: leaveJob(engine, journal, job.id),
            command: resumeCommand(
              { id: job.id, metadata: JSON.stringify(metadata) },
              { db: db ?? DEFAULT_JOURNAL, args },
            ),
          },
        }),
        repeat: (result, outputs) =>
          repeatCommand(file, result, loaded.definition, outputs, given, loaded.mask, context.err),
      });
    } finally {
      stopListening();
      await journal?.close();
    }
  });

/** Whether the start may find another job. */
const isOnce = ({ key, overlap }: RunOptions): boolean => key !== undefined || overlap !== 'allow';

/** Whether the job waits for those before it. */
const isQueued = ({ overlap }: Pick<RunOptions, 'overlap'>): boolean => overlap === 'queue' || overlap === 'cancel';

/** Returns the policy; without a database, which alone tells of other jobs, warns of that of the file. @throws UsageError */
const overlapOf = (
  { db, overlap: given, quiet }: GivenOptions,
  { workflow }: LoadedWorkflow,
  { err }: RunContext,
): Overlap => {
  const overlap = given === false ? 'skip' : (given ?? workflow.overlap ?? 'allow');
  if (db !== false || overlap === 'allow') return overlap;
  if (given !== undefined) throw needsDatabase(given === false ? '--no-overlap' : '--overlap');
  if (!quiet)
    err.line(`warning: "overlap: ${overlap}" of the file does not count, as only the database tells of other jobs.`);
  return 'allow';
};

const needsDatabase = (option: string): UsageError =>
  new UsageError(`${option} needs the database that keeps the jobs: leave out --no-db.`);

/** Says which jobs a new one waits for. */
const waitLines = (before: readonly JournalJob[], overlap: Overlap): readonly string[] => {
  const are = (job: JournalJob): boolean => shownState(job) !== 'interrupted';
  const waited = before.filter(are).map((job) => `${jobLabel(job)}, of ${holderText(job)}`);
  const left = before.filter((job) => !are(job)).map(jobLabel);
  const ends = overlap === 'cancel' ? 'Cancels, and waits for the end of' : 'Waits for the end of';
  return [
    ...(waited.length > 0 ? [`${ends} ${waited.join('; ')} (overlap: ${overlap}).`] : []),
    ...(left.length > 0 ? [`Does not wait for what is interrupted: ${left.join('; ')}.`] : []),
  ];
};

/** @throws UsageError if nothing is kept that tells of other jobs, or if the key holds a secret */
const checkKey = ({ db, key }: RunOptions, { mask }: LoadedWorkflow): void => {
  if (db === false && key !== undefined) throw needsDatabase('--key');
  // Masked, it could be the key of another job.
  if (key === undefined || mask.text(key) === key) return;
  throw new UsageError('--key holds a secret, and keys are kept as they are. Name the job by something else.');
};

type Start = {
  readonly loaded: LoadedWorkflow;
  readonly params: Readonly<Record<string, unknown>>;
  readonly metadata: RunMetadata;
  readonly options: RunOptions;
  /** How a job waits for those before it. */
  readonly turn: Turn;
};

type Started = {
  readonly job: Job;
  readonly engine: Engine;
  readonly journal?: SqliteJournal;
  readonly taken?: OnceJournal['taken'];
  readonly before?: OnceJournal['before'];
};

/** Starts the job and, unless `db` is false, stores it. Warns if the default file can't be used. @throws UsageError */
const startStored = (start: Start, context: RunContext): Started => {
  const { err } = context;
  const { db, quiet } = start.options;
  if (db === false) return startJob(start, context);
  try {
    const journal = openJournal(db ?? DEFAULT_JOURNAL, { create: true, oneAtATime: start.options.overlap === 'skip' });
    try {
      const limited = withOutputLimit(journal, start.loaded.workflow.max_output_bytes);
      if (!isOnce(start.options)) return { ...startJob(start, context, limited), journal };
      const once = onceJournal(limited, isQueued(start.options) ? start.turn : undefined);
      return { ...startJob(start, context, once.journal), journal, taken: once.taken, before: once.before };
    } catch (error) {
      journal.close();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof JournalError || error instanceof UsageError)) throw error;
    const why = error instanceof JournalError ? `${error.message} (${error.code})` : error.message;
    if (db !== undefined || isOnce(start.options) || !isUnusable(error)) {
      const way = isOnce(start.options) || why.includes('--no-db') ? '' : '\nTo run without keeping it: --no-db';
      throw new UsageError(`The job can't be kept in ${db ?? DEFAULT_JOURNAL}: ${why}${way}`);
    }
    if (!quiet)
      err.line(err.sanitize(`warning: The job is not kept, and can't be resumed: ${why}`.replaceAll('\n', ' ')));
    return startJob(start, context);
  }
};

/** Returns whether a job may run unstored after an error: not if the file is damaged, newer or another program's. */
const isUnusable = (error: JournalError | UsageError): boolean =>
  error instanceof UsageError || JOURNAL_FAILURES.has(error.code);

const startJob = (
  { loaded, params, metadata, options }: Omit<Start, 'turn'>,
  { tracing, io }: RunContext,
  journal?: Journal,
): Started => {
  const engine = createEngine({ intercept: tracing?.intercept });
  if (tracing) engine.events$.subscribe(tracing);
  const job = engine.start(loaded.definition, Object.keys(params).length > 0 ? { params } : {}, {
    maxConcurrency: options.workers,
    graceMs: options.grace + SPARE_MS,
    timeout: options.timeout,
    onFailure: options.onFailure,
    logs: logLimitsOf(options.keepLogs),
    labels: {
      ...loaded.workflow.labels,
      ...Object.fromEntries((options.label ?? []).map(([key, value]) => [key, loaded.mask.text(value)])),
    },
    ...(tracing && { trace: traceOfEnv(io.env) }),
    ...(journal && { journal, metadata }),
    // A job that may be refused is created before it begins, as one with an id of its own is.
    ...(options.key !== undefined ? { jobKey: options.key } : options.overlap !== 'allow' && { jobId: randomUUID() }),
  }) as unknown as Job;
  return { job, engine };
};

/** Parses the value of `--key`. */
const keyText = (text: string): string => {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
};
