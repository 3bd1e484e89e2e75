import { beganAt, type JobRecord } from '../../engine/model/job-record.ts';
import type {
  JobEvent,
  JobResumed,
  JobTransition,
  LogLevel,
  Stamp,
  TaskLog,
  TaskTransition,
} from '../../events/event.ts';
import { LEVELS, levelOf } from '../../events/levels.ts';
import { redactedText } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { cutMiddle, padEnd, textWidth } from '../../events/text-width.ts';
import { counted } from '../terminal/counted.ts';
import { formatClock, formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { COMPLETED_REASONS, SKIP_REASONS, STATE_STYLES, STATE_WORDS } from '../terminal/state-style.ts';
import { logText } from './log-text.ts';

/**
 * Prints a line for each transition, log line and progress of a task; with `includeJob`, for the job's transitions too.
 * `isStored`: the last lines of an attempt that the journal kept together were not printed before.
 *
 *     12:00:01.234  extract    running
 *     12:00:01.250  extract    | Extracting data...
 *     12:00:01.262  extract    completed in 28ms
 */
export const liveLines = (
  names: readonly string[],
  printer: Printer,
  record: JobRecord,
  least: LogLevel = 'info',
  { includeJob = false, isStored = false }: { readonly includeJob?: boolean; readonly isStored?: boolean } = {},
): ((event: JobEvent) => void) => {
  const rank = LEVELS.indexOf(least);
  const width = nameWidth(names, printer.columns);
  const isTerminal = printer.columns !== Number.POSITIVE_INFINITY;
  const attempts = new Map<string, number>();
  // A task may print many lines, so each label, and the latest time, is kept once it has been formatted.
  const labels = new Map<string, string>();
  const labelOf = (task: string): string => {
    const name = printer.sanitize(task);
    const label = labels.get(task) ?? padEnd(isTerminal ? cutMiddle(name, width) : name, width);
    labels.set(task, label);
    return label;
  };
  let clock = { at: Number.NaN, text: '' };
  const print = ({ at, task }: { at: number; task: string }, text: string): void => {
    if (at !== clock.at) clock = { at, text: printer.style('gray', formatClock(at)) };
    printer.line(`${clock.text}  ${labelOf(task)}  ${text}`);
  };

  const printLine = (event: TaskLog & Stamp): void => {
    if (LEVELS.indexOf(event.level) >= rank) print(event, lineOf(event, printer));
  };

  const printJob = (event: (JobTransition | JobResumed) & Stamp): void => {
    const { at, jobName: task } = event;
    const isResumed = event.type === 'job.resumed';
    const text = isResumed ? resumedText(event, printer) : jobText(event, record.begins[0], printer);
    if (text !== undefined) print({ at, task }, printer.style('bold', text));
  };

  return (event) => {
    if (includeJob && (event.type === 'job.transition' || event.type === 'job.resumed')) return printJob(event);
    if (event.type === 'task.transition' && event.to === 'running') {
      // Report an attempt of a sensor once, not at each check.
      if (attempts.get(event.task) === event.attempt) return;
      attempts.set(event.task, event.attempt);
    }
    if (LEVELS.indexOf(levelOf(event)) < rank) return;
    switch (event.type) {
      case 'task.log':
        if (event.omitted !== 0) print(event, lineOf(event, printer));
        if (isStored && event.last) for (const line of event.last) printLine({ ...event, ...line });
        break;
      case 'task.progress': {
        // Who hears the job while it runs has had the last report already.
        if (event.omitted !== undefined && !isStored) break;
        const percent = `${Math.floor(event.fraction * 100)}%`;
        const missing = event.omitted ? ` (${counted(event.omitted, 'report')} before it not kept)` : '';
        print(
          event,
          printer.sanitize((event.message === undefined ? percent : `${percent} ${event.message}`) + missing),
        );
        break;
      }
      case 'task.transition': {
        const task = record.tasks.get(event.task);
        const text = transitionText(event, task && beganAt(record, task));
        print(event, printer.style(STATE_STYLES[event.to], event.to) + printer.sanitize(text));
        break;
      }
      default:
    }
  };
};

/** Returns the width for names: that of the longest, but at most `MAX_NAME_WIDTH` or about a fifth of the terminal. */
const nameWidth = (names: readonly string[], columns: number): number => {
  const longest = names.reduce((width, name) => Math.max(width, textWidth(name)), 0);
  return Math.min(longest, MAX_NAME_WIDTH, Math.max(10, Math.floor(columns / 5)));
};

const MAX_NAME_WIDTH = 40;

const lineOf = (event: TaskLog, { style, sanitize }: Printer): string => {
  const colour = event.level === 'error' ? 'red' : event.level === 'warn' ? 'yellow' : undefined;
  const bar = colour ? style(colour, '|') : '|';
  const text = logText(event);
  return text === '' ? bar : `${bar} ${sanitize(text)}`;
};

/** Returns what happened to the job; `undefined` for its first start, which the lines of its tasks show. */
const jobText = (
  { from, to, at, reason, error }: JobTransition & Stamp,
  begin: number | undefined,
  { sanitize }: Printer,
): string | undefined => {
  if (to === 'running') return isTerminalJobState(from) ? 'is tried again' : from === 'paused' ? 'goes on' : undefined;
  const how = STATE_WORDS[to] ?? to;
  const took = isTerminalJobState(to) && begin !== undefined ? ` in ${formatDuration(at - begin)}` : '';
  const why = reason ?? error?.message;
  return `${how}${took}${why === undefined ? '' : `: ${sanitize(SKIP_REASONS[why] ?? why)}`}`;
};

const transitionText = (event: TaskTransition & Stamp, startedAt: number | undefined): string => {
  const { at, dueAt } = event;
  switch (event.to) {
    case 'running':
      return event.from === 'ready' && event.attempt > 1 ? ` (attempt ${event.attempt})` : '';
    case 'retrying':
      return `${dueAt !== undefined && dueAt > at ? ` in ${formatDuration(dueAt - at)}` : ''}: ${why(event)}`;
    case 'completed':
      if (startedAt !== undefined) return ` in ${formatDuration(at - startedAt)}`;
      return COMPLETED_REASONS[event.reason ?? ''] ? `: ${COMPLETED_REASONS[event.reason ?? '']}` : '';
    case 'failed':
      return `: ${why(event)}`;
    case 'ready':
    case 'skipped':
    case 'notReady':
      return event.reason === undefined ? '' : `: ${SKIP_REASONS[event.reason] ?? event.reason}`;
    default:
      return '';
  }
};

/** Returns why an attempt failed, without the task's name, which the line already contains. */
const why = ({ task, error, reason }: TaskTransition): string =>
  error?.cause?.message ?? error?.message.replace(`Task "${task}" `, '') ?? reason ?? 'for no reason given';

const resumedText = ({ by, redacted }: JobResumed, { sanitize }: Printer): string =>
  `goes on: ${sanitize(by)}${redacted ? `; ${sanitize(redactedText(redacted))}` : ''}`;
