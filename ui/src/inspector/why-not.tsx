import { useEffect, useState } from 'react';
import { ApiError, request } from '../api/request.ts';
import { jobRoute } from '../job/follow-job.ts';
import type { JobModel } from '../job/job-model.ts';
import { durationText } from '../text/duration.ts';
import { clockText } from '../text/time.ts';
import { TaskLinks } from './task-links.tsx';

type Reason = {
  readonly kind: string;
  readonly text: string;
  readonly facts?: { readonly tasks?: readonly string[]; readonly at?: number; readonly name?: string };
};

type Root = { readonly task: string; readonly state: string; readonly reasons: readonly Reason[] };

type Explanation = { readonly reasons: readonly Reason[]; readonly roots?: readonly Root[] };

const EACH_MS = 1000;

/** Why a task does not run: what it waits for, and what that waits for, to the root. Asked at most once a second. */
export const WhyNot = ({
  model,
  index,
  select,
}: {
  model: JobModel;
  index: number;
  select: (index: number) => void;
}) => {
  const path = model.path(index);
  const [explanation, setExplanation] = useState<Explanation>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let seen = -1;
    const ask = async (): Promise<void> => {
      // What came since may have changed the answer; without a change there is nothing to ask.
      if (seen !== model.seq) {
        seen = model.seq;
        try {
          const { items } = await request<{ items: readonly Explanation[] }>(`${jobRoute(model.id)}/explain`, {
            query: { task: path },
            signal: controller.signal,
          });
          setExplanation(items[0]);
          setError(undefined);
        } catch (reason) {
          if (controller.signal.aborted) return;
          setError(reason instanceof ApiError ? reason.message : String(reason));
        }
      }
      timer = setTimeout(ask, EACH_MS);
    };
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [model, path]);
  const indicesOf = (paths: readonly string[]): readonly number[] =>
    paths.flatMap((one) => {
      const known = model.indexOf(one);
      return known === undefined ? [] : [known];
    });
  const direct = indicesOf(explanation?.reasons.flatMap(({ facts }) => facts?.tasks ?? []) ?? []);
  const roots = explanation?.roots ?? [];
  const rootIndices = indicesOf(roots.map(({ task }) => task)).filter((one) => !direct.includes(one) && one !== index);
  return (
    <section className="why">
      <h3>Why is it not running?</h3>
      {error === undefined ? null : <p>{error}</p>}
      {explanation?.reasons.map((reason) => (
        <p key={`${reason.kind} ${reason.text}`}>
          <ReasonText reason={reason} tasks={direct.length} model={model} />
        </p>
      ))}
      {direct.length > 0 ? <TaskLinks model={model} indices={direct} select={select} /> : null}
      {rootIndices.length > 0 ? (
        <>
          <p className="in-the-end">
            {rootIndices.length === 1
              ? 'In the end it is this one that holds it up:'
              : `In the end it is these ${rootIndices.length} that hold it up:`}
          </p>
          <TaskLinks model={model} indices={rootIndices} select={select} />
          {roots.flatMap(({ task, reasons }) =>
            reasons.map(({ text }) => (
              <p key={`${task} ${text}`} className="dim small">
                {task} {text}
              </p>
            )),
          )}
        </>
      ) : null}
    </section>
  );
};

const ReasonText = ({ reason, tasks, model }: { reason: Reason; tasks: number; model: JobModel }) => {
  const { kind, text, facts } = reason;
  if (kind === 'upstream' && tasks > 0) return <>It waits for {tasks === 1 ? 'this task' : `${tasks} tasks`}:</>;
  if ((kind === 'retry' || kind === 'poll') && facts?.at !== undefined) {
    const inMs = facts.at - (model.startedAt + model.liveNow);
    return (
      <>
        It {text}{' '}
        <span className="dim">
          ({inMs > 0 ? `in ${durationText(inMs)}, ` : ''}at {clockText(facts.at)})
        </span>
      </>
    );
  }
  return <>It {text}.</>;
};
