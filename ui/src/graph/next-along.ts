import type { JobModel } from '../job/job-model.ts';
import type { Place } from './box-shape.ts';
import { placeInScene, type Scene, type SceneBox } from './scene.ts';

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The task that an arrow goes to: right is downstream, left is upstream, up and down are what is drawn there. */
export const nextAlong = (
  model: JobModel,
  scene: Scene,
  selected: number,
  direction: Direction,
): number | undefined => {
  if (selected < 0) return scene.boxes[0]?.box.tasks[0];
  const here = placeInScene(scene, selected);
  if (here === undefined) return scene.boxes[0]?.box.tasks[0];
  if (direction === 'left' || direction === 'right') {
    const along = (task: number): readonly number[] =>
      direction === 'right' ? model.downstream(task) : model.upstream(task);
    for (let at = selected; at >= 0; at = model.parent(at)) {
      const next = nearest(scene, here, along(at));
      if (next !== undefined) return next;
    }
    return undefined;
  }
  return vertical(scene, selected, direction);
};

const nearest = (
  scene: Scene,
  here: { x: number; y: number; height: number },
  tasks: readonly number[],
): number | undefined => {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const task of tasks) {
    const place = placeInScene(scene, task);
    if (place === undefined) continue;
    const distance = Math.abs(place.y + place.height / 2 - here.y - here.height / 2);
    if (distance < least) [best, least] = [task, distance];
  }
  return best;
};

/** Within a box of many, the cell or bar above or below; else the next box there. */
const vertical = (scene: Scene, selected: number, direction: 'up' | 'down'): number | undefined => {
  const own = scene.boxOf(selected) as number;
  const sign = direction === 'down' ? 1 : -1;
  const { shape, box } = scene.boxes[own] as SceneBox;
  if (shape?.kind === 'cells') {
    const { tasks, columns } = shape.grid;
    const next = tasks[tasks.indexOf(selected) + sign * columns];
    if (next !== undefined && next >= 0) return next;
  }
  const here = placeInScene(scene, selected) as Place;
  const spots = shape?.kind === 'spots' ? box.tasks : [];
  return (
    closest(here, sign, spots, (task) => placeInScene(scene, task)) ??
    closest(
      here,
      sign,
      scene.boxes.flatMap(({ box: { tasks } }, at) => (at === own || tasks[0] === undefined ? [] : [tasks[0]])),
      (task) => placeInScene(scene, task),
    )
  );
};

const closest = (
  here: Place,
  sign: number,
  tasks: readonly number[],
  placeOf: (task: number) => Place | undefined,
): number | undefined => {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const task of tasks) {
    const place = placeOf(task);
    const down = place === undefined ? 0 : (place.y - here.y) * sign;
    if (place === undefined || down <= 1) continue;
    const far = down + 2 * Math.abs(place.x - here.x);
    if (far < least) [best, least] = [task, far];
  }
  return best;
};
