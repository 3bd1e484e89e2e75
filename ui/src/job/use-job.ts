import { useEffect, useRef, useState } from 'react';
import type { JobModel } from './job-model.ts';

/** Draws the component again whenever the job has changed, at most so many times a second. */
export const useJobChanges = (model: JobModel, perSecond = 8): void => {
  const [, setTurn] = useState(0);
  const { version } = model;
  const drawn = useRef(version);
  drawn.current = version;
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = model.watch(() => {
      if (timer !== undefined) return;
      timer = setTimeout(
        () => {
          timer = undefined;
          last = performance.now();
          setTurn((turn) => turn + 1);
        },
        Math.max(0, 1000 / perSecond - (performance.now() - last)),
      );
    });
    // What has changed between the drawing and now has told nobody.
    if (model.version !== drawn.current) setTurn((turn) => turn + 1);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [model, perSecond]);
};

/** Draws the component again each `ms` while the job runs: durations grow. */
export const useTicking = (model: JobModel, ms = 1000): void => {
  const [, setTurn] = useState(0);
  const isOver = model.head.endedAt !== undefined || model.moment !== undefined;
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(() => setTurn((turn) => turn + 1), ms);
    return () => clearInterval(timer);
  }, [isOver, ms]);
};
