import type { TaskState } from '../../../events/event.ts';
import type { Box } from '../fold.ts';
import { BY_PROGRESS, GLYPHS } from '../palette.ts';
import type { Picture } from './picture.ts';
import { CELL, gridOf, PAD } from './sizes.ts';
import { element, px } from './xml.ts';

/** Draws the cells of a block below its head: one path for each state, so that 10,000 cells stay small. */
export const drawCells = (box: Box, aspect: number, picture: Picture, top: number): string => {
  const { tasks } = picture;
  const { columns, tasks: places } = gridOf(box, aspect, picture);
  const paths = new Map<TaskState | undefined, string>();
  let crosses = '';
  for (const [place, task] of places.entries()) {
    if (task < 0) continue;
    const state = tasks[task]?.state;
    const x = PAD + (place % columns) * CELL;
    const y = top + Math.floor(place / columns) * CELL;
    paths.set(state, (paths.get(state) ?? '') + (SHAPES[state ?? 'unscheduled'] ?? square)(x, y));
    if (state === 'failed') crosses += `M${px(x + 2)} ${px(y + 2)}l3 3m0 -3l-3 3`;
  }
  const cells = [...paths].map(([state, d]) => element('path', { class: cellClass(state), d }));
  return cells.join('') + (crosses === '' ? '' : element('path', { class: 'on-failed', d: crosses }));
};

const cellClass = (state: TaskState | undefined): string =>
  state === undefined ? 'cell plain' : state === 'running' ? 'ring running' : `cell ${state}`;

type Shape = (x: number, y: number) => string;

const square: Shape = (x, y) => `M${px(x)} ${px(y)}h7v7h-7z`;

/** A failed cell is larger than others, a running one is a ring: seen without colours, too. */
const SHAPES: Readonly<Partial<Record<TaskState, Shape>>> = {
  failed: (x, y) => `M${px(x - 1)} ${px(y - 1)}h9v9h-9z`,
  running: (x, y) => `M${px(x + 1)} ${px(y + 1)}h5v5h-5z`,
};

/** Draws a bar of how many leaves are in which state. */
export const drawBar = (
  leaves: readonly number[],
  { tasks }: Picture,
  { x, y, width, height }: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
): string => {
  const counts = countStates(leaves, tasks);
  let left = x;
  return [...counts]
    .map(([state, count]) => {
      const part = (width * count) / leaves.length;
      const bar = element('rect', { class: `cell ${state ?? 'plain'}`, x: left, y, width: part, height });
      const isCrossed = state === 'failed' && part >= CROSS;
      const cross = isCrossed ? drawGlyph(state, left + part / 2 - CROSS / 2, y + height / 2 - CROSS / 2, CROSS) : '';
      left += part;
      return bar + cross;
    })
    .join('');
};

/** Size of the cross on the failed part of a bar, if it has room. */
const CROSS = 10;

/** Counts the states of tasks, in the order of a bar. */
export const countStates = (
  leaves: readonly number[],
  tasks: Picture['tasks'],
): ReadonlyMap<TaskState | undefined, number> => {
  const counts = new Map<TaskState | undefined, number>();
  for (const leaf of leaves) counts.set(tasks[leaf]?.state, (counts.get(tasks[leaf]?.state) ?? 0) + 1);
  return new Map(
    [undefined, ...BY_PROGRESS].flatMap((state) => (counts.has(state) ? [[state, counts.get(state) ?? 0]] : [])),
  );
};

/** Draws the glyph of a state, `size` high, on its colour or beside it. */
export const drawGlyph = (state: TaskState, x: number, y: number, size: number): string => {
  const { path, solid } = GLYPHS[state];
  const transform = `translate(${px(x)} ${px(y)}) scale(${size / 12})`;
  return element('path', { class: `${solid ? 'solid' : 'stroke'} on-${state}`, transform, d: path });
};
