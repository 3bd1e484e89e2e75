import type { Span } from '../model/attempt-spans.ts';
import { durationText } from './duration-text.ts';
import type { GraphView, TaskView } from './graph-view.ts';
import { mermaidText } from './mermaid-text.ts';
import { timeAxis } from './time-axis.ts';

/**
 * The times of a job as a Mermaid Gantt chart, a section for each task that ever was ready, in the order of its first
 * `ready`. Grey bars are waits in the queue, red ones attempts that failed, the others attempts. A task that was not kept
 * waiting has no grey bar; a bar too short to be seen is a diamond.
 */
export const ganttOf = (view: GraphView): string => {
  const tasks = view.tasks
    .filter((task) => firstReady(task) !== undefined)
    .sort((a, b) => (firstReady(a) ?? 0) - (firstReady(b) ?? 0));
  const chart = extentOf(tasks, view.now);
  const { axisFormat, tickInterval } = timeAxis(chart.to - chart.from);
  const lines = [
    `%%{init: {"gantt": {"leftPadding": ${leftPadding(tasks)}}}}%%`,
    `title ${mermaidText(view.name)}`,
    'dateFormat x',
    `axisFormat ${axisFormat}`,
    `tickInterval ${tickInterval}`,
    'todayMarker off',
    ...tasks.flatMap((task) => [...sectionOf(task, chart)]),
  ];
  return `gantt\n${lines.map((line) => `  ${line}\n`).join('')}`;
};

const sectionOf = (task: TaskView, chart: Extent): readonly string[] => {
  const bars = barsOf(task, chart);
  return [`section ${sectionText(task.name)}`, ...bars.map((bar) => lineOf(bar, chart))];
};

type Extent = { readonly from: number; readonly to: number };

type Bar = Extent & { readonly text: string; readonly tag: 'done' | 'active' | 'crit' };

const firstReady = (task: TaskView): number | undefined => task.spans?.[0]?.readyAt;

/** From the first moment of any task to the last; what has not ended lasts until now. */
const extentOf = (tasks: readonly TaskView[], now = Number.NEGATIVE_INFINITY): Extent => {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { spans = [] } of tasks) {
    for (const span of spans) {
      const { readyAt, startedAt = readyAt, endedAt = startedAt } = span;
      from = Math.min(from, readyAt);
      to = Math.max(to, startedAt, endedAt);
      if (span.endedAt === undefined) to = Math.max(to, now);
    }
  }
  return from <= to ? { from, to } : { from: 0, to: 0 };
};

const barsOf = (task: TaskView, chart: Extent): Bar[] => {
  const { kind, spans = [] } = task;
  return spans.flatMap((span, index) => {
    const { readyAt, startedAt, endedAt = chart.to } = span;
    const wait = barFrom('waiting', 'done', readyAt, startedAt ?? endedAt);
    if (startedAt === undefined) return [wait];
    const outcome = outcomeOf(task, span, index === spans.length - 1);
    const which = spans.length === 1 ? '' : ` (${kind === 'sensor' ? 'poll' : 'attempt'} ${index + 1})`;
    const attempt = barFrom(outcome, outcome === 'failed' ? 'crit' : 'active', startedAt, endedAt, which);
    return startedAt > readyAt ? [wait, attempt] : [attempt];
  });
};

/** An attempt that the task outlived has failed, unless it was a look of a sensor that found nothing yet. */
const outcomeOf = (task: TaskView, span: Span, isLast: boolean): string => {
  const { kind, state } = task;
  if (!isLast || state === 'retrying' || (state === 'cancelled' && outlived(task, span))) {
    return kind === 'sensor' ? 'running' : 'failed';
  }
  if (state === 'failed' || state === 'cancelled') return state;
  return state === 'notReady' ? 'not ready' : 'running';
};

const outlived = ({ startedAt = 0, durationMs = 0 }: TaskView, { endedAt }: Span): boolean =>
  endedAt !== undefined && endedAt < startedAt + durationMs;

const barFrom = (what: string, tag: Bar['tag'], from: number, to: number, which = ''): Bar => ({
  text: `${what} ${durationText(to - from)}${which}`,
  tag,
  from: Math.round(from),
  to: Math.round(Math.max(from, to)),
});

const lineOf = ({ text, tag, from, to }: Bar, chart: Extent): string => {
  const isVisible = (to - from) * SHORTEST_SEEN > chart.to - chart.from;
  return `${text} :${isVisible ? '' : 'milestone, '}${tag}, ${from}, ${to}`;
};

/** Which part of the chart the shortest bar is that can be seen: two pixels of a thousand. */
const SHORTEST_SEEN = 500;

/**
 * Mermaid keys its sections by their text in an object, where a number would change places and `__proto__` get lost: an
 * entity prevents both. Long names are broken into rows.
 */
const sectionText = (name: string): string => {
  const text = rowsOf(name).map(mermaidText).join('<br/>');
  return /^\d+$/.test(text) ? `#${text.charCodeAt(0)};${text.slice(1)}` : text;
};

const rowsOf = (name: string): readonly string[] => name.match(ROWS) ?? [];

/** At most 32 characters a row, broken after a space where there is one. */
const ROWS = /.{1,32}(?:\s|$)|.{1,32}/gsu;

/** Room for the names, in px; Mermaid's own 75 hold ten letters. */
const leftPadding = (tasks: readonly TaskView[]): number => {
  const widest = tasks.flatMap(({ name }) => rowsOf(name)).reduce((most, row) => Math.max(most, widthOf(row)), 0);
  return Math.max(75, Math.ceil(widest * LETTER_PX) + 24);
};

/** In letters; ideographs and emoji take two. */
const widthOf = (text: string): number =>
  [...text.trimEnd()].reduce((width, character) => width + ((character.codePointAt(0) ?? 0) < 0x2e80 ? 1 : 2), 0);

/** Of the mean letter in the 11 px of a section's name. */
const LETTER_PX = 6.5;
