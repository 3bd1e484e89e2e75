import type { JobModel } from '../job/job-model.ts';
import { durationText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import type { ErrorDetails, TaskDetails } from './task-details.ts';
import { TaskLinks } from './task-links.tsx';

const TITLES: Readonly<Record<string, string>> = {
  failed: 'What went wrong?',
  notReady: 'Why is it not ready?',
  skipped: 'Why was it skipped?',
  cancelled: 'Why was it cancelled?',
  unscheduled: 'Why did it not run?',
};

/** The reasons of the engine in words. Others are what a person has said. */
const REASONS: Readonly<Record<string, string>> = {
  when: 'Its condition did not hold.',
  branch: 'A task before it chose another branch.',
  triggerRule: 'Its rule asks for another end of these:',
  upstreamFailed: 'What it needs has failed:',
  upstreamNotReady: 'What it needs was not ready:',
  upstreamSkipped: 'What it needs was skipped:',
  jobFailed: 'Another task has failed, and the job with it.',
  deadline: 'Its deadline passed.',
  timeout: 'Its last look took too long.',
};
const OF_UPSTREAM = new Set(['triggerRule', 'upstreamFailed', 'upstreamNotReady', 'upstreamSkipped']);

/** Why a task did not complete, with the causes behind it and how many can't run because of it. */
export const WentWrong = ({
  model,
  index,
  details,
  select,
}: {
  model: JobModel;
  index: number;
  details: TaskDetails | undefined;
  select: (index: number) => void;
}) => {
  const state = model.state(index);
  const { attempt, startAt, endAt } = model.table;
  const began = startAt[index] as number;
  const blocked = cantRun(model, index);
  const reason = details?.reason ?? '';
  const around = model.parent(index);
  const because = OF_UPSTREAM.has(reason)
    ? // A rule may ask for a failure or a skip: then what completed is to blame.
      model.upstream(index).filter((one) => reason === 'triggerRule' || model.state(one) !== 'completed')
    : (reason === 'jobFailed' || state === 'unscheduled') && around >= 0
      ? [around]
      : [];
  return (
    <section className={state === 'failed' ? 'why failed' : 'why'}>
      <h3>{TITLES[state]}</h3>
      {details?.error === undefined ? null : <ErrorText error={thrown(details.error)} depth={0} />}
      {reason === '' || (details?.error !== undefined && REASONS[reason] === undefined) ? null : (
        <p>{REASONS[reason] ?? reason}</p>
      )}
      {because.length > 0 ? <TaskLinks model={model} indices={because} select={select} /> : null}
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
