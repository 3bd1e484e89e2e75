import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { isPassing } from '../api/request.ts';
import { DefinitionMetrics } from '../definitions/definition-metrics.tsx';
import { GraphView } from '../graph/graph-view.tsx';
import { Inspector } from '../inspector/inspector.tsx';
import { useKeptFocus } from '../inspector/use-kept-focus.ts';
import { jobHref } from '../shell/links.tsx';
import { NotFound } from '../shell/not-found.tsx';
import { Refused } from '../shell/refused.tsx';
import { useKeys } from '../shell/use-keys.ts';
import { Timeline } from '../timeline/timeline.tsx';
import { criticalPath } from './critical-path.ts';
import { useFollowedJob } from './follow-job.ts';
import { useJobAddress } from './job-address.ts';
import { JobHeading } from './job-heading.tsx';
import type { JobModel } from './job-model.ts';
import { JobTools } from './job-tools.tsx';
import { useJobChanges } from './use-job.ts';
import { useReplay } from './use-replay.ts';

export type JobPageProps = { readonly id: string };

export const JobPage = ({ id }: JobPageProps) => {
  const { model, connection, error } = useFollowedJob(id);
  useEffect(() => {
    document.title = `${model?.head.name ?? id} · tintype`;
  }, [model, id]);
  if (error?.status === 404) return <NotFound text={`There is no job ${id}.`} />;
  if (error !== undefined && !isPassing(error)) return <Refused error={error} />;
  if (model === undefined)
    return (
      <main className="notice" id="main" aria-busy="true">
        {error === undefined ? null : <p role="alert">{error.message}</p>}
      </main>
    );
  return <Job model={model} isLost={connection === 'lost'} />;
};

/** What the pictures of a job share: which tasks are meant, and how they are told apart. */
export type JobFocus = {
  /** Index of the selected task; -1 without one. */
  readonly selected: number;
  readonly select: (index: number) => void;
  /** Keys of what is unfolded. */
  readonly open: ReadonlySet<string>;
  /** Whether everything is unfolded; then `open` says nothing. */
  readonly unfoldsAll: boolean;
  readonly toggle: (key: string) => void;
  readonly states: ReadonlySet<string>;
  /** What was found; undefined while nothing is sought. */
  readonly hits: ReadonlySet<number> | undefined;
  readonly critical: ReadonlySet<number> | undefined;
  /** What a rerun would run, while that is asked. */
  readonly preview: ReadonlySet<number> | undefined;
  /** The task around which the graph is drawn; -1 for all. */
  readonly around: number;
};

const Job = ({ model, isLost }: { readonly model: JobModel; readonly isLost: boolean }) => {
  const address = useJobAddress();
  const [, navigate] = useLocation();
  const [preview, setPreview] = useState<ReadonlySet<number>>();
  const box = useRef<HTMLInputElement>(null);
  const replay = useReplay(model, address);
  const { change, find } = address;

  useJobChanges(model, 1);
  const hits = useMemo(() => (find === '' ? undefined : found(model, find)), [model, find, model.shape]);
  const critical = useMemo(
    () => (address.showsCritical ? criticalPath(model) : undefined),
    [model, address.showsCritical, model.version],
  );
  const focus: JobFocus = {
    selected: address.task === undefined ? -1 : (model.indexOf(address.task) ?? -1),
    select: (index) => {
      setPreview(undefined);
      change({ task: index < 0 ? undefined : model.path(index), attempt: undefined });
    },
    open: address.open,
    unfoldsAll: address.unfoldsAll,
    toggle: (key) => {
      // Of everything that is unfolded, one box is folded: the others are named from then on.
      const open = new Set(address.unfoldsAll ? groups(model) : address.open);
      if (!open.delete(key)) open.add(key);
      change({ open, unfoldsAll: false }, 'push');
    },
    states: address.states,
    hits,
    critical,
    preview,
    around: address.around === undefined ? -1 : (model.indexOf(address.around) ?? -1),
  };

  const nextHit = (): void => {
    const { states } = address;
    const list = [...(hits ?? [])].filter((index) => states.size === 0 || states.has(model.state(index)));
    const next = list[(list.indexOf(focus.selected) + 1) % list.length];
    if (next !== undefined) focus.select(next);
  };
  useKeys({
    '/': () => box.current?.focus(),
    Escape: () => {
      if (focus.selected < 0 && find === '' && address.states.size === 0 && focus.around < 0) return false;
      setPreview(undefined);
      change({ task: undefined, find: '', states: [], around: undefined });
    },
    p: () => change({ showsCritical: !address.showsCritical }),
    f: () => change({ states: address.states.has('failed') ? [] : ['failed'] }),
    1: () => change({ pictures: 'graph' }),
    2: () => change({ pictures: 'both' }),
    3: () => change({ pictures: 'time' }),
    '.': () => change({ at: undefined }),
    '[': () => replay.step(-1),
    ']': () => replay.step(1),
  });

  const inspector = useKeptFocus(focus.selected >= 0);
  const unknown = address.task !== undefined && focus.selected < 0;
  return (
    <main className="job" id="main">
      <JobHeading
        model={model}
        isLost={isLost}
        address={address}
        onRerun={(id) => navigate(jobHref(id))}
        onPreview={setPreview}
      />
      <JobTools model={model} address={address} focus={focus} box={box} onNextHit={nextHit} />
      {address.showsMetrics ? (
        <div className="job-metrics">
          <DefinitionMetrics name={model.head.name} current={model.id} />
        </div>
      ) : null}
      <div className="job-panes">
        <div className="job-pictures">
          {unknown ? (
            <p className="banner" role="status">
              There is no task "{address.task}" in this job.
            </p>
          ) : null}
          {address.pictures === 'time' ? null : <GraphView model={model} focus={focus} />}
          {address.pictures === 'graph' ? null : (
            <Timeline model={model} focus={focus} address={address} replay={replay} />
          )}
        </div>
        {focus.selected < 0 ? null : (
          <Inspector
            key={focus.selected}
            place={inspector}
            model={model}
            index={focus.selected}
            address={address}
            select={focus.select}
            preview={preview}
            onPreview={setPreview}
            onRerun={(id) => navigate(jobHref(id))}
          />
        )}
      </div>
    </main>
  );
};

/** More of them would be too long for an address. */
const MOST_NAMED = 200;

/** Paths of the nested jobs and maps. */
const groups = (model: JobModel): readonly string[] => {
  const paths: string[] = [];
  for (let index = 0; index < model.size && paths.length < MOST_NAMED; index += 1)
    if (!model.isRemoved(index) && model.inside(index).length > 0) paths.push(model.path(index));
  return paths;
};

const found = (model: JobModel, text: string): ReadonlySet<number> => {
  const sought = text.toLowerCase();
  const hits = new Set<number>();
  for (let index = 0; index < model.size; index += 1)
    if (!model.isRemoved(index) && model.path(index).toLowerCase().includes(sought)) hits.add(index);
  return hits;
};
