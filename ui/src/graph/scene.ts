import { edgePath } from '../../../src/engine/views/edge-path.ts';
import { type Box, fold } from '../../../src/engine/views/fold.ts';
import { type Layout, layout, type PlacedBox } from '../../../src/engine/views/layout.ts';
import type { JobModel } from '../job/job-model.ts';
import type { Size } from '../shell/use-canvas.ts';
import { type BoxShape, boxShape, FRAME, type Place, placeOf, taskAt } from './box-shape.ts';
import { visibleTasks } from './visible-tasks.ts';

/** A box with what is drawn in it. Without a shape it is unfolded: others stand inside. */
export type SceneBox = PlacedBox & { readonly shape: BoxShape | undefined };

/** The graph as it is drawn, in px at a scale of 1. */
export type Scene = Size & {
  readonly boxes: readonly SceneBox[];
  readonly edges: readonly { readonly from: number; readonly to: number; readonly path: Path2D }[];
  /** The positions of the boxes next to a box, against and along the edges. */
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
  /** The box that shows a task. */
  readonly boxOf: (task: number) => number | undefined;
};

export type SceneOptions = {
  readonly open: ReadonlySet<string>;
  readonly unfoldsAll: boolean;
  /** Index of the task around which is drawn; -1 for all. */
  readonly around: number;
  readonly window: Size;
};

export const makeScene = (model: JobModel, { open, unfoldsAll, around, window }: SceneOptions): Scene => {
  const visible = visibleTasks(model);
  const centre = around < 0 ? undefined : visible.position(around);
  const folding = visible.translate(
    fold(visible.input, { open, all: unfoldsAll, ...(centre === undefined ? {} : { around: { task: centre } }) }),
  );
  const shapes = new Map<Box, Map<number, BoxShape>>();
  const shapeOf = (box: Box, aspect: number): BoxShape => {
    const known = shapes.get(box) ?? new Map<number, BoxShape>();
    shapes.set(box, known);
    const shape = known.get(aspect) ?? boxShape(model, box, aspect);
    known.set(aspect, shape);
    return shape;
  };
  const placed: Layout = layout(folding, {
    measure: (box, aspect) => shapeOf(box, aspect),
    frame: FRAME,
    frameWidth: ({ title }) => Math.min(360, title.length * 8 + 110),
    window,
  });
  const boxes = placed.boxes.map(
    (box): SceneBox => ({
      ...box,
      shape:
        box.box.inner === undefined
          ? [...(shapes.get(box.box)?.values() ?? [])].find(
              ({ width, height }) => width === box.width && height === box.height,
            )
          : undefined,
    }),
  );
  const up: number[][] = boxes.map(() => []);
  const down: number[][] = boxes.map(() => []);
  for (const { from, to } of placed.edges) {
    up[to]?.push(from);
    down[from]?.push(to);
  }
  let shown: Map<number, number> | undefined;
  return {
    width: placed.width,
    height: placed.height,
    boxes,
    edges: placed.edges.map(({ from, to, points }) => ({ from, to, path: new Path2D(edgePath(points)) })),
    up,
    down,
    boxOf: (task) => {
      if (shown === undefined) {
        shown = new Map();
        for (const [at, { box }] of boxes.entries()) {
          for (const one of box.tasks) shown.set(one, at);
          if (box.inner === undefined) for (const cell of box.cells) shown.set(cell, at);
        }
      }
      for (let at = task; at >= 0; at = model.parent(at)) {
        const box = shown.get(at);
        if (box !== undefined) return box;
      }
      return undefined;
    },
  };
};

export type Hit = { readonly box: number; readonly task: number };

/** What is at a point of the scene: the innermost box, and the task in it, or -1. */
export const hitAt = ({ boxes }: Scene, x: number, y: number): Hit | undefined => {
  for (let at = boxes.length - 1; at >= 0; at -= 1) {
    const placed = boxes[at] as SceneBox;
    if (x < placed.x || y < placed.y || x > placed.x + placed.width || y > placed.y + placed.height) continue;
    const { shape, box } = placed;
    const task = shape === undefined ? (box.tasks[0] ?? -1) : taskAt(shape, box, x - placed.x, y - placed.y);
    if (task >= 0) return { box: at, task };
    return { box: at, task: box.tasks.length === 1 ? (box.tasks[0] as number) : -1 };
  }
  return undefined;
};

/** Where a task is drawn in the scene: its cell or bar, or the box that it stands in. */
export const placeInScene = (scene: Scene, task: number): Place | undefined => {
  const at = scene.boxOf(task);
  const placed = at === undefined ? undefined : scene.boxes[at];
  if (placed === undefined) return undefined;
  const inner = placed.shape === undefined ? undefined : placeOf(placed.shape, task);
  if (inner === undefined) return placed;
  return { ...inner, x: placed.x + inner.x, y: placed.y + inner.y };
};
