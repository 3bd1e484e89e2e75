import { foldAlike } from './folding/alike.ts';
import { foldChains } from './folding/chains.ts';
import { foldLayerRuns, foldLayers } from './folding/layers.ts';
import { type Folder, type Group, type GroupKind, keyOf, type Level, levelOf } from './folding/level.ts';
import { tasksNear } from './folding/near.ts';
import { sharedWords } from './folding/shared-words.ts';
import { foldTables } from './folding/tables.ts';
import { pathOf, type TaskColumns, type TaskTree, taskTree } from './folding/task-tree.ts';
import { titleOf } from './folding/titles.ts';

/** The tasks of a job as columns; see `TaskColumns`. */
export type FoldInput = TaskColumns;

/**
 * How a box came about: a `task` without others inside; a `nested` job or fan-out (`map`); a `chain` of tasks; a `table` of
 * chains that are as long; tasks that are `alike`, with the same upstreams and downstreams; a `layer` of tasks that are as deep in the graph; `layers` that follow one another.
 */
export type BoxKind = GroupKind;

export type Box = {
  /** The same while the job grows: the path of a task, or the kind and the path of the first task, such as `chain//extract`. */
  readonly key: string;
  readonly kind: BoxKind;
  readonly title: string;
  /** The tasks of this level that the box stands for, in order: the steps of a chain, else as declared. One for `task`, `nested` and `map`. */
  readonly tasks: readonly number[];
  /** The leaves of these tasks, in order. Every leaf is in one box; one in an unfolded box is in a box inside, too. */
  readonly cells: readonly number[];
  /** Titles of the rows of a `table`. */
  readonly rows?: readonly string[];
  /** Of a `table`, a column for each step, with a task for each row; of `layers`, one for each layer, with its leaves. */
  readonly columns?: readonly Column[];
  /** Whether its key in `open` unfolds it. */
  readonly canOpen: boolean;
  /** What is inside an unfolded `nested` or `map`. */
  readonly inner?: Folding;
};

export type Column = {
  /** What the names of the column share, or an empty text. */
  readonly title: string;
  readonly tasks: readonly number[];
};

/** An edge between two boxes, as positions in `boxes`. `count`: how many edges of tasks it stands for. */
export type BoxEdge = { readonly from: number; readonly to: number; readonly count: number };

export type Folding = { readonly boxes: readonly Box[]; readonly edges: readonly BoxEdge[] };

export type FoldOptions = {
  /** The maximum number of boxes on a level, if none is unfolded. Default 90. */
  readonly budget?: number | undefined;
  /** Keys of boxes that are unfolded. Those of unknown boxes do nothing. */
  readonly open?: ReadonlySet<string> | undefined;
  /** Whether to unfold everything, as long as there are no more than 1,000 boxes. Default false. */
  readonly all?: boolean | undefined;
  /** Only this task with those of its level at most `steps` away (default 2), unfolded. */
  readonly around?: { readonly task: number; readonly steps?: number | undefined } | undefined;
};

/** Folds the tasks of a job into few boxes, in time in proportion to tasks and edges. The same input gives the same boxes. */
export const fold = (input: FoldInput, options: FoldOptions = {}): Folding => {
  const { budget = BUDGET, open = NO_KEYS, all = false, around } = options;
  const tree = taskTree(input);
  if (around) return foldingAround(tree, around.task, around.steps ?? 2, open);
  const limits = all ? { budget: MAX_UNFOLDED, few: MAX_UNFOLDED } : { budget, few: Math.min(FEW, budget) };
  return foldingOf(tree.top, contextOf(tree, { ...limits, open, openTasks: all ? tasksToOpen(tree) : NO_TASKS }));
};

type Context = Folder & { readonly isUnfolded: (task: number) => boolean };

type Unfolded = Pick<Folder, 'budget' | 'few'> & {
  readonly open: ReadonlySet<string>;
  readonly openTasks: ReadonlySet<number>;
};

const contextOf = (tree: TaskTree, { open, openTasks, budget, few }: Unfolded): Context => ({
  tree,
  budget,
  few,
  isOpen: (key, size) => size <= MAX_UNFOLDED && open.has(key),
  isUnfolded: (task) => openTasks.has(task) || (open.size > 0 && open.has(pathOf(tree.columns, task))),
});

const foldingOf = (tasks: readonly number[], context: Context): Folding => {
  const { tree, isUnfolded } = context;
  let level = levelOf(tree, tasks, isUnfolded);
  for (const rule of RULES) level = rule(context, level);
  const boxes = level.groups.map((group) => boxOf(group, context));
  return { boxes, edges: edgesOf(level) };
};

/** In this order, each on what the one before has left. */
const RULES: readonly ((folder: Folder, level: Level) => Level)[] = [
  foldChains,
  foldTables,
  foldAlike,
  foldLayers,
  foldLayerRuns,
];

const edgesOf = ({ up, counts }: Level): readonly BoxEdge[] =>
  up.flatMap((needs, to) => needs.map((from, index) => ({ from, to, count: counts[to]?.[index] ?? 1 })));

const boxOf = (group: Group, context: Context): Box => {
  const { tree } = context;
  const { names } = tree.columns;
  const { kind, tasks, columns } = group;
  const [first = -1] = tasks;
  const box = {
    key: keyOf(tree, kind, first),
    kind,
    title: titleOf(group, names),
    tasks,
    cells: tasks.length === 1 ? tree.leavesOf(first) : tasks.flatMap((task) => tree.leavesOf(task)),
    canOpen: canOpen(group, context),
  };
  if (kind === 'table' && columns) return { ...box, columns: columnsOf(columns, names), rows: rowsOf(columns, names) };
  if (columns)
    return {
      ...box,
      columns: columnsOf(
        columns.map((layer) => layer.flatMap(tree.leavesOf)),
        names,
      ),
    };
  const inner = box.canOpen && group.isUnfolded ? innerOf(first, context) : undefined;
  return inner ? { ...box, inner } : box;
};

/** Too many tasks without an edge stay cells: unfolded they would be a block of cells again. */
const canOpen = ({ kind, tasks: [first = -1, ...others] }: Group, { tree }: Context): boolean => {
  if (kind === 'task') return false;
  if (kind !== 'nested' && kind !== 'map') return others.length < MAX_UNFOLDED;
  const inside = tree.inside(first);
  const isMore = (task: number): boolean => tree.inside(task).length > 0 || (tree.columns.up[task]?.length ?? 0) > 0;
  return inside.length <= MAX_UNFOLDED || inside.some(isMore);
};

/** Folds what is inside a task, but not into a single block: whoever unfolds a box wants to see more than before. */
const innerOf = (task: number, context: Context): Folding => {
  const inside = context.tree.inside(task);
  const folding = foldingOf(inside, context);
  const isOneBlock = folding.boxes.length === 1 && inside.length > 1 && inside.length <= MAX_UNFOLDED;
  return isOneBlock ? foldingOf(inside, { ...context, budget: MAX_UNFOLDED, few: MAX_UNFOLDED }) : folding;
};

const columnsOf = (columns: readonly (readonly number[])[], names: readonly string[]): readonly Column[] =>
  columns.map((tasks) => ({ title: sharedWords(tasks.map((task) => names[task] ?? '')), tasks }));

/** Returns for each row what the names of its tasks share, or the name of the first. */
const rowsOf = (columns: readonly (readonly number[])[], names: readonly string[]): readonly string[] =>
  (columns[0] ?? []).map((first, row) => {
    const inRow = columns.map((tasks) => names[tasks[row] ?? -1] ?? '');
    return sharedWords(inRow) || (names[first] ?? '');
  });

/** Returns the tasks to unfold, outermost first, such that there are at most `MAX_UNFOLDED` boxes. */
const tasksToOpen = ({ top, inside }: TaskTree): ReadonlySet<number> => {
  const open = new Set<number>();
  let boxes = top.length;
  const queue = [...top];
  for (const task of queue) {
    const within = inside(task);
    if (within.length === 0 || boxes + within.length > MAX_UNFOLDED) continue;
    boxes += within.length;
    open.add(task);
    for (const next of within) queue.push(next);
  }
  return open;
};

const foldingAround = (tree: TaskTree, task: number, steps: number, open: ReadonlySet<string>): Folding => {
  const parent = tree.columns.parent[task] ?? -1;
  const level = levelOf(tree, parent < 0 ? tree.top : tree.inside(parent), () => false);
  const at = level.groups.findIndex(({ tasks }) => tasks[0] === task);
  const near = tasksNear(level, at, steps).map((position) => level.groups[position]?.tasks[0] as number);
  return foldingOf(near, contextOf(tree, { budget: MAX_UNFOLDED, few: MAX_UNFOLDED, open, openTasks: NO_TASKS }));
};

const BUDGET = 90;

/** The number of boxes up to which chains are not folded. */
const FEW = 40;

/** The maximum number of boxes that unfolding something gives. */
const MAX_UNFOLDED = 1000;

const NO_KEYS: ReadonlySet<string> = new Set();
const NO_TASKS: ReadonlySet<number> = new Set();
