import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { isSettledLetter } from '../../../src/wire/letters.ts';
import { apiErrorOf, request } from '../api/request.ts';
import { jobRoute } from '../job/follow-job.ts';
import type { JobModel } from '../job/job-model.ts';
import { taskHref } from '../shell/links.tsx';
import { durationText } from '../text/duration.ts';
import { stampText, useZone } from '../text/time.ts';
import { unitIdOf } from '../units/unit-id.ts';
import { TaskLinks } from './task-links.tsx';

/** What `explain` says; `facts` are those of the kind. */
type Reason = {
  readonly kind: string;
  readonly text: string;
  readonly facts?: {
    readonly tasks?: readonly string[];
    /** Of those that hold slots, paths; with the job's id if they belong to another job. */
    readonly holders?: readonly string[];
    readonly at?: number;
    readonly until?: number;
    /** Whether it is the task that is paused, or its job. */
    readonly what?: string;
  };
};

type Root = { readonly task: string; readonly state: string; readonly reasons: readonly Reason[] };

type Explanation = { readonly reasons: readonly Reason[]; readonly roots?: readonly Root[] };

type WhyNotProps = {
  readonly model: JobModel;
  readonly index: number;
  readonly select: (index: number) => void;
};

const EACH_MS = 1000;

/** Why a task does not run: what it waits for, and what that waits for, to the root. Asked at most once a second. */
export const WhyNot = ({ model, index, select }: WhyNotProps) => {
  useZone();
  const path = model.path(index);
  const [explanation, setExplanation] = useState<Explanation>();
  const [error, setError] = useState<string>();
  const isElsewhere = model.head.runs === 'elsewhere';
  useEffect(() => {
    if (isElsewhere) return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      let waitMs = EACH_MS;
      // Other jobs change the answer too: they hold slots.
      if (!document.hidden) {
        try {
          const { items } = await request<{ items: readonly Explanation[] }>(`${jobRoute(model.id)}/explain`, {
            query: { task: path },
            signal: controller.signal,
          });
          setExplanation(items[0]);
          setError(undefined);
        } catch (reason) {
          if (controller.signal.aborted) return;
          const known = apiErrorOf(reason);
          setError(known.message);
          waitMs = Math.max(waitMs, known.retryAfterMs);
        }
      }
      timer = setTimeout(ask, waitMs);
    };
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [model, path, isElsewhere]);
  const reasons = isElsewhere ? [knownOf(model, index)] : (explanation?.reasons ?? []);
  const roots = explanation?.roots ?? [];
  const direct = new Set(reasons.flatMap(({ facts }) => facts?.tasks ?? []));
  const others = roots.filter(({ task }) => task !== path && !direct.has(task));
  return (
    <section className="why">
      <h3>Why is it not running?</h3>
      {error === undefined ? null : <p>{error}</p>}
      {reasons.map((reason) => (
        <ReasonText key={`${reason.kind} ${reason.text}`} reason={reason} {...{ model, index, select }} />
      ))}
      {others.length > 0 ? (
        <>
          <p className="in-the-end">
            {others.length === 1
              ? 'In the end it is this one that holds it up:'
              : `In the end it is these ${others.length} that hold it up:`}
          </p>
          <TaskLinks
            model={model}
            indices={indicesOf(
              model,
              others.map(({ task }) => task),
            )}
            select={select}
          />
        </>
      ) : null}
      {roots
        .filter(({ task }) => task !== path)
        .flatMap(({ task, reasons: own }) =>
          own.map(({ text }) => (
            <p key={`${task} ${text}`} className="dim small">
              {task}: {inZone(text)}
            </p>
          )),
        )}
    </section>
  );
};

/** Of a job that another process runs, what can be seen from here. */
const knownOf = (model: JobModel, index: number): Reason => {
  const open = model.upstream(index).filter((one) => !isSettledLetter(model.live.state[one] as string));
  if (open.length > 0) return { kind: 'upstream', text: '', facts: { tasks: open.map((one) => model.path(one)) } };
  return model.kind(index) === 'external' && model.liveState(index) === 'ready'
    ? { kind: 'external', text: 'it waits for somebody' }
    : { kind: 'elsewhere', text: 'another process runs this job, and alone knows' };
};

const indicesOf = (model: JobModel, paths: readonly string[]): readonly number[] =>
  paths.flatMap((path) => model.indexOf(path) ?? []);

/** A reason in words, with what can be gone to because of it. */
const ReasonText = ({ reason, model, index, select }: WhyNotProps & { readonly reason: Reason }) => {
  const { kind, text, facts = {} } = reason;
  const { tasks = [], holders = [], at = facts.until } = facts;
  const inMs = (at ?? 0) - (model.startedAt + model.liveNow);
  const known = indicesOf(model, kind === 'upstream' ? tasks : holders);
  return (
    <>
      <p>
        {kind === 'upstream' && tasks.length > 0
          ? `It waits for ${tasks.length === 1 ? 'this task' : `${tasks.length} tasks`}:`
          : `${sentence(inZone(text))}. `}
        {inMs > 0 ? <span className="dim">In {durationText(inMs)}. </span> : null}
        {SLOTS.has(kind) ? <Link href="/limits">All limits</Link> : null}
        {kind === 'external' ? (
          <Link href={`/waiting?unit=${encodeURIComponent(unitIdOf(model.id, model.path(index)))}`}>
            All that waits for people
          </Link>
        ) : null}
      </p>
      {known.length === 0 ? null : <TaskLinks model={model} indices={known} select={select} />}
      {holders.flatMap((holder) => {
        const match = /^(.*) \(job (.+)\)$/.exec(holder);
        if (match === null) return [];
        const [, path = '', job = ''] = match;
        return [
          <p key={holder}>
            <Link href={taskHref(job, path)}>{holder}</Link>
          </p>,
        ];
      })}
      {(kind === 'job' || kind === 'ended') && model.parent(index) >= 0 ? (
        <TaskLinks model={model} indices={[model.parent(index)]} select={select} />
      ) : null}
      {kind === 'paused' ? <PausedAround {...{ text, model, index, select }} /> : null}
    </>
  );
};

/** A pause of what is around the task: there it is resumed. */
const PausedAround = ({ text, model, index, select }: WhyNotProps & { readonly text: string }) => {
  for (let around = model.parent(index); around >= 0; around = model.parent(around))
    if (text.startsWith(`${model.path(around)}: `))
      return <TaskLinks model={model} indices={[around]} select={select} />;
  return null;
};

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Times as the page shows all of them. */
const inZone = (text: string): string =>
  text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => stampText(Date.parse(time)));

const SLOTS = new Set(['pool', 'concurrency', 'rateLimit']);
