import { useState } from 'react';
import { Link } from 'wouter';
import { BY_PROGRESS } from '../../../src/engine/views/palette.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { usePolled } from '../api/use-polled.ts';
import { planIndices, type RunPlan } from '../inspector/run-plan.ts';
import { ConnectionLost } from '../shell/connection-lost.tsx';
import { jobsHref } from '../shell/jobs-href.ts';
import { Meter } from '../states/meter.tsx';
import { StateFilter } from '../states/state-filter.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { countText, numberText } from '../text/number.ts';
import { type Progress, progressText } from '../text/progress.ts';
import { stampText, useZone } from '../text/time.ts';
import { refusalElsewhere } from './elsewhere.ts';
import { jobRoute } from './follow-job.ts';
import type { JobAddress } from './job-address.ts';
import type { JobModel } from './job-model.ts';
import { useJobChanges, useTicking } from './use-job.ts';

export type JobHeadingProps = {
  readonly model: JobModel;
  readonly isLost: boolean;
  readonly address: JobAddress;
  /** Called with the id of the job that a rerun began. */
  readonly onRerun: (id: string) => void;
  /** Called with the tasks that a retry would run, while that is asked. */
  readonly onPreview: (preview: ReadonlySet<number> | undefined) => void;
};

const MOST_LABELS = 6;

/** The name of a job, its state, the counts of its tasks and what can be done with it. */
export const JobHeading = ({ model, isLost, address, onRerun, onPreview }: JobHeadingProps) => {
  useJobChanges(model);
  useTicking(model);
  useZone();
  const { head, tally } = model;
  const counts = tally.counts(-1);
  const began = head.startedAt ?? head.createdAt;
  const labels = Object.entries(head.labels).slice(0, MOST_LABELS);
  // Of the moment on show; who runs it, and what can be done with it, is of now.
  const shown = model.table.job;
  const isInterrupted = model.moment === undefined && head.runs === 'nowhere' && !model.isOver;
  return (
    <header className="job-heading">
      <div className="job-title">
        <Link href={jobsHref()} className="back" aria-label="The list of jobs">
          Jobs
        </Link>
        <span className="dim" aria-hidden="true">
          /
        </span>
        <h1>{head.name}</h1>
        <code className="dim job-id">{head.id}</code>
        <span className={`pill ${shown.state}`}>{wordOf(isInterrupted ? 'interrupted' : shown.state)}</span>
        <span className="dim small">
          {model.moment === undefined
            ? `${durationText((head.endedAt ?? model.startedAt + model.liveNow) - began)} since ${stampText(began)}`
            : `as it was at ${stampText(model.startedAt + model.moment)}`}
        </span>
        {model.moment !== undefined || head.runs === 'nowhere' || model.isOver ? null : <JobProgress id={model.id} />}
        {head.forkedFrom === undefined ? null : (
          <span className="dim small">
            reruns <Link href={`/jobs/${encodeURIComponent(head.forkedFrom)}`}>{head.forkedFrom}</Link>
          </span>
        )}
        {labels.map(([name, value]) => (
          <Link
            key={name}
            href={
              name === 'topic'
                ? `/topics/${encodeURIComponent(value)}`
                : `/?label=${encodeURIComponent(`${name}:${value}`)}`
            }
            className="label cut"
          >
            {name}: {value}
          </Link>
        ))}
        {shown.state === 'paused' && shown.reason !== undefined ? (
          <span className="dim small">{shown.reason}</span>
        ) : null}
        <span className="grow" />
        {isLost ? <ConnectionLost /> : null}
        <JobActions model={model} onRerun={onRerun} onPreview={onPreview} />
      </div>
      {shown.error === undefined ? null : (
        <p className="bad job-error" title={shown.error.message}>
          {shown.error.name}: {shown.error.message}
        </p>
      )}
      <Meter counts={counts} />
      <StateFilter
        states={BY_PROGRESS}
        counts={counts}
        chosen={address.states}
        onChange={(states) => address.change({ states })}
        total={tally.total(-1)}
      />
    </header>
  );
};

/** How far a job is that runs, and how long the rest takes, as `GET /jobs/{jobId}` says. */
const JobProgress = ({ id }: { readonly id: string }) => {
  const { value } = usePolled(
    `progress ${id}`,
    (signal) => request<{ readonly progress?: Progress }>(jobRoute(id), { signal, isFresh: true }),
    2000,
  );
  return <span className="small">{progressText(value?.progress)}</span>;
};

const JobActions = ({ model, onRerun, onPreview }: Pick<JobHeadingProps, 'model' | 'onRerun' | 'onPreview'>) => {
  const { head, liveTally: tally } = model;
  const post = (verb: string, body: unknown = {}) => request(`${jobRoute(model.id)}/${verb}`, { method: 'POST', body });
  const state = `${head.state} ${head.runs}`;
  const pause = useAction(() => post('pause'), state);
  const resume = useAction(() => post('resume'), state);
  const [mode, setMode] = useState<'abort' | 'drain'>('abort');
  const cancel = useAction(() => post('cancel', { mode }), state);
  const retry = useAction(() => post('retry'), state);
  const [asksRetry, setAsksRetry] = useState(false);
  const plan = useLoad(asksRetry ? 'retry' : undefined, async (signal) => {
    const answer = await request<RunPlan>(`${jobRoute(model.id)}/retry`, {
      method: 'POST',
      body: { dryRun: true },
      signal,
    });
    const runs = planIndices(model, answer);
    onPreview(runs);
    return [...runs].filter((index) => model.inside(index).length === 0).length;
  });
  const rerun = useAction(async (key) => {
    const { id } = await request<{ id: string }>(`${jobRoute(model.id)}/rerun`, {
      method: 'POST',
      // What nothing is upstream of, so that all runs.
      body: { from: model.inside(-1).flatMap((one) => (model.upstream(one).length === 0 ? [model.path(one)] : [])) },
      idempotencyKey: key,
    });
    onRerun(id);
  });
  const { isOver } = model;
  const running = tally.count(-1, 'running');
  const open =
    tally.total(-1) -
    (['completed', 'failed', 'notReady', 'skipped', 'cancelled'] as const).reduce(
      (sum, state) => sum + tally.count(-1, state),
      0,
    );
  const failed = tally.count(-1, 'failed') + tally.count(-1, 'notReady') + tally.count(-1, 'cancelled');
  if (isOver)
    return (
      <div className="actions">
        {failed > 0 ? (
          <ActionButton
            action={retry}
            label="Retry"
            isPrimary
            question={
              plan.error !== undefined
                ? plan.error.message
                : asksRetry && plan.value !== undefined
                  ? `${countText(plan.value, 'task')} run in this job: ${numberText(failed)} that did not complete, and what is downstream of them. ${numberText(Math.max(0, tally.total(-1) - plan.value))} keep their results.`
                  : `${countText(failed, 'task')} that did not complete, and what is downstream of them, run again in this job.`
            }
            onAsk={(isAsked) => {
              setAsksRetry(isAsked);
              if (!isAsked) onPreview(undefined);
            }}
            confirm="Retry"
          />
        ) : null}
        <ActionButton
          action={rerun}
          label="Rerun"
          question={`A new job runs all ${countText(tally.total(-1), 'task')} again.`}
          confirm="Rerun all"
        />
      </div>
    );
  const elsewhere = refusalElsewhere(model);
  return (
    <div className="actions">
      {head.state === 'paused' || head.runs === 'nowhere' ? (
        <ActionButton action={resume} label="Resume" isPrimary refusal={elsewhere} />
      ) : (
        <ActionButton action={pause} label="Pause" refusal={elsewhere} />
      )}
      <ActionButton
        action={cancel}
        label="Cancel"
        question={
          <>
            <p>{countText(Math.max(0, open - running), 'task')} that wait will not run.</p>
            <label className="choice">
              <input type="radio" name="mode" checked={mode === 'abort'} onChange={() => setMode('abort')} />
              Abort {countText(running, 'task')} that run
            </label>
            <label className="choice">
              <input type="radio" name="mode" checked={mode === 'drain'} onChange={() => setMode('drain')} />
              Let them end
            </label>
          </>
        }
        confirm="Cancel the job"
      />
    </div>
  );
};
