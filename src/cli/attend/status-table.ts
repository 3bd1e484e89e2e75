import { TaskError } from '../../engine/errors/errors.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { TaskState } from '../../events/event.ts';
import { cutEnd, cutMiddle } from '../../events/text-width.ts';
import { ProcessError } from '../../executors/process/error.ts';
import { type HandledState, handlersOf } from '../../workflow/handlers.ts';
import type { Workflow } from '../../workflow/schema.ts';
import type { Tail } from '../stored/printed-lines.ts';
import { counted } from '../terminal/counted.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { COMPLETED_REASONS, paintState, SKIP_REASONS, STATE_WORDS } from '../terminal/state-style.ts';
import { type Column, columnWidths, GAP, textTable } from '../terminal/text-table.ts';
import { wordsOf, wrapText } from '../terminal/wrap-text.ts';
import { exitCodeOfTask, thrownBy } from './exit-code-of-task.ts';

/** Returns a table of how each task ended. Unless `all`, a long table on a terminal leaves out fast tasks. */
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
    const task = result.tasks[name];
    const states = handlers.get(name);
    const isUnwanted = task?.reason === 'when' && states && !states.includes(result.state as HandledState);
    const why = isUnwanted ? `not for a job that is ${STATE_WORDS[result.state] ?? result.state}` : undefined;
    return row(name, task, processes.has(name), result.startedAt, printer, why);
  });
  const lines = fittedTable(taskColumns(printer), rows, printer);
  const hidden = names.length - shown.length;
  return hidden === 0 ? lines : [...lines, `… and ${counted(hidden, 'completed task')}; --verbose shows all`];
};

/** If there are more tasks than this, a terminal shows a shortened table. */
const MAX_ROWS = 100;

/** A shortened table shows this many completed tasks: the slowest. */
const SLOWEST = 20;

const shownTasks = (names: readonly string[], { tasks }: JobResult): readonly string[] => {
  if (names.length <= MAX_ROWS) return names;
  const completed = names.filter((name) => tasks[name]?.state === 'completed');
  const slowest = completed.sort((a, b) => (tasks[b]?.durationMs ?? 0) - (tasks[a]?.durationMs ?? 0));
  const hidden = new Set(slowest.slice(SLOWEST));
  return names.filter((name) => !hidden.has(name));
};

/** Returns the names of the tasks that run one process, and so have an exit code. */
const processTasks = ({ tasks, handlers }: Pick<Workflow, 'tasks' | 'handlers'>): ReadonlySet<string> => {
  const list = [...tasks, ...Object.values(handlers ?? {}).flat()];
  return new Set(
    list.flatMap((task) => (task && PROCESS_TYPES.has(task.type) && !('map' in task && task.map) ? [task.name] : [])),
  );
};

const PROCESS_TYPES: ReadonlySet<string> = new Set(['bash', 'python', 'node', 'spark']);

/** Returns the columns of a table of tasks. */
export const taskColumns = (printer: Printer): readonly Column[] => [
  { title: 'TASK', cut: 'middle' },
  { title: 'STATE', paint: paintState(printer) },
  { title: 'ATTEMPTS', right: true },
  { title: 'START', right: true },
  { title: 'DURATION', right: true },
  { title: 'EXIT', right: true },
  { title: 'NOTE', cut: 'end' },
];

const row = (
  name: string,
  task: TaskResult | undefined,
  isProcess: boolean,
  jobStart: number | undefined,
  { sanitize }: Printer,
  why?: string,
): readonly string[] => {
  const { startedAt, durationMs } = task ?? {};
  const exit =
    exitCodeOfTask(task?.error) ??
    (isProcess && task?.state === 'completed' && task.reason !== 'upToDate' ? 0 : undefined);
  return [
    sanitize(name),
    task?.state ?? 'unscheduled',
    String(task?.attempts ?? 0),
    startedAt === undefined ? '' : `+${formatDuration(startedAt - (jobStart ?? startedAt))}`,
    durationMs === undefined ? '' : formatDuration(durationMs),
    exit === undefined ? '' : String(exit),
    why ?? (task ? sanitize(note(task)) : ''),
  ];
};

/** Returns one line on why the task did not complete, or how many tasks of its nested job completed. */
const note = (task: TaskResult): string => {
  const { state, error, reason, tasks } = task;
  const nested = tasks ? countOf(tasks) : '';
  if (!error) {
    if (state === 'notReady') return reason ?? '';
    if (state === 'skipped' || (state === 'cancelled' && !nested)) return SKIP_REASONS[reason ?? ''] ?? reason ?? '';
    return nested || (reason === undefined ? '' : (COMPLETED_REASONS[reason] ?? ''));
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

/** Returns the failure that caused a chain of skipped tasks. */
const firstOf = (error: TaskError): TaskError => {
  let first = error;
  while (first.code === 'UPSTREAM_FAILED' && first.cause instanceof TaskError) first = first.cause;
  return first;
};

/** Lays out a table of tasks. In a narrow window what does not fit beside name, state and duration stands below them. */
export const fittedTable = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  printer: Pick<Printer, 'columns' | 'style'>,
): readonly string[] => {
  const room = printer.columns;
  const widths = columnWidths(columns, rows).slice(1, -1);
  const rest = room - widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1));
  if (rest < MIN_REST) return narrowTable(columns, rows, printer);
  return textTable(columns, fitRows(rows, columns, room), { ...printer, columns: Number.POSITIVE_INFINITY });
};

/** The least width of name and note, together, that lets them stand beside all other columns. */
const MIN_REST = 24;

const narrowTable = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  printer: Pick<Printer, 'columns' | 'style'>,
): readonly string[] => {
  const at = (title: string): number => columns.findIndex((column) => column.title === title);
  const kept = [at('TASK'), at('STATE'), at('DURATION')];
  const [title = '', ...lines] = textTable(
    kept.map((index) => columns[index] as Column),
    rows.map((cells) => kept.map((index) => cells[index] ?? '')),
    printer,
  );
  const below = (cells: readonly string[]): readonly string[] => {
    const [attempts, exit, note] = [cells[at('ATTEMPTS')], cells[at('EXIT')], cells[at('NOTE')]];
    const facts = [
      Number(attempts) > 1 ? `${attempts} attempts` : '',
      exit && exit !== '0' ? `exit ${exit}` : '',
      note ?? '',
    ].filter((fact) => fact !== '');
    const look = { columns: printer.columns, indents: ['  ', '  '], style: printer.style, ellipsis: '…' } as const;
    return wrapText(wordsOf(facts.join(', ')), look);
  };
  return [title, ...lines.flatMap((line, index) => [line, ...below(rows[index] ?? [])])];
};

/** Cuts names, then notes, to the width that the other columns leave. */
const fitRows = (
  rows: readonly (readonly string[])[],
  columns: readonly Column[],
  room: number,
): readonly (readonly string[])[] => {
  if (room === Number.POSITIVE_INFINITY) return rows;
  const widths = columnWidths(columns, rows);
  const [name = 0, note = 0] = [widths[0], widths.at(-1)];
  const others = widths.slice(1, -1).reduce((sum, width) => sum + width, GAP.length * (columns.length - 1));
  const rest = room - others;
  const nameWidth = Math.max(MIN_WIDTH, Math.min(name, Math.max(rest - note, Math.ceil(rest / 2))));
  const noteWidth = Math.max(MIN_WIDTH, rest - nameWidth);
  return rows.map(([name = '', ...cells]) => {
    const note = cells.pop() ?? '';
    return [cutMiddle(name, nameWidth), ...cells, cutEnd(note, noteWidth)];
  });
};

const MIN_WIDTH = 8;
