import type { Box, BoxEdge, Folding } from './fold.ts';
import { componentsOf } from './placing/components.ts';
import { type Layered, layered } from './placing/layers.ts';
import { orderLayers } from './placing/order.ts';
import { placesOf } from './placing/places.ts';
import { type Shelved, type Size, shelve } from './placing/shelves.ts';

/** Returns the size of a folded box, in any unit. `aspect`: about how many times as wide as high a block of cells is to be. */
export type Measure = (box: Box, aspect: number) => Size;

export type LayoutOptions = {
  readonly measure: Measure;
  /** The room between an unfolded box and what is inside it. */
  readonly frame: { readonly top: number; readonly right: number; readonly bottom: number; readonly left: number };
  /** The minimum width of an unfolded box, such as that of its title. Default 0. */
  readonly frameWidth?: ((box: Box) => number) | undefined;
  /** What the layout is to fit into: decides how wide blocks of cells are. Only its aspect matters. Default 16 by 9. */
  readonly window?: Size | undefined;
  /** Room between boxes; between columns it grows a little with the number of edges. Default 56 and 16. */
  readonly gap?: { readonly x: number; readonly y: number } | undefined;
};

/** A box at its place. Coordinates are those of the whole layout, also of boxes inside others. */
export type PlacedBox = Size & {
  readonly box: Box;
  readonly x: number;
  readonly y: number;
  /** Position of the unfolded box around, in `boxes`; -1 if there is none. */
  readonly parent: number;
};

/** An edge from one box to another, as positions in `boxes`. */
export type PlacedEdge = BoxEdge & {
  /** x and y in turn, from left to right. Two points with the same y are joined by a straight line, others by a curve that begins and ends horizontally. */
  readonly points: readonly number[];
};

export type Layout = Size & {
  /** The aspect that blocks were measured with. */
  readonly aspect: number;
  /** Each unfolded box before those inside it. */
  readonly boxes: readonly PlacedBox[];
  readonly edges: readonly PlacedEdge[];
};

/**
 * Places boxes in layers from left to right, such that each edge leads to the right. Tries several aspects of blocks and takes the
 * layout that is largest when it is fitted into the window. The same input gives the same layout.
 */
export const layout = (folding: Folding, options: LayoutOptions): Layout => {
  const ordered = orderParts(folding);
  const { width, height } = options.window ?? WINDOW;
  let best: Level | undefined;
  let bestAspect = USUAL_ASPECT;
  let most = 0;
  for (const aspect of aspectsFor(folding, options.measure)) {
    const level = placeLevel(ordered, options, aspect);
    const scale = Math.min(width / Math.max(1, level.width), height / Math.max(1, level.height));
    if (best && scale <= most * WORTH) continue;
    best = level;
    bestAspect = aspect;
    most = scale;
  }
  return { aspect: bestAspect, ...flatten(best ?? EMPTY, options) };
};

/** A folding whose parts have their order: that depends on no size. */
type Ordered = {
  readonly boxes: readonly Box[];
  readonly parts: readonly Part[];
  readonly inner: readonly (Ordered | undefined)[];
};

/** Boxes that are joined by edges. `members`: their positions; edges are between positions in the part. */
type Part = { readonly members: readonly number[]; readonly edges: readonly BoxEdge[]; readonly graph: Layered };

const orderParts = (folding: Folding): Ordered => {
  const { boxes, edges } = folding;
  const up: number[][] = boxes.map(() => []);
  const down: number[][] = boxes.map(() => []);
  for (const { from, to } of edges) {
    up[to]?.push(from);
    down[from]?.push(to);
  }
  const placeOf = new Int32Array(boxes.length);
  const partOf = new Int32Array(boxes.length);
  const components = componentsOf({ up, down });
  const edgesOf: BoxEdge[][] = components.map((members, part) => {
    for (const [at, box] of members.entries()) {
      placeOf[box] = at;
      partOf[box] = part;
    }
    return [];
  });
  const place = (box: number): number => placeOf[box] as number;
  for (const { from, to, count } of edges)
    edgesOf[partOf[from] as number]?.push({ from: place(from), to: place(to), count });
  const parts = components.map((members, part): Part => {
    const own = edgesOf[part] as BoxEdge[];
    const graph = layered({
      up: members.map((box) => (up[box] as number[]).map(place)),
      down: members.map((box) => (down[box] as number[]).map(place)),
    });
    orderLayers(graph, members.length <= MAX_THOROUGH && graph.before.length + own.length <= MAX_POINTS);
    return { members, edges: own, graph };
  });
  return { boxes, parts, inner: boxes.map(({ inner }) => inner && orderParts(inner)) };
};

/** A placed level; coordinates are relative to its corner. */
type Level = Size & {
  readonly boxes: readonly (Size & {
    readonly box: Box;
    readonly x: number;
    readonly y: number;
    readonly inner: Level | undefined;
  })[];
  readonly edges: readonly PlacedEdge[];
};

const placeLevel = (ordered: Ordered, options: LayoutOptions, aspect: number): Level => {
  const { frame, window = WINDOW, gap = GAP } = options;
  const inner = ordered.inner.map((level) => level && placeLevel(level, options, aspect));
  const sizes = ordered.boxes.map((box, at): Size => {
    const level = inner[at];
    if (!level) return options.measure(box, aspect);
    const width = Math.max(options.frameWidth?.(box) ?? 0, level.width + frame.left + frame.right);
    return { width, height: level.height + frame.top + frame.bottom };
  });
  const placed = ordered.parts.map((part) =>
    placePart(
      part,
      part.members.map((box) => sizes[box] as Size),
      gap,
    ),
  );
  const { width, height, places } = shelveParts(ordered.parts, placed, window.width / window.height, gap.y);
  const boxes: Level['boxes'][number][] = new Array(ordered.boxes.length);
  const edges: PlacedEdge[] = [];
  for (const [at, { members }] of ordered.parts.entries()) {
    const { x, y } = places[at] as { x: number; y: number };
    const part = placed[at] as PlacedPart;
    for (const [index, box] of members.entries())
      boxes[box] = {
        ...(sizes[box] as Size),
        box: ordered.boxes[box] as Box,
        x: x + (part.x[index] as number),
        y: y + (part.y[index] as number),
        inner: inner[box],
      };
    for (const { from, to, count, points } of part.edges)
      edges.push({
        from: members[from] as number,
        to: members[to] as number,
        count,
        points: points.map((value, index) => value + (index % 2 === 0 ? x : y)),
      });
  }
  return { width, height, boxes, edges };
};

/** Puts the parts into rows; boxes without edges below all others. */
const shelveParts = (parts: readonly Part[], placed: readonly Size[], aspect: number, gap: number): Shelved => {
  const firstAlone = parts.findIndex(({ edges }) => edges.length === 0);
  const joined = shelve(firstAlone < 0 ? placed : placed.slice(0, firstAlone), aspect, gap);
  if (firstAlone < 0) return joined;
  const alone = shelve(placed.slice(firstAlone), aspect, gap, joined.width);
  const top = firstAlone === 0 ? 0 : joined.height + gap;
  return {
    width: Math.max(joined.width, alone.width),
    height: top + alone.height,
    places: [...joined.places, ...alone.places.map(({ x, y }) => ({ x, y: y + top }))],
  };
};

type PlacedPart = Size & {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly edges: readonly PlacedEdge[];
};

const placePart = ({ graph, edges }: Part, sizes: readonly Size[], gap: { x: number; y: number }): PlacedPart => {
  const { layers, layerOf } = graph;
  const middle = placesOf(graph, (point) => sizes[point]?.height ?? BEND, gap.y);
  const left: number[] = [];
  const right: number[] = [];
  let edge = 0;
  for (const [at, layer] of layers.entries()) {
    left[at] = edge;
    right[at] = edge + layer.reduce((most, point) => Math.max(most, sizes[point]?.width ?? 0), BEND);
    edge = (right[at] as number) + gap.x + Math.min(MAX_MORE_GAP, layer.length);
  }
  let top = Number.POSITIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const [point, y] of middle.entries()) {
    const half = (sizes[point]?.height ?? BEND) / 2;
    top = Math.min(top, y - half);
    bottom = Math.max(bottom, y + half);
  }
  const yOf = (point: number): number => (middle[point] as number) - top;
  const xOf = (box: number): number => left[layerOf[box] as number] as number;
  const linesOf = ({ from, to }: BoxEdge): readonly number[] => {
    const layer = layerOf[from] as number;
    const start = yOf(from);
    const points = [xOf(from) + (sizes[from] as Size).width, start, right[layer] as number, start];
    for (const [at, bend] of graph.bendsOf(from, to).entries()) {
      const y = yOf(bend);
      points.push(left[layer + 1 + at] as number, y, right[layer + 1 + at] as number, y);
    }
    points.push(xOf(to), yOf(to));
    return points;
  };
  return {
    width: right.at(-1) ?? 0,
    height: bottom - top,
    x: sizes.map((_, box) => xOf(box)),
    y: sizes.map(({ height }, box) => yOf(box) - height / 2),
    edges: edges.map((edge) => ({ ...edge, points: linesOf(edge) })),
  };
};

/** Returns the layout of a level and all inside it, in the coordinates of the outermost one. */
const flatten = (outermost: Level, { frame }: LayoutOptions): Omit<Layout, 'aspect'> => {
  const boxes: PlacedBox[] = [];
  const edges: PlacedEdge[] = [];
  const levels = [{ level: outermost, parent: -1, x: 0, y: 0 }];
  for (const { level, parent, x, y } of levels) {
    const first = boxes.length;
    for (const { inner, ...placed } of level.boxes) {
      const at = boxes.push({ ...placed, x: x + placed.x, y: y + placed.y, parent }) - 1;
      if (inner) levels.push({ level: inner, parent: at, x: x + placed.x + frame.left, y: y + placed.y + frame.top });
    }
    for (const { from, to, count, points } of level.edges)
      edges.push({
        from: first + from,
        to: first + to,
        count,
        points: points.map((value, index) => value + (index % 2 === 0 ? x : y)),
      });
  }
  return { width: outermost.width, height: outermost.height, boxes, edges };
};

/** Returns the aspects that are worth a try: one, if no size depends on it, or if there are very many boxes. */
const aspectsFor = (folding: Folding, measure: Measure): readonly number[] => {
  const folded: Box[] = [];
  const levels = [folding];
  for (const { boxes } of levels)
    for (const box of boxes) {
      if (box.inner) levels.push(box.inner);
      else if (box.cells.length > 1) folded.push(box);
    }
  const isRigid = folded.every((box) => {
    const widths = ASPECTS.map((aspect) => measure(box, aspect).width);
    return widths.every((width) => width === widths[0]);
  });
  return isRigid || folded.length > MAX_FLEXIBLE ? [USUAL_ASPECT] : ASPECTS;
};

const WINDOW: Size = { width: 16, height: 9 };
const GAP = { x: 56, y: 16 };

/** The height that an edge takes where it passes a layer. */
const BEND = 6;
const MAX_MORE_GAP = 60;

const USUAL_ASPECT = 2.2;
const ASPECTS: readonly number[] = [1.2, 2.2, 4, 8, 16];

/** How much larger a layout with another aspect has to be. */
const WORTH = 1.02;

/** The numbers of boxes, and of their edges and bends, up to which there is time for the best order. */
const MAX_THOROUGH = 300;
const MAX_POINTS = 6000;

/** The maximum number of blocks for which all aspects are tried. */
const MAX_FLEXIBLE = 2000;

const EMPTY: Level = { width: 0, height: 0, boxes: [], edges: [] };
