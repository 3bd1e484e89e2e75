import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { STATE_LETTERS } from '../../../src/wire/letters.ts';
import type { JobAddress } from '../job/job-address.ts';
import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';
import { useJobChanges, useTicking } from '../job/use-job.ts';
import { loadHistory, type Replay } from '../job/use-replay.ts';
import { useRows } from '../lists/use-rows.ts';
import { useColours } from '../shell/colours.ts';
import { cleared, useFrame, useSize } from '../shell/use-canvas.ts';
import { useSpaced } from '../shell/use-spaced.ts';
import { useZone } from '../text/time.ts';
import { AttemptLog } from './attempt-log.ts';
import { drawBars, ROW_PX } from './draw-bars.ts';
import { Overview } from './overview.tsx';
import { TaskTree } from './task-tree.tsx';
import { ROOM, ticksOf, timeScale } from './time-axis.ts';
import { type TimelineRow, timelineRows } from './timeline-rows.ts';
import { TimelineTip } from './timeline-tip.tsx';

export type TimelineProps = {
  readonly model: JobModel;
  readonly focus: JobFocus;
  readonly address: JobAddress;
  readonly replay: Replay;
};

const AXIS_PX = 24;
/** Room that the text of a tick needs. */
const TICK_PX = 52;

/** Letters of the states in which a task waits after an attempt. */
const BETWEEN: ReadonlySet<string> = new Set([STATE_LETTERS.retrying, STATE_LETTERS.polling, STATE_LETTERS.paused]);

/** The tasks of a job as a tree beside bars of when they waited and ran. */
export const Timeline = ({ model, focus, address, replay }: TimelineProps) => {
  useJobChanges(model, 8);
  useTicking(model, 250);
  const zone = useZone();
  const colours = useColours();
  const bars = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(bars);
  const attempts = useMemo(() => new AttemptLog(model), [model]);
  const rows = timelineRows(model, focus);
  const list = useRows({ count: rows.length, rowHeight: ROW_PX });
  const [scrollTop, setScrollTop] = useState(0);

  useEffect(() => {
    const { attempt, state } = model.live;
    // The columns have the first start and the last end alone: bars of attempts need all between.
    if (attempt.some((count) => count > 1) || state.some((letter) => BETWEEN.has(letter))) void loadHistory(model);
  }, [model, model.version]);

  const [from, to] = address.range ?? [0, Math.max(1, model.liveNow)];
  const room = address.range === undefined ? ROOM : 1;
  const scale = timeScale(from, from + (to - from) * room, size.width);
  const ticks = ticksOf(scale, model.startedAt, zone);
  const draw = useFrame(() => {
    const context = cleared(canvas.current, size);
    if (context === undefined) return;
    if (model.hasHistory) attempts.update();
    const top = list.ref.current?.scrollTop ?? 0;
    drawBars(context, {
      model,
      colours,
      scale,
      ticks,
      attempts,
      rows: list.items.flatMap(({ index, top: y }) => {
        const row = rows[index];
        return row === undefined ? [] : [{ ...row, top: y - top }];
      }),
      height: size.height,
      selected: focus.selected,
      critical: focus.critical,
      preview: focus.preview,
    });
  });
  useEffect(draw);
  useEffect(() => {
    const element = list.ref.current;
    if (element === null) return;
    const scrolled = (): void => setScrollTop(element.scrollTop);
    element.addEventListener('scroll', scrolled, { passive: true });
    return () => element.removeEventListener('scroll', scrolled);
  }, [list.ref]);

  // What runs is what people come for: the first view scrolls there.
  const hasScrolled = useRef(false);
  useEffect(() => {
    if (hasScrolled.current || size.height === 0 || (address.at !== undefined && !model.hasHistory)) return;
    hasScrolled.current = true;
    // What is selected may be inside what is folded.
    let selected = -1;
    for (let at = focus.selected; at >= 0 && selected < 0; at = model.parent(at))
      selected = rows.findIndex(({ index }) => index === at);
    const running = rows.findIndex(({ index }) => model.state(index) === 'running');
    // What has ended before the range is above it.
    const inRange = address.range === undefined ? -1 : rows.findIndex(({ index }) => lastsUntil(model, index) > from);
    if (selected >= 0) list.show(selected);
    else if (inRange >= 0)
      list.show(Math.min(rows.length - 1, inRange + Math.max(0, Math.floor(size.height / ROW_PX) - 2)));
    else if (running > 8) list.show(Math.min(rows.length - 1, running + 4));
  });

  const zoom = (factor: number, around: number): void => {
    const at = scale.at(around);
    const end = Math.max(1, model.liveNow);
    const next = [Math.max(0, at - (at - scale.from) * factor), Math.min(end, at + (scale.to - at) * factor)] as const;
    if (next[1] - next[0] < 5) return;
    address.change({ range: next[0] <= 0 && next[1] >= end ? undefined : next });
  };
  const zooming = useRef(zoom);
  zooming.current = zoom;
  useEffect(() => {
    const element = bars.current;
    if (element === null) return;
    const wheel = (event: WheelEvent): void => {
      const scroller = list.ref.current;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) zooming.current(Math.exp(event.deltaY / 300), event.offsetX);
      else if (scroller !== null) scroller.scrollTop += event.deltaY;
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, [list.ref]);

  const pan = useRef<{ readonly x: number; readonly range: readonly [number, number] }>(undefined);
  const rowAt = ({ clientY, currentTarget }: PointerEvent): TimelineRow | undefined => {
    const y = clientY - currentTarget.getBoundingClientRect().top + scrollTop;
    const item = list.items.find(({ top }) => y >= top && y < top + ROW_PX);
    return item === undefined ? undefined : rows[item.index];
  };
  const [tip, setTip] = useState<{ readonly task: number; readonly x: number; readonly y: number }>();
  const press = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.button !== 0) return;
    const row = rowAt(event);
    if (row !== undefined) focus.select(row.index);
    if (address.range === undefined) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    pan.current = { x: event.clientX, range: address.range };
  };
  const moveTo = useSpaced((start: number, end: number) => address.change({ range: [start, end] }));
  const move = (event: PointerEvent): void => {
    const row = event.buttons === 0 ? rowAt(event) : undefined;
    setTip(row && { task: row.index, x: event.clientX, y: event.clientY });
    if (pan.current === undefined) return;
    const [start, end] = pan.current.range;
    const by = Math.max(-start, scale.at(pan.current.x) - scale.at(event.clientX));
    if (Math.abs(event.clientX - pan.current.x) > 2) moveTo(start + by, end + by);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.key === '+' || event.key === '=') zoom(0.6, size.width / 2);
    else if (event.key === '-') zoom(1.7, size.width / 2);
    else if (event.key === '0') address.change({ range: undefined });
    else return;
    event.preventDefault();
  };

  return (
    <section className="timeline" aria-label="Timeline" onKeyDown={keys}>
      <Overview model={model} address={address} replay={replay} />
      <div className="timeline-panes">
        <TaskTree model={model} focus={focus} rows={rows} list={list} />
        <div className="timeline-bars">
          <div className="axis" style={{ height: AXIS_PX }} aria-hidden="true">
            {ticks
              .filter(({ x }) => x < size.width - TICK_PX)
              .map(({ x, text }) => (
                <span key={x} style={{ left: x }}>
                  {text}
                </span>
              ))}
          </div>
          <div
            ref={bars}
            className="bars"
            onPointerDown={press}
            onPointerMove={move}
            onPointerLeave={() => setTip(undefined)}
            onPointerUp={() => {
              pan.current = undefined;
            }}
          >
            <canvas ref={canvas} />
          </div>
          {tip === undefined || model.isRemoved(tip.task) ? null : (
            <TimelineTip model={model} task={tip.task} x={tip.x} y={tip.y} />
          )}
        </div>
      </div>
    </section>
  );
};

/** When a task has ended, or now; before everything for one that was never ready. */
const lastsUntil = ({ table, now }: JobModel, index: number): number => {
  const end = table.endAt[index] as number;
  return (table.readyAt[index] as number) < 0 ? -1 : end < 0 ? now : end;
};
