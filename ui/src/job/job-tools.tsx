import type { RefObject } from 'react';
import { FindBox } from '../shell/find-box.tsx';
import { countText } from '../text/number.ts';
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
      {address.around === undefined ? null : (
        <button type="button" className="chip on" onClick={() => change({ around: undefined }, 'push')}>
          Around {address.around} <span aria-hidden="true">✕</span>
          <span className="unseen">: show all again</span>
        </button>
      )}
      {address.open.size === 0 ? null : (
        <button type="button" className="chip" onClick={() => change({ open: [] }, 'push')}>
          Fold all
        </button>
      )}
      <span className="grow" />
      <span className="dim small">{countText(model.tally.total(-1), 'task')}</span>
    </div>
  );
};
