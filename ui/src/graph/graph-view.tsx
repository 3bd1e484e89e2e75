import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';
import { useJobChanges } from '../job/use-job.ts';
import { useColours } from '../shell/colours.ts';
import { cleared, useFrame, useSize } from '../shell/use-canvas.ts';
import { wordOf } from '../states/states.ts';
import { countText, numberText } from '../text/number.ts';
import { GraphTip } from './graph-tip.tsx';
import { nextAlong } from './next-along.ts';
import { paintGraph } from './paint.ts';
import { type Hit, hitAt, makeScene, placeInScene, type Scene, type SceneBox } from './scene.ts';
import { useCamera } from './use-camera.ts';

export type GraphViewProps = { readonly model: JobModel; readonly focus: JobFocus };

const DRAG_PX = 4;

/** The graph of a job on a canvas: boxes of tasks, each with a cell for every task in it. */
export const GraphView = ({ model, focus }: GraphViewProps) => {
  useJobChanges(model, 5);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const colours = useColours();
  const [tip, setTip] = useState<{ readonly hit: Hit; readonly x: number; readonly y: number }>();
  const aspect = Math.round((size.width / Math.max(1, size.height)) * 4) / 4;

  const scene = useMemo(() => {
    performance.mark('layout-begins');
    const made = makeScene(model, {
      open: focus.open,
      unfoldsAll: focus.unfoldsAll,
      around: focus.around,
      window: { width: (aspect || 1.8) * 100, height: 100 },
    });
    performance.measure('layout', 'layout-begins');
    return made;
  }, [model, model.shape, focus.open, focus.unfoldsAll, focus.around, aspect]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: boxes of another scene have other numbers
  useEffect(() => setTip(undefined), [scene]);
  const draw = useFrame(() => {
    const context = cleared(canvas.current, size);
    if (context === undefined) return;
    paintGraph(context, { model, scene, camera: camera.current(), size, colours, focus, hovered: tip?.hit.box });
    if (canvas.current !== null) canvas.current.dataset.painted = String(model.seq);
  });
  const camera = useCamera(canvas, scene, size, draw, () => {
    return scene.boxes.find(({ box: { cells } }) => cells.some((task) => model.state(task) === 'running'));
  });
  useEffect(draw);
  useEffect(() => model.watch(draw), [model, draw]);
  useEffect(() => {
    if (canvas.current !== null) Object.assign(canvas.current, { scene, model } satisfies Shown);
  }, [scene, model]);

  const revealed = useRef(-1);
  useEffect(() => {
    if (focus.selected === revealed.current) return;
    revealed.current = focus.selected;
    const place = focus.selected < 0 ? undefined : placeInScene(scene, focus.selected);
    if (place !== undefined) camera.reveal(place);
  });

  const hit = (event: { clientX: number; clientY: number }): Hit | undefined => {
    const { left, top } = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    const { x, y, k } = camera.current();
    return hitAt(scene, (event.clientX - left - x) / k, (event.clientY - top - y) / k);
  };
  const unfold = (at: number): void => {
    const placed = scene.boxes[at];
    if (placed === undefined) return;
    if (placed.box.canOpen) focus.toggle(placed.box.key);
  };
  const pressed = useRef<{ readonly x: number; readonly y: number }>(undefined);
  const move = (event: PointerEvent): void => {
    if (event.buttons !== 0) {
      setTip(undefined);
      return;
    }
    const found = hit(event);
    const bounds = (box.current as HTMLDivElement).getBoundingClientRect();
    setTip(found && { hit: found, x: event.clientX - bounds.left, y: event.clientY - bounds.top });
  };
  const release = (event: PointerEvent): void => {
    const start = pressed.current;
    pressed.current = undefined;
    if (start === undefined || Math.hypot(event.clientX - start.x, event.clientY - start.y) > DRAG_PX) return;
    const found = hit(event);
    focus.select(
      found === undefined ? -1 : found.task >= 0 ? found.task : (scene.boxes[found.box]?.box.tasks[0] ?? -1),
    );
  };

  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ({ ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' } as const)[
      event.key
    ];
    if (direction !== undefined) {
      const next = nextAlong(model, scene, focus.selected, direction);
      if (next !== undefined) focus.select(next);
    } else if (event.key === 'Enter') {
      const at = focus.selected < 0 ? undefined : scene.boxOf(focus.selected);
      if (at !== undefined) unfold(at);
    } else if (event.key === '0') camera.showAll();
    else if (event.key === '+' || event.key === '=') camera.zoomBy(1.4);
    else if (event.key === '-') camera.zoomBy(1 / 1.4);
    else return;
    event.preventDefault();
  };

  return (
    <section ref={box} className="graph" aria-label="Graph">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the keys are its own; the tree is its equal */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`Graph of ${countText(model.tally.total(-1), 'task')} in ${countText(scene.boxes.length, 'box', 'boxes')}. Arrows follow the edges, Enter unfolds.`}
        onKeyDown={keys}
        onPointerDown={(event) => {
          pressed.current = event.button === 0 ? { x: event.clientX, y: event.clientY } : undefined;
        }}
        onPointerMove={move}
        onPointerLeave={() => setTip(undefined)}
        onPointerUp={release}
        onDoubleClick={(event) => {
          const found = hit(event);
          if (found !== undefined) unfold(found.box);
        }}
      />
      <div className="zoom">
        <button type="button" aria-label="Zoom in" onClick={() => camera.zoomBy(1.4)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => camera.zoomBy(1 / 1.4)}>
          −
        </button>
        <button type="button" aria-label="Fit all" onClick={camera.showAll}>
          <svg viewBox="0 0 12 12" width="11" height="11" aria-hidden="true">
            <path d="M1 4V1h3M8 1h3v3M11 8v3H8M4 11H1V8" />
          </svg>
        </button>
      </div>
      {tip === undefined ? null : (
        <GraphTip model={model} scene={scene} hit={tip.hit} x={tip.x} y={tip.y} size={size} />
      )}
      <p className="unseen" role="status">
        {statusText(
          model,
          focus.selected,
          focus.selected < 0 ? undefined : scene.boxes[scene.boxOf(focus.selected) ?? -1],
        )}
      </p>
    </section>
  );
};

/** Where tests read what is drawn: a canvas tells nothing. */
type Shown = { readonly scene: Scene; readonly model: JobModel };

const statusText = (model: JobModel, selected: number, placed: SceneBox | undefined): string => {
  if (selected < 0 || placed === undefined) return '';
  const inside = model.tally.total(selected);
  const within = placed.box.tasks.length > 1 ? `, in ${placed.box.title}` : '';
  return `${model.path(selected)}, ${wordOf(model.state(selected))}${inside > 1 ? `, ${numberText(inside)} tasks inside` : ''}${within}`;
};
