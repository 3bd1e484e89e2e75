import type { JobModel } from '../job/job-model.ts';
import { durationText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import type { ErrorDetails, TaskDetails } from './task-details.ts';

const TITLES: Readonly<Record<string, string>> = {
  failed: 'What went wrong?',
  notReady: 'Why is it not ready?',
  skipped: 'Why was it skipped?',
  cancelled: 'Why was it cancelled?',
};

/** Why a task did not complete, with the causes behind it and how many can't run because of it. */
export const WentWrong = ({
  model,
  index,
  details,
}: {
  model: JobModel;
  index: number;
  details: TaskDetails | undefined;
}) => {
  const state = model.state(index);
  const { attempt, startAt, endAt } = model.table;
  const began = startAt[index] as number;
  const blocked = cantRun(model, index);
  return (
    <section className={state === 'failed' ? 'why failed' : 'why'}>
      <h3>{TITLES[state]}</h3>
      {details?.error === undefined ? null : <ErrorText error={thrown(details.error)} depth={0} />}
      {details?.reason === undefined || details.error !== undefined ? null : <p>{details.reason}</p>}
      <p className="dim">
        {began < 0
          ? 'It never ran.'
          : `After ${countText(attempt[index] as number, 'attempt')} in ${durationText((endAt[index] as number) - began)}.`}
        {blocked > 0 ? ` ${countText(blocked, 'task')} can't run because of it.` : ''}
      </p>
    </section>
  );
};

/** What the task has thrown: the error around it says but what the page says anyhow. */
const thrown = (error: ErrorDetails): ErrorDetails =>
  error.code === 'TASK_FAILED' && error.cause !== undefined ? error.cause : error;

const MOST_CAUSES = 8;

const ErrorText = ({ error, depth }: { error: ErrorDetails; depth: number }) => (
  <>
    <p className="mono error-text">
      {depth === 0 ? '' : 'because of '}
      {error.name}: {error.message}
      {error.code === undefined ? '' : ` (${error.code})`}
    </p>
    {error.cause === undefined || depth >= MOST_CAUSES ? null : <ErrorText error={error.cause} depth={depth + 1} />}
  </>
);

/** How many tasks downstream did not run: skipped, cancelled or never scheduled. */
const cantRun = (model: JobModel, index: number): number => {
  const seen = new Set<number>([index]);
  const todo = [index];
  let count = 0;
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const around = model.parent(at);
    const next = [...model.downstream(at), ...(around >= 0 && model.state(around) === 'failed' ? [around] : [])];
    for (const one of next) {
      if (seen.has(one)) continue;
      seen.add(one);
      const state = model.state(one);
      if (one !== around && !['skipped', 'cancelled', 'unscheduled'].includes(state)) continue;
      if (one !== around) count += Math.max(1, model.tally.total(one));
      todo.push(one);
    }
  }
  return count;
};
