import { TaskError } from '../../engine/errors/errors.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { TaskState } from '../../events/event.ts';
import { ProcessError } from '../../executors/process/error.ts';
import { type HandledState, handlersOf } from '../../workflow/handlers.ts';
import type { Workflow } from '../../workflow/schema.ts';
import type { Tail } from '../stored/printed-lines.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { SKIP_REASONS } from '../terminal/skip-reasons.ts';
import { STATE_STYLES, STATE_WORDS } from '../terminal/state-style.ts';
import { cutEnd, cutMiddle, textWidth } from '../terminal/text-width.ts';
import { exitCodeOfTask, thrownBy } from './exit-code-of-task.ts';

/** Returns a table of how each task ended. On a terminal, unless `all`, leaves out fast tasks if there are many. */
export const statusTable = (
  workflow: Pick<Workflow, 'tasks' | 'handlers'>,
  definition: JobDefinition,
  result: JobResult,
  printer: Printer,
  all: boolean,
): readonly string[] => {
  const processes = processTasks(workflow);
  const handlers = new Map(handlersOf(workflow).map(({ task, states }) => [task.name, states]));
  const names = definition.tasks.map(({ name }) => name);
  const shown = all || printer.columns === Number.POSITIVE_INFINITY ? names : shownTasks(names, result);
  const rows = shown.map((name) => {
    const cells = row(name, result.tasks[name], processes.has(name), result.startedAt, printer);
    const unwanted =
      result.tasks[name]?.reason === 'when' && !handlers.get(name)?.includes(result.state as HandledState);
    return handlers.has(name) && unwanted
      ? withNote(cells, `not for a job that is ${STATE_WORDS[result.state] ?? result.state}`)
      : cells;
  });
  const fitted = fitColumns(rows, printer.columns);
  const lines = linesOf(fitted, printer);
  const hidden = names.length - shown.length;
  return hidden === 0 ? lines : [...lines, `… and ${hidden} completed tasks; --verbose shows all`];
};

/** With more tasks than this, a terminal shows only some of them. */
const MAX_ROWS = 100;

/** The number of completed tasks that are shown then: the slowest. */
const SLOWEST = 20;

const shownTasks = (names: readonly string[], { tasks }: JobResult): readonly string[] => {
  if (names.length <= MAX_ROWS) return names;
  const completed = names.filter((name) => tasks[name]?.state === 'completed');
  const slowest = completed.sort((a, b) => (tasks[b]?.durationMs ?? 0) - (tasks[a]?.durationMs ?? 0));
  const hidden = new Set(slowest.slice(SLOWEST));
  return names.filter((name) => !hidden.has(name));
};

/** Returns the names of the tasks that run as a process and so have an exit code. */
const processTasks = ({ tasks, handlers }: Pick<Workflow, 'tasks' | 'handlers'>): ReadonlySet<string> => {
  const list = [...tasks, ...Object.values(handlers ?? {}).flat()];
  return new Set(
    list.flatMap((task) => (task && PROCESS_TYPES.has(task.type) && !('map' in task && task.map) ? [task.name] : [])),
  );
};

const PROCESS_TYPES: ReadonlySet<string> = new Set(['bash', 'python', 'node']);

type Row = [name: string, state: string, attempts: string, start: string, duration: string, exit: string, note: string];

const HEAD: Row = ['TASK', 'STATE', 'ATTEMPTS', 'START', 'DURATION', 'EXIT', 'NOTE'];

const GAP = '  ';

/** The columns of numbers, aligned to the right. */
const RIGHT: ReadonlySet<number> = new Set([2, 3, 4, 5]);

const linesOf = (rows: readonly Row[], { style }: Printer): readonly string[] => {
  const widths = widthsOf(rows);
  const lineOf = (cells: Row, format: (cell: string, column: number) => string): string =>
    cells
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - textWidth(cell)));
        const shown = format(cell, column);
        return RIGHT.has(column) ? padding + shown : shown + padding;
      })
      .join(GAP)
      .trimEnd();
  return [
    lineOf(HEAD, (title) => style('bold', title)),
    ...rows.map((cells) =>
      lineOf(cells, (cell, column) => (column === 1 ? style(STATE_STYLES[cell as TaskState], cell) : cell)),
    ),
  ];
};

const widthsOf = (rows: readonly Row[]): readonly number[] =>
  HEAD.map((title, column) =>
    rows.reduce((width, cells) => Math.max(width, textWidth(cells[column] ?? '')), title.length),
  );

const row = (
  name: string,
  task: TaskResult | undefined,
  isProcess: boolean,
  jobStart: number | undefined,
  { sanitize }: Printer,
): Row => {
  const { startedAt, durationMs } = task ?? {};
  const exit = exitCodeOfTask(task?.error) ?? (isProcess && task?.state === 'completed' ? 0 : undefined);
  return [
    sanitize(name),
    task?.state ?? 'unscheduled',
    String(task?.attempts ?? 0),
    startedAt === undefined ? '' : `+${formatDuration(startedAt - (jobStart ?? startedAt))}`,
    durationMs === undefined ? '' : formatDuration(durationMs),
    exit === undefined ? '' : String(exit),
    task ? sanitize(note(task)) : '',
  ];
};

const withNote = (cells: Row, note: string): Row => [...cells.slice(0, -1), note] as unknown as Row;

/** Returns one line on why the task did not complete, or how many tasks of its nested job did. */
const note = (task: TaskResult): string => {
  const { state, error, reason, tasks } = task;
  const nested = tasks ? countOf(tasks) : '';
  if (!error) {
    if (state === 'notReady') return reason ?? '';
    if (state === 'skipped' || (state === 'cancelled' && !nested)) return SKIP_REASONS[reason ?? ''] ?? reason ?? '';
    return nested;
  }
  const allowed = error.tolerated ? ' (allowed to fail)' : '';
  if (error.code === 'UPSTREAM_FAILED') return `because ${firstOf(error).taskName} failed`;
  const thrown = thrownBy(error);
  if (thrown instanceof ProcessError) return `${lastLine(thrown)}${allowed}`.trim();
  const text = thrown instanceof Error ? thrown.message : error.message.replace(`Task "${error.taskName}" `, '');
  return `${nested && `${nested}: `}${text.split('\n', 1)[0]}${allowed}`;
};

const countOf = (tasks: Readonly<Record<string, TaskResult>>): string => {
  const all = Object.values(tasks);
  const count = (which: TaskState): number => all.filter(({ state }) => state === which).length;
  const skipped = count('skipped');
  return `${count('completed')} of ${all.length} completed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
};

/** Returns the line of output that best explains why a process failed. */
export const lastLine = ({ stdout, stderr }: Tail): string => {
  const lines = [...stdout.slice(-1), ...stderr].filter((line) => line.trim() !== '');
  // Skip the stack, and the version that Node.js prints after an error.
  return (lines.findLast((line) => !/^Node\.js v\d/.test(line) && !/^ {4}at /.test(line)) ?? '').trim();
};

/** Returns the failure at the start of a chain of skipped tasks. */
const firstOf = (error: TaskError): TaskError => {
  let first = error;
  while (first.code === 'UPSTREAM_FAILED' && first.cause instanceof TaskError) first = first.cause;
  return first;
};

/** Cuts names, then notes, to the width that the other columns leave. */
const fitColumns = (rows: readonly Row[], columns: number): readonly Row[] => {
  if (columns === Number.POSITIVE_INFINITY) return rows;
  const widths = widthsOf(rows);
  const [name = 0, , , , , , note = 0] = widths;
  const rest = columns - widths.slice(1, 6).reduce((sum, width) => sum + width, 0) - GAP.length * (HEAD.length - 1);
  const nameWidth = Math.max(MIN_WIDTH, Math.min(name, Math.max(rest - note, Math.ceil(rest / 2))));
  const noteWidth = Math.max(MIN_WIDTH, rest - nameWidth);
  return rows.map(([name, state, attempts, start, duration, exit, note]) => [
    cutMiddle(name, nameWidth),
    state,
    attempts,
    start,
    duration,
    exit,
    cutEnd(note, noteWidth),
  ]);
};

const MIN_WIDTH = 8;
