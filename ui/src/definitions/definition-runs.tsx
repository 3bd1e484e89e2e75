import { Link } from 'wouter';
import { stateOf } from '../../../src/wire/letters.ts';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import { jobHref, taskHref } from '../shell/links.tsx';
import { Scrolling } from '../shell/scrolling.tsx';
import { Glyph } from '../states/glyph.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import { stampText, useZone } from '../text/time.ts';

/** The last jobs of a definition with their outer tasks. */
type Runs = {
  /** Names of the outer tasks, in the order of the definition. */
  readonly tasks: readonly {
    readonly name: string;
    /** Of its completed runs, in ms. */
    readonly p50?: number;
    readonly p95?: number;
  }[];
  /** The newest first. */
  readonly jobs: readonly {
    readonly id: string;
    readonly state: string;
    readonly startedAt: number;
    readonly endedAt?: number;
    /** A letter for each task, as in the columns of a job; `-` for one that the job does not have. */
    readonly states: string;
  }[];
  /** How many outer tasks are not among `tasks`. */
  readonly moreTasks?: number;
  /** How many jobs the server has not read yet; they come with the next answer. */
  readonly unread?: number;
};

const MOST_TASKS = 60;

/** A grid of jobs and tasks: what fails again and again is a line. */
export const DefinitionRuns = ({ name }: { readonly name: string }) => {
  useZone();
  const { value, error } = usePolled(
    `runs ${name}`,
    (signal) => request<Runs>(`/definitions/${encodeURIComponent(name)}/runs`, { query: { limit: 50 }, signal }),
    5000,
  );
  // What is shown stays while the server is out of reach; the page says that it is.
  if (value === undefined) return error === undefined ? null : <p className="bad">{error.message}</p>;
  if (value.jobs.length === 0) return <p className="dim">No job of it has run yet.</p>;
  const { jobs } = value;
  const more = Math.max(0, value.tasks.length - MOST_TASKS) + (value.moreTasks ?? 0);
  return (
    <section className="group">
      <h2>Last jobs</h2>
      <Scrolling className="runs" aria-label="Last jobs">
        <table>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col" className="number">
                p50
              </th>
              <th scope="col" className="number">
                p95
              </th>
              {jobs.map((job) => (
                <th key={job.id} scope="col">
                  <Link
                    href={jobHref(job.id)}
                    title={`${job.id}: ${wordOf(job.state)}, ${stampText(job.startedAt)}, ${durationText(job.endedAt === undefined ? undefined : job.endedAt - job.startedAt)}`}
                  >
                    <Glyph state={job.state} named />
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {value.tasks.slice(0, MOST_TASKS).map((task, row) => (
              <tr key={task.name}>
                <th scope="row" className="cut">
                  {task.name}
                </th>
                <td className="number">{durationText(task.p50)}</td>
                <td className="number">{durationText(task.p95)}</td>
                {jobs.map((job) => (
                  <td key={job.id}>
                    <Cell jobId={job.id} task={task.name} state={stateOf(job.states[row] ?? '-')} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
      {more > 0 ? <p className="dim">and {countText(more, 'task')} more</p> : null}
      {value.unread ? <p className="dim">{countText(value.unread, 'job')} not read yet</p> : null}
      <p>
        <Link href={`/?name=${encodeURIComponent(name)}`}>All its jobs</Link>
      </p>
    </section>
  );
};

const Cell = ({ jobId, task, state }: { jobId: string; task: string; state: string | undefined }) =>
  state === undefined ? null : (
    <Link href={taskHref(jobId, task)} title={`${task}: ${wordOf(state)}`}>
      <Glyph state={state} named />
    </Link>
  );
