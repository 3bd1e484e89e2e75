import type { Box } from '../../../src/engine/views/fold.ts';
import { BY_PROGRESS, GLYPHS } from '../../../src/engine/views/palette.ts';
import type { TaskState } from '../../../src/events/event.ts';
import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';
import { tookMs } from '../job/took.ts';
import type { Colours } from '../shell/colours.ts';
import type { Size } from '../shell/use-canvas.ts';
import { wordOf } from '../states/states.ts';
import { cutText } from '../text/cut.ts';
import { durationText } from '../text/duration.ts';
import { numberText } from '../text/number.ts';
import { CELL, HEAD, PAD, TASK } from './box-shape.ts';
import { isFaded, isShareFaded } from './faded.ts';
import { placeInScene, type Scene, type SceneBox } from './scene.ts';

/** Where the window is: a point of the scene is drawn at `x + k * point`. */
export type Camera = { readonly x: number; readonly y: number; readonly k: number };

export type Picture = {
  readonly model: JobModel;
  readonly scene: Scene;
  readonly camera: Camera;
  readonly size: Size;
  readonly colours: Colours;
  readonly focus: JobFocus;
  /** The box under the pointer. */
  readonly hovered: number | undefined;
};

const FONT = 'Inter, ui-sans-serif, system-ui, sans-serif';
/** Below this many px, text can't be read and is not drawn. */
const READABLE = 6;

export const paintGraph = (context: CanvasRenderingContext2D, picture: Picture): void => {
  const { scene, camera, size } = picture;
  context.translate(camera.x, camera.y);
  context.scale(camera.k, camera.k);
  const sight = {
    left: -camera.x / camera.k,
    top: -camera.y / camera.k,
    right: (size.width - camera.x) / camera.k,
    bottom: (size.height - camera.y) / camera.k,
  };
  const painter = new Painter(context, picture);
  const inSight = [...scene.boxes.entries()].filter(
    ([, { x, y, width, height }]) =>
      x <= sight.right && y <= sight.bottom && x + width >= sight.left && y + height >= sight.top,
  );
  // Edges inside an unfolded box are above it, and below the boxes that they join.
  for (const [at, placed] of inSight) if (placed.shape === undefined) painter.box(placed, at, sight);
  painter.edges();
  for (const [at, placed] of inSight) if (placed.shape !== undefined) painter.box(placed, at, sight);
  painter.neighbours();
};

type Sight = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

const glyphs = new Map<TaskState, Path2D>();

const glyphOf = (state: TaskState): Path2D => {
  let path = glyphs.get(state);
  if (path !== undefined) return path;
  path = new Path2D(GLYPHS[state].path);
  glyphs.set(state, path);
  return path;
};

class Painter {
  readonly #context: CanvasRenderingContext2D;
  readonly #picture: Picture;
  readonly #k: number;
  readonly #lit: ReadonlySet<number> | undefined;

  constructor(context: CanvasRenderingContext2D, picture: Picture) {
    this.#context = context;
    this.#picture = picture;
    this.#k = picture.camera.k;
    const { hovered, scene } = picture;
    this.#lit =
      hovered === undefined || scene.boxes[hovered]?.shape === undefined ? undefined : connected(scene, hovered);
  }

  edges(): void {
    const { scene, colours, focus } = this.#picture;
    const context = this.#context;
    const width = Math.max(1.2, 1 / this.#k);
    const lit = this.#lit;
    for (const { from, to, path } of scene.edges) {
      const isCritical = this.#isCritical(scene.boxes[from]) && this.#isCritical(scene.boxes[to]);
      const isLit = lit?.has(from) === true && lit.has(to);
      context.globalAlpha = (lit !== undefined && !isLit) || (focus.critical !== undefined && !isCritical) ? 0.4 : 1;
      context.strokeStyle = isCritical ? colours.surface.text : isLit ? colours.surface.dim : colours.surface.wire;
      context.lineWidth = isCritical ? Math.max(2, 1.8 / this.#k) : width;
      context.stroke(path);
    }
    context.globalAlpha = 1;
  }

  box(placed: SceneBox, at: number, sight: Sight): void {
    const context = this.#context;
    const { focus, colours, scene } = this.#picture;
    const { box, shape } = placed;
    context.globalAlpha = this.#lit !== undefined && !this.#lit.has(at) && shape !== undefined ? 0.4 : 1;
    const isSelected = box.tasks.length === 1 ? box.tasks[0] === focus.selected : scene.boxOf(focus.selected) === at;
    context.beginPath();
    context.roundRect(placed.x, placed.y, placed.width, placed.height, 6);
    context.fillStyle = shape === undefined ? colours.surface.panel : colours.surface.card;
    context.fill();
    const isCritical = this.#isCritical(placed);
    context.strokeStyle = isSelected
      ? colours.surface.accent
      : isCritical
        ? colours.surface.text
        : at === this.#picture.hovered
          ? colours.surface.dim
          : colours.surface['line-strong'];
    context.lineWidth = (isSelected ? 2 : isCritical ? 1.6 : 0.9) * Math.max(1, 1 / this.#k);
    context.stroke();
    if (shape?.kind === 'task') this.#task(placed);
    else {
      this.#heading(placed);
      if (shape?.kind === 'cells') this.#cells(placed, shape, sight);
      else if (shape?.kind === 'spots') this.#spots(placed, shape);
    }
    context.globalAlpha = 1;
  }

  #isCritical(placed: SceneBox | undefined): boolean {
    const { critical } = this.#picture.focus;
    return critical !== undefined && placed?.box.tasks.some((task) => critical.has(task)) === true;
  }

  #isFaded(task: number): boolean {
    return isFaded(this.#picture.model, this.#picture.focus, task);
  }

  #task({ x, y, width, height, box }: SceneBox): void {
    const context = this.#context;
    const { model, colours } = this.#picture;
    const task = box.tasks[0] as number;
    const state = model.state(task);
    const alpha = context.globalAlpha;
    if (this.#isFaded(task)) context.globalAlpha = alpha * 0.3;
    const isOpen = state !== 'unscheduled';
    context.fillStyle = colours.state[state];
    context.beginPath();
    context.roundRect(x, y, isOpen ? TASK.strip : 5, height, [6, 0, 0, 6]);
    context.fill();
    if (isOpen && this.#k * 14 > READABLE) this.#glyph(state, x + TASK.strip / 2, y + height / 2, 14);
    const font = Math.min(21, Math.max(12.5, 9.5 / this.#k));
    if (font * this.#k > READABLE) {
      const ms = this.#k > 0.62 ? tookMs(model, task) : undefined;
      const took = ms === undefined ? '' : durationText(ms);
      context.font = `11px ${FONT}`;
      const room = took === '' ? 0 : context.measureText(took).width + 8;
      if (took !== '') this.#text(took, x + width - 9, y + height / 2 + 0.5, colours.surface.dim, 'right');
      context.font = `500 ${font}px ${FONT}`;
      const left = x + (isOpen ? TASK.strip + 8 : 14);
      this.#text(
        this.#fitted(box.title, x + width - 8 - room - left),
        left,
        y + height / 2 + 0.5,
        isOpen ? colours.surface.text : colours.surface.dim,
      );
    }
    context.globalAlpha = alpha;
  }

  #heading(placed: SceneBox): void {
    const { x, y, width, box } = placed;
    const context = this.#context;
    const { colours } = this.#picture;
    const k = this.#k;
    const font = Math.min(20, Math.max(12.5, 9 / k));
    if (font * k < READABLE) return;
    const middle = y + HEAD / 2 + 3;
    let right = x + width - PAD;
    if (k > 0.5 || width > 220) {
      const small = Math.min(15, Math.max(11, 8 / k));
      const { done, failed, total } = this.#progress(box.cells);
      context.font = `${small}px ${FONT}`;
      const own = this.#overBefore(placed.box);
      const text = own === undefined ? `${numberText(done)} / ${numberText(total)}` : wordOf(own);
      this.#text(text, right, middle, colours.surface.dim, 'right');
      right -= context.measureText(text).width + 8;
      if (failed > 0) right -= this.#failures(failed, right, middle);
    }
    context.font = `600 ${font}px ${FONT}`;
    this.#text(this.#fitted(box.title, right - x - PAD), x + PAD, middle, colours.surface.text);
  }

  /** A mark with the number of failures; returns its width. */
  #failures(count: number, right: number, middle: number): number {
    const context = this.#context;
    const { colours } = this.#picture;
    context.font = `600 11px ${FONT}`;
    const text = numberText(count);
    const width = context.measureText(text).width + 24;
    context.fillStyle = colours.state.failed;
    context.beginPath();
    context.roundRect(right - width, middle - 8, width, 16, 8);
    context.fill();
    this.#text(text, right - 7, middle + 0.5, colours.onState.failed, 'right');
    this.#glyph('failed', right - width + 10, middle, 9);
    return width + 6;
  }

  /** The state of a map or nested job that was over before anything in it began: that of all its cells. */
  #overBefore({ tasks }: Box): TaskState | undefined {
    const { model } = this.#picture;
    const own = tasks.length === 1 ? model.state(tasks[0] as number) : undefined;
    if (own !== 'skipped' && own !== 'cancelled') return undefined;
    return (model.table.startAt[tasks[0] as number] as number) < 0 ? own : undefined;
  }

  #progress(cells: readonly number[]): { done: number; failed: number; total: number } {
    const { model } = this.#picture;
    let done = 0;
    let failed = 0;
    for (const task of cells) {
      const state = model.state(task);
      if (state === 'completed' || state === 'skipped') done += 1;
      else if (state === 'failed') failed += 1;
    }
    return { done, failed, total: cells.length };
  }

  /** A cell for each task, state by state: as shapes, too, once they are large enough. */
  #cells(placed: SceneBox, shape: Extract<NonNullable<SceneBox['shape']>, { kind: 'cells' }>, sight: Sight): void {
    const context = this.#context;
    const { model, colours, focus } = this.#picture;
    const { columns, rows, tasks } = shape.grid;
    const left = placed.x + shape.x;
    const top = placed.y + shape.y;
    const side = this.#k < 0.3 ? CELL - 0.6 : CELL - 1.6;
    const alpha = context.globalAlpha;
    const first = Math.max(0, Math.floor((sight.top - top) / CELL));
    const last = Math.min(rows, Math.ceil((sight.bottom - top) / CELL));
    const own = this.#overBefore(placed.box);
    const byState = new Map<TaskState, number[]>();
    for (let at = first * columns; at < last * columns; at += 1) {
      const task = tasks[at] as number;
      if (task < 0) continue;
      const state = own ?? model.state(task);
      const known = byState.get(state);
      if (known === undefined) byState.set(state, [at]);
      else known.push(at);
    }
    const isFiltered =
      focus.states.size > 0 || focus.hits !== undefined || focus.preview !== undefined || focus.critical !== undefined;
    const px = side * this.#k;
    for (const [state, places] of byState) {
      const isFailed = state === 'failed';
      const more = isFailed ? Math.min(1.2, 0.8 / this.#k) : 0;
      const hole = state === 'running' && px > 4 ? Math.max(1.6, 1.6 / this.#k) : 0;
      for (const at of places) {
        const x = left + (at % columns) * CELL;
        const y = top + Math.floor(at / columns) * CELL;
        if (isFiltered) {
          const isCritical = focus.critical?.has(tasks[at] as number) !== false;
          context.globalAlpha =
            alpha *
            (this.#isFaded(own === undefined ? (tasks[at] as number) : (placed.box.tasks[0] as number))
              ? 0.14
              : isCritical
                ? 1
                : 0.3);
        }
        context.fillStyle = colours.state[state];
        context.fillRect(x - more, y - more, side + 2 * more, side + 2 * more);
        if (hole > 0 && side > 2 * hole) {
          context.fillStyle = colours.surface.card;
          context.fillRect(x + hole, y + hole, side - 2 * hole, side - 2 * hole);
        }
        if (px > 4.2 && isFailed) this.#glyph('failed', x + side / 2, y + side / 2, side * 0.95);
        else if (px > 9 && state !== 'completed' && state !== 'unscheduled' && state !== 'running')
          this.#glyph(state, x + side / 2, y + side / 2, side * 0.9);
      }
    }
    context.globalAlpha = alpha;
    const selected = focus.selected < 0 ? -1 : tasks.indexOf(focus.selected);
    if (selected < 0) return;
    context.strokeStyle = colours.surface.accent;
    context.lineWidth = Math.max(2, 1.6 / this.#k);
    context.strokeRect(
      left + (selected % columns) * CELL - 1.6,
      top + Math.floor(selected / columns) * CELL - 1.6,
      side + 3.2,
      side + 3.2,
    );
  }

  #spots(placed: SceneBox, shape: Extract<NonNullable<SceneBox['shape']>, { kind: 'spots' }>): void {
    const context = this.#context;
    const { model, colours, focus } = this.#picture;
    const k = this.#k;
    const alpha = context.globalAlpha;
    const font = Math.min(14, Math.max(11, 7.6 / k));
    if (font * k > 5.6) {
      context.font = `${font}px ${FONT}`;
      for (const { y, text } of shape.rowNames)
        this.#text(this.#fitted(text, 78), placed.x + PAD, placed.y + y + 0.5, colours.surface.text);
    }
    if (k > 0.62) {
      context.font = `9.5px ${FONT}`;
      const y = shape.rowNames.length > 0 ? HEAD + 10 : HEAD + 28;
      for (const { x, width, text } of shape.columnNames)
        this.#text(this.#fitted(text, width), placed.x + x, placed.y + y, colours.surface.dim);
    }
    const selected = new Set<number>();
    for (let at = focus.selected; at >= 0; at = model.parent(at)) selected.add(at);
    for (const { x, y, width, height, task } of shape.spots) {
      const [left, top] = [placed.x + x, placed.y + y];
      const state = model.state(task);
      if (model.inside(task).length > 0) this.#bar(task, left, top, width, height);
      else {
        context.globalAlpha = alpha * (this.#isFaded(task) ? 0.25 : 1);
        context.fillStyle = colours.state[state];
        context.fillRect(left, top, width, height);
        if (k > 0.55 && state !== 'unscheduled' && state !== 'completed')
          this.#glyph(state, left + width / 2, top + height / 2, 10);
      }
      context.globalAlpha = alpha;
      const isCritical = focus.critical?.has(task) === true;
      if (!isCritical && !selected.has(task)) continue;
      context.strokeStyle = selected.has(task) ? colours.surface.accent : colours.surface.text;
      context.lineWidth = 1.8;
      context.strokeRect(left - 1, top - 1, width + 2, height + 2);
    }
  }

  /** The states of what is inside a task, as shares of a bar; a failure is always seen. */
  #bar(task: number, left: number, top: number, width: number, height: number): void {
    const context = this.#context;
    const { model, colours, focus } = this.#picture;
    const alpha = context.globalAlpha;
    const total = model.tally.total(task);
    let x = left;
    for (const state of BY_PROGRESS) {
      const count = model.tally.count(task, state);
      if (count === 0) continue;
      context.globalAlpha = isShareFaded(model, focus, task, state) ? alpha * 0.2 : alpha;
      context.fillStyle = colours.state[state];
      const share = (width * count) / total;
      context.fillRect(x, top, Math.min(Math.max(share, state === 'failed' ? 2.5 : 0), left + width - x), height);
      x += share;
    }
  }

  /** Thin lines from the selected task to those next to it, where boxes hide their edges. */
  neighbours(): void {
    const { focus, scene, model, colours } = this.#picture;
    const { selected } = focus;
    if (selected < 0) return;
    const own = scene.boxOf(selected);
    const from = placeInScene(scene, selected);
    const box = own === undefined ? undefined : scene.boxes[own];
    // What is a whole box has its edges.
    if (from === undefined || from === box || box?.shape?.kind !== 'cells') return;
    const context = this.#context;
    context.strokeStyle = colours.surface.accent;
    context.lineWidth = Math.max(0.7, 0.8 / this.#k);
    for (const next of [...model.upstream(selected), ...model.downstream(selected)]) {
      const to = placeInScene(scene, next);
      if (to === undefined) continue;
      const [x0, y0] = [from.x + from.width / 2, from.y + from.height / 2];
      // A card has a name in it: the line ends at its side.
      const x1 = to.width < 2 * CELL ? to.x + to.width / 2 : to.x > from.x ? to.x : to.x + to.width;
      const y1 = to.y + to.height / 2;
      context.beginPath();
      context.moveTo(x0, y0);
      context.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1);
      context.stroke();
      if (to.width < 2 * CELL) context.strokeRect(to.x - 1.5, to.y - 1.5, to.width + 3, to.height + 3);
    }
  }

  #glyph(state: TaskState, x: number, y: number, size: number): void {
    const context = this.#context;
    context.save();
    context.translate(x - size / 2, y - size / 2);
    context.scale(size / 12, size / 12);
    context.lineWidth = 1.7;
    context.lineJoin = context.lineCap = 'round';
    context.strokeStyle = context.fillStyle = this.#picture.colours.onState[state];
    if (GLYPHS[state].solid) context.fill(glyphOf(state));
    else context.stroke(glyphOf(state));
    context.restore();
  }

  #text(text: string, x: number, y: number, colour: string, align: CanvasTextAlign = 'left'): void {
    this.#context.fillStyle = colour;
    this.#context.textAlign = align;
    this.#context.textBaseline = 'middle';
    this.#context.fillText(text, x, y);
  }

  /** The text, cut so that it fits; empty if not even its first letter does. */
  #fitted(text: string, width: number): string {
    const context = this.#context;
    if (context.measureText(text).width <= width) return text;
    let fits = 0;
    let more = text.length;
    while (fits < more) {
      const middle = Math.ceil((fits + more) / 2);
      if (context.measureText(`${cutText(text, middle)}…`).width <= width) fits = middle;
      else more = middle - 1;
    }
    return fits === 0 ? '' : `${cutText(text, fits)}…`;
  }
}

/** A box with all that lead to it, and all that it leads to. */
const connected = ({ up, down }: Scene, start: number): ReadonlySet<number> => {
  const found = new Set([start]);
  for (const next of [up, down]) {
    const todo = [start];
    for (let at = todo.pop(); at !== undefined; at = todo.pop())
      for (const one of next[at] ?? []) {
        if (found.has(one)) continue;
        found.add(one);
        todo.push(one);
      }
  }
  return found;
};
