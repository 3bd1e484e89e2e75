import { useEffect, useRef, useState } from 'react';
import { isSettledLetter } from '../../../src/wire/letters.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { refusalElsewhere } from '../job/elsewhere.ts';
import { jobRoute } from '../job/follow-job.ts';
import { countText, numberText } from '../text/number.ts';
import { CompleteForm } from '../units/complete-form.tsx';
import type { InspectorProps } from './inspector.tsx';
import { planIndices, type RunPlan } from './run-plan.ts';
import type { TaskDetails } from './task-details.ts';

/** What can be done about a task. What can't be is refused with its reason. */
export const TaskCommands = (
  props: InspectorProps & {
    readonly details: TaskDetails | undefined;
    /** Called when something was asked that changes the details, perhaps not the state. */
    readonly onAsked: () => void;
  },
) => {
  const { model, index, address, preview, details, onPreview, onRerun, onAsked } = props;
  const path = model.path(index);
  const state = model.liveState(index);
  const { isOver } = model;
  const [previewed, setPreviewed] = useState<'retry' | 'rerun'>();
  const post = (verb: string, body: unknown, idempotencyKey?: string) =>
    request<{ id: string }>(`${jobRoute(model.id)}/${verb}`, {
      method: 'POST',
      body,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  const heldBy = details?.heldBy;
  const asked = `${model.head.state} ${state} ${model.table.attempt[index]} ${heldBy}`;
  const retry = useAction(() => post('retry', { tasks: [path] }), asked);
  const pause = useAction(() => post('pause', { task: path }).then(onAsked), asked);
  const resume = useAction(() => post('resume', { task: path }).then(onAsked), asked);
  const rerun = useAction(async (key) => {
    const { id } = await post('rerun', { from: [path] }, key);
    onRerun(id);
  });
  const turn = async (verb: 'retry' | 'rerun'): Promise<void> => {
    setPreviewed(previewed === verb ? undefined : verb);
    onPreview(undefined);
  };
  const showRetry = useAction(() => turn('retry'));
  const showRerun = useAction(() => turn('rerun'));
  const plan = useLoad(previewed && `${previewed} ${path}`, async (signal) => {
    const answer = await request<RunPlan>(`${jobRoute(model.id)}/${previewed}`, {
      method: 'POST',
      body: { ...(previewed === 'retry' ? { tasks: [path] } : { from: [path] }), dryRun: true },
      signal,
    });
    const runs = planIndices(model, answer);
    onPreview(runs);
    return { runs };
  });
  // Whoever goes elsewhere no longer asks what would run.
  const forget = useRef(onPreview);
  forget.current = onPreview;
  useEffect(() => () => forget.current(undefined), []);
  const leaves = countLeaves(props, plan.value?.runs ?? new Set());
  const isSettled = ['failed', 'notReady', 'cancelled'].includes(state);
  const elsewhere = refusalElsewhere(model);
  const isExternal = model.kind(index) === 'external';
  return (
    <>
      <section className="commands">
        {state === 'paused' && !isOver ? (
          <ActionButton action={resume} label="Resume" isPrimary refusal={elsewhere} />
        ) : null}
        {isSettled || (state === 'paused' && isOver) ? (
          <ActionButton action={showRetry} label="Retry from here …" isPressed={previewed === 'retry'} isPrimary />
        ) : null}
        {!PAUSABLE.has(state) || isOver ? null : heldBy === undefined ? (
          <ActionButton action={pause} label="Pause" refusal={elsewhere} />
        ) : (
          <ActionButton action={resume} label="Don't pause" refusal={elsewhere} />
        )}
        <ActionButton
          action={showRerun}
          label="Rerun from here …"
          isPressed={previewed === 'rerun'}
          refusal={isOver ? undefined : 'A rerun is a new job, and can begin when this one is over'}
        />
        <button
          type="button"
          className="button"
          onClick={() => address.change({ around: address.around === path ? undefined : path }, 'push')}
        >
          {address.around === path ? 'Show all' : 'Around it'}
        </button>
      </section>
      {previewed === undefined ? null : (
        <section className="why">
          <h3>{previewed === 'retry' ? 'A retry would run' : 'A rerun would run'}</h3>
          {plan.error === undefined ? null : <p>{plan.error.message}</p>}
          {plan.value === undefined || preview === undefined ? null : (
            <>
              <p>
                <b>{countText(leaves.runs, 'task')}</b>, in {previewed === 'retry' ? 'this' : 'a new'} job.{' '}
                <b>{numberText(leaves.keeps)}</b> keep their results.
              </p>
              <div className="buttons">
                <ActionButton
                  action={previewed === 'retry' ? retry : rerun}
                  label={`${previewed === 'retry' ? 'Retry' : 'Rerun'} ${countText(leaves.runs, 'task')}`}
                  isPrimary
                />
                <button type="button" onClick={() => void turn(previewed)}>
                  Not now
                </button>
              </div>
            </>
          )}
        </section>
      )}
      {isExternal && !isOver && !isSettledLetter(model.live.state[index] as string) ? (
        <CompleteForm jobId={model.id} path={path} state={state} />
      ) : null}
    </>
  );
};

const PAUSABLE = new Set(['running', 'ready', 'unscheduled', 'retrying', 'polling']);

const countLeaves = ({ model }: InspectorProps, runs: ReadonlySet<number>): { runs: number; keeps: number } => {
  let count = 0;
  for (const index of runs) if (model.inside(index).length === 0) count += 1;
  return { runs: count, keeps: Math.max(0, model.tally.total(-1) - count) };
};
