import { BY_URGENCY } from '../../../src/engine/views/palette.ts';
import { TaskTip } from '../graph/graph-tip.tsx';
import type { JobModel } from '../job/job-model.ts';
import { Glyph } from '../states/glyph.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { numberText } from '../text/number.ts';
import { clockText } from '../text/time.ts';

const WIDE = 260;
const HIGH = 110;

export type TimelineTipProps = {
  readonly model: JobModel;
  readonly task: number;
  /** Where the pointer is in the window. */
  readonly x: number;
  readonly y: number;
};

/** The row under the pointer: its times, and what is inside. */
export const TimelineTip = ({ model, task, x, y }: TimelineTipProps) => {
  const { readyAt, startAt } = model.table;
  const ready = readyAt[task] as number;
  const start = startAt[task] as number;
  const left = x + WIDE + 20 > innerWidth ? x - WIDE - 12 : x + 14;
  const top = y + HIGH > innerHeight ? y - HIGH : y + 14;
  return (
    <div className="tip in-window" style={{ left, top, maxWidth: WIDE }} aria-hidden="true">
      <TaskTip model={model} task={task} />
      {ready < 0 ? null : (
        <span className="dim">
          ready {clockText(model.startedAt + ready)}
          {start > ready ? `, began ${durationText(start - ready)} later` : ''}
        </span>
      )}
      {model.inside(task).length === 0 ? null : (
        <span className="tally">
          {BY_URGENCY.filter((state) => model.tally.count(task, state) > 0).map((state) => (
            <span key={state}>
              <Glyph state={state} />
              {numberText(model.tally.count(task, state))} {wordOf(state)}
            </span>
          ))}
        </span>
      )}
    </div>
  );
};
