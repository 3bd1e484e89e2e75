import { slackOf } from '../job/critical-path.ts';
import type { JobModel } from '../job/job-model.ts';
import { tookMs } from '../job/took.ts';
import { durationText } from '../text/duration.ts';
import { clockText } from '../text/time.ts';

/** When a task was ready, how long it waited and took, and how much time it had to spare. */
export const TaskTimes = ({ model, index }: { readonly model: JobModel; readonly index: number }) => {
  const ready = model.table.readyAt[index] as number;
  const start = model.table.startAt[index] as number;
  // Until the job has ended, nobody knows what decided when.
  const slack = model.isOver && model.moment === undefined ? slackOf(model, index) : undefined;
  return (
    <section>
      <h3>Times</h3>
      <dl className="facts">
        <dt>ready</dt>
        <dd>{ready < 0 ? '–' : clockText(model.startedAt + ready)}</dd>
        <dt>waited</dt>
        <dd>{ready < 0 ? '–' : durationText((start < 0 ? model.now : start) - ready)}</dd>
        <dt title="From its first start to its end, pauses and waits between attempts as well">took</dt>
        <dd>{durationText(tookMs(model, index))}</dd>
        {slack === undefined ? null : (
          <>
            <dt title="How much longer it could have taken without the job ending later">slack</dt>
            <dd>{slack < 1 ? 'none: it decided when the job ended' : durationText(slack)}</dd>
          </>
        )}
      </dl>
    </section>
  );
};
