import { useState } from 'react';
import type { JobModel } from '../job/job-model.ts';
import { Glyph } from '../states/glyph.tsx';
import { numberText } from '../text/number.ts';

const FEW = 5;
const MANY = 200;

export type TaskLinksProps = {
  readonly model: JobModel;
  readonly indices: readonly number[];
  readonly select: (index: number) => void;
};

/** Tasks to go to: five of them, and more on demand. */
export const TaskLinks = ({ model, indices, select }: TaskLinksProps) => {
  const [isLong, setLong] = useState(false);
  const shown = indices.slice(0, isLong ? MANY : FEW);
  if (indices.length === 0) return <p className="dim">none</p>;
  return (
    <ul className="task-links">
      {shown.map((index) => (
        <li key={index}>
          <button type="button" className="task-link" onClick={() => select(index)}>
            <Glyph state={model.state(index)} named />
            <span className="cut">{model.path(index)}</span>
          </button>
        </li>
      ))}
      {indices.length > shown.length ? (
        <li>
          {isLong ? (
            <span className="dim">and {numberText(indices.length - shown.length)} more</span>
          ) : (
            <button type="button" className="task-link dim" onClick={() => setLong(true)}>
              and {numberText(indices.length - shown.length)} more
            </button>
          )}
        </li>
      ) : null}
    </ul>
  );
};
