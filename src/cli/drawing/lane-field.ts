/** A line downwards, from tasks that lead to the same tasks. */
export type Lane = {
  readonly id: number;
  readonly set: number;
  readonly column: number;
  /** Whether the task being placed is the last that waits for it. */
  isEnding: boolean;
  /** Whether a task before was tied to it. */
  isForked: boolean;
  /** Where twins that share it stand, and what they come from: they go back there. */
  readonly twinColumn?: number;
  readonly homeColumn?: number;
};

/** The lanes at one row of the drawing. */
export type LaneField = {
  readonly maxLanes: number;
  /** How many columns are taken, holes among them. */
  readonly width: () => number;
  readonly at: (column: number) => Lane | undefined;
  readonly lanesOf: (set: number) => readonly Lane[];
  readonly open: (lane: Omit<Lane, 'id' | 'isEnding' | 'isForked'>) => void;
  /** The id of the lane that is opened next. */
  readonly nextId: () => number;
  readonly close: (lane: Lane) => void;
  /** The column of the task in the row above. */
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
