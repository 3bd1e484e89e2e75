import type { Box } from '../fold.ts';
import type { PlacedBox } from '../layout.ts';
import { stateWord } from '../palette.ts';
import { drawBar, drawCells, drawGlyph } from './draw-cells.ts';
import type { Picture } from './picture.ts';
import {
  BAR,
  CARD,
  HEAD,
  isBar,
  labelWidth,
  MAX_LABEL,
  NOTE,
  PAD,
  ROW,
  SMALL,
  STRIP,
  shortName,
  stepWidth,
  TALLY_GAP,
  tallyOf,
  widthOf,
} from './sizes.ts';
import { element, px, xmlText } from './xml.ts';

/** Draws a box of a layout. `leavesOf`: the leaves inside a task. */
export const drawBox = (placed: PlacedBox, picture: Picture, aspect: number, leavesOf: LeavesOf): string => {
  const { box, x, y } = placed;
  const tooltip = tooltipOf(box, picture);
  const content = element('title', {}, xmlText(tooltip)) + contentOf(placed, picture, aspect, leavesOf);
  const kind = box.inner ? 'frame' : box.kind;
  return element('g', { class: 'node', 'data-kind': kind, transform: `translate(${px(x)} ${px(y)})` }, content);
};

export type LeavesOf = (task: number) => readonly number[];

/** Returns the tooltip of a task, or the title of a block with the first of its tasks. */
const tooltipOf = ({ kind, tasks, title }: Box, picture: Picture): string => {
  const [first = -1] = tasks;
  if (kind === 'task' || kind === 'nested' || kind === 'map') return picture.tasks[first]?.tooltip ?? title;
  const names = tasks.slice(0, MAX_NAMED).map((task) => {
    const state = picture.tasks[task]?.state;
    return `${picture.columns.names[task]}${state === undefined ? '' : `: ${stateWord(state)}`}`;
  });
  return [title, ...names, ...(tasks.length > MAX_NAMED ? ['…'] : [])].join('\n');
};

const MAX_NAMED = 60;

const contentOf = (placed: PlacedBox, picture: Picture, aspect: number, leavesOf: LeavesOf): string => {
  const { box, width, height } = placed;
  const card = element('rect', { class: box.inner ? 'card around' : 'card', width, height, rx: 5 });
  if (box.inner) return card + drawHead(placed, picture);
  if (box.kind === 'task') return drawTask(placed, picture);
  if (box.kind === 'table') return card + drawHead(placed, picture) + drawTable(box, picture, leavesOf);
  if (isBar(box)) return card + drawHead(placed, picture) + drawSegments(placed, picture, leavesOf);
  return card + drawHead(placed, picture) + drawCells(box, aspect, picture, HEAD);
};

const drawTask = ({ box, width, height }: PlacedBox, { tasks }: Picture): string => {
  const { kind, state, notes, duration } = tasks[box.tasks[0] ?? -1] ?? NOTHING;
  const isGroup = kind === 'job' || kind === 'map';
  const left = state === undefined ? PAD : STRIP + PAD;
  const middle = height / 2;
  return [
    ...(isGroup ? [element('rect', { class: 'card', x: 3, y: 3, width, height, rx: 5 })] : []),
    element('rect', { class: 'card', width, height, rx: 5 }),
    ...(state === undefined
      ? []
      : [
          element('path', { class: `cell ${state}`, d: `M5 0H${STRIP}V${height}H5a5 5 0 0 1-5-5V5a5 5 0 0 1 5-5z` }),
          drawGlyph(state, (STRIP - 14) / 2, middle - 7, 14),
        ]),
    text(shortName(box.title), left, CARD / 2 + 4.5, 'name'),
    ...notes.map((note, at) => text(shortName(note), left, CARD + NOTE * at + 5, 'dim')),
    ...(duration === '' ? [] : [text(duration, width - PAD, CARD / 2 + 4, 'dim end')]),
  ].join('');
};

const NOTHING: Picture['tasks'][number] = { kind: 'task', notes: [], duration: '', tooltip: '' };

const drawHead = ({ box, width }: PlacedBox, picture: Picture): string => {
  const { done, failed } = tallyOf(box, picture);
  const right = width - PAD - widthOf(done, SMALL) - TALLY_GAP;
  return [
    text(shortName(box.title), PAD, 19, 'title'),
    text(done, width - PAD, 19, 'dim end'),
    ...(failed === '' ? [] : [text(failed, right, 19, 'dim end bad')]),
  ].join('');
};

const drawSegments = ({ box, width }: PlacedBox, picture: Picture, leavesOf: LeavesOf): string => {
  const step = (width - 2 * PAD + 2) / box.tasks.length;
  return box.tasks
    .map((task, at) => drawBar(leavesOf(task), picture, { x: PAD + at * step, y: HEAD, width: step - 2, height: BAR }))
    .join('');
};

const drawTable = (box: Box, picture: Picture, leavesOf: LeavesOf): string => {
  const { rows = [], columns = [] } = box;
  const labels = rows.map((row, at) => text(shortName(row, MAX_LABEL), PAD, HEAD + ROW * (at + 1) + 12.5, 'label'));
  let x = labelWidth(box);
  const steps = columns.map(({ title, tasks }, at) => {
    const width = stepWidth(box, at);
    const head = text(shortName(title, Math.floor(width / 6)), x, HEAD + 11, 'dim');
    const bars = tasks.map((task, row) =>
      drawBar(leavesOf(task), picture, { x, y: HEAD + ROW * (row + 1) + 2, width: width - 3, height: BAR }),
    );
    x += width;
    return head + bars.join('');
  });
  return labels.join('') + steps.join('');
};

const text = (content: string, x: number, y: number, style: string): string =>
  element('text', { class: style, x, y }, xmlText(content));
