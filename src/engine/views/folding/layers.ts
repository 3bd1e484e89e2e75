import { depthsOf } from './depths.ts';
import { type Folder, foldGroups, type GroupKind, type Level, type Merge } from './level.ts';

/** While there are too many groups, folds whole layers: those at the same depth. Never only some of them, and none with fewer than 3. */
export const foldLayers = (folder: Folder, level: Level): Level => {
  if (level.groups.length <= folder.budget) return level;
  const merges = layersOf(level)
    .map((layer) => layer.filter((at) => !level.groups[at]?.isPinned))
    .filter(({ length }) => length >= 3)
    .map((members): Merge => ({ kind: 'layer', members }));
  return foldGroups(folder, level, merges);
};

/** Folds blocks that are a layer each and follow one another into tables, a column for each layer; if there still are too many groups, any layers. */
export const foldLayerRuns = (folder: Folder, level: Level): Level => {
  const folded = foldGroups(folder, level, runsOfBlocks(level));
  return folded.groups.length <= folder.budget ? folded : foldGroups(folder, folded, runsOfAny(folded));
};

/** Returns runs of layers each of which is one block. What stands between two layers would be before and after the table, so nothing may. */
const runsOfBlocks = (level: Level): readonly Merge[] =>
  runsOf(layersOf(level), ([first, ...others]) => others.length === 0 && BLOCKS.has(level.groups[first ?? -1]?.kind))
    .filter(({ length }) => length >= MIN_BLOCKS)
    .map((layers) => layersTable(level, layers));

/** Returns runs of any layers that nobody has unfolded, without single groups at the start and the end. */
const runsOfAny = (level: Level): readonly Merge[] =>
  runsOf(layersOf(level), (layer) => layer.every((at) => !level.groups[at]?.isPinned))
    .map((layers) => withoutEnds(level, layers))
    .filter(({ length }) => length >= 2)
    .map((layers) => layersTable(level, layers));

type Layer = readonly number[];

const withoutEnds = ({ groups }: Level, layers: readonly Layer[]): readonly Layer[] => {
  const isOne = (layer: Layer | undefined): boolean =>
    layer?.length === 1 && !BLOCKS.has(groups[layer[0] as number]?.kind);
  let from = 0;
  let to = layers.length;
  while (from < MAX_ENDS && isOne(layers[from])) from++;
  while (layers.length - to < MAX_ENDS && to > from && isOne(layers[to - 1])) to--;
  return layers.slice(from, to);
};

const layersTable = ({ groups }: Level, layers: readonly Layer[]): Merge => ({
  kind: 'layers',
  members: layers.flat(),
  columns: layers.map((layer) => layer.flatMap((at) => groups[at]?.tasks ?? [])),
});

const layersOf = (level: Level): readonly Layer[] => {
  const { depth } = depthsOf(level);
  const layers: number[][] = [];
  for (const at of level.groups.keys()) {
    const layer = depth[at] as number;
    layers[layer] ??= [];
    layers[layer].push(at);
  }
  return layers;
};

/** Returns the longest runs of layers that all fulfil a condition. */
const runsOf = (layers: readonly Layer[], isMember: (layer: Layer) => boolean): readonly (readonly Layer[])[] => {
  const runs: Layer[][] = [];
  let run: Layer[] | undefined;
  for (const layer of layers) {
    if (!isMember(layer)) run = undefined;
    else if (run) run.push(layer);
    else {
      run = [layer];
      runs.push(run);
    }
  }
  return runs;
};

/** Kinds of groups that a layer may be as a whole. */
const BLOCKS: ReadonlySet<GroupKind | undefined> = new Set(['layer', 'alike'] as const);

/** Fewer blocks fit beside each other. */
const MIN_BLOCKS = 12;
const MAX_ENDS = 10;
