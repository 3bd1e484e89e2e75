import { resolve } from 'node:path';
import type { JobDefinition } from '../engine/definition.ts';
import type { Job } from '../engine/job.ts';
import type { JobResult } from '../engine/job-result.ts';
import type { FailurePolicy } from '../engine/options.ts';
import { type OutputGate, outputGate } from '../executors/output-gate.ts';
import { killProcessGroups, processGroupsGone } from '../executors/process-group.ts';
import { WorkflowError } from '../workflow/problem.ts';
import { SelectionError } from '../workflow/select-tasks.ts';
import { type LoadedWorkflow, loadWorkflow } from '../workflow/workflow.ts';
import { criticalPathLine } from './critical-path.ts';
import { dryRun } from './dry-run.ts';
import { type EventFile, openEventFile } from './event-file.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal } from './exit-code.ts';
import { externalsFromStdin } from './externals-from-stdin.ts';
import { onInterrupts } from './interrupts.ts';
import type { CliIo } from './io.ts';
import { givenParams, UsageError } from './params.ts';
import { createPrinter, type Printer } from './printer.ts';
import { repeatCommand } from './repeat-command.ts';
import { createReporter, type Reporter, type ReportOptions } from './reporter.ts';
import { resultJson } from './result-json.ts';
import { statusTable } from './status-table.ts';
import { firstError, totals } from './summary.ts';
import { printWorkflowError } from './workflow-report.ts';

export type RunOptions = ReportOptions & {
  readonly workers: number;
  /** Each as `name=value`. */
  readonly param?: readonly string[];
  readonly paramsFile?: string;
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly dryRun?: boolean;
  /** In ms. */
  readonly timeout?: number;
  readonly onFailure?: FailurePolicy;
  /** In ms. */
  readonly grace: number;
  readonly json?: boolean;
  readonly events?: string;
};

/** Runs the workflow of a file to its end, told on `io`. Resolves to the exit code, when no process of it is left. */
export const run = async (file: string, options: RunOptions, io: CliIo): Promise<number> => {
  const gate = outputGate();
  // Where the result alone goes to stdout, the rest is told on stderr.
  const told = options.json ? io.stderr : io.stdout;
  const out = createPrinter(told, io.env, gate);
  const err = options.json ? out : createPrinter(io.stderr, io.env);
  try {
    const { only, skip } = options;
    const env = options.dryRun ? (false as const) : io.env;
    const loaded = await loadWorkflow(file, { env, gate, killGraceMs: options.grace, selection: { only, skip } });
    if ((only ?? skip) !== undefined && loaded.workflow.tasks.length === 0) {
      throw new UsageError('--only and --skip leave no task to run.');
    }
    const isGiven = (options.param ?? options.paramsFile) !== undefined;
    const params = options.dryRun && !isGiven ? {} : await givenParams(loaded.workflow, options);
    if (options.dryRun) return dryRun(loaded, options, io);
    if (options.events !== undefined && resolve(options.events) === resolve(file)) {
      throw new UsageError(`--events would overwrite the workflow file ${file}. Name another one.`);
    }
    const events = options.events === undefined ? undefined : openEventFile(options.events);
    return await runJob({ file, loaded, params, options, events, gate, out, err, io });
  } catch (error) {
    if (error instanceof WorkflowError) printWorkflowError(error, err);
    else if (error instanceof UsageError || error instanceof SelectionError) printUsageError(error, err);
    else throw error;
    return EXIT.usage;
  } finally {
    out.flush();
    err.flush();
  }
};

const printUsageError = ({ message }: Error, { line, foreign }: Printer): void => {
  const [first = '', ...more] = message.split('\n').map(foreign);
  line(`error: ${first}`);
  for (const text of more) line(text);
};

type Run = {
  readonly file: string;
  readonly loaded: LoadedWorkflow;
  readonly params: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
  readonly events: EventFile | undefined;
  readonly gate: OutputGate;
  readonly out: Printer;
  readonly err: Printer;
  readonly io: CliIo;
};

const runJob = async (run: Run): Promise<number> => {
  const { loaded, params, options, events, gate, out, io } = run;
  const { definition, workflow } = loaded;
  const job = definition.start(Object.keys(params).length > 0 ? { params } : {}, {
    maxConcurrency: options.workers,
    graceMs: options.grace + SPARE_MS,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
  });
  const reporter = createReporter(definition, {
    ...options,
    gate,
    printer: out,
    stream: options.json ? io.stderr : io.stdout,
    env: io.env,
  });
  const outputs = new Set<string>();
  let printed = false;
  const live = job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.output !== undefined) outputs.add(event.task);
    events?.write(event);
    if (event.type === 'task.log') printed = true;
    reporter.event(event);
  });
  const externals = externalsFromStdin(job, workflow, io.stdin, reporter.print, loaded.mask);
  void out.broken.then(() => live.unsubscribe());
  try {
    const ended = await endOf(job, reporter, run);
    reporter.stop();
    const unwritten = events?.close();
    if (unwritten)
      run.err.line(`The events can't be written to ${run.err.foreign(options.events ?? '')}: ${unwritten.message}.`);
    const exitCode = unwritten && ended.exitCode === EXIT.completed ? EXIT.failed : ended.exitCode;
    if (ended.result) report(ended.result, exitCode, outputs, run);
    if (printed && reporter.hidesOutput) out.line(out.style('gray', 'What the tasks printed is shown with --verbose.'));
    return exitCode;
  } finally {
    externals.stop();
    reporter.stop();
  }
};

/** What the engine gives a task beyond the grace of its process, so that the end of that is seen. */
const SPARE_MS = 1000;

type End = { readonly exitCode: number; readonly result?: JobResult };

/** The end of a job, or of the patience with it: a third signal does not wait. */
const endOf = async (
  job: ReturnType<JobDefinition['start']>,
  reporter: Reporter,
  { out, err, io }: Run,
): Promise<End> => {
  let cancelledBy: NodeJS.Signals | undefined;
  let forced: (end: End) => void = () => {};
  const impatience = new Promise<End>((resolve) => {
    forced = resolve;
  });
  const cancel = (signal: NodeJS.Signals): void => {
    cancelledBy ??= signal;
    job.cancel(signal);
  };
  const stopListening = onInterrupts(io, [
    (signal) => {
      reporter.notice(`${signal}: cancelled, waiting for running tasks to end. Once more kills them.`, err);
      cancel(signal);
    },
    (signal) => {
      reporter.notice(`${signal}: killed what was running. Once more waits for nothing.`, err);
      killProcessGroups();
    },
    (signal) => {
      killProcessGroups();
      forced({ exitCode: exitCodeOfSignal(cancelledBy ?? signal) });
    },
  ]);
  let unwritable = false;
  // Nobody reads on, so nobody waits for the job; `head` is done when it has enough.
  void out.broken.then((error) => {
    unwritable = error.code !== 'EPIPE';
    if (unwritable) err.line(`The output can't be written: ${error.message}.`);
    cancel('SIGPIPE');
  });

  const ended = async (): Promise<End> => {
    const result = await (job as unknown as Job);
    await processGroupsGone();
    return { result, exitCode: unwritable ? EXIT.failed : exitCodeOf(result.state, cancelledBy) };
  };
  try {
    return await Promise.race([ended(), impatience]);
  } finally {
    stopListening();
  }
};

const report = (
  result: JobResult,
  exitCode: number,
  outputs: ReadonlySet<string>,
  { file, loaded, options, out, err, io }: Run,
): void => {
  const { definition, workflow } = loaded;
  if (options.json) {
    io.stdout.write(`${JSON.stringify(loaded.mask.data(resultJson(result, definition, exitCode)))}\n`);
  }
  if (!options.quiet && !(options.logFormat === 'json')) {
    const table =
      definition.tasks.length > 0
        ? ['', ...statusTable(workflow, definition, result, out, options.verbose === true)]
        : [];
    for (const line of [...table, '', totals(result, out), ...criticalPathLine(result, definition, out)])
      out.line(line);
    out.flush();
  }
  const lines = firstError(result, err);
  // A job that was stopped may have no failed task that says why.
  const stopped = result.state === 'timedOut' || (lines.length === 0 && result.state !== 'cancelled');
  if (stopped && result.error) err.line(err.foreign(result.error.message));
  for (const line of lines) err.line(line);
  // Who stopped reading wants to hear no more.
  if (exitCode === exitCodeOfSignal('SIGPIPE')) return;
  for (const line of repeatCommand(file, result, definition, outputs, options, loaded.mask, err)) err.line(line);
};
