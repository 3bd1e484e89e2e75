import type { Box, FoldInput, Folding } from '../../../src/engine/views/fold.ts';
import type { JobModel } from '../job/job-model.ts';

/** The tasks that were not removed, as the folding wants them, with the way back to the indices of the job. */
export type VisibleTasks = {
  readonly input: FoldInput;
  /** The position in `input` of an index of the job. */
  readonly position: (index: number) => number | undefined;
  /** The folding with indices of the job in place of positions. */
  readonly translate: (folding: Folding) => Folding;
};

export const visibleTasks = (model: JobModel): VisibleTasks => {
  const { names, parent, kind, up } = model.table;
  const indices: number[] = [];
  const positions = new Map<number, number>();
  for (let index = 0; index < model.size; index += 1) {
    // What is inside a removed task goes with it.
    const around = parent[index] as number;
    if (model.isRemoved(index) || (around >= 0 && !positions.has(around))) continue;
    positions.set(index, indices.length);
    indices.push(index);
  }
  if (indices.length === names.length)
    return { input: { names, parent, kind, up }, position: (index) => index, translate: (folding) => folding };
  const at = (index: number): number => positions.get(index) ?? -1;
  const back = (tasks: readonly number[]): number[] => tasks.map((task) => indices[task] as number);
  const translateBox = (box: Box): Box => ({
    ...box,
    tasks: back(box.tasks),
    cells: back(box.cells),
    ...(box.columns === undefined
      ? {}
      : { columns: box.columns.map(({ title, tasks }) => ({ title, tasks: back(tasks) })) }),
    ...(box.inner === undefined ? {} : { inner: translate(box.inner) }),
  });
  const translate = ({ boxes, edges }: Folding): Folding => ({ boxes: boxes.map(translateBox), edges });
  return {
    input: {
      names: indices.map((index) => names[index] as string),
      parent: indices.map((index) => at(parent[index] as number)),
      kind: indices.map((index) => kind[index] as string),
      up: indices.map((index) => (up[index] ?? []).map(at).filter((position) => position >= 0)),
    },
    position: (index) => positions.get(index),
    translate,
  };
};
