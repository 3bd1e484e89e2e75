import { scaleTime, scaleUtc } from 'd3-scale';
import { clockText, dayText, exactClockText, type Zone } from '../text/time.ts';

/** From ms since the start of the job to px, and back. */
export type TimeScale = {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly x: (at: number) => number;
  readonly at: (x: number) => number;
};

export const timeScale = (from: number, to: number, width: number): TimeScale => {
  const span = Math.max(1, to - from);
  return {
    from,
    to: from + span,
    width,
    x: (at) => ((at - from) / span) * width,
    at: (x) => from + (x / Math.max(1, width)) * span,
  };
};

/** How many times as long as the job the axis is, so that there is room for texts behind the last bars. */
export const ROOM = 1.06;

export type Tick = { readonly x: number; readonly text: string };

const PX_BETWEEN = 140;
const DAY_MS = 86_400_000;

/** Round times of the zone of the page, about 140 px apart. */
export const ticksOf = (scale: TimeScale, startedAt: number, zone: Zone): readonly Tick[] => {
  const domain = [new Date(startedAt + scale.from), new Date(startedAt + scale.to)];
  const times = (zone === 'utc' ? scaleUtc() : scaleTime()).domain(domain).ticks(Math.max(2, scale.width / PX_BETWEEN));
  const step = times.length > 1 ? Number(times[1]) - Number(times[0]) : DAY_MS;
  const text =
    step >= DAY_MS
      ? dayText
      : step >= 60_000
        ? (at: number) => clockText(at, false)
        : step >= 1000
          ? clockText
          : exactClockText;
  return times.map((time) => ({ x: scale.x(Number(time) - startedAt), text: text(Number(time)) }));
};
