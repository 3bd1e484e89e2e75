import type { TaskRecord } from '../engine/durable/job-record.ts';
import { JobDefinitionError } from '../engine/errors.ts';
import type { ErrorData } from '../events/error-data.ts';
import { textOf } from '../events/error-data.ts';
import type { TaskState } from '../events/event.ts';
import { EXIT } from './exit-code.ts';
import { findJob } from './find-job.ts';
import { formatDate } from './format-date.ts';
import { formatClock, formatDuration } from './format-time.ts';
import { graph } from './graph.ts';
import type { CliIo } from './io.ts';
import { growthOf, type KeptJob, readKeptJob, taskPaths } from './kept-job.ts';
import type { Printer } from './printer.ts';
import { resumeHint } from './resume-hint.ts';
import { shapeDefinition } from './shape-definition.ts';
import { jobDuration, shownState } from './shown-state.ts';
import { SKIP_REASONS } from './skip-reasons.ts';
import { paintState } from './state-paint.ts';
import { textTable } from './text-table.ts';
import { padEnd } from './text-width.ts';
import { type Desk, withJournal } from './with-journal.ts';

export type ShowOptions = { readonly db: string; readonly json?: boolean; readonly graph?: boolean };

/** Shows one job: what it is, its tasks, and what went wrong. Resolves to the exit code. */
export const showJob = (name: string, options: ShowOptions, io: CliIo): Promise<number> =>
  withJournal(options.db, io, async (desk) => {
    const { journal, out } = desk;
    const kept = await readKeptJob(journal, await findJob(journal, name));
    const now = Date.now();
    if (options.json) {
      out.line(JSON.stringify(keptJson(kept, now)));
      return EXIT.completed;
    }
    const tasks = taskPaths(kept).length > 0 ? ['', ...taskTable(kept, out, now)] : [];
    for (const line of [...head(kept, out, now), ...tasks, ...errorLines(kept, out)]) out.line(line);
    if (options.graph) await drawShape(kept, desk);
    if (shownState(kept.job, now) === 'interrupted') {
      out.line();
      out.line(resumeHint(kept.job.id, options.db, out));
    }
    return EXIT.completed;
  });

const head = ({ job, record }: KeptJob, out: Printer, now: number): readonly string[] => {
  const { foreign } = out;
  const duration = jobDuration(job, now);
  const took = duration === undefined ? '' : formatDuration(duration);
  const reason = record.reason === undefined || record.error ? '' : `  ${foreign(record.reason)}`;
  const facts: (readonly [string, string] | false)[] = [
    ['job', foreign(job.id)],
    ['name', foreign(job.name)],
    job.key !== undefined && ['key', foreign(job.key)],
    ['state', paintState(out)(shownState(job, now)) + reason],
    ['created', formatDate(job.createdAt)],
    job.startedAt !== undefined && ['started', formatDate(job.startedAt)],
    job.endedAt !== undefined && ['ended', `${formatDate(job.endedAt)}${took && `, after ${took}`}`],
    job.endedAt === undefined && took !== '' && ['lasted', `${took} so far`],
    record.resumptions > 0 && ['resumed', record.resumptions === 1 ? 'once' : `${record.resumptions} times`],
    job.forkedFrom !== undefined && ['forked from', foreign(job.forkedFrom)],
    ...Object.entries(metadataOf(job.metadata)).map(([key, value]) => [foreign(key), foreign(textOf(value))] as const),
  ];
  return facts.flatMap((fact) => (fact ? [`${padEnd(fact[0], LABEL_WIDTH)}  ${fact[1]}`] : []));
};

const LABEL_WIDTH = 'forked from'.length;

const metadataOf = (json: string): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
};

const taskTable = (kept: KeptJob, out: Printer, now: number): readonly string[] => {
  const rows = taskPaths(kept).map((path) => {
    const task = kept.record.tasks.get(path);
    const { startedAt } = task ?? {};
    const duration = task && taskDuration(task, kept, now);
    return [
      out.foreign(path),
      task?.state ?? 'unscheduled',
      String(task?.attempts ?? 0),
      startedAt === undefined ? '' : `+${formatDuration(Math.max(0, startedAt - (kept.job.startedAt ?? startedAt)))}`,
      duration === undefined ? '' : formatDuration(duration),
      task ? out.foreign(note(task, path)) : '',
    ];
  });
  return textTable(
    [
      { title: 'TASK', cut: 'middle' },
      { title: 'STATE', paint: paintState(out) },
      { title: 'ATTEMPTS', right: true },
      { title: 'START', right: true },
      { title: 'DURATION', right: true },
      { title: 'NOTE', cut: 'end' },
    ],
    rows,
    out,
  );
};

/** To its end, till now, or till the job was last heard of; in ms. */
const taskDuration = ({ startedAt, endedAt }: TaskRecord, { job }: KeptJob, now: number): number | undefined => {
  if (startedAt === undefined) return undefined;
  const until = endedAt ?? job.endedAt ?? (shownState(job, now) === 'interrupted' ? job.updatedAt : now);
  return Math.max(0, until - startedAt);
};

/** What a reader asks next: why. One line. */
const note = ({ state, reason, error, lastError, dueAt }: TaskRecord, path: string): string => {
  const again = dueAt === undefined ? '' : `again at ${formatClock(dueAt)}`;
  if (state === 'retrying') return [again, lastError ? whyOf(lastError, path) : reason].filter(Boolean).join(': ');
  if (state === 'polling') return again;
  if (state === 'skipped' || state === 'notReady') return SKIP_REASONS[reason ?? ''] ?? reason ?? '';
  return error && state !== 'completed' ? whyOf(error, path) : (reason ?? '');
};

const whyOf = ({ message, cause }: KeptError, path: string): string =>
  ((cause as ErrorData | undefined)?.message ?? message.replace(`Task "${path}" `, '')).split('\n', 1)[0] ?? '';

/** An error of a record, which read from a journal is data. */
type KeptError = NonNullable<TaskRecord['error']>;

/** The error of the job, and that of the task that failed first where it is another one. */
const errorLines = ({ record }: KeptJob, { style, foreign }: Printer): readonly string[] => {
  const failed = [...record.tasks.values()].filter(({ state, error }) => state === FAILED && error !== undefined);
  const first = failed.reduce<TaskRecord | undefined>(
    (earliest, task) => ((task.endedAt ?? 0) < (earliest?.endedAt ?? Number.POSITIVE_INFINITY) ? task : earliest),
    undefined,
  );
  const line = (title: string, { message, code }: KeptError): string =>
    `${style('red', title)} ${foreign(message)}${code === undefined ? '' : ` (${foreign(code)})`}`;
  const lines = [
    ...(record.error ? [line('Error:', record.error)] : []),
    ...(first?.error && !record.error?.message.includes(first.error.message)
      ? [line('First error:', first.error)]
      : []),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
};

const FAILED: TaskState = 'failed';

const drawShape = async ({ job, shape, record }: KeptJob, { out, err, io }: Desk): Promise<void> => {
  out.line();
  out.flush();
  try {
    if (shape) await graph(shapeDefinition(job.name, shape, record), { format: 'text' }, io);
    else err.line('The journal does not say what its tasks wait for, so they can not be drawn.');
  } catch (error) {
    if (!(error instanceof JobDefinitionError)) throw error;
    err.line(`Its tasks can't be drawn: ${err.foreign(error.message)}`);
  }
};

/** Everything, as plain data: times in epoch ms, durations in ms, input and outputs in the form in which they are kept. */
const keptJson = (kept: KeptJob, now: number): unknown => {
  const { job, record, shape } = kept;
  const { added } = growthOf(record);
  const upstream = new Map(shape?.map(({ name, dependsOn }) => [name, dependsOn]));
  return {
    id: job.id,
    name: job.name,
    key: job.key,
    state: shownState(job, now),
    reason: record.reason,
    createdAt: job.createdAt,
    startedAt: job.startedAt,
    endedAt: job.endedAt,
    durationMs: jobDuration(job, now),
    updatedAt: job.updatedAt,
    forkedFrom: job.forkedFrom,
    resumptions: record.resumptions,
    error: record.error,
    fingerprint: job.fingerprint,
    metadata: JSON.parse(job.metadata),
    options: JSON.parse(job.options),
    input: JSON.parse(job.input),
    tasks: Object.fromEntries(
      taskPaths(kept).map((path) => [
        path,
        taskJson(record.tasks.get(path), added.get(path) ?? upstream.get(path), kept, now),
      ]),
    ),
  };
};

const taskJson = (
  task: TaskRecord | undefined,
  dependsOn: readonly string[] | undefined,
  kept: KeptJob,
  now: number,
): unknown => ({
  state: task?.state ?? 'unscheduled',
  dependsOn,
  attempts: task?.attempts ?? 0,
  polls: task?.polls || undefined,
  interruptions: task?.interruptions || undefined,
  startedAt: task?.startedAt,
  endedAt: task?.endedAt,
  durationMs: task && taskDuration(task, kept, now),
  dueAt: task?.state === 'retrying' || task?.state === 'polling' ? task.dueAt : undefined,
  reason: task?.reason,
  error: task?.error ?? (task?.state === 'completed' ? undefined : task?.lastError),
  output: task?.output,
});
