import type { Graph } from '../../engine/definition/graph.ts';
import type { Twins } from '../../engine/views/folding/twins.ts';
import { createLaneField, type Lane, type LaneField } from './lane-field.ts';
import { type LanePlace, type LaneShare, placeOf } from './lane-place.ts';

/** One character of a row. `lane` is the id of the lane that the character belongs to; it decides the colour. */
export type Mark = { readonly shape: Shape; readonly lane?: number | undefined };

/**
 * The shape of a mark. `node` is a task with downstreams, `end` a task without. A `lane` runs down from one or more
 * tasks to all their downstreams. In the row of each downstream the lane `fork`s to the left, right or both; in the
 * last of these rows it `turn`s, or ends in the task. An `into` connects a task to a shared lane beside the task.
 */
export type Shape =
  | 'space'
  | 'node'
  | 'end'
  | 'lane'
  | 'line'
  | 'intoRight'
  | 'intoLeft'
  | 'forkRight'
  | 'forkLeft'
  | 'forkBoth'
  | 'turnRight'
  | 'turnLeft'
  | 'turnBoth'
  | 'beginLeft'
  | 'beginRight';

/** A task and the marks before its name. */
export type LaneRow = { readonly task: number; readonly marks: readonly Mark[] };

export type LaneOptions = { readonly maxLanes: number; readonly share: LaneShare };

/** Draws a row for each task, in the given order. Returns `undefined` if that needs too many lanes. */
export const drawLanes = (
  { upstream }: Pick<Graph, 'upstream'>,
  twins: Twins,
  order: readonly number[],
  options: LaneOptions,
): readonly LaneRow[] | undefined => {
  const field = createLaneField(options.maxLanes);
  const waiting = [...twins.sizes];
  const rows: LaneRow[] = [];
  for (const task of order) {
    const inputs: Lane[] = [];
    for (const set of new Set((upstream[task] ?? []).map((need) => twins.setOf[need] as number))) {
      const left = (waiting[set] ?? 0) - 1;
      waiting[set] = left;
      for (const lane of field.lanesOf(set)) {
        lane.isEnding = left === 0;
        inputs.push(lane);
      }
    }
    const place = placeOf(task, inputs, field, twins, options.share);
    if (place === undefined) return undefined;
    rows.push({ task, marks: marksOf(place, inputs, field) });
    updateLanes(task, place, inputs, field, twins);
  }
  return rows;
};

/** Returns the marks of a task's row: one for each column, and one between two columns. */
const marksOf = ({ column, out }: LanePlace, inputs: readonly Lane[], field: LaneField): readonly Mark[] => {
  const beside = typeof out === 'string' ? undefined : 'into' in out ? out.into.column : out.begin;
  const ends = [column, ...inputs.map((lane) => lane.column), ...(beside === undefined ? [] : [beside])];
  const first = Math.min(...ends);
  const last = Math.max(...ends);
  const byColumn = inputs.toSorted((a, b) => a.column - b.column);
  const besideId = beside === undefined ? undefined : (field.at(beside)?.id ?? field.nextId());
  /** Returns the id of the lane that the horizontal line belongs to at a column. */
  const lineAt = (at: number): number | undefined => {
    if (beside !== undefined && beside < column === at < column) return besideId;
    return byColumn.at(at < column ? 0 : -1)?.id;
  };
  const isTied = new Set(inputs);
  const markAt = (at: number): Mark => {
    const lane = field.at(at);
    if (at === column) return { shape: out === 'none' ? 'end' : 'node' };
    if (at === beside)
      return lane
        ? { shape: at < column ? 'forkRight' : 'forkLeft', lane: lane.id }
        : { shape: at < column ? 'beginRight' : 'beginLeft', lane: besideId };
    if (!lane) return at > first && at < last ? { shape: 'line', lane: lineAt(at) } : { shape: 'space' };
    if (!isTied.has(lane)) return { shape: 'lane', lane: lane.id };
    const side = at > first && at < last ? 'Both' : at < column ? 'Right' : 'Left';
    return { shape: `${lane.isEnding ? 'turn' : 'fork'}${side}`, lane: lane.id };
  };
  const gapAt = (at: number): Mark => {
    if (at < first || at >= last) return { shape: 'space' };
    if (at === beside) return { shape: 'intoLeft', lane: besideId };
    if (at + 1 === beside) return { shape: 'intoRight', lane: besideId };
    return { shape: 'line', lane: lineAt(at < column ? at : at + 1) };
  };
  return Array.from({ length: Math.max(field.width(), last + 1) }, (_, at) =>
    at === 0 ? [markAt(at)] : [gapAt(at - 1), markAt(at)],
  ).flat();
};

/** Changes `field` from the lanes above a task's row to the lanes below that row. */
const updateLanes = (
  task: number,
  { column, out }: LanePlace,
  inputs: readonly Lane[],
  field: LaneField,
  { setOf }: Twins,
): void => {
  for (const lane of inputs) {
    lane.isForked = true;
    if (lane.isEnding) field.close(lane);
  }
  const set = setOf[task] as number;
  if (out === 'down') field.open({ set, column });
  else if (typeof out === 'object' && 'begin' in out) {
    field.open({ set, column: out.begin, twinColumn: column, homeColumn: out.home });
  }
  field.above = column;
};
