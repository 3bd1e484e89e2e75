import { pathOf, type TaskTree } from './task-tree.ts';

export type GroupKind = 'task' | 'nested' | 'map' | 'chain' | 'table' | 'alike' | 'layer' | 'layers';

/** Tasks of one level that are drawn as one box. */
export type Group = {
  readonly kind: GroupKind;
  /** The tasks of the level, in order. */
  readonly tasks: readonly number[];
  /** Of a table, a column for each step; of `layers`, one for each layer. */
  readonly columns?: readonly (readonly number[])[] | undefined;
  /** Whether the group is folded into no other, because it or what it was folded into has been unfolded. */
  readonly isPinned?: boolean | undefined;
  /** Whether what is inside a `nested` or `map` is shown. */
  readonly isUnfolded?: boolean | undefined;
};

/** The groups of the tasks with one parent, and the edges between them, as positions in `groups`. */
export type Level = {
  readonly groups: readonly Group[];
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
  /** For each edge in `up`, how many edges of tasks it stands for. */
  readonly counts: readonly (readonly number[])[];
};

/** Groups, by position in a level, that become one. Positions are in the order of its tasks. */
export type Merge = Pick<Group, 'kind' | 'columns'> & { readonly members: readonly number[] };

/** What all rules need to know. */
export type Folder = {
  readonly tree: TaskTree;
  /** The number of boxes up to which nothing is folded to save room, and that up to which chains are left alone. */
  readonly budget: number;
  readonly few: number;
  /** Whether a box of this key, made of so many groups, is to be unfolded. */
  readonly isOpen: (key: string, size: number) => boolean;
};

/** Returns the key of a group. It names no index, so it stays the same while the job grows. A path has no empty step: keys differ from paths. */
export const keyOf = (tree: TaskTree, kind: GroupKind, first: number): string => {
  const path = pathOf(tree.columns, first);
  return kind === 'task' || kind === 'nested' || kind === 'map' ? path : `${kind}//${path}`;
};

/** Returns a level with a group for each of these tasks. Upstreams that are not among them are left out. */
export const levelOf = (tree: TaskTree, tasks: readonly number[], isUnfolded: (task: number) => boolean): Level => {
  const at = new Map<number, number>();
  for (const [position, task] of tasks.entries()) at.set(task, position);
  const groups = tasks.map((task): Group => {
    if (tree.inside(task).length === 0) return { kind: 'task', tasks: [task] };
    const kind = tree.isFanOut(task) ? 'map' : 'nested';
    return isUnfolded(task) ? { kind, tasks: [task], isPinned: true, isUnfolded: true } : { kind, tasks: [task] };
  });
  return linked(groups, (position, add) => {
    for (const need of tree.columns.up[tasks[position] as number] ?? []) {
      const from = at.get(need);
      if (from !== undefined) add(from, 1);
    }
  });
};

/** Returns the level with each of these sets of groups as one, at the place of its first member. */
export const mergeGroups = (level: Level, merges: readonly Merge[]): Level => {
  if (merges.length === 0) return level;
  const mergeOf = new Int32Array(level.groups.length).fill(-1);
  for (const [index, { members }] of merges.entries()) for (const member of members) mergeOf[member] = index;
  const placeOf = new Int32Array(merges.length).fill(-1);
  const target = new Int32Array(level.groups.length);
  const groups: Group[] = [];
  const membersOf: (readonly number[])[] = [];
  for (const [position, group] of level.groups.entries()) {
    const index = mergeOf[position] as number;
    const merge = merges[index];
    const known = merge ? (placeOf[index] as number) : -1;
    target[position] = known < 0 ? groups.length : known;
    if (known >= 0) continue;
    if (merge) placeOf[index] = groups.length;
    groups.push(merge ? mergedGroup(level, merge) : group);
    membersOf.push(merge?.members ?? [position]);
  }
  return linked(groups, (place, add) => {
    for (const member of membersOf[place] as readonly number[]) {
      const counts = level.counts[member] as readonly number[];
      for (const [index, need] of (level.up[member] as readonly number[]).entries())
        add(target[need] as number, counts[index] as number);
    }
  });
};

/** Returns the level with these groups pinned, because what they were folded into is unfolded. */
export const pinGroups = (level: Level, positions: readonly number[]): Level => {
  if (positions.length === 0) return level;
  const pinned = new Set(positions);
  return {
    ...level,
    groups: level.groups.map((group, position) => (pinned.has(position) ? { ...group, isPinned: true } : group)),
  };
};

/** Merges what is folded, and pins the members of what is unfolded. */
export const foldGroups = ({ tree, isOpen }: Folder, level: Level, merges: readonly Merge[]): Level => {
  const firstOf = ({ members }: Merge): number => level.groups[members[0] as number]?.tasks[0] as number;
  const isUnfolded = merges.map((merge) => isOpen(keyOf(tree, merge.kind, firstOf(merge)), merge.members.length));
  const pinned = merges.filter((_, index) => isUnfolded[index]).flatMap(({ members }) => members);
  return mergeGroups(
    pinGroups(level, pinned),
    merges.filter((_, index) => !isUnfolded[index]),
  );
};

const mergedGroup = ({ groups }: Level, { kind, members, columns }: Merge): Group => ({
  kind,
  tasks: members.flatMap((member) => groups[member]?.tasks ?? []),
  columns,
});

/** Links groups: `each` calls `add` for every edge into a group. Edges between the same two groups are counted as one. */
const linked = (
  groups: readonly Group[],
  each: (position: number, add: (from: number, count: number) => void) => void,
): Level => {
  const up: number[][] = [];
  const counts: number[][] = [];
  const down: number[][] = groups.map(() => []);
  const seenBy = new Int32Array(groups.length).fill(-1);
  const slot = new Int32Array(groups.length);
  for (const position of groups.keys()) {
    const needs: number[] = [];
    const numbers: number[] = [];
    each(position, (from, count) => {
      if (from === position) return;
      if (seenBy[from] === position) {
        numbers[slot[from] as number] = (numbers[slot[from] as number] ?? 0) + count;
        return;
      }
      seenBy[from] = position;
      slot[from] = needs.push(from) - 1;
      numbers.push(count);
      down[from]?.push(position);
    });
    up.push(needs);
    counts.push(numbers);
  }
  return { groups, up, down, counts };
};
