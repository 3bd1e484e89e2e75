import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { BASE_PATH } from '../api/base-path.ts';
import { logHref } from '../shell/links.tsx';
import { countText, numberText } from '../text/number.ts';
import { LogLines } from './log-lines.tsx';
import { useLog } from './use-log.ts';

export type TaskLogProps = {
  readonly jobId: string;
  readonly path: string;
  readonly attempt: number;
  /** How many there are so far. */
  readonly attempts: number;
  readonly onAttempt: (attempt: number) => void;
  readonly isLive: boolean;
};

/** The log of one attempt, at the end of the inspector. */
export const TaskLog = ({ jobId, path, attempt, attempts, onAttempt, isLive }: TaskLogProps) => {
  const [, navigate] = useLocation();
  const [follows, setFollows] = useState(true);
  const log = useLog({ jobId, task: path, attempt }, isLive);
  const page = logHref(jobId, path, attempt);
  return (
    <section className="task-log">
      <div className="task-log-heading">
        <h3>
          Log <Link href={page}>{countText(log.total, 'line')}</Link>
        </h3>
        {attempts < 2 && attempt === attempts ? null : (
          // biome-ignore lint/a11y/useSemanticElements: buttons that belong together, not fields
          <span className="attempts" role="group" aria-label="Attempt">
            <button
              type="button"
              className="button"
              aria-label="Attempt before"
              disabled={attempt <= 1}
              onClick={() => onAttempt(Math.min(attempt - 1, attempts))}
            >
              ‹
            </button>
            <span className="dim small" aria-live="polite">
              attempt {numberText(attempt)} of {numberText(attempts)}
            </span>
            <button
              type="button"
              className="button"
              aria-label="Attempt after"
              disabled={attempt >= attempts}
              onClick={() => onAttempt(attempt + 1)}
            >
              ›
            </button>
          </span>
        )}
      </div>
      <LogLines
        log={log}
        follows={follows}
        onFollow={setFollows}
        href={(line) => `${BASE_PATH}${page}#L${line}`}
        onChoose={(line) => navigate(`${page}#L${line}`)}
      />
    </section>
  );
};
