import { Link } from 'wouter';
import { request } from '../api/request.ts';
import { serverNow } from '../api/server-time.ts';
import { usePolled } from '../api/use-polled.ts';
import { taskHref } from '../shell/links.tsx';
import { Page } from '../shell/page.tsx';
import { durationText } from '../text/duration.ts';
import { numberText } from '../text/number.ts';

type Holder = { readonly jobId: string; readonly task: string; readonly since?: number };

type Limit = {
  readonly name: string;
  readonly taken: number;
  readonly free: number;
  readonly size: number;
  readonly waiting: number;
  readonly next: readonly Holder[];
  readonly holders?: readonly Holder[];
};

/** The server names no more. */
const MOST_HOLDERS = 20;

type Answer = { readonly items: readonly Limit[] };

/** Pools, rates and the concurrency of all jobs: who holds their slots, and who waits since when. */
export const LimitsPage = () => {
  const { value, error } = usePolled('limits', (signal) => request<Answer>('/limits', { signal }));
  return (
    <Page title="Limits" error={error} isLoading={value === undefined}>
      {value?.items.map((limit) => (
        <section key={limit.name} className="group">
          <h2>
            {limit.name}{' '}
            <span className="dim small">
              {numberText(limit.taken)} of {numberText(limit.size)} taken
              {limit.waiting > 0 ? `, ${numberText(limit.waiting)} wait` : ''}
            </span>
          </h2>
          <span className="slots" role="img" aria-label={`${limit.taken} of ${limit.size} slots are taken`}>
            <i style={{ width: `${Math.min(100, (limit.taken / Math.max(1, limit.size)) * 100)}%` }} />
          </span>
          <div className="columns">
            <Tasks
              title={(limit.holders?.length ?? 0) < MOST_HOLDERS ? 'Hold slots' : 'Hold slots the longest'}
              tasks={limit.holders ?? []}
            />
            <Tasks title="Run next" tasks={limit.next} more={limit.waiting - limit.next.length} />
          </div>
        </section>
      ))}
      {value?.items.length === 0 ? <p className="dim">No job that runs here has a limit.</p> : null}
    </Page>
  );
};

type TasksProps = {
  readonly title: string;
  readonly tasks: readonly Holder[];
  readonly more?: number;
};

const Tasks = ({ title, tasks, more = 0 }: TasksProps) =>
  tasks.length === 0 ? null : (
    <div>
      <h3>{title}</h3>
      <ul>
        {tasks.map(({ jobId, task, since }) => (
          <li key={`${jobId} ${task}`} className="entry-line">
            <Link href={taskHref(jobId, task)} className="cut">
              {jobId} / {task}
            </Link>
            {since === undefined ? null : <span className="dim">{durationText(serverNow() - since)}</span>}
          </li>
        ))}
        {more > 0 ? <li className="dim">and {numberText(more)} more</li> : null}
      </ul>
    </div>
  );
