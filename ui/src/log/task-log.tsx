import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { BASE_PATH } from '../api/base-path.ts';
import { logHref } from '../shell/links.tsx';
import { countText } from '../text/number.ts';
import { LogLines } from './log-lines.tsx';
import { useLog } from './use-log.ts';

export type TaskLogProps = {
  readonly jobId: string;
  readonly path: string;
  readonly attempt: number;
  readonly isLive: boolean;
};

/** The log of one attempt, at the end of the inspector. */
export const TaskLog = ({ jobId, path, attempt, isLive }: TaskLogProps) => {
  const [, navigate] = useLocation();
  const [follows, setFollows] = useState(true);
  const log = useLog({ jobId, task: path, attempt }, isLive);
  const page = logHref(jobId, path, attempt);
  return (
    <section className="task-log">
      <h3>
        Log <Link href={page}>{countText(log.total, 'line')}</Link>
      </h3>
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
