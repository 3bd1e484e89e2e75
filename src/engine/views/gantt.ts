import type { Span } from '../model/attempt-spans.ts';
import { durationText } from './duration-text.ts';
import type { GraphView, TaskView } from './graph-view.ts';
import { mermaidText } from './mermaid-text.ts';
import { timeAxis } from './time-axis.ts';

/**
 * Renders a job's times as a Mermaid Gantt chart with one section per task, ordered by first `ready`. Grey bars are
 * waits in the queue, red bars are failed attempts, all others are attempts. A bar too short to be seen is a diamond.
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
    ...tasks.flatMap((task) => sectionOf(task, chart)),
  ];
  return `gantt\n${lines.map((line) => `  ${line}\n`).join('')}`;
};

const sectionOf = (task: TaskView, chart: Extent): readonly string[] => [
  `section ${sectionText(task.name)}`,
  ...barsOf(task, chart).map((bar) => lineOf(bar, chart)),
];

type Extent = { readonly from: number; readonly to: number };
type Bar = Extent & { readonly text: string; readonly tag: 'done' | 'active' | 'crit' };

const firstReady = (task: TaskView): number | undefined => task.spans?.[0]?.readyAt;

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

/**
 * Returns the outcome of an attempt in words. Every attempt but the last has failed; every check of a sensor but the
 * last was not ready, which is shown as `running`.
 */
const outcomeOf = (task: TaskView, span: Span, isLast: boolean): string => {
  const { kind, state } = task;
  if (!isLast || state === 'retrying' || (state === 'cancelled' && outlived(task, span))) {
    return kind === 'sensor' ? 'running' : 'failed';
  }
  if (state === 'failed' || state === 'cancelled') return state;
  return state === 'notReady' ? 'not ready' : 'running';
};

/** Returns whether a task was cancelled after its last attempt had ended, while it waited for the next attempt. */
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

/** A bar is visible if it is longer than 1/500 of the chart: 2 px of 1,000 px. */
const SHORTEST_SEEN = 500;

/**
 * Formats the name of a section, in several rows if it is long. Mermaid uses the name as an object key, so a number
 * would move to the front and `__proto__` would be lost. Escaping a character prevents both.
 */
const sectionText = (name: string): string => {
  const text = rowsOf(name).map(mermaidText).join('<br/>');
  return /^\d+$/.test(text) ? `#${text.charCodeAt(0)};${text.slice(1)}` : text;
};

const rowsOf = (name: string): readonly string[] => name.match(ROWS) ?? [];

const ROWS = /.{1,32}(?:\s|$)|.{1,32}/gsu;

/** Returns the width in px to reserve for the names of sections. Mermaid's default of 75 px holds ten letters. */
const leftPadding = (tasks: readonly TaskView[]): number => {
  const widest = tasks.flatMap(({ name }) => rowsOf(name)).reduce((most, row) => Math.max(most, widthOf(row)), 0);
  return Math.max(75, Math.ceil(widest * LETTER_PX) + 24);
};

/** Returns the width of a text in letters; ideographs and emoji count as two. */
const widthOf = (text: string): number =>
  [...text.trimEnd()].reduce((width, character) => width + ((character.codePointAt(0) ?? 0) < 0x2e80 ? 1 : 2), 0);

/** Mean width of a letter in px, in the 11 px font of a section's name. */
const LETTER_PX = 6.5;
