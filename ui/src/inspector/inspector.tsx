import { type RefCallback, useCallback } from 'react';
import { BY_PROGRESS } from '../../../src/engine/views/palette.ts';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { jobRoute } from '../job/follow-job.ts';
import type { JobAddress } from '../job/job-address.ts';
import type { JobModel } from '../job/job-model.ts';
import { useJobChanges, useTicking } from '../job/use-job.ts';
import { TaskLog } from '../log/task-log.tsx';
import { ErrorBoundary } from '../shell/error-boundary.tsx';
import { Glyph } from '../states/glyph.tsx';
import { Meter } from '../states/meter.tsx';
import { wordOf } from '../states/states.ts';
import { countText, numberText } from '../text/number.ts';
import { clockText, useZone } from '../text/time.ts';
import { TaskCommands } from './task-commands.tsx';
import type { TaskDetails } from './task-details.ts';
import { TaskLinks } from './task-links.tsx';
import { TaskOutput } from './task-output.tsx';
import { TaskTimes } from './task-times.tsx';
import { WentWrong } from './went-wrong.tsx';
import { WhyNot } from './why-not.tsx';

export type InspectorProps = {
  readonly place: RefCallback<HTMLElement>;
  readonly model: JobModel;
  readonly index: number;
  readonly address: JobAddress;
  readonly select: (index: number) => void;
  /** What a rerun would run, drawn on the pictures too. */
  readonly preview: ReadonlySet<number> | undefined;
  readonly onPreview: (preview: ReadonlySet<number> | undefined) => void;
  readonly onRerun: (id: string) => void;
};

const WAITING = new Set(['unscheduled', 'ready', 'retrying', 'polling', 'paused']);

const hasEndedBadly = (state: string): boolean => ['failed', 'notReady', 'skipped', 'cancelled'].includes(state);

/** Everything about one task. */
export const Inspector = (props: InspectorProps) => {
  const { model, index, address, select } = props;
  useJobChanges(model, 4);
  useTicking(model);
  useZone();
  const state = model.state(index);
  const path = model.path(index);
  const attempt = model.table.attempt[index] as number;
  const isLive = model.moment === undefined;
  const inside = model.inside(index);
  const details = useLoad(
    path,
    async (signal) => {
      const { items } = await request<{ items: readonly TaskDetails[] }>(`${jobRoute(model.id)}/tasks`, {
        query: { under: path, limit: 1 },
        signal,
      });
      return items[0];
    },
    `${state} ${attempt}`,
  );
  const close = useCallback(() => select(-1), [select]);
  const progress = details.value?.progress;
  return (
    <aside ref={props.place} tabIndex={-1} className="inspector" aria-label={`Task ${path}`}>
      <div className="inspector-heading">
        <div>
          <h2>{path}</h2>
          <span className="state-name strong">
            <Glyph state={state} />
            {wordOf(state)}
          </span>
          {attempt > 0 ? <span className="dim small"> attempt {attempt}</span> : null}
          {state === 'completed' && details.value?.reason === 'upToDate' ? (
            <span className="dim small"> up to date: it did not run</span>
          ) : null}
          {isLive ? null : <span className="dim small"> at {clockText(model.startedAt + model.now)}</span>}
        </div>
        <button type="button" className="close" aria-label="Close" onClick={close}>
          ✕
        </button>
      </div>
      {isLive && WAITING.has(state) && model.head.endedAt === undefined ? (
        <WhyNot model={model} index={index} select={select} />
      ) : null}
      {hasEndedBadly(state) || (isLive && state === 'unscheduled' && model.head.endedAt !== undefined) ? (
        <WentWrong model={model} index={index} details={details.value} select={select} />
      ) : null}
      {progress === undefined ? null : (
        <section>
          <h3>Progress</h3>
          <progress value={progress.fraction} max={1} aria-label="Progress" />
          <p className="dim small">
            {Math.round(progress.fraction * 100)} % {progress.message ?? ''}
          </p>
        </section>
      )}
      {inside.length === 0 ? null : (
        <section>
          <h3>Inside</h3>
          <Meter thin counts={model.tally.counts(index)} />
          <div className="tally">
            {BY_PROGRESS.filter((one) => model.tally.count(index, one) > 0).map((one) => (
              <span key={one}>
                <Glyph state={one} />
                {numberText(model.tally.count(index, one))} {wordOf(one)}
              </span>
            ))}
          </div>
        </section>
      )}
      <TaskCommands {...props} details={details.value} onAsked={details.reload} />
      <TaskTimes model={model} index={index} />
      <section>
        <h3>Upstream {numberText(model.upstream(index).length)}</h3>
        <TaskLinks model={model} indices={model.upstream(index)} select={select} />
        {model.parent(index) < 0 ? null : (
          <>
            <h3>Within</h3>
            <TaskLinks model={model} indices={[model.parent(index)]} select={select} />
          </>
        )}
      </section>
      <section>
        <h3>Downstream {numberText(model.downstream(index).length)}</h3>
        <TaskLinks model={model} indices={model.downstream(index)} select={select} />
      </section>
      {details.value?.claim === undefined && details.value?.owner === undefined ? null : (
        <section>
          <h3>Work from outside</h3>
          <dl className="facts">
            <dt>owner</dt>
            <dd>{details.value.owner ?? '–'}</dd>
            <dt>worker</dt>
            <dd>{details.value.claim?.worker ?? '–'}</dd>
          </dl>
        </section>
      )}
      {state === 'completed' ? <TaskOutput model={model} path={path} /> : null}
      {(model.table.startAt[index] as number) >= 0 && inside.length === 0 ? (
        <ErrorBoundary>
          <TaskLog
            jobId={model.id}
            path={path}
            attempt={address.attempt ?? attempt}
            attempts={attempt}
            onAttempt={(one) => address.change({ attempt: one === attempt ? undefined : one })}
            isLive={isLive && !model.isOver}
          />
        </ErrorBoundary>
      ) : null}
      <p className="unseen" role="status">
        {path}: {wordOf(state)}, {countText(model.downstream(index).length, 'task')} downstream
      </p>
    </aside>
  );
};
