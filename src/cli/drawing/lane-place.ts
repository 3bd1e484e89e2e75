import type { Twins } from '../../engine/views/folding/twins.ts';
import type { Lane, LaneField } from './lane-field.ts';

/**
 * A task's column, and the lane to its downstreams. `none`: no downstream. `down`: a lane below the task. `into`: an
 * existing lane in another column. `begin`: a new lane in that column; the lane's last task is drawn in column `home`.
 */
export type LanePlace = {
  readonly column: number;
  readonly out: 'none' | 'down' | { readonly into: Lane } | { readonly begin: number; readonly home: number };
};

/** Which tasks share a lane. `twins`: three or more twins. `all`: all tasks with the same downstreams. */
export type LaneShare = 'twins' | 'all';

/** Picks the place of a task. `inputs` are the lanes of its upstreams. Returns `undefined` if there is no room. */
export const placeOf = (
  task: number,
  inputs: readonly Lane[],
  field: LaneField,
  { setOf, twinOf, counts }: Twins,
  share: LaneShare,
): LanePlace | undefined => {
  const set = setOf[task] as number;
  const twinCount = counts[twinOf[task] as number] ?? 1;
  const isSharing = set >= 0 && (share === 'all' || twinCount > 2);
  if (isSharing) {
    const place =
      placeInto(inputs, field, field.lanesOf(set)) ?? (twinCount > 1 ? placeBeside(inputs, field) : undefined);
    if (place) return place;
  }
  const column = columnOf(set < 0, inputs, field);
  return column === undefined ? undefined : { column, out: set < 0 ? 'none' : 'down' };
};

/** Finds the best column with a line into one of `lanes`. The lines to the inputs must not overlap that line. */
const placeInto = (inputs: readonly Lane[], field: LaneField, lanes: readonly Lane[]): LanePlace | undefined => {
  let best: { readonly place: LanePlace; readonly cost: number } | undefined;
  for (const into of lanes) {
    for (const column of freeColumns(field)) {
      const isRight = into.column > column;
      if (inputs.some((lane) => lane.column !== column && lane.column > column === isRight)) continue;
      const cost = costOf(column, [...inputs, into], field) - (column === into.twinColumn ? TWIN_BONUS : 0);
      if (best === undefined || cost < best.cost) best = { place: { column, out: { into } }, cost };
    }
  }
  return best?.place;
};

const TWIN_BONUS = 1000;

/** Finds a place to one side of all inputs, with room for a new lane further out. */
const placeBeside = (inputs: readonly Lane[], field: LaneField): LanePlace | undefined => {
  const columns = inputs.map(({ column }) => column);
  const empty = emptyColumns(field);
  const right = empty.filter((at) => at > Math.max(-1, ...columns));
  const left = empty.filter((at) => at < Math.min(...columns)).reverse();
  const places = [right, inputs.length > 0 ? left : []].flatMap(([column, begin]) => {
    if (column === undefined || begin === undefined) return [];
    const home = Math.min(column, ...columns);
    return [{ column, out: { begin, home }, isWider: begin >= field.width() }];
  });
  return places.find(({ isWider }) => !isWider) ?? places[0];
};

/** Picks the column with the fewest crossings and the shortest lines. */
const columnOf = (isEnd: boolean, inputs: readonly Lane[], field: LaneField): number | undefined => {
  const [only] = inputs;
  if (isEnd && !only) return 0;
  if (isEnd && only && inputs.length === 1 && only.isForked && only.isEnding && isFree(only.column + 1, field)) {
    return only.column + 1;
  }
  const home = inputs.find(({ isEnding, homeColumn }) => isEnding && homeColumn !== undefined)?.homeColumn;
  if (home !== undefined && isFree(home, field) && crossings(home, inputs, field) === 0) return home;
  let best: { readonly column: number; readonly cost: number } | undefined;
  for (const column of freeColumns(field)) {
    const cost = costOf(column, inputs, field);
    if (best === undefined || cost < best.cost) best = { column, cost };
  }
  return best?.column;
};

const isFree = (column: number, field: LaneField): boolean => {
  const lane = field.at(column);
  return column < field.maxLanes && (lane === undefined || lane.isEnding);
};

const freeColumns = (field: LaneField): readonly number[] =>
  columnsUpTo(field, 1).filter((column) => isFree(column, field));

const emptyColumns = (field: LaneField): readonly number[] =>
  columnsUpTo(field, 2).filter((column) => field.at(column) === undefined);

const columnsUpTo = (field: LaneField, more: number): readonly number[] =>
  Array.from({ length: Math.min(field.maxLanes, Math.max(field.width(), field.above + 1) + more) }, (_, at) => at);

const costOf = (column: number, tied: readonly Lane[], field: LaneField): number => {
  // A root directly below another task would look like its downstream.
  if (tied.length === 0) return 2 * column + (column === field.above ? UNDER_COST : 0);
  const columns = [column, ...tied.map((lane) => lane.column)];
  const span = Math.max(...columns) - Math.min(...columns);
  return 4 * crossings(column, tied, field) + 2 * span + column / 1000;
};

const UNDER_COST = 3;

/** Counts the lanes that a task's row crosses without being connected to them. */
const crossings = (column: number, tied: readonly Lane[], field: LaneField): number => {
  const columns = [column, ...tied.map((lane) => lane.column)];
  let count = 0;
  for (let at = Math.min(...columns) + 1; at < Math.max(...columns); at++) {
    const lane = field.at(at);
    if (lane && at !== column && !tied.includes(lane)) count++;
  }
  return count;
};
