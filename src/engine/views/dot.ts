import type { TaskState } from '../../events/event.ts';
import { isoText } from '../../events/iso-text.ts';
import { durationText } from './duration-text.ts';
import { edgesOf, type GraphView, type TaskView } from './graph-view.ts';

/**
 * The graph in Graphviz's DOT language: grey boxes for a definition, hexagons coloured by state for a job, with the times
 * as tooltips. Tasks that hold tasks have a double outline. After the pictures of https://github.com/Azure/go-asyncjob.
 */
export const dotOf = (view: GraphView): string => {
  const lines = [
    `digraph ${idOf(view.name)} {`,
    `\tlabel = ${textOf(view.name)}`,
    '\tlabelloc = "t"',
    `\tfontname = ${FONT}`,
    '\tnewrank = "true"',
    `\tnode [fontname=${FONT} margin="0.2,0.055"]`,
    ...view.tasks.map(nodeOf),
    ...edgesOf(view).map(({ from, to }) => edgeOf(from, to)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
};

const nodeOf = (task: TaskView): string => {
  const { name, kind, state } = task;
  const shape = state === undefined ? 'box' : 'hexagon';
  const outline = kind === 'job' || kind === 'map' ? ' peripheries=2' : '';
  const fill = FILLS[state ?? 'unscheduled'];
  const label = textOf(name);
  return `\t${idOf(name)} [label=${label} shape=${shape}${outline} style=filled tooltip=${tooltipOf(task)} fillcolor=${fill}]`;
};

const edgeOf = (from: TaskView, to: TaskView): string => {
  const color = from.state === 'completed' || from.state === 'failed' ? FILLS[from.state] : 'black';
  const tooltip = textOf(to.startedAt === undefined ? '' : `Time: ${isoText(to.startedAt)}`);
  return `\t${idOf(from.name)} -> ${idOf(to.name)} [style=bold tooltip=${tooltip} color=${color}]`;
};

const tooltipOf = ({ state, startedAt, durationMs, attempts, reason }: TaskView): string => {
  if (state === undefined) return '""';
  const lines = [`State: ${state}`];
  if (startedAt !== undefined) lines.push(`StartAt: ${isoText(startedAt)}`);
  if (durationMs !== undefined) lines.push(`Duration: ${durationText(durationMs)}`);
  lines.push(`Attempts: ${attempts ?? 0}`);
  if (reason !== undefined) lines.push(`Reason: ${reason}`);
  return tooltipText(lines.join('\n'));
};

/** Black text can be read on all of them, also where X11 and the web differ: their `green` is light and dark. */
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

/** A quoted id. Graphviz keeps its backslashes as they are written, so that each is two: different names stay different. */
const idOf = (name: string): string => `"${printable(name).replace(/["\\]/g, '\\$&')}"`;

/** A quoted text that is shown as it is: in a label, `\N`, `\l` and `&lt;` would stand for something else. */
const textOf = (text: string): string =>
  `"${printable(text).replace(/["\\]/g, '\\$&').replaceAll('&', '&amp;').replaceAll('\n', '\\n')}"`;

/** The same in a tooltip, where Graphviz reads backslashes twice. */
const tooltipText = (text: string): string => textOf(text.replaceAll('\\', '\\\\'));

/** What neither C strings nor XML can hold, shown as a replacement character. */
const printable = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(/(?![\t\n])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD');
