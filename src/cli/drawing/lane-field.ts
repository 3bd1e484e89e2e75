/** A vertical line from tasks to their common downstreams. */
export type Lane = {
  readonly id: number;
  /** The number of the set of downstreams that the lane leads to; an index into `Twins.sizes`. */
  readonly set: number;
  /** The column of the lane, counted from 0. */
  readonly column: number;
  /** Whether the task in the current row is the last downstream of this lane. */
  isEnding: boolean;
  /** Whether a downstream in an earlier row was connected to this lane. */
  isForked: boolean;
  /** The column of the twins that share this lane, if the lane began beside them. */
  readonly twinColumn?: number;
  /** The leftmost column of the twins and their upstreams. The last task of the lane is drawn there if possible. */
  readonly homeColumn?: number;
};

export type LaneField = {
  readonly maxLanes: number;
  /** The number of columns in use, including gaps. */
  readonly width: () => number;
  readonly at: (column: number) => Lane | undefined;
  readonly lanesOf: (set: number) => readonly Lane[];
  readonly open: (lane: Omit<Lane, 'id' | 'isEnding' | 'isForked'>) => void;
  /** Returns the id that the next opened lane will get. */
  readonly nextId: () => number;
  readonly close: (lane: Lane) => void;
  /** The column of the task in the row above; -1 in the first row. */
  above: number;
};

export const createLaneField = (maxLanes: number): LaneField => {
  const columns: (Lane | undefined)[] = [];
  const bySet = new Map<number, Lane[]>();
  let count = 0;
  return {
    maxLanes,
    width: () => columns.length,
    at: (column) => columns[column],
    lanesOf: (set) => bySet.get(set) ?? [],
    open: (given) => {
      const lane = { ...given, id: count++, isEnding: false, isForked: false };
      columns[lane.column] = lane;
      bySet.set(lane.set, [...(bySet.get(lane.set) ?? []), lane]);
    },
    nextId: () => count,
    close: (lane) => {
      columns[lane.column] = undefined;
      bySet.delete(lane.set);
      while (columns.length > 0 && columns.at(-1) === undefined) columns.pop();
    },
    above: -1,
  };
};
