import { buildGraph } from '../../engine/definition/graph.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import { twinsOf } from '../../engine/views/folding/twins.ts';
import { taskNotes } from '../../engine/views/task-notes.ts';
import type { TaskState } from '../../events/event.ts';
import { cutEnd, textWidth } from '../../events/text-width.ts';
import { counted } from '../terminal/counted.ts';
import type { Printer, Style } from '../terminal/printer.ts';
import { STATE_STYLES } from '../terminal/state-style.ts';
import { fitText, type Word, wordsOf, wrapText } from '../terminal/wrap-text.ts';
import { ASCII, type Drawing, UNICODE } from './glyphs.ts';
import { drawLanes, type LaneOptions, type LaneRow, type Mark, type Shape } from './lanes.ts';
import { graphList } from './list.ts';
import { drawingOrder } from './order.ts';

/** A critical path: the names of its tasks, and whether times decided which are on it, or their number. */
export type DrawnPath = { readonly names: readonly string[]; readonly isTimed: boolean };

export type DrawingOptions = Pick<Printer, 'columns' | 'style' | 'sanitize'> & {
  /** Whether to draw with ASCII characters only. Names are not changed. Default false. */
  readonly ascii?: boolean | undefined;
  /** The state of each task by name, to draw a job. */
  readonly states?: ReadonlyMap<string, TaskState> | undefined;
  /** The critical path of the job. Default: that of the definition. */
  readonly path?: DrawnPath | undefined;
};

/**
 * Draws a definition as lines of text no wider than `columns`, a row for each task in topological order:
 *
 *     ●      extract
 *     ├─●▸╮  clean
 *     ├─●▸┤  check  may fail
 *     ╰─●▸┤  count
 *     ○───╯  report
 *
 * Lanes lead down from tasks to their downstreams. If there are too many lanes, the tasks are listed by stage instead.
 */
export const drawGraph = (definition: JobDefinition, options: DrawingOptions): readonly string[] => {
  const drawing = createDrawing(definition, options);
  const { style, sanitize } = options;
  const count = ` (${counted(definition.tasks.length, 'task')})`;
  const name = fitText(sanitize(definition.name), Math.max(1, options.columns - count.length), drawing.glyphs.cut);
  const title = `${style('bold', name)}${style('dim', count)}`;
  if (definition.tasks.length === 0) return [title];
  const blocks = blocksOf(drawing);
  const body = blocks ? laneLines(blocks, drawing) : graphList(definition, drawing);
  return [title, '', ...body, ...footer(blocks ?? [], drawing)];
};

const createDrawing = (
  definition: JobDefinition,
  { columns, style, sanitize, ascii, states, path }: DrawingOptions,
): Drawing => {
  const graph = buildGraph(definition.tasks);
  const { names, isTimed } = path ?? {
    names: definition.criticalPath(),
    isTimed: definition.tasks.some(({ estimate }) => estimate !== undefined),
  };
  const chain = names.flatMap((name) => graph.indexOf.get(name) ?? []);
  const inChain = new Set(chain.length > 1 ? chain : []);
  return {
    graph,
    glyphs: ascii ? ASCII : UNICODE,
    style,
    columns,
    names: definition.tasks.map(({ name }) => sanitize(name)),
    notes: definition.tasks.map((task) => sanitize(taskNotes(task).join(', '))),
    states: definition.tasks.map(({ name }) => states?.get(name)),
    chain,
    isTimed,
    isInChain: (task) => inChain.has(task),
  };
};

type Block = readonly LaneRow[];

/** Returns the rows of each part of the graph; `undefined` if a part needs too many lanes. */
const blocksOf = ({ graph, columns, names }: Drawing): readonly Block[] | undefined => {
  const twins = twinsOf(graph);
  const parts = drawingOrder(graph, twins);
  const nameWidth = Math.min(MIN_NAME_WIDTH, Math.max(...names.slice(0, MAX_TASKS_LOOKED_AT).map(textWidth)));
  const maxLanes = Math.min(MAX_LANES, Math.floor((columns - nameWidth - GAP.length + 1) / 2));
  if (maxLanes < 1) return undefined;
  const attempts: readonly LaneOptions[] = [
    { share: 'twins', maxLanes: Math.min(FEW_LANES, maxLanes) },
    { share: 'all', maxLanes },
    { share: 'twins', maxLanes },
  ];
  for (const options of attempts) {
    const blocks: Block[] = [];
    for (const part of parts) {
      const rows = drawLanes(graph, twins, part, options);
      if (!rows) break;
      blocks.push(rows);
    }
    if (blocks.length === parts.length) return blocks;
  }
  return undefined;
};

/** Maximum lanes of the first attempt, where only twins share lanes. The next shares more, which is harder to read. */
const FEW_LANES = 12;

/** Drawings with more lanes are unreadable. */
const MAX_LANES = 30;

const MIN_NAME_WIDTH = 20;
const MAX_TASKS_LOOKED_AT = 1000;
const GAP = '  ';

const laneLines = (blocks: readonly Block[], drawing: Drawing): readonly string[] =>
  blocks.flatMap((rows, index) => {
    const width = rows.reduce((most, { marks }) => Math.max(most, marks.length), 0);
    const lines = rows.map((row) => laneLine(row, width, drawing));
    return index === 0 ? lines : ['', ...lines];
  });

const laneLine = ({ task, marks }: LaneRow, width: number, drawing: Drawing): string => {
  const { columns, glyphs, style, names, notes, states, isInChain } = drawing;
  const room = Math.max(1, columns - width - GAP.length);
  const name = fitText(names[task] ?? '', room, glyphs.cut);
  const state = states[task];
  const stated = state === undefined ? '' : GAP + state;
  const rest = room - textWidth(name) - stated.length - GAP.length;
  const isShown = state !== undefined && rest + GAP.length >= 0;
  const note = rest > 3 ? fitText(notes[task] ?? '', rest, glyphs.cut, cutEnd) : '';
  const nodeStyle = state === undefined ? (isInChain(task) ? 'bold' : undefined) : STATE_STYLES[state];
  const drawn = paintMarks(marks, nodeStyle, drawing) + ' '.repeat(width - marks.length);
  const painted = isShown ? GAP + style(STATE_STYLES[state], state) : '';
  return `${drawn}${GAP}${isInChain(task) ? style('bold', name) : name}${painted}${note === '' ? '' : GAP + style('dim', note)}`;
};

/** Renders marks as text. Styles consecutive marks of the same colour together. */
const paintMarks = (marks: readonly Mark[], nodeStyle: Style | undefined, { glyphs, style }: Drawing): string => {
  let text = '';
  let run = '';
  let format: Style | undefined;
  const end = (): void => {
    text += format === undefined ? run : style(format, run);
    run = '';
  };
  for (const { shape, lane } of marks) {
    const next = shape === 'node' || shape === 'end' ? nodeStyle : colourOf(lane);
    if (next !== format && shape !== 'space') {
      end();
      format = next;
    }
    run += glyphs.shapes[shape];
  }
  end();
  return text;
};

const colourOf = (lane: number | undefined): Style | undefined =>
  lane === undefined ? undefined : COLOURS[lane % COLOURS.length];

/** The colours of lanes; no red, which looks like a failure. */
const COLOURS: readonly Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue'];

/** Returns lines with the longest chain, unless it contains all tasks, and a legend of the less common marks. */
const footer = (blocks: readonly Block[], drawing: Drawing): readonly string[] => {
  const { glyphs, style, columns, chain, graph } = drawing;
  const layout = { columns, style, indents: ['', '  '], ellipsis: glyphs.cut } as const;
  const isWorthIt = chain.length > 2 && chain.length < graph.names.length;
  const lines = [
    ...(isWorthIt ? wrapText(chainWords(drawing), layout) : []),
    ...wrapText(wordsOf(legendOf(blocks, drawing), 'dim'), layout),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
};

const chainWords = ({ chain, isTimed, names, glyphs }: Drawing): readonly Word[] => {
  const left = chain.length - MAX_STEPS;
  const nameWords = (tasks: readonly number[]): readonly Word[] =>
    tasks.flatMap((task) => [{ text: glyphs.to }, { text: names[task] ?? '', format: 'bold' }]);
  const steps =
    left > 0
      ? [
          ...nameWords(chain.slice(0, MAX_STEPS / 2)),
          ...wordsOf(`${glyphs.to} (${left} more)`),
          ...nameWords(chain.slice(-MAX_STEPS / 2)),
        ]
      : nameWords(chain);
  const what = isTimed ? 'Critical path' : 'Longest chain';
  return [...wordsOf(`${what}, ${chain.length} tasks:`), ...steps.slice(1)];
};

const MAX_STEPS = 12;

const legendOf = (blocks: readonly Block[], { graph, glyphs: { shapes } }: Drawing): string => {
  const lines = new Set<Shape>(['line', 'intoLeft', 'intoRight']);
  let isCrossing = false;
  let isLeading = false;
  let isStacked = false;
  for (const rows of blocks) {
    let ended = -1;
    for (const { task, marks } of rows) {
      for (const [at, { shape }] of marks.entries()) {
        if (shape === 'lane' && lines.has(marks[at + 1]?.shape ?? 'space')) isCrossing = true;
        if (shape === 'intoLeft' || shape === 'intoRight') isLeading = true;
        if (shape !== 'node' && shape !== 'end') continue;
        if (at === ended && graph.upstream[task]?.length === 0 && graph.downstream[task]?.length) isStacked = true;
        ended = shape === 'end' ? at : -1;
      }
    }
  }
  const { line, lane } = shapes;
  return [
    ...(isStacked ? [`${shapes.end} nothing waits for it`] : []),
    ...(isCrossing ? [`${line}${lane}${line} lanes cross, ${line}${shapes.forkBoth}${line} they meet`] : []),
    ...(isLeading ? [`${shapes.intoRight} leads into the lane beside it`] : []),
  ].join('; ');
};
