import { type PointerEvent, useEffect, useRef } from 'react';
import { STATE_LETTERS } from '../../../src/wire/letters.ts';
import type { JobAddress } from '../job/job-address.ts';
import type { JobModel } from '../job/job-model.ts';
import { useJobChanges } from '../job/use-job.ts';
import type { Replay } from '../job/use-replay.ts';
import { useColours } from '../shell/colours.ts';
import { cleared, useSize } from '../shell/use-canvas.ts';
import { useSpaced } from '../shell/use-spaced.ts';
import { clockText, useZone } from '../text/time.ts';
import { leavesWithin, mostAtOnce, type RunningCurve, ranAndWaited, runningCurve } from './running-curve.ts';
import { ROOM, timeScale } from './time-axis.ts';

const FAILURES_PX = 5;
/** Height of what waited. */
const WAITS_PX = 9;

const AREAS =
  'Above the line what was under way, each task from its first start to its end, pauses and waits between attempts as well; below it what waited to begin';

export type OverviewProps = { readonly model: JobModel; readonly address: JobAddress; readonly replay: Replay };

/** The whole job in a strip: how much ran, below it how much waited, and what failed. A drag shows that moment, with Shift it chooses a range. */
export const Overview = ({ model, address, replay }: OverviewProps) => {
  useJobChanges(model, 4);
  useZone();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ readonly from: number; readonly isRange: boolean }>(undefined);
  const size = useSize(box);
  const colours = useColours();
  const end = Math.max(1, model.liveNow);
  // A moment has the same place as in the bars below.
  const scale = timeScale(0, end * ROOM, size.width);
  // The whole job, whatever moment is on show.
  const leaves = leavesWithin(model.live, -1);
  const { ran, waits } = ranAndWaited(model.live, leaves);
  const curve = runningCurve(model.live, ran, end, scale);
  const waiting = runningCurve(waits, leaves, end, scale);
  useEffect(() => {
    const context = cleared(canvas.current, size);
    if (context === undefined) return;
    const floor = size.height - FAILURES_PX - 1;
    const line = floor - WAITS_PX - 1;
    const area = ({ counts, most }: RunningCurve, px: number, isDown: boolean): void => {
      for (let x = 0; x < counts.length; x += 1) {
        const count = counts[x] as number;
        if (count === 0) continue;
        const high = Math.max(2, (count / Math.max(1, most)) * px);
        context.fillRect(x, isDown ? line + 1 : line - high, 1.2, high);
      }
    };
    context.fillStyle = colours.state.running;
    area(curve, line - 3, false);
    context.fillStyle = colours.state.ready;
    area(waiting, WAITS_PX, true);
    context.fillStyle = colours.state.failed;
    for (const leaf of leaves)
      if (model.live.state[leaf] === STATE_LETTERS.failed)
        context.fillRect(Math.round(scale.x(model.live.endAt[leaf] as number)) - 1, floor + 1, 2.5, FAILURES_PX);
    if (address.range !== undefined) {
      context.fillStyle = colours.surface.ground;
      context.globalAlpha = 0.7;
      context.fillRect(0, 0, scale.x(address.range[0]), size.height);
      context.fillRect(scale.x(address.range[1]), 0, size.width, size.height);
      context.globalAlpha = 1;
    }
    const now = Math.min(size.width - 1, scale.x(model.now));
    context.fillStyle = colours.surface.accent;
    context.fillRect(now - 0.75, 0, 1.5, size.height);
    context.beginPath();
    context.moveTo(now - 5, 0);
    context.lineTo(now + 5, 0);
    context.lineTo(now, 6);
    context.fill();
  });
  const show = useSpaced(replay.show);
  const choose = useSpaced((from: number, to: number) => address.change({ range: [from, to] }));
  const at = (event: PointerEvent): number => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    return Math.min(end, Math.max(0, scale.at(event.clientX - left)));
  };
  const move = (event: PointerEvent): void => {
    if (drag.current === undefined) return;
    const here = at(event);
    if (!drag.current.isRange) show(here >= end * 0.995 ? undefined : here);
    else if (Math.abs(here - drag.current.from) > end / 500)
      choose(Math.min(here, drag.current.from), Math.max(here, drag.current.from));
  };
  const shown = model.moment;
  return (
    <div className="overview">
      <div className="overview-label">
        {shown === undefined ? (
          <b>{model.head.endedAt === undefined ? 'live' : 'as it ended'}</b>
        ) : (
          <button type="button" className="chip on" onClick={() => replay.show(undefined)}>
            {clockText(model.startedAt + shown)} <span className="unseen">: show it live again</span>
            <span aria-hidden="true">✕</span>
          </button>
        )}
        <span className="dim" title={AREAS}>
          at most {mostAtOnce(model.live, ran)} under way at once
        </span>
        {address.range === undefined ? null : (
          <button type="button" className="chip" onClick={() => address.change({ range: undefined })}>
            Whole time
          </button>
        )}
      </div>
      <div
        ref={box}
        className="overview-strip"
        role="slider"
        tabIndex={0}
        aria-label="Moment on show"
        aria-valuemin={0}
        aria-valuemax={Math.round(end)}
        aria-valuenow={Math.round(model.now)}
        aria-valuetext={shown === undefined ? 'live' : clockText(model.startedAt + shown)}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { from: at(event), isRange: event.shiftKey };
          move(event);
        }}
        onPointerMove={move}
        onPointerUp={() => {
          drag.current = undefined;
        }}
        onPointerCancel={() => {
          drag.current = undefined;
        }}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (step !== undefined) replay.step(step as 1 | -1);
          else if (event.key === 'End') replay.show(undefined);
          else if (event.key === 'Home') replay.show(0);
          else return;
          event.preventDefault();
        }}
      >
        <canvas ref={canvas} />
      </div>
    </div>
  );
};
