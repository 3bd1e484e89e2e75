import type { TaskState } from '../../events/event.ts';
import { isoText } from '../../events/iso-text.ts';
import { durationText } from './duration-text.ts';
import { criticalEdges, edgesOf, type GraphView, type TaskView } from './graph-view.ts';

/**
 * Renders the graph in Graphviz's DOT language: grey boxes for a definition, coloured hexagons for a job; nested jobs
 * and fan-outs have a double outline. Modelled on https://github.com/Azure/go-asyncjob. `handlerLines`: draw the handlers.
 */
export const dotOf = (view: GraphView, handlerLines: readonly string[] = []): string => {
  const critical = new Set(view.critical);
  const isCritical = criticalEdges(view);
  const lines = [
    `digraph ${idOf(view.name)} {`,
    `\tlabel = ${textOf(view.name)}`,
    '\tlabelloc = "t"',
    `\tfontname = ${FONT}`,
    '\tnewrank = "true"',
    `\tnode [fontname=${FONT} margin="0.2,0.055"]`,
    ...view.tasks.filter(({ handler }) => !handler).map((task) => nodeOf(task, critical.has(task.name))),
    ...handlerLines,
    ...edgesOf(view).map(({ from, to }) => edgeOf(from, to, isCritical(from, to))),
    '}',
  ];
  return `${lines.join('\n')}\n`;
};

/** Returns the line of a task. `isCritical`: it has a thick outline. */
export const nodeOf = (task: TaskView, isCritical = false): string => {
  const { name, kind, state, notes = [] } = task;
  const shape = state === undefined ? 'box' : 'hexagon';
  const outline = kind === 'job' || kind === 'map' ? ' peripheries=2' : '';
  const fill = FILLS[state ?? 'unscheduled'];
  return `\t${idOf(name)} [label=${textOf([name, ...notes].join('\n'))} shape=${shape}${outline} style=filled tooltip=${tooltipOf(task)} fillcolor=${fill}${isCritical ? THICK : ''}]`;
};

const edgeOf = (from: TaskView, to: TaskView, isCritical: boolean): string => {
  const color = from.state === 'completed' || from.state === 'failed' ? FILLS[from.state] : 'black';
  const tooltip = textOf(to.startedAt === undefined ? '' : `Time: ${isoText(to.startedAt)}`);
  return `\t${idOf(from.name)} -> ${idOf(to.name)} [style=bold tooltip=${tooltip} color=${color}${isCritical ? THICK : ''}]`;
};

/** A bold edge has a width of 2. */
const THICK = ' penwidth=4';

const tooltipOf = ({ state, startedAt, durationMs, attempts, reason }: TaskView): string => {
  if (state === undefined) return '""';
  const lines = [`State: ${state}`];
  if (startedAt !== undefined) lines.push(`StartAt: ${isoText(startedAt)}`);
  if (durationMs !== undefined) lines.push(`Duration: ${durationText(durationMs)}`);
  lines.push(`Attempts: ${attempts ?? 0}`);
  if (reason !== undefined) lines.push(`Reason: ${reason}`);
  return tooltipText(lines.join('\n'));
};

/** Fill colours on which black text is readable, with either definition of `green` (X11 or web). */
const FILLS: Readonly<Record<TaskState, string>> = {
  unscheduled: 'gray',
  ready: 'lightskyblue',
  running: 'yellow',
  retrying: 'orange',
  polling: 'turquoise',
  paused: 'tan',
  completed: 'green',
  failed: 'red',
  notReady: 'pink',
  skipped: 'white',
  cancelled: 'orchid',
};

const FONT = '"Helvetica,Arial,sans-serif"';

/** Quotes a node's id. Graphviz does not unescape `\\` in an id, so different names have different ids. */
export const idOf = (name: string): string => `"${printable(name).replace(/["\\]/g, '\\$&')}"`;

/** Quotes a label so that Graphviz shows it literally: unescaped, `\N`, `\l` and `&lt;` have special meanings. */
const textOf = (text: string): string =>
  `"${printable(text).replace(/["\\]/g, '\\$&').replaceAll('&', '&amp;').replaceAll('\n', '\\n')}"`;

/** Quotes a tooltip, in which Graphviz unescapes backslashes twice. */
const tooltipText = (text: string): string => textOf(text.replaceAll('\\', '\\\\'));

/** Replaces characters that C strings or XML can't hold with U+FFFD, and line ends with `\n`. */
const printable = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(/(?![\t\n])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD');
