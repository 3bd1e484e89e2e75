import { type Folder, foldGroups, type Level, type Merge } from './level.ts';

/** Folds chains that begin at the same place and are as long into tables: a row for each chain, a column for each step. */
export const foldTables = (folder: Folder, level: Level): Level => {
  const sets = new Map<string, number[]>();
  for (const [at, group] of level.groups.entries()) {
    if (group.kind !== 'chain' || group.isPinned || group.tasks.length > MAX_STEPS) continue;
    const key = `${group.tasks.length}:${level.up[at]?.toSorted((a, b) => a - b)}`;
    const set = sets.get(key);
    if (set) set.push(at);
    else sets.set(key, [at]);
  }
  const merges = [...sets.values()]
    .filter(({ length }) => length >= MIN_ROWS)
    .map((members): Merge => ({ kind: 'table', members, columns: columnsOf(level, members) }));
  return foldGroups(folder, level, merges);
};

const columnsOf = ({ groups }: Level, members: readonly number[]): readonly (readonly number[])[] => {
  const rows = members.map((member) => groups[member]?.tasks ?? []);
  return (rows[0] ?? []).map((_, step) => rows.map((row) => row[step] as number));
};

const MIN_ROWS = 4;

/** Wider tables are harder to read than their chains. */
const MAX_STEPS = 12;
