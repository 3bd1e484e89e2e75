import type { RefObject } from 'react';
import { Link } from 'wouter';
import { apiUrl } from '../api/request.ts';
import { FindBox } from '../shell/find-box.tsx';
import { logHref } from '../shell/links.tsx';
import { countText } from '../text/number.ts';
import { jobRoute } from './follow-job.ts';
import type { JobAddress } from './job-address.ts';
import type { JobModel } from './job-model.ts';
import type { JobFocus } from './job-page.tsx';

const PICTURES = [
  ['graph', 'Graph'],
  ['both', 'Both'],
  ['time', 'Timeline'],
] as const;

export type JobToolsProps = {
  readonly model: JobModel;
  readonly address: JobAddress;
  readonly focus: JobFocus;
  readonly box: RefObject<HTMLInputElement | null>;
  readonly onNextHit: () => void;
};

export const JobTools = ({ model, address, focus, box, onNextHit }: JobToolsProps) => {
  const { change } = address;
  return (
    <div className="tools">
      {/* biome-ignore lint/a11y/useSemanticElements: buttons that belong together, not fields */}
      <div className="segments" role="group" aria-label="Pictures">
        {PICTURES.map(([pictures, text]) => (
          <button
            key={pictures}
            type="button"
            aria-pressed={address.pictures === pictures}
            onClick={() => change({ pictures })}
          >
            {text}
          </button>
        ))}
      </div>
      <FindBox
        box={box}
        label="Find a task"
        value={address.find}
        onChange={(find) => change({ find })}
        onEnter={onNextHit}
        {...(focus.hits === undefined ? {} : { hits: focus.hits.size })}
      />
      <button
        type="button"
        className="chip"
        aria-pressed={address.showsCritical}
        onClick={() => change({ showsCritical: !address.showsCritical })}
      >
        Critical path <kbd>p</kbd>
      </button>
      <button
        type="button"
        className="chip"
        aria-pressed={address.showsMetrics}
        onClick={() => change({ showsMetrics: !address.showsMetrics })}
      >
        Last jobs
      </button>
      {address.around === undefined ? null : (
        <button type="button" className="chip on" onClick={() => change({ around: undefined }, 'push')}>
          Around {address.around} <span aria-hidden="true">✕</span>
          <span className="unseen">: show all again</span>
        </button>
      )}
      {address.unfoldsAll || !canUnfold(model) ? null : (
        <button type="button" className="chip" onClick={() => change({ unfoldsAll: true, open: [] }, 'push')}>
          Unfold all
        </button>
      )}
      {address.unfoldsAll || hasUnfolded(model, address.open) ? (
        <button type="button" className="chip" onClick={() => change({ open: [], unfoldsAll: false }, 'push')}>
          Fold all
        </button>
      ) : null}
      <span className="grow" />
      <a className="button" href={apiUrl(`${jobRoute(model.id)}/trace`)} download>
        Trace file
      </a>
      <Link href={logHref(model.id)} className="button">
        Log
      </Link>
      <span className="dim small">{countText(model.tally.total(-1), 'task')}</span>
    </div>
  );
};

/** So many boxes are shown as they are; see `fold`. */
const FEW = 40;

/** Whether what an address says is unfolded is there: a task with others inside, or a box of several, `kind//path`. */
const hasUnfolded = (model: JobModel, open: ReadonlySet<string>): boolean =>
  [...open].some((key) => {
    const [path = '', first] = key.split('//');
    const index = model.indexOf(first ?? path);
    return index !== undefined && (first !== undefined || model.inside(index).length > 0);
  });

/** Whether there is something that the graph or the tree folds. */
const canUnfold = (model: JobModel): boolean => {
  const outer = model.inside(-1);
  return outer.length > FEW || outer.some((index) => model.inside(index).length > 0);
};
