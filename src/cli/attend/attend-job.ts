import { resolve } from 'node:path';
import type { Job } from '../../engine/job.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { JobEvent } from '../../events/event.ts';
import { killProcessGroups, processGroupsGone } from '../../executors/process/group.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { jobCommand, type Kept } from '../kept/job-command.ts';
import { emptyHistory, type JobHistory, noteEvent } from '../kept/job-history.ts';
import { isPartOf } from '../kept/journal-file.ts';
import { reviveProcessErrors } from '../kept/kept-process-error.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal } from '../terminal/exit-code.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { cancellingSignal } from './cancelling-signal.ts';
import { criticalPathLine } from './critical-path.ts';
import { type EventFile, openEventFile } from './event-file.ts';
import { externalsFromStdin } from './externals-from-stdin.ts';
import { goOnCommand, isInterrupted } from './go-on-command.ts';
import { onInterrupts } from './interrupts.ts';
import { createReporter, type Reporter, type ReportOptions } from './reporter.ts';
import { resultJson } from './result-json.ts';
import type { RunDesk } from './run-desk.ts';
import { statusTable } from './status-table.ts';
import { firstError, totals } from './summary.ts';

export type AttendOptions = ReportOptions & {
  readonly json?: boolean;
  /** The file that the events are written to. */
  readonly events?: string;
};

/** What the engine gives a task beyond the grace of its process, so that the end of that is seen; in ms. */
export const SPARE_MS = 1000;

/** A job that runs in this process. */
export type Attended = {
  readonly loaded: LoadedWorkflow;
  readonly options: AttendOptions;
  readonly desk: RunDesk;
  readonly events: EventFile | undefined;
  /** Where other commands can go on with it. */
  readonly kept?: Kept | undefined;
  /** What to tell first of what happened to it before. */
  readonly past?: readonly JobEvent[];
  /** Of a job that was kept before. */
  readonly history?: JobHistory;
  /** Cancels it as soon as somebody listens; nobody is asked for anything then. */
  readonly cancel?: () => void;
  /** How it is repeated where no other command can go on with it; `outputs` are the tasks that put something out. */
  readonly repeat?: (result: JobResult, outputs: ReadonlySet<string>) => readonly string[];
};

/** @throws UsageError if the file is one that the job needs */
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

/** Tells a job until its end. Resolves to the exit code, when no process of it is left. Call it in the tick of the start. */
export const attendJob = async (job: Job, about: Attended): Promise<number> => {
  const { loaded, options, desk, events, kept, past = [], history = emptyHistory(), cancel } = about;
  const { gate, out, err, io } = desk;
  const { definition, externals: waiting } = loaded;
  const reporter = createReporter(definition, {
    ...options,
    gate,
    isExternal: (task) => waiting.has(task),
    printer: out,
    stream: options.json ? io.stderr : io.stdout,
    env: io.env,
  });
  const outputs = new Set<string>();
  let printed = false;
  for (const event of past) if (isLive(reporter)) reporter.event(event);
  const live = job.events$.subscribe((event) => {
    if (event.type === 'task.transition' && event.output !== undefined) outputs.add(event.task);
    events?.write(event);
    if (event.type === 'task.log') printed = true;
    else noteEvent(history, event);
    reporter.event(event);
  });
  if (kept && !options.quiet && !cancel) {
    reporter.notice(
      `Should this be killed, it goes on with: ${err.style('bold', err.foreign(jobCommand('resume', job.id, kept)))}`,
      err,
    );
  }
  const elsewhere =
    kept && ((task: string): string => out.foreign(jobCommand('complete', job.id, { db: kept.db }, [task])));
  const asked = cancel ? { ...loaded, externals: new Map() } : loaded;
  const externals = externalsFromStdin(job, asked, io.stdin, { ...reporter, columns: out.columns }, elsewhere);
  void out.broken.then(() => live.unsubscribe());
  cancel?.();
  try {
    const ended = await endOf(job, reporter, desk);
    reporter.stop();
    const unwritten = events?.close();
    if (unwritten)
      err.line(`The events can't be written to ${err.foreign(options.events ?? '')}: ${unwritten.message}.`);
    const exitCode = unwritten && ended.exitCode === EXIT.completed ? EXIT.failed : ended.exitCode;
    if (ended.result) report(asTold(ended.result, history), exitCode, outputs, about);
    if (printed && reporter.hidesOutput) out.line(out.style('gray', 'What the tasks printed is shown with --verbose.'));
    return exitCode;
  } finally {
    externals.stop();
    reporter.stop();
  }
};

/** What is told line by line needs nothing from before. */
const isLive = ({ hidesOutput }: Reporter): boolean => hidesOutput !== undefined;

type End = { readonly exitCode: number; readonly result?: JobResult };

/** The end of a job, or of the patience with it: a third signal does not wait. */
const endOf = async (job: Job, reporter: Reporter, { out, err, io }: RunDesk): Promise<End> => {
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
    const result = await (job as PromiseLike<JobResult>);
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
  { loaded, options, desk, kept, repeat }: Attended,
): void => {
  const { out, err, io } = desk;
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
  // A job that was stopped may have no failed task that says why; whoever sent a signal knows.
  const { state, error } = result;
  const stopped = state === 'cancelled' ? !cancellingSignal(error?.cause) : state === 'timedOut' || lines.length === 0;
  if (isInterrupted(result)) err.line(interruption(result, desk));
  else if (stopped && error) err.line(err.foreign(error.message));
  for (const line of lines) err.line(line);
  // Who stopped reading wants to hear no more.
  if (exitCode === exitCodeOfSignal('SIGPIPE')) return;
  const next = kept ? goOnCommand(result, kept, err) : (repeat?.(result, outputs) ?? []);
  for (const line of next) err.line(line);
};

/** A result by the history of its job: since that first began, and with the attempts of tasks since it last did. */
const asTold = (result: JobResult, history: JobHistory): JobResult => {
  reviveProcessErrors(result, history.tails);
  const { startedAt = result.startedAt } = history;
  const earlier = startedAt !== undefined && result.startedAt !== undefined ? result.startedAt - startedAt : 0;
  const tasks = Object.fromEntries(
    Object.entries(result.tasks).map(([name, task]) => [name, sinceBegin(task, history.begins.get(name))]),
  );
  return { ...result, tasks, ctx: result.ctx, startedAt, durationMs: result.durationMs + earlier } as JobResult;
};

const sinceBegin = (task: TaskResult, begin: number | undefined): TaskResult => {
  const { startedAt, durationMs } = task;
  if (begin === undefined || startedAt === undefined || durationMs === undefined) return task;
  return { ...task, startedAt: begin, durationMs: Math.max(0, startedAt + durationMs - begin) };
};

/** Why the journal took no more, in one line. */
const interruption = ({ error }: JobResult, { err: { foreign } }: RunDesk): string => {
  const { code } = (error?.cause ?? {}) as { readonly code?: unknown };
  return foreign(`${error?.message ?? ''}${typeof code === 'string' ? ` (${code})` : ''}`.replaceAll('\n', ' '));
};
