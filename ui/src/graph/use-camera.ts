import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity, zoomTransform } from 'd3-zoom';
import { type RefObject, useCallback, useEffect, useRef } from 'react';
import type { Size } from '../shell/use-canvas.ts';
import type { Place } from './box-shape.ts';
import type { Camera } from './paint.ts';
import type { Scene } from './scene.ts';

const MARGIN = 28;
const CLOSEST = 8;
/** On a window less wide, names would be too small to be read if all of a large scene were shown. */
const NARROW_PX = 600;
const READABLE_K = 0.8;

export type CameraControl = {
  readonly current: () => Camera;
  /** Shows all of the scene, until somebody moves it. */
  readonly showAll: () => void;
  readonly zoomBy: (factor: number) => void;
  /** Moves as far as needed for a place to be seen. */
  readonly reveal: (place: Place) => void;
  /** Moves the scene in the window, in px. */
  readonly panBy: (x: number, y: number) => void;
};

/** Where the scene is in the window; moved by wheel, drag and touch. It fits the window until somebody moves it. */
export const useCamera = (
  canvas: RefObject<HTMLCanvasElement | null>,
  scene: Scene,
  size: Size,
  onMove: () => void,
  /** What to begin with where not all can be shown and read. */
  start: () => Place | undefined,
): CameraControl => {
  const behaviour = useRef<ZoomBehavior<HTMLCanvasElement, unknown>>(undefined);
  const isFitted = useRef(true);
  const moved = useRef(onMove);
  moved.current = onMove;
  const begin = useRef(start);
  begin.current = start;

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const own = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([0.01, CLOSEST])
      .filter((event: Event) => !(event instanceof MouseEvent) || event.button === 0)
      .on('zoom', ({ sourceEvent }: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        if (sourceEvent !== null) isFitted.current = false;
        moved.current();
      });
    behaviour.current = own;
    select(element).call(own).on('dblclick.zoom', null);
    return () => void select(element).on('.zoom', null);
  }, [canvas]);

  const set = useCallback(
    ({ x, y, k }: Camera) => {
      const element = canvas.current;
      if (element === null || behaviour.current === undefined) return;
      select(element).call(behaviour.current.transform, zoomIdentity.translate(x, y).scale(k));
    },
    [canvas],
  );

  const showAll = useCallback(() => {
    if (size.width === 0 || size.height === 0 || scene.width === 0) return;
    isFitted.current = true;
    const k = Math.min(1.15, (size.width - 2 * MARGIN) / scene.width, (size.height - 2 * MARGIN) / scene.height);
    set({ k, x: (size.width - scene.width * k) / 2, y: (size.height - scene.height * k) / 2 });
  }, [scene, size, set]);

  const showStart = useCallback(() => {
    showAll();
    const element = canvas.current;
    if (element === null || size.width >= NARROW_PX || zoomTransform(element).k >= READABLE_K) return;
    const { x, y, width, height } = begin.current() ?? { x: 0, y: scene.height / 2, width: 0, height: 0 };
    /** Centres a place, but leaves no room beside the scene. */
    const shift = (at: number, length: number, room: number): number =>
      length * READABLE_K + 2 * MARGIN <= room
        ? (room - length * READABLE_K) / 2
        : Math.min(MARGIN, Math.max(room - MARGIN - length * READABLE_K, room / 2 - at * READABLE_K));
    set({
      k: READABLE_K,
      x: shift(x + width / 2, scene.width, size.width),
      y: shift(y + height / 2, scene.height, size.height),
    });
  }, [canvas, scene, size, set, showAll]);

  useEffect(() => {
    if (isFitted.current) showStart();
  }, [showStart]);

  const current = useCallback((): Camera => {
    const { x, y, k } = canvas.current === null ? zoomIdentity : zoomTransform(canvas.current);
    return { x, y, k };
  }, [canvas]);

  return {
    current,
    showAll,
    zoomBy: (factor) => {
      const element = canvas.current;
      if (element === null || behaviour.current === undefined) return;
      isFitted.current = false;
      select(element).call(behaviour.current.scaleBy, factor);
    },
    panBy: (x, y) => {
      const camera = current();
      isFitted.current = false;
      set({ ...camera, x: camera.x + x, y: camera.y + y });
    },
    reveal: (place) => {
      const { x, y, k } = current();
      const left = x + place.x * k;
      const top = y + place.y * k;
      const right = left + place.width * k;
      const bottom = top + place.height * k;
      const shift = (from: number, to: number, room: number): number =>
        from < MARGIN ? MARGIN - from : to > room - MARGIN ? room - MARGIN - to : 0;
      const [dx, dy] = [shift(left, right, size.width), shift(top, bottom, size.height)];
      if (dx !== 0 || dy !== 0) set({ k, x: x + dx, y: y + dy });
    },
  };
};
