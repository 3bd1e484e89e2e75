import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { request } from '../api/request.ts';
import { serverNow } from '../api/server-time.ts';
import { usePolled } from '../api/use-polled.ts';
import { jobHref } from '../shell/links.tsx';
import { Scrolling } from '../shell/scrolling.tsx';
import { drawnAs, StateName } from '../states/glyph.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { countText, numberText } from '../text/number.ts';
import { stampText, useZone } from '../text/time.ts';

type Spread = { readonly count: number; readonly p50?: number; readonly p95?: number; readonly max?: number };

/** See `DefinitionMetrics` in /openapi.json. */
type Metrics = {
  /** The newest first. */
  readonly jobs: readonly {
    readonly id: string;
    readonly state: string;
    readonly startedAt: number;
    readonly endedAt?: number;
    readonly failures?: number;
    readonly waits?: Spread;
  }[];
  readonly states: Readonly<Record<string, number>>;
  readonly durations: Spread & { readonly min?: number };
  readonly waits: Spread;
  readonly attempts: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly failures: number;
  readonly failing: readonly {
    readonly task: string;
    readonly failures: number;
    readonly jobs: number;
    readonly code?: string;
    readonly jobId: string;
  }[];
  readonly otherFailures: number;
  readonly unread: number;
};

export type DefinitionMetricsProps = {
  readonly name: string;
  /** The id of the job that is marked. */
  readonly current?: string;
};

/** How long the last jobs of a name took, how long their tasks waited, and what failed. */
export const DefinitionMetrics = ({ name, current }: DefinitionMetricsProps) => {
  useZone();
  const { value, error } = usePolled(
    `metrics ${name}`,
    (signal) => request<Metrics>(`/definitions/${encodeURIComponent(name)}/metrics`, { query: { limit: 50 }, signal }),
    5000,
  );
  if (value === undefined) return error === undefined ? null : <p className="bad">{error.message}</p>;
  const { durations, waits, failures, failing, otherFailures, unread } = value;
  const now = serverNow();
  const jobs = value.jobs.map((job) => ({ ...job, took: Math.max(0, (job.endedAt ?? now) - job.startedAt) }));
  if (jobs.length === 0) return null;
  const bars = (
    read: (job: (typeof jobs)[number]) => number | undefined,
    text: (value: number) => string,
    state?: string,
  ) =>
    jobs
      .map((job): Bar => {
        const value = read(job);
        const says = value === undefined ? 'not known' : text(value);
        return {
          id: job.id,
          value: value ?? 0,
          fill: state ?? drawnAs(job.state),
          tip: `${job.id}: ${says}, ${wordOf(job.state)}, ${stampText(job.startedAt)}`,
          isCurrent: job.id === current,
        };
      })
      .reverse();
  return (
    <section className="group" aria-label="Metrics of the last jobs">
      <h2>{jobs.length === 1 ? 'The last job' : `The last ${jobs.length} jobs`}</h2>
      <p className="entry-line">
        {Object.entries(value.states).map(([state, count]) => (
          <span key={state} className="state-name">
            <StateName state={state} /> <b>{numberText(count)}</b>
          </span>
        ))}
      </p>
      <div className="columns">
        <Chart
          title="Durations"
          text={
            durations.count === 0
              ? 'none has completed'
              : `median ${durationText(durations.p50)}, p95 ${durationText(durations.p95)}, min ${durationText(durations.min)}, max ${durationText(durations.max)}`
          }
          bars={bars(({ took }) => took, durationText)}
          line={durations.p50}
        />
        <Chart
          title="Waits of tasks"
          text={waits.count === 0 ? 'none' : `median ${durationText(waits.p50)}, p95 ${durationText(waits.p95)}`}
          bars={bars(
            (job) => job.waits?.p95,
            (ms) => `p95 ${durationText(ms)}`,
            'wait',
          )}
        />
        <Chart
          title="Failures of tasks"
          text={`${numberText(failures)} in ${countText(value.attempts, 'attempt')}, ${countText(value.retries, 'retry', 'retries')}`}
          bars={bars(
            (job) => job.failures,
            (count) => countText(count, 'failure'),
            'failed',
          )}
        />
      </div>
      {failing.length === 0 ? null : (
        <Table
          label="Tasks that failed"
          heads={['Task that failed', 'times', 'in jobs', 'last']}
          rows={failing.map((one) => ({
            key: one.task,
            cells: [
              one.task,
              numberText(one.failures),
              numberText(one.jobs),
              <JobLink key="last" id={one.jobId} code={one.code} />,
            ],
          }))}
        />
      )}
      {otherFailures > 0 ? <p className="dim">and {countText(otherFailures, 'failure')} of other tasks</p> : null}
      {unread > 0 ? <p className="dim">Tasks of {countText(unread, 'job')} not read yet</p> : null}
      <details>
        <summary>As a table</summary>
        <Table
          label="The last jobs as a table"
          heads={['Job', 'state', 'took', 'waits, p95', 'failures']}
          rows={jobs.map((job) => ({
            key: job.id,
            cells: [
              <JobLink key="job" id={job.id} />,
              wordOf(job.state),
              durationText(job.took),
              durationText(job.waits?.p95),
              job.failures ?? '–',
            ],
          }))}
        />
      </details>
    </section>
  );
};

const JobLink = ({ id, code }: { readonly id: string; readonly code?: string | undefined }) => (
  <>
    <Link href={jobHref(id)} className="inline">
      {id}
    </Link>{' '}
    <code className="dim">{code}</code>
  </>
);

type TableProps = {
  readonly label: string;
  readonly heads: readonly string[];
  /** A cell for each head; the first one names the row. */
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
};

const Table = ({ label, heads, rows }: TableProps) => (
  <Scrolling className="runs" aria-label={label}>
    <table>
      <thead>
        <tr>
          {heads.map((head, column) => (
            <th key={head} scope="col" className={column === 0 ? 'cut' : 'number'}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, cells: [name, ...cells] }) => (
          <tr key={key}>
            <th scope="row" className="cut">
              {name}
            </th>
            {cells.map((cell, column) => (
              <td key={heads[column + 1]} className="number">
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </Scrolling>
);

type Bar = {
  readonly id: string;
  readonly value: number;
  readonly fill: string;
  readonly tip: string;
  readonly isCurrent: boolean;
};

type ChartProps = {
  readonly title: string;
  readonly text: string;
  /** The oldest first. */
  readonly bars: readonly Bar[];
  /** Where a line is drawn across. */
  readonly line?: number | undefined;
};

/** A bar for each job; the text says what is to be known of them, the table below has all. */
const Chart = ({ title, text, bars, line }: ChartProps) => {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const height = (value: number): string => `${(value / most) * 100}%`;
  return (
    <figure>
      <figcaption>
        {title} <span className="dim small">{text}</span>
      </figcaption>
      {bars.every(({ value }) => value === 0) ? null : (
        <div className="chart" aria-hidden="true">
          {line === undefined ? null : <hr style={{ bottom: height(line) }} />}
          {bars.map(({ id, value, fill, tip, isCurrent }) => (
            <i key={id} title={tip} className={isCurrent ? 'current' : undefined}>
              {value === 0 ? null : <b className={`fill-${fill}`} style={{ height: height(value) }} />}
            </i>
          ))}
        </div>
      )}
    </figure>
  );
};
