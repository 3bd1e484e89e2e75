import { BY_URGENCY } from '../../../src/engine/views/palette.ts';
import type { JobModel } from '../job/job-model.ts';
import { tookMs } from '../job/took.ts';
import type { Size } from '../shell/use-canvas.ts';
import { Glyph } from '../states/glyph.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { countText, numberText } from '../text/number.ts';
import type { Hit, Scene } from './scene.ts';

export type GraphTipProps = {
  readonly model: JobModel;
  readonly scene: Scene;
  readonly hit: Hit;
  readonly x: number;
  readonly y: number;
  readonly size: Size;
};

const WIDE = 260;
const HIGH = 110;

/** What is under the pointer: a task with its state and how long it took, or a box with what is in it. */
export const GraphTip = ({ model, scene, hit, x, y, size }: GraphTipProps) => {
  const box = scene.boxes[hit.box]?.box;
  if (box === undefined) return null;
  const left = x + WIDE + 20 > size.width ? Math.max(4, x - WIDE - 12) : x + 14;
  const top = y + HIGH > size.height ? Math.max(4, y - HIGH) : y + 14;
  return (
    <div className="tip" style={{ left, top, maxWidth: WIDE }} aria-hidden="true">
      {hit.task >= 0 ? <TaskTip model={model} task={hit.task} /> : null}
      {hit.task >= 0 && model.inside(hit.task).length === 0 ? null : (
        <>
          {hit.task >= 0 ? null : <b>{box.title}</b>}
          <span className="dim">
            {countText(box.cells.length, 'task')}
            {box.canOpen ? ` · double-click ${box.inner === undefined ? 'unfolds' : 'folds'}` : ''}
          </span>
          <BoxTally model={model} cells={box.cells} />
        </>
      )}
    </div>
  );
};

/** A task with its state, how long it took, and in which attempt. */
export const TaskTip = ({ model, task }: { readonly model: JobModel; readonly task: number }) => {
  const took = tookMs(model, task);
  const attempt = model.table.attempt[task] as number;
  return (
    <>
      <b>{model.path(task)}</b>
      <span className="state-name">
        <Glyph state={model.state(task)} />
        {wordOf(model.state(task))}
        {took === undefined ? '' : ` · ${durationText(took)}`}
        {attempt > 1 ? ` · attempt ${attempt}` : ''}
      </span>
    </>
  );
};

const BoxTally = ({ model, cells }: { readonly model: JobModel; readonly cells: readonly number[] }) => {
  const counts = new Map<string, number>();
  for (const cell of cells) counts.set(model.state(cell), (counts.get(model.state(cell)) ?? 0) + 1);
  return (
    <span className="tally">
      {BY_URGENCY.filter((state) => counts.has(state)).map((state) => (
        <span key={state}>
          <Glyph state={state} />
          {numberText(counts.get(state) ?? 0)} {wordOf(state)}
        </span>
      ))}
    </span>
  );
};
