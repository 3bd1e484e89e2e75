import { depthsOf } from './depths.ts';
import { type Folder, foldGroups, type Level, type Merge } from './level.ts';

/** While there are too many groups, folds whole layers: those at the same depth. Never only some of them, and none with fewer than 3. */
export const foldLayers = (folder: Folder, level: Level): Level => {
  if (level.groups.length <= folder.budget) return level;
  const merges = layersOf(level)
    .map((layer) => layer.filter((at) => !level.groups[at]?.isPinned))
    .filter(({ length }) => length >= 3)
    .map((members): Merge => ({ kind: 'layer', members }));
  return foldGroups(folder, level, merges);
};

/** If there still are many, folds layers that follow one another into tables, a column for each layer. */
export const foldLayerRuns = (folder: Folder, level: Level): Level => {
  const { few, budget } = folder;
  const folded = level.groups.length <= few ? level : foldGroups(folder, level, runsOfBlocks(level));
  return folded.groups.length <= budget ? folded : foldGroups(folder, folded, runsOfAny(folded));
};

/** Returns runs of layers each of which is one block. What stands between two layers would be before and after the table, so nothing may. */
const runsOfBlocks = (level: Level): readonly Merge[] =>
  runsOf(layersOf(level), (layer) => layer.length === 1 && level.groups[layer[0] as number]?.kind === 'layer')
    .filter(({ length }) => length >= MIN_BLOCKS)
    .map((layers) => layersTable(level, layers));

/** Returns runs of any layers that nobody has unfolded, without single groups at the start and the end. */
const runsOfAny = (level: Level): readonly Merge[] =>
  runsOf(layersOf(level), (layer) => layer.every((at) => !level.groups[at]?.isPinned))
    .map(withoutEnds)
    .filter(({ length }) => length >= 2)
    .map((layers) => layersTable(level, layers));

type Layer = readonly number[];

const withoutEnds = (layers: readonly Layer[]): readonly Layer[] => {
  const isOne = (layer: Layer | undefined): boolean => layer?.length === 1;
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

const MIN_BLOCKS = 8;
const MAX_ENDS = 10;
