import { type Folder, foldGroups, type Level, type Merge } from './level.ts';

/** Folds what runs one after the other, with no other way in or out between: from 4 steps, or from 3 if one has tasks inside. */
export const foldChains = (folder: Folder, level: Level): Level => {
  if (level.groups.length <= folder.few) return level;
  const merges = runsOf(level)
    .filter((run) => run.length >= 4 || (run.length === 3 && run.some((at) => level.groups[at]?.kind !== 'task')))
    .map((members): Merge => ({ kind: 'chain', members }));
  return foldGroups(folder, level, merges);
};

/** Returns the longest runs of groups in which each leads to the next alone, and the next to nothing else before. */
const runsOf = ({ groups, up, down }: Level): readonly (readonly number[])[] => {
  const next = groups.map((group, at) => {
    const after = down[at] as readonly number[];
    const only = after[0];
    if (only === undefined || after.length > 1 || up[only]?.length !== 1) return -1;
    return group.isPinned || groups[only]?.isPinned ? -1 : only;
  });
  const isContinued = new Uint8Array(groups.length);
  for (const at of next) if (at >= 0) isContinued[at] = 1;
  return [...groups.keys()].flatMap((start) => {
    if (isContinued[start] || (next[start] as number) < 0) return [];
    const run = [start];
    for (let at = next[start] as number; at >= 0; at = next[at] as number) run.push(at);
    return [run];
  });
};
