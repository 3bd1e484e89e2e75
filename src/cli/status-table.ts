import Table from 'cli-table3';
import { TaskError } from '../engine/errors.ts';
import type { JobResult, TaskResult } from '../engine/job-result.ts';
import type { TaskState } from '../events/event.ts';
import { ProcessError } from '../executors/process-error.ts';
import { formatDuration } from './format-time.ts';
import type { Printer } from './printer.ts';
import { STATE_STYLES } from './state-style.ts';
import { cutEnd, cutMiddle, textWidth } from './text-width.ts';

/** How each task ended, in the order of the file, as lines; on a terminal no wider than that. */
export const statusTable = (names: readonly string[], result: JobResult, printer: Printer): readonly string[] => {
  const rows = names.map((name) => row(name, result.tasks[name], result.startedAt, printer));
  const fitted = fitColumns(rows, printer.columns);
  const table = new Table({
    chars: BORDERLESS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
  });
  table.push(
    HEAD.map((title) => printer.style('bold', title)),
    ...fitted.map(([name, state, ...rest]) => [name, printer.style(STATE_STYLES[state as TaskState], state), ...rest]),
  );
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
};

type Row = [name: string, state: string, attempts: string, start: string, duration: string, note: string];

const HEAD: Row = ['TASK', 'STATE', 'ATTEMPTS', 'START', 'DURATION', 'NOTE'];
const GAP = '  ';

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: GAP,
};

const row = (name: string, task: TaskResult | undefined, jobStart: number | undefined, { foreign }: Printer): Row => {
  const { startedAt, durationMs } = task ?? {};
  return [
    foreign(name),
    task?.state ?? 'unscheduled',
    String(task?.attempts ?? 0),
    startedAt === undefined ? '' : `+${formatDuration(startedAt - (jobStart ?? startedAt))}`,
    durationMs === undefined ? '' : formatDuration(durationMs),
    task ? foreign(note(task)) : '',
  ];
};

/** What a reader asks next: the exit code, or why. One line. */
const note = ({ state, error, reason }: TaskResult): string => {
  if (!error) return state === 'notReady' ? (reason ?? '') : '';
  const allowed = error.tolerated ? ' (allowed to fail)' : '';
  if (error.code === 'UPSTREAM_FAILED') return `because ${firstOf(error).taskName} failed`;
  const { cause } = error;
  if (cause instanceof ProcessError) return `${cause.signal ?? `exit code ${cause.exitCode}`}${allowed}`;
  const text = cause instanceof Error ? cause.message : error.message.replace(`Task "${error.taskName}" `, '');
  return `${text.split('\n', 1)[0]}${allowed}`;
};

/** The failure that a chain of skipped tasks leads to. */
const firstOf = (error: TaskError): TaskError => {
  let first = error;
  while (first.code === 'UPSTREAM_FAILED' && first.cause instanceof TaskError) first = first.cause;
  return first;
};

/** Cuts names, then notes, to what is left of the terminal beside the rest. */
const fitColumns = (rows: readonly Row[], columns: number): readonly Row[] => {
  if (columns === Number.POSITIVE_INFINITY) return rows;
  const widths = HEAD.map((title, column) =>
    rows.reduce((width, cells) => Math.max(width, textWidth(cells[column] ?? '')), title.length),
  );
  const [name = 0, , , , , note = 0] = widths;
  const rest = columns - widths.slice(1, 5).reduce((sum, width) => sum + width, 0) - GAP.length * (HEAD.length - 1);
  const nameWidth = Math.max(MIN_WIDTH, Math.min(name, Math.max(rest - note, Math.ceil(rest / 2))));
  const noteWidth = Math.max(MIN_WIDTH, rest - nameWidth);
  return rows.map(([name, state, attempts, start, duration, note]) => [
    cutMiddle(name, nameWidth),
    state,
    attempts,
    start,
    duration,
    cutEnd(note, noteWidth),
  ]);
};

const MIN_WIDTH = 8;
