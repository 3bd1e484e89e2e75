import type { JobState, TaskState } from '../../../events/event.ts';
import type { TaskDefinition } from '../../definition/plan.ts';
import { edgePath } from '../edge-path.ts';
import { type Box, type Folding, fold } from '../fold.ts';
import { pathOf, type TaskTree, taskTree } from '../folding/task-tree.ts';
import { countText } from '../folding/titles.ts';
import type { JobView } from '../job-view.ts';
import { type Layout, layout, type PlacedBox } from '../layout.ts';
import { stateWord } from '../palette.ts';
import { viewOfPlan } from '../view-of.ts';
import { drawBox, type LeavesOf } from './draw-box.ts';
import { countStates, drawGlyph } from './draw-cells.ts';
import { type Picture, pictureOfDefinition, pictureOfView } from './picture.ts';
import { FRAME, headWidthOf, measureOf, SMALL, shortName, widthOf } from './sizes.ts';
import { DRAWING, stylesOf } from './styles.ts';
import { element, px, xmlText } from './xml.ts';

/** A job, its view, or a definition. */
export type SvgSource =
  | JobView
  | { view(): JobView }
  | { readonly name: string; readonly tasks: readonly TaskDefinition[] };

/**
 * Draws a job or a definition as SVG, for light and dark surroundings. Nested jobs are unfolded while there is room; of many
 * tasks, those that are alike are folded into one box, with a cell for each.
 */
export const toSvg = (source: SvgSource): string => {
  if ('view' in source) return svgOf(pictureOfView(source.view()));
  if ('lastSeq' in source) return svgOf(pictureOfView(source));
  return svgOf(pictureOfDefinition(source.tasks, viewOfPlan(source)));
};

/** Draws a picture as SVG. */
export const svgOf = (picture: Picture): string => {
  const { name, state, tasks, columns } = picture;
  const tree = taskTree(columns);
  const folding = fold(columns, { open: keysToOpen(picture, tree) });
  const measure = measureOf(picture, boxesIn(folding));
  const placed = layout(folding, {
    measure,
    frame: FRAME,
    frameWidth: (box) => headWidthOf(box, picture),
    window: WINDOW,
  });
  const leaves = tree.top.flatMap(tree.leavesOf).filter((task) => task !== picture.handlers);
  const counts = countStates(leaves, tasks);
  const title = state === undefined ? name : `${name}, ${jobStateWord(state)}`;
  const legend = drawLegend(counts);
  const width = Math.ceil(2 * MARGIN + Math.max(placed.width, widthOf(shortName(title, MAX_TITLE), 17), legend.width));
  const bottom = TOP + placed.height + (legend.width > 0 ? LEGEND : 0);
  const height = Math.ceil(bottom + MARGIN);
  const parts = [
    element('title', {}, xmlText(title)),
    element('desc', {}, xmlText(summaryOf(leaves.length, counts))),
    element('style', {}, stylesOf()),
    element('rect', { class: 'page', width, height }),
    element('text', { class: 'heading', x: MARGIN, y: MARGIN + 14 }, xmlText(shortName(title, MAX_TITLE))),
    element('g', { transform: `translate(${MARGIN} ${TOP})` }, drawGraph(placed, picture, tree.leavesOf)),
    element('g', { transform: `translate(${MARGIN} ${px(bottom - 14)})` }, legend.drawn),
  ];
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', class: DRAWING, role: 'img', ...size },
    `\n${parts.join('\n')}\n`,
  );
};

/** Frames are below the edges inside them, all other boxes above. */
const drawGraph = ({ boxes, edges, aspect }: Layout, picture: Picture, leavesOf: LeavesOf): string => {
  const draw = (placed: PlacedBox): string => drawBox(placed, picture, aspect, leavesOf);
  return [
    ...boxes.filter(({ box }) => box.inner).map(draw),
    ...edges.map(({ points }) => element('path', { class: 'edge', d: edgePath(points) })),
    ...boxes.filter(({ box }) => !box.inner).map(draw),
  ].join('\n');
};

const drawLegend = (counts: ReadonlyMap<TaskState | undefined, number>): { drawn: string; width: number } => {
  let x = 0;
  const drawn: string[] = [];
  for (const [state, count] of counts) {
    if (state === undefined) continue;
    const words = `${stateWord(state)} ${countText(count)}`;
    drawn.push(
      element('rect', { class: state, x, y: 0, width: 14, height: 14, rx: 3 }),
      drawGlyph(state, x + 2, 2, 10),
      element('text', { class: 'dim', x: x + 20, y: 11 }, xmlText(words)),
    );
    x += 20 + widthOf(words, SMALL) + 18;
  }
  return { drawn: drawn.join(''), width: x };
};

/** Returns `14 tasks: 12 completed, 2 failed`. */
const summaryOf = (total: number, counts: ReadonlyMap<TaskState | undefined, number>): string => {
  const states = [...counts].flatMap(([state, count]) => (state === undefined ? [] : [`${count} ${stateWord(state)}`]));
  return `${total} ${total === 1 ? 'task' : 'tasks'}${states.length === 0 ? '' : `: ${states.join(', ')}`}`;
};

const jobStateWord = (state: JobState): string =>
  state === 'notReady' ? 'not ready' : state === 'timedOut' ? 'timed out' : state;

/** Returns the keys of the nested jobs to unfold, outermost first, while there are few boxes; fan-outs stay cells. */
const keysToOpen = ({ columns, handlers }: Picture, { top, inside, isFanOut }: TaskTree): ReadonlySet<string> => {
  const keys = new Set<string>();
  let boxes = top.length;
  const queue = [...top];
  for (const task of queue) {
    const within = inside(task);
    if (within.length === 0 || isFanOut(task) || (boxes + within.length > MAX_UNFOLDED && task !== handlers)) continue;
    boxes += within.length;
    keys.add(pathOf(columns, task));
    queue.push(...within);
  }
  return keys;
};

const boxesIn = (folding: Folding): readonly Box[] => {
  const levels = [folding];
  for (const { boxes } of levels) for (const { inner } of boxes) if (inner) levels.push(inner);
  return levels.flatMap(({ boxes }) => boxes);
};

const WINDOW = { width: 16, height: 9 };
const MARGIN = 20;
const TOP = MARGIN + 34;
const LEGEND = 44;
const MAX_TITLE = 80;

/** The number of boxes up to which nested jobs are unfolded. */
const MAX_UNFOLDED = 60;
