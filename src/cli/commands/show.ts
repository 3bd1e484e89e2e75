import { Option } from 'commander';
import { JobDefinitionError } from '../../engine/errors/errors.ts';
import { beganAt, type JobRecord, type StoredTask } from '../../engine/model/job-record.ts';
import { errorToShow } from '../../engine/model/task-record.ts';
import type { JobProgress } from '../../engine/views/progress.ts';
import { type ErrorData, textOf } from '../../events/error-data.ts';
import { padEnd } from '../../events/text-width.ts';
import type { ProcessError } from '../../executors/process/error.ts';
import { TRACE_FORMATS, type TraceFormat } from '../../telemetry/stored-trace.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { fittedTable, lastLine, taskColumns } from '../attend/status-table.ts';
import { tailLines } from '../attend/summary.ts';
import { formatLeft } from '../live/frame.ts';
import { findJob } from '../stored/find-job.ts';
import { pairsText, storedParams } from '../stored/job-params.ts';
import type { Tail } from '../stored/printed-lines.ts';
import { isTolerated } from '../stored/shape-tasks.ts';
import { jobDuration, jobFacts, shownState } from '../stored/shown-state.ts';
import { growthOf, readStoredJob, type StoredJob, taskPaths } from '../stored/stored-job.ts';
import { processErrorOf } from '../stored/stored-process-error.ts';
import { storedProgress } from '../stored/stored-progress.ts';
import type { JournalContext } from '../stored/with-journal.ts';
import { printTrace, writeTrace } from '../stored/write-trace.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import { formatClock, formatDate, formatDuration } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { COMPLETED_REASONS, paintState, SKIP_REASONS } from '../terminal/state-style.ts';
import { drawStored } from './draw-stored.ts';
import {
  actionAnywhere,
  type DefineCommand,
  fileName,
  INTERRUPTED,
  JOB_NAMES,
  noColour,
  withJob,
} from './shared-options.ts';
import { type JobPlace, withJobs } from './with-jobs.ts';

/** Defines `tintype show`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withJob(command, HELP)
      .option('--graph', 'draw its tasks and what they wait for')
      .option(
        '--trace <file>',
        'write a trace file, to be opened in a viewer such as Perfetto; - is stdout, alone',
        fileName,
      )
      .addOption(
        new Option(
          '--trace-format <format>',
          "Chrome's trace-event format, or the transitions of the job and its tasks as JSON",
        )
          .choices(TRACE_FORMATS)
          .default('chrome'),
      )
      .addOption(new Option('--json', 'print all of it as one JSON value, outputs included').conflicts('graph')),
  ).action(
    actionAnywhere(context, (io, options, job) => showJob(job, options, io), {
      options: ['graph', 'json', 'trace', 'traceFormat'],
      work: (server, io, options, job) => showJob(job, { ...options, server }, io),
    }),
  );

const HELP = `
Examples:
  tintype show last
  tintype show 3f2a --graph
  tintype show 3f2a --json
  tintype show 3f2a --trace trace.json

${JOB_NAMES}
${INTERRUPTED}
`;

export type ShowOptions = JobPlace & {
  readonly json?: boolean;
  readonly graph?: boolean;
  /** The trace file; `-` for stdout, and nothing else is printed. */
  readonly trace?: string;
  /** Default `chrome`. */
  readonly traceFormat?: TraceFormat;
};

/** Prints one job: its facts, tasks and errors. Resolves to the exit code. */
export const showJob = (name: string, options: ShowOptions, io: CliIo): Promise<number> =>
  withJobs(options, io, async (context) => {
    const { journal, out } = context;
    const job = await findJob(journal, name);
    const { trace, traceFormat = 'chrome' } = options;
    if (trace === '-') {
      if (options.json || options.graph)
        throw new UsageError(
          'The trace goes to stdout, so nothing else can: leave out --json and --graph, or name a file.',
        );
      return printTrace(context, job, traceFormat);
    }
    if (trace !== undefined) await writeTrace(context, job, trace, traceFormat);
    const stored = await readStoredJob(journal, job);
    const now = Date.now();
    const progress = await storedProgress(journal, stored, now);
    if (options.json) {
      out.line(inertJson(JSON.stringify({ ...storedJobJson(stored, now), progress })));
      return EXIT.completed;
    }
    const tasks = taskPaths(stored).length > 0 ? ['', ...taskTable(stored, out, now)] : [];
    for (const line of [...head(stored, progress, out, now), ...tasks, ...errorLines(stored, out)]) out.line(line);
    if (options.graph) await drawShape(stored, context);
    if (trace !== undefined) {
      out.line();
      out.line(`Its trace is in ${out.sanitize(trace)}.`);
    }
    if (shownState(stored.job) === 'interrupted') {
      out.line();
      out.line(resumeHint([stored.job], options, out));
    }
    return EXIT.completed;
  });

const head = (
  { job, record }: StoredJob,
  progress: JobProgress | undefined,
  out: Printer,
  now: number,
): readonly string[] => {
  const { sanitize } = out;
  const duration = jobDuration(job, now);
  const took = duration === undefined ? '' : formatDuration(duration);
  const reason = record.reason === undefined || record.error ? '' : `  ${sanitize(record.reason)}`;
  const params = storedParams(job);
  const labels = pairsText(job.labels);
  const facts: (readonly [string, string] | false)[] = [
    ['job', sanitize(job.id)],
    ['name', sanitize(job.name)],
    job.key !== undefined && ['key', sanitize(job.key)],
    ['state', paintState(out)(shownState(job)) + reason],
    ['created', formatDate(job.createdAt)],
    job.startedAt !== undefined && ['started', formatDate(job.startedAt)],
    job.endedAt !== undefined && ['ended', `${formatDate(job.endedAt)}${took && `, after ${took}`}`],
    job.endedAt === undefined && took !== '' && ['lasted', `${took} so far`],
    progress !== undefined && ['done', progressText(progress)],
    record.resumptions > 0 && ['resumed', record.resumptions === 1 ? 'once' : `${record.resumptions} times`],
    job.forkedFrom !== undefined && ['forked from', sanitize(job.forkedFrom)],
    params !== undefined && ['params', sanitize(pairsText(params))],
    labels !== '' && ['labels', sanitize(labels)],
    ...metadataFacts(metadataOf(job.metadata)).map(([key, text]) => [sanitize(key), sanitize(text)] as const),
  ];
  return facts.flatMap((fact) => (fact ? [`${padEnd(fact[0], LABEL_WIDTH)}  ${fact[1]}`] : []));
};

const progressText = ({ fraction, leftMs }: JobProgress): string =>
  `${Math.floor(fraction * 100)}%${leftMs === undefined ? '' : `, about ${formatLeft(leftMs)} left`}`;

const LABEL_WIDTH = 'forked from'.length;

const metadataOf = (json: string): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
};

/** Returns metadata as keys and texts. If a command stored the metadata, its times are shown as durations. */
const metadataFacts = (metadata: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] => {
  const isOfRun = typeof metadata.workers === 'number' && typeof metadata.grace === 'number';
  return Object.entries(metadata).map(([key, value]) => {
    const isTime = isOfRun && (key === 'grace' || key === 'timeout') && typeof value === 'number';
    return [key, isTime ? durationText(value) : isList(value) ? value.join(', ') : textOf(value)];
  });
};

const isList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const durationText = (ms: number): string => (ms % 1000 === 0 && ms < 60_000 ? `${ms / 1000}s` : formatDuration(ms));

export const taskTable = (stored: StoredJob, out: Printer, now: number): readonly string[] => {
  const { job, record, tails } = stored;
  const exits = new Map(
    [...record.tasks].flatMap(([path, { state, error, lastError }]) => {
      const failed = state === 'retrying' ? lastError : state === 'failed' ? error : undefined;
      const process = failed && processOf(failed, tails.get(path));
      return process ? [[path, process] as const] : [];
    }),
  );
  const rows = taskPaths(stored).map((path) => {
    const task = record.tasks.get(path);
    const startedAt = task && beganAt(record, task);
    const duration = task && taskDuration(task, stored, now);
    const process = exits.get(path);
    return [
      out.sanitize(path),
      task?.state ?? 'unscheduled',
      String(task?.attempts ?? 0),
      startedAt === undefined ? '' : `+${formatDuration(Math.max(0, startedAt - (job.startedAt ?? startedAt)))}`,
      duration === undefined ? '' : formatDuration(duration),
      ...(exits.size > 0 ? [String(process?.signal ?? process?.exitCode ?? '')] : []),
      task ? out.sanitize(note(task, path, stored, process)) : '',
    ];
  });
  const columns = taskColumns(out).filter(({ title }) => title !== 'EXIT' || exits.size > 0);
  return fittedTable(columns, rows, out);
};

/** Returns how long a task has run, in ms: until its end, until now or, if interrupted, until the job's last update. */
const taskDuration = (task: StoredTask, stored: StoredJob, now: number): number | undefined => {
  const startedAt = beganAt(stored.record, task);
  if (startedAt === undefined) return undefined;
  const { job } = stored;
  const until = task.endedAt ?? job.endedAt ?? (shownState(job) === 'interrupted' ? job.updatedAt : now);
  return Math.max(0, until - startedAt);
};

/** Returns the process error that caused a stored error; `undefined` if none did. */
const processOf = (error: StoredError, tail: Tail | undefined): ProcessError | undefined => {
  const thrown = thrownOf(error);
  return thrown && processErrorOf(thrown, tail);
};

/** Returns the error that a task threw, without the errors wrapped around it. */
const thrownOf = ({ cause }: StoredError): ErrorData | undefined => {
  const data = cause as ErrorData | undefined;
  return data?.cause && WRAPPERS.has(data.name) ? thrownOf(data) : data;
};

const WRAPPERS: ReadonlySet<string> = new Set(['TaskError', 'JobError', 'NonRetryableError', 'RetryAfterError']);

/** Returns one line on why a task is in its state. */
const note = (
  task: StoredTask,
  path: string,
  { record, shape }: StoredJob,
  process: ProcessError | undefined,
): string => {
  const { state, reason, error, lastError, dueAt } = task;
  const again = dueAt === undefined ? '' : `again at ${formatClock(dueAt)}`;
  if (state === 'retrying') return [again, lastError ? whyOf(lastError, path) : reason].filter(Boolean).join(': ');
  if (state === 'polling') return again;
  if (state === 'skipped' && error) return `because ${culpritOf(path, record)} failed`;
  if (state === 'skipped' || state === 'notReady' || state === 'cancelled')
    return SKIP_REASONS[reason ?? ''] ?? reason ?? '';
  if (!error || state === 'completed') return COMPLETED_REASONS[reason ?? ''] ?? reason ?? '';
  const why = (process && lastLine(process)) || whyOf(error, path);
  return isTolerated(path, shape) ? `${why} (allowed to fail)` : why;
};

/** Returns the failed task at the start of a chain of skipped tasks. Each task's error names the task before. */
const culpritOf = (path: string, record: JobRecord): string => {
  const before = UPSTREAM.exec(record.tasks.get(path)?.error?.message ?? '')?.[1];
  return before === undefined || before === path ? path : culpritOf(before, record);
};

const UPSTREAM = /, because "(.*)" upstream of it (?:failed|was skipped)\.$/;

const whyOf = ({ message, cause }: StoredError, path: string): string =>
  ((cause as ErrorData | undefined)?.message ?? message.replace(`Task "${path}" `, '')).split('\n', 1)[0] ?? '';

/** An error as read from a journal: plain data. */
type StoredError = NonNullable<StoredTask['error']>;

/** Returns lines with the error of the task that failed first, and the error of the job if that says more. */
export const errorLines = ({ record, tails, shape }: StoredJob, { style, sanitize }: Printer): readonly string[] => {
  const failed = [...record.tasks].filter(
    ([path, { state, error }]) => state === 'failed' && error !== undefined && !isTolerated(path, shape),
  );
  const [path = '', first] = failed.toSorted(([, a], [, b]) => (a.endedSeq ?? 0) - (b.endedSeq ?? 0))[0] ?? [];
  const line = (title: string, { message, code }: StoredError, thrown = code): string =>
    `${style('red', title)} ${sanitize(message)}${thrown === undefined ? '' : ` (${sanitize(thrown)})`}`;
  const isAll =
    first?.error !== undefined && record.error?.message.includes(first.error.message.replace(/\.$/, '')) === true;
  const lines = [
    ...(record.error && !isAll ? [line('Error:', record.error)] : []),
    ...(first?.error ? [line('First error:', first.error, thrownOf(first.error)?.code)] : []),
    ...(first?.error ? tailLines(processOf(first.error, tails.get(path)), sanitize) : []),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
};

const drawShape = async (
  stored: StoredJob,
  { out, err, io }: Pick<JournalContext, 'out' | 'err' | 'io'>,
): Promise<void> => {
  out.line();
  out.flush();
  try {
    if (stored.shape) await drawStored(stored, { format: 'text' }, io);
    else err.line('The journal does not say what its tasks wait for, so they can not be drawn.');
  } catch (error) {
    if (!(error instanceof JobDefinitionError)) throw error;
    err.line(`Its tasks can't be drawn: ${err.sanitize(error.message)}`);
  }
};

/** Returns the whole job as plain data. Times are in epoch ms, durations in ms, input and outputs in stored form. */
export const storedJobJson = (stored: StoredJob, now: number): object => {
  const { job, record, shape } = stored;
  const { added } = growthOf(record);
  const upstream = new Map(shape?.map(({ name, dependsOn }) => [name, dependsOn]));
  const { id, name, key, state, ...facts } = jobFacts(job, now);
  return {
    id,
    name,
    key,
    state,
    reason: record.reason,
    ...facts,
    resumptions: record.resumptions,
    error: record.error,
    // A server tells neither this nor the options.
    fingerprint: job.fingerprint || undefined,
    metadata: JSON.parse(job.metadata),
    options: job.fingerprint ? JSON.parse(job.options) : undefined,
    input: JSON.parse(job.input),
    tasks: Object.fromEntries(
      taskPaths(stored).map((path) => [
        path,
        taskJson(record.tasks.get(path), added.get(path) ?? upstream.get(path), stored, now),
      ]),
    ),
  };
};

const taskJson = (
  task: StoredTask | undefined,
  dependsOn: readonly string[] | undefined,
  stored: StoredJob,
  now: number,
): unknown => ({
  state: task?.state ?? 'unscheduled',
  dependsOn,
  attempts: task?.attempts ?? 0,
  polls: task?.polls || undefined,
  interruptions: task?.interruptions || undefined,
  startedAt: task && beganAt(stored.record, task),
  endedAt: task?.endedAt,
  durationMs: task && taskDuration(task, stored, now),
  dueAt: task?.state === 'retrying' || task?.state === 'polling' ? task.dueAt : undefined,
  reason: task?.reason,
  error: task && errorToShow(task),
  output: task?.output,
});
