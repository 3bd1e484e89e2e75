/* Folding: which tasks are shown as one box. `task-tree.ts` reads the tasks, `level.ts` has those of one nested job or fan-out as groups.
 * `chains.ts`, `tables.ts`, `alike.ts` and `layers.ts` make fewer groups of them, one rule a file; `../fold.ts` applies them in this order. `near.ts` finds the tasks around one. */

/** Tasks as columns: the index in each is the task. */
export type TaskColumns = {
  /** Last step of the path: the name, or `[3]` for an item of a fan-out. */
  readonly names: readonly string[];
  /** The task of the nested job or fan-out around; -1 at the top. */
  readonly parent: ArrayLike<number>;
  /** The kind of each task, or its letter on the wire. Only those that begin with `m`, fan-outs, matter. */
  readonly kind: ArrayLike<string>;
  /** Direct upstreams, with the same parent. */
  readonly up: readonly (readonly number[])[];
};

/** The tasks with what is inside them. */
export type TaskTree = {
  readonly columns: TaskColumns;
  readonly top: readonly number[];
  /** The tasks inside a task, in their order; none for a leaf. */
  readonly inside: (task: number) => readonly number[];
  /** The leaves inside a task at any depth, in the order of the tree; of a leaf itself. */
  readonly leavesOf: (task: number) => readonly number[];
  readonly isFanOut: (task: number) => boolean;
};

export const taskTree = (columns: TaskColumns): TaskTree => {
  const { parent, kind, names } = columns;
  const top: number[] = [];
  const children: (number[] | undefined)[] = new Array(names.length);
  for (let task = 0; task < names.length; task++) {
    const around = parent[task] ?? -1;
    if (around < 0) top.push(task);
    else if (children[around]) children[around].push(task);
    else children[around] = [task];
  }
  const inside = (task: number): readonly number[] => children[task] ?? NONE;
  const { leaves, from, to } = leavesInOrder(top, inside, names.length);
  return {
    columns,
    top,
    inside,
    leavesOf: (task) => leaves.slice(from[task], to[task]),
    isFanOut: (task) => kind[task]?.[0] === 'm',
  };
};

/** Returns the path of a task, such as `outer/clean[3]`. */
export const pathOf = ({ names, parent }: Pick<TaskColumns, 'names' | 'parent'>, task: number): string => {
  let path = names[task] ?? '';
  for (let at = parent[task] ?? -1; at >= 0; at = parent[at] ?? -1)
    path = `${names[at]}${path.startsWith('[') ? '' : '/'}${path}`;
  return path;
};

/** Returns all leaves such that those of each task are a slice, from `from` to `to`. Without recursion: jobs nest deeply. */
const leavesInOrder = (top: readonly number[], inside: TaskTree['inside'], count: number) => {
  const leaves: number[] = [];
  const from = new Int32Array(count);
  const to = new Int32Array(count);
  const stack = top.toReversed();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next < 0) {
      to[~next] = leaves.length;
      continue;
    }
    from[next] = leaves.length;
    const within = inside(next);
    if (within.length === 0) leaves.push(next);
    stack.push(~next);
    for (let at = within.length - 1; at >= 0; at--) stack.push(within[at] as number);
  }
  return { leaves, from, to };
};

const NONE: readonly number[] = Object.freeze([]);
