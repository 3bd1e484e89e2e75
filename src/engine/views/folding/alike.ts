import { type Folder, foldGroups, type Group, type Level, type Merge } from './level.ts';
import { twinsOf } from './twins.ts';

/** While there are too many groups, folds 3 or more of a kind with the same upstreams and downstreams; what has tasks inside only if need be. */
export const foldAlike = (folder: Folder, level: Level): Level => {
  const folded = foldTwins(folder, level, ({ kind }) => kind === 'task' || kind === 'chain');
  return foldTwins(folder, folded, () => true);
};

const foldTwins = (folder: Folder, level: Level, isCandidate: (group: Group) => boolean): Level => {
  if (level.groups.length <= folder.budget) return level;
  const { twinOf } = twinsOf({ upstream: level.up, downstream: level.down });
  const sets = new Map<string, number[]>();
  for (const [at, group] of level.groups.entries()) {
    if (group.isPinned || !isCandidate(group) || !FOLDED.has(group.kind)) continue;
    const key = `${group.kind}:${twinOf[at]}`;
    const set = sets.get(key);
    if (set) set.push(at);
    else sets.set(key, [at]);
  }
  const merges = [...sets.values()]
    .filter(({ length }) => length >= 3)
    .map((members): Merge => ({ kind: 'alike', members }));
  return foldGroups(folder, level, merges);
};

/** Tables and blocks are few; several of them as one would hide what they are. */
const FOLDED: ReadonlySet<Group['kind']> = new Set(['task', 'nested', 'map', 'chain']);
