/* This folder runs a job for a command, to the exit code. `run-context.ts` sets up printers and reports errors.
 * `params.ts` reads params; `with-stored-job.ts` finds a stored job and loads the job's file (`stored-workflow.ts`), whose
 * changes `change-policy.ts` reports. `watch-job.ts` follows the job: `job-progress.ts` collects events, `reporter.ts`
 * displays them, `event-file.ts` writes them; `externals-from-stdin.ts` completes external tasks, `interrupts.ts` handles
 * signals, and `leaving.ts` hands the job off. At the end report `status-table.ts`, `summary.ts`, `critical-path.ts`, with `--json` also `result-json.ts`, and
 * `next-command.ts` with the command to continue. */

import { resolve } from 'node:path';
import { Subscription } from 'rxjs';
import { withoutNumbers } from '../../engine/durable/task-path.ts';
import type { Job } from '../../engine/job.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { beganAt, type JobRecord } from '../../engine/model/job-record.ts';
import type { Metrics } from '../../engine/views/metrics.ts';
import type { JobEvent } from '../../events/event.ts';
import { isolatedObserver } from '../../events/isolate.ts';
import { redactedText } from '../../events/logger.ts';
import { killProcessGroups, processGroupsGone } from '../../executors/process/group.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { type JobLocation, jobCommand } from '../stored/job-command.ts';
import { isPartOf } from '../stored/journal-file.ts';
import type { StoredJob } from '../stored/stored-job.ts';
import { reviveProcessErrors } from '../stored/stored-process-error.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal, UsageError } from '../terminal/exit-code.ts';
import { printTogether } from '../terminal/json-messages.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { criticalPathLine } from './critical-path.ts';
import { type EventFile, openEventFile } from './event-file.ts';
import { externalsFromStdin } from './externals-from-stdin.ts';
import { cancellingSignal, leavesJob, type OnSignal, onInterrupts } from './interrupts.ts';
import { type JobProgress, jobProgress } from './job-progress.ts';
import { heldEvents, type LeaveJob } from './leaving.ts';
import { isInterrupted, nextCommand } from './next-command.ts';
import { reportLeft } from './report-left.ts';
import { createReporter, type Reporter, type ReportOptions } from './reporter.ts';
import { resultJson } from './result-json.ts';
import type { RunContext } from './run-context.ts';
import { statusTable } from './status-table.ts';
import { firstError, totals } from './summary.ts';
import type { Notices } from './up-to-date-notices.ts';

export type WatchOptions = ReportOptions & {
  readonly json?: boolean;
  /** The file to write the events to. */
  readonly events?: string;
  /** What SIGTERM and the other signals do to a stored job. Default: SIGTERM leaves it, the others cancel it. */
  readonly onSignal?: OnSignal;
};

/** The engine's grace exceeds that of processes by this many ms, so that the engine sees killed processes exit. */
export const SPARE_MS = 1000;

/** What `watchJob` needs to know about a job that runs in this process. */
export type WatchedJob = {
  readonly loaded: LoadedWorkflow;
  readonly options: WatchOptions;
  readonly context: RunContext;
  readonly events: EventFile | undefined;
  /** Where the job is stored; `undefined` if no command can resume or retry the job. */
  readonly location?: JobLocation | undefined;
  /** Leaves the job, and the command that then resumes it; absent if the job is not stored. */
  readonly leaving?: { readonly leave: LeaveJob; readonly command: string };
  /** What happened to the job in other processes, if it is stored. */
  readonly history?: Pick<StoredJob, 'record' | 'tails'>;
  /** If set, cancels the job once its output is displayed; nobody is asked to complete external tasks. */
  readonly cancel?: () => void;
  /** What is found of tasks that may be up to date, as lines to print. */
  readonly notices?: Notices | undefined;
  /** Without a `location`, returns lines with the command to suggest. `outputs`: the tasks that had an output. */
  readonly repeat?: (result: JobResult, outputs: ReadonlySet<string>) => readonly string[];
};

/** Opens the file for events, if requested. @throws UsageError if it can't be opened, or is the workflow or database */
export const openEvents = (
  { events }: { readonly events?: string | undefined },
  { file, db }: { readonly file: string | undefined; readonly db: string | undefined },
): EventFile | undefined => {
  if (events === undefined) return undefined;
  if (file !== undefined && resolve(events) === resolve(file)) {
    throw new UsageError(`--events would overwrite the workflow file ${file}. Name another one.`);
  }
  if (db !== undefined && isPartOf(db, events)) {
    throw new UsageError(`--events would overwrite the database ${db}. Name another file.`);
  }
  return openEventFile(events);
};

/** Displays a job to its end. Resolves to the exit code. Call this in the tick that starts the job to miss no event. */
export const watchJob = async (job: Job, about: WatchedJob): Promise<number> => {
  const { loaded, options, context, events, location, leaving, history, cancel, notices } = about;
  const { gate, out, err, io } = context;
  const { definition, externals: waiting } = loaded;
  const progress = jobProgress(
    definition.tasks.map(({ name }) => name),
    history,
  );
  const reporter = createReporter(definition, {
    ...options,
    progress,
    progress$: job.progress$,
    gate,
    isExternal: (task) => waiting.has(withoutNumbers(task)),
    // Lines of the input complete external tasks.
    stdin: waiting.size === 0 ? io.stdin : undefined,
    printer: out,
    stream: options.json ? io.stderr : io.stdout,
    env: io.env,
  });
  const outputs = new Set<string>();
  let printed = false;
  const live = new Subscription();
  const held = heldEvents();
  const follow = (what: string, next: (event: JobEvent) => void, isHarmless?: (event: JobEvent) => boolean): void => {
    const observer = isolatedObserver(what, next);
    live.add(job.events$.subscribe({ ...observer, next: held.through(observer.next, isHarmless) }));
  };
  follow('The record of the job', (event) => {
    if (event.type === 'task.transition' && event.output !== undefined) outputs.add(event.task);
    if (event.type === 'task.log') printed = true;
    progress.event(event);
  });
  follow('The writer of --events', (event) => events?.write(event));
  const display = (event: JobEvent): void => {
    reporter.event(event);
    // That params were redacted is said before.
    const redacted = event.type === 'job.resumed' ? event.redacted?.filter((path) => path !== '') : undefined;
    if (redacted?.length && !options.quiet) reporter.notice(err.sanitize(`warning: ${redactedText(redacted)}.`), err);
  };
  follow('The display of the job', display, ({ type }) => type === 'task.log');
  if (location && !options.quiet && !cancel) {
    reporter.notice(
      `Should this be killed, it goes on with: ${err.style('bold', err.sanitize(jobCommand('resume', job.id, location)))}`,
      err,
    );
  }
  notices?.((line) => reporter.notice(err.sanitize(line), err));
  const completeCommand =
    location && ((task: string): string => out.sanitize(jobCommand('complete', job.id, { db: location.db }, [task])));
  const prompted = cancel ? { ...loaded, externals: new Map() } : loaded;
  const externals = externalsFromStdin(job, prompted, io.stdin, { ...reporter, columns: out.columns }, completeCommand);
  void out.broken.then(() => live.unsubscribe());
  cancel?.();
  try {
    const ended = await endOf(job, reporter, about, held.hold);
    held.release(ended.lastSeq);
    reporter.stop();
    const unwritten = events?.close();
    if (unwritten)
      printTogether(
        err,
        [`The events can't be written to ${err.sanitize(options.events ?? '')}: ${unwritten.message}.`],
        { level: 'error' },
      );
    const exitCode = unwritten && ended.exitCode === EXIT.completed ? EXIT.failed : ended.exitCode;
    if (leaving && ended.exitCode === EXIT.left) {
      const result = ended.result && sinceBegin(ended.result, progress);
      reportLeft(job, result, progress, { loaded, json: options.json, command: leaving.command, context });
    } else if (ended.result) {
      const isLive = reporter.isLive === true;
      report(sinceBegin(ended.result, progress), progress.counts(), exitCode, { ...about, outputs, isLive });
    }
    if (printed && reporter.hidesOutput && !location)
      out.line(out.style('gray', 'What the tasks printed is shown with --verbose.'));
    return exitCode;
  } finally {
    externals.stop();
    reporter.stop();
  }
};

/** How a job ended here. `lastSeq`: the last event that happened to a job that was left. */
type End = { readonly exitCode: number; readonly result?: JobResult; readonly lastSeq?: number };

/**
 * Waits for the end of the job. One signal cancels the job, or leaves it and calls `onLeaving`; a second kills its
 * processes, a third stops waiting.
 */
const endOf = async (
  job: Job,
  reporter: Reporter,
  { options, leaving, context: { out, err, io } }: WatchedJob,
  onLeaving: () => void,
): Promise<End> => {
  let left: Promise<number | undefined> | undefined;
  let cancelledBy: NodeJS.Signals | undefined;
  let forced: (end: End) => void = () => {};
  const forcedEnd = new Promise<End>((resolve) => {
    forced = resolve;
  });
  const cancel = (signal: NodeJS.Signals): void => {
    cancelledBy ??= signal;
    job.cancel(signal);
  };
  const stopListening = onInterrupts(io, [
    (signal) => {
      if (leaving && leavesJob(signal, options.onSignal)) {
        reporter.notice(`${signal}: left to be resumed, waiting for running tasks to end. Once more kills them.`, err);
        onLeaving();
        left = leaving.leave();
        return;
      }
      reporter.notice(`${signal}: cancelled, waiting for running tasks to end. Once more kills them.`, err);
      cancel(signal);
    },
    (signal) => {
      reporter.notice(`${signal}: killed what was running. Once more waits for nothing.`, err);
      killProcessGroups();
    },
    (signal) => {
      killProcessGroups();
      forced({ exitCode: left ? EXIT.left : exitCodeOfSignal(cancelledBy ?? signal) });
    },
  ]);
  let unwritable = false;
  // Cancel the job when its output can't be written, such as when `head` has enough lines and exits.
  void out.broken.then((error) => {
    unwritable = error.code !== 'EPIPE';
    if (unwritable) printTogether(err, [`The output can't be written: ${error.message}.`], { level: 'error' });
    cancel('SIGPIPE');
  });

  const ended = async (): Promise<End> => {
    const result = await (job as PromiseLike<JobResult>);
    await processGroupsGone();
    const lastSeq = isInterrupted(result) ? undefined : await left;
    if (lastSeq !== undefined) return { result, exitCode: EXIT.left, lastSeq };
    return { result, exitCode: unwritable ? EXIT.failed : exitCodeOf(result.state, cancelledBy) };
  };
  try {
    return await Promise.race([ended(), forcedEnd]);
  } finally {
    stopListening();
  }
};

const report = (
  result: JobResult,
  counts: Metrics['tasks'],
  exitCode: number,
  {
    loaded,
    options,
    context,
    location,
    repeat,
    outputs,
    isLive,
  }: WatchedJob & { readonly outputs: ReadonlySet<string>; readonly isLive: boolean },
): void => {
  const { out, err, io } = context;
  const { definition, workflow } = loaded;
  if (options.json) {
    io.stdout.write(`${inertJson(JSON.stringify(loaded.mask.data(resultJson(result, definition, exitCode))))}\n`);
  }
  if (!options.quiet && !(options.logFormat === 'json')) {
    const table =
      definition.tasks.length > 0
        ? ['', ...statusTable(workflow, definition, result, out, options.verbose === true)]
        : [];
    for (const line of [...table, '', totals(result, counts, out), ...criticalPathLine(result, definition, out)])
      out.line(line);
    out.flush();
  }
  const first = firstError(result, err);
  // Print the job's error after a timeout, a cancellation without a signal, or a failure without a failed task.
  const { state, error } = result;
  const stopped = state === 'cancelled' ? !cancellingSignal(error?.cause) : state === 'timedOut' || first === undefined;
  const problem = { level: 'error', code: error?.code } as const;
  if (isInterrupted(result)) printTogether(err, [journalFailureText(result, context)], problem);
  else if (stopped && error) printTogether(err, [err.sanitize(error.message)], problem);
  if (first) printTogether(err, first.lines, { level: 'error', code: first.code, task: first.task });
  // The reader closed the pipe and wants no more output.
  if (exitCode === exitCodeOfSignal('SIGPIPE')) return;
  if (location && isLive)
    err.line(
      `What happened in it: ${err.style('bold', err.sanitize(jobCommand('logs', result.jobId, { db: location.db })))}`,
    );
  const next = location ? nextCommand(result, location, err) : (repeat?.(result, outputs) ?? []);
  printTogether(err, next);
};

/** Makes the times of a result include earlier processes: the job's first start, and the `beganAt` of each task. */
const sinceBegin = (result: JobResult, { record, tails }: JobProgress): JobResult => {
  reviveProcessErrors(result, tails);
  const startedAt = record.begins[0] ?? result.startedAt;
  const earlier =
    startedAt !== undefined && result.startedAt !== undefined ? Math.max(0, result.startedAt - startedAt) : 0;
  const tasks = Object.fromEntries(
    Object.entries(result.tasks).map(([name, task]) => [name, taskSinceBegin(task, record, name)]),
  );
  return { ...result, tasks, ctx: result.ctx, startedAt, durationMs: result.durationMs + earlier } as JobResult;
};

const taskSinceBegin = (task: TaskResult, record: JobRecord, name: string): TaskResult => {
  const { startedAt, durationMs } = task;
  const stored = record.tasks.get(name);
  const begin = stored && beganAt(record, stored);
  if (begin === undefined || startedAt === undefined || durationMs === undefined) return task;
  return { ...task, startedAt: begin, durationMs: Math.max(0, startedAt + durationMs - begin) };
};

/** Returns the error of a job whose journal failed, as one line. */
const journalFailureText = ({ error }: JobResult, { err: { sanitize } }: RunContext): string => {
  const { code } = (error?.cause ?? {}) as { readonly code?: unknown };
  return sanitize(`${error?.message ?? ''}${typeof code === 'string' ? ` (${code})` : ''}`.replaceAll('\n', ' '));
};
