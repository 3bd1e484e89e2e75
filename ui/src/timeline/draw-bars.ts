import type { JobModel } from '../job/job-model.ts';
import type { Colours } from '../shell/colours.ts';
import { durationText } from '../text/duration.ts';
import type { Attempt, AttemptLog } from './attempt-log.ts';
import { leavesWithin, ranAndWaited, runningCurve } from './running-curve.ts';
import type { Tick, TimeScale } from './time-axis.ts';
import type { TimelineRow } from './timeline-rows.ts';

export const ROW_PX = 24;
const BAR_PX = 14;
const FONT = '11px Inter, ui-sans-serif, system-ui, sans-serif';

export type BarsScene = {
  readonly model: JobModel;
  readonly colours: Colours;
  readonly scale: TimeScale;
  readonly ticks: readonly Tick[];
  readonly attempts: AttemptLog;
  /** The rows in sight with the y of their top. */
  readonly rows: readonly (TimelineRow & { readonly top: number })[];
  readonly height: number;
  readonly selected: number;
  readonly critical: ReadonlySet<number> | undefined;
  readonly preview: ReadonlySet<number> | undefined;
};

export const drawBars = (context: CanvasRenderingContext2D, scene: BarsScene): void => {
  const { colours, ticks, height, rows, selected, scale, model } = scene;
  context.font = FONT;
  context.textBaseline = 'middle';
  context.fillStyle = colours.surface.line;
  for (const { x } of ticks) context.fillRect(Math.round(x), 0, 1, height);
  for (const row of rows) {
    if (row.index === selected) {
      context.fillStyle = colours.surface.soft;
      context.fillRect(0, row.top, scale.width, ROW_PX);
    }
    context.globalAlpha = isFaded(scene, row.index) ? 0.25 : 1;
    if (row.isGroup) drawGroup(context, scene, row);
    else drawTask(context, scene, row);
    context.globalAlpha = 1;
  }
  const now = scale.x(model.now);
  if (model.head.endedAt !== undefined && model.moment === undefined) return;
  context.fillStyle = colours.surface.accent;
  context.fillRect(Math.round(now) - 1, 0, 1.5, height);
};

const isFaded = ({ critical, preview }: BarsScene, index: number): boolean =>
  (critical !== undefined && !critical.has(index)) || (preview !== undefined && !preview.has(index));

/** A thin line while it waited, a bar for each attempt in the colour of its end. */
const drawTask = (context: CanvasRenderingContext2D, scene: BarsScene, row: { index: number; top: number }): void => {
  const { model, colours, scale } = scene;
  const { readyAt, startAt } = model.table;
  const ready = readyAt[row.index] as number;
  const start = startAt[row.index] as number;
  const middle = row.top + ROW_PX / 2;
  if (ready >= 0) {
    const state = model.state(row.index);
    const isOver = ['completed', 'failed', 'notReady', 'skipped', 'cancelled'].includes(state);
    const until = start >= 0 ? start : isOver ? ready : model.now;
    context.fillStyle = colours.surface.wire;
    context.fillRect(scale.x(ready), middle - 0.75, Math.max(0, scale.x(until) - scale.x(ready)), 1.5);
  }
  const attempts = attemptsOf(scene, row.index);
  for (const [place, attempt] of attempts.entries()) {
    const from = scale.x(attempt.startAt);
    const to = scale.x(attempt.endAt ?? model.now);
    const next = attempts[place + 1];
    if (next !== undefined) {
      context.fillStyle = colours.surface.wire;
      context.fillRect(to, middle - 0.75, Math.max(0, scale.x(next.startAt) - to), 1.5);
    }
    context.fillStyle = colours.state[attempt.state];
    context.beginPath();
    context.roundRect(from, middle - BAR_PX / 2, Math.max(2, to - from), BAR_PX, 2.5);
    context.fill();
  }
  const last = attempts.at(-1);
  const first = attempts[0];
  if (first === undefined || last === undefined) return;
  const end = scale.x(last.endAt ?? model.now);
  if (end > scale.width - 60 || end < 0) return;
  context.fillStyle = colours.surface.dim;
  context.fillText(durationText((last.endAt ?? model.now) - first.startAt), end + 6, middle + 0.5);
};

/** The attempts of a task up to the moment on show; without the history, what the columns say. */
const attemptsOf = ({ model, attempts }: BarsScene, index: number): readonly Attempt[] => {
  const known = model.hasHistory ? attempts.of(index) : [];
  if (known.length > 0) {
    const { moment } = model;
    if (moment === undefined) return known;
    return known
      .filter(({ startAt }) => startAt <= moment)
      .map((one) =>
        one.endAt !== undefined && one.endAt <= moment ? one : { ...one, endAt: undefined, state: 'running' },
      );
  }
  const { startAt, endAt } = model.table;
  const start = startAt[index] as number;
  if (start < 0) return [];
  const end = endAt[index] as number;
  return [{ startAt: start, endAt: end < 0 ? undefined : end, state: model.state(index) }];
};

/** How many of its tasks ran at a time, as a curve, with its failures as ticks. */
const drawGroup = (context: CanvasRenderingContext2D, scene: BarsScene, row: { index: number; top: number }): void => {
  const { model, colours, scale } = scene;
  const { startAt, endAt } = model.table;
  const leaves = leavesWithin(model.table, row.index);
  const curve = runningCurve(model.table, ranAndWaited(model.table, leaves).ran, model.now, scale);
  const bottom = row.top + ROW_PX - 4;
  const own = startAt[row.index] as number;
  if (own >= 0) {
    const end = endAt[row.index] as number;
    context.fillStyle = colours.surface.wire;
    context.fillRect(scale.x(own), bottom, Math.max(1, scale.x(end < 0 ? model.now : end) - scale.x(own)), 1.5);
  }
  if (curve.most > 0) {
    const over = (endAt[row.index] as number) >= 0;
    context.fillStyle = over ? colours.state.completed : colours.state.running;
    context.beginPath();
    for (let x = 0; x < curve.counts.length; x += 1) {
      const count = curve.counts[x] as number;
      if (count === 0) continue;
      const high = Math.max(2, (count / curve.most) * (ROW_PX - 8));
      context.rect(x, bottom - high, 1.2, high);
    }
    context.fill();
  }
  context.fillStyle = colours.state.failed;
  for (const leaf of leaves) {
    if (model.state(leaf) !== 'failed') continue;
    const end = endAt[leaf] as number;
    context.fillRect(Math.round(scale.x(end)) - 1, row.top + 3, 2.5, ROW_PX - 6);
  }
};
