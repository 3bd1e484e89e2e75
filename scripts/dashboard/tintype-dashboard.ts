/* The dashboard deploy/grafana/tintype.json, typed by @grafana/schema. `npm run dashboard` writes the file, and
 * test/deploy/dashboard.test.ts fails while it differs. `panels.ts` makes the panels and places them. */
import {
  type Dashboard,
  DashboardCursorSync,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/schema';
import { bars, datasource, graph, placed, type Query, type Row, stat } from './panels.ts';

// What the reader has chosen above the dashboard.
const server = 'instance=~"$instance"';
const jobs = `job_name=~"$job_name", ${server}`;
const units = `owner=~"$owner", ${server}`;

const STATES = {
  completed: 'green',
  running: 'blue',
  ready: 'light-blue',
  retrying: 'orange',
  polling: 'super-light-blue',
  paused: 'purple',
  failed: 'red',
  timedOut: 'dark-red',
  interrupted: 'dark-orange',
  cancelled: 'gray',
  notReady: 'yellow',
  missed: 'red',
  skipped: 'gray',
  started: 'green',
};

/** Quantiles of a histogram, over all labels but those it is divided `by`. */
const quantiles = (metric: string, filter: string, ...ps: readonly number[]): Query[] =>
  ps.map((p) => ({
    expr: `histogram_quantile(${p / 100}, sum by (le) (rate(${metric}_bucket{${filter}}[$__rate_interval])))`,
    legend: `p${p}`,
  }));

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Servers',
      description: 'Servers that Prometheus gets metrics from, by version of tintype.',
      queries: [{ expr: `sum by (version) (tintype_info{${server}})`, legend: '{{version}}' }],
      unit: 'short',
      w: 3,
      h: 5,
    }),
    stat({
      title: 'Open jobs',
      description: 'Jobs that are not over, by state.',
      queries: [{ expr: `sum by (state) (tintype_jobs{${jobs}})`, legend: '{{state}}' }],
      unit: 'short',
      w: 6,
      h: 5,
    }),
    stat({
      title: 'Tasks ready',
      description: 'Tasks of open jobs that could run: they wait for a slot or, if they are units, for a claim.',
      queries: [{ expr: `sum(tintype_tasks{${jobs}, state="ready"})`, legend: 'ready' }],
      unit: 'short',
      w: 3,
      h: 5,
    }),
    stat({
      title: 'Tasks running',
      description: 'Tasks of open jobs that run, claimed units among them.',
      queries: [{ expr: `sum(tintype_tasks{${jobs}, state="running"})`, legend: 'running' }],
      unit: 'short',
      w: 3,
      h: 5,
    }),
    stat({
      title: 'Oldest ready unit',
      description:
        'How long the unit that has been ready longest waits for a claim. The alert TintypeUnitsOld fires above 10 minutes.',
      queries: [{ expr: `max(tintype_units_oldest_ready_seconds{${units}})`, legend: 'oldest' }],
      unit: 's',
      warnAt: 300,
      alarmAt: 600,
      w: 4,
      h: 5,
    }),
    stat({
      title: 'Jobs failed in 1 h',
      description: 'Jobs that failed or timed out in the last hour, whatever the time range.',
      queries: [
        { expr: `sum(increase(tintype_jobs_ended_total{${jobs}, state=~"failed|timedOut"}[1h]))`, legend: 'failed' },
      ],
      unit: 'short',
      decimals: 0,
      warnAt: 1,
      alarmAt: 10,
      w: 5,
      h: 5,
    }),
  ],
};

const throughput: Row = {
  title: 'Throughput',
  panels: [
    graph(
      {
        title: 'Attempts by outcome',
        description: 'Attempts of tasks that ended, each second. A retry is an attempt of its own.',
        queries: [
          {
            expr: `sum by (outcome) (rate(tintype_task_attempts_total{${jobs}}[$__rate_interval]))`,
            legend: '{{outcome}}',
          },
        ],
        unit: 'cps',
        colours: STATES,
        w: 8,
        h: 8,
      },
      { stacked: true },
    ),
    graph(
      {
        title: 'Jobs ended',
        description: 'Jobs that ended, each second, by the state they ended in.',
        queries: [
          { expr: `sum by (state) (rate(tintype_jobs_ended_total{${jobs}}[$__rate_interval]))`, legend: '{{state}}' },
        ],
        unit: 'cps',
        colours: STATES,
        w: 8,
        h: 8,
      },
      { stacked: true },
    ),
    graph({
      title: 'Jobs started and ended',
      description: 'If more start than end for long, the backlog grows.',
      queries: [
        { expr: `sum(rate(tintype_jobs_started_total{${jobs}}[$__rate_interval]))`, legend: 'started' },
        { expr: `sum(rate(tintype_jobs_ended_total{${jobs}}[$__rate_interval]))`, legend: 'ended' },
      ],
      unit: 'cps',
      w: 8,
      h: 8,
    }),
    graph(
      {
        title: 'Tasks of open jobs by state',
        description: 'All tasks of jobs that are not over.',
        queries: [{ expr: `sum by (state) (tintype_tasks{${jobs}})`, legend: '{{state}}' }],
        unit: 'short',
        colours: STATES,
        w: 12,
        h: 8,
      },
      { stacked: true },
    ),
    graph({
      title: 'Transitions by new state',
      description: 'How often tasks became ready, running, retrying …, each second.',
      queries: [
        { expr: `sum by (to) (rate(tintype_task_transitions_total{${jobs}}[$__rate_interval]))`, legend: '{{to}}' },
      ],
      unit: 'cps',
      colours: STATES,
      w: 12,
      h: 8,
    }),
  ],
};

const latency: Row = {
  title: 'Latency',
  panels: [
    graph({
      title: 'Queue wait',
      description: 'From ready to running. The alert TintypeQueueWait fires if p99 stays above 30 s for 10 minutes.',
      queries: quantiles('tintype_task_queue_wait_seconds', jobs, 50, 95, 99),
      unit: 's',
      warnAt: 10,
      alarmAt: 30,
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Attempt duration',
      description: 'From running to the end of the attempt, all tasks and outcomes together.',
      queries: quantiles('tintype_task_duration_seconds', jobs, 50, 99),
      unit: 's',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Job duration',
      description: 'From the start of a job to its end.',
      queries: quantiles('tintype_job_duration_seconds', jobs, 50, 95),
      unit: 's',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Journal append',
      description: 'How long the database takes to store what has happened. No task starts before its start is stored.',
      queries: quantiles('tintype_journal_append_seconds', server, 50, 99),
      unit: 's',
      warnAt: 0.05,
      alarmAt: 0.25,
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Event lag',
      description:
        'From an event to the moment it is sent to a client. The alert TintypeEventLag fires if p99 stays above 1 s for 5 minutes.',
      queries: quantiles('tintype_event_lag_seconds', server, 50, 99),
      unit: 's',
      warnAt: 0.5,
      alarmAt: 1,
      w: 8,
      h: 8,
    }),
    graph({
      title: 'HTTP requests, p99 by route',
      description: 'Without streams and requests that wait on purpose.',
      queries: [
        {
          expr: `histogram_quantile(0.99, sum by (le, method, route) (rate(tintype_http_request_duration_seconds_bucket{${server}, route!~".*:wait"}[$__rate_interval])))`,
          legend: '{{method}} {{route}}',
        },
      ],
      unit: 's',
      w: 8,
      h: 8,
    }),
  ],
};

const capacity: Row = {
  title: 'Capacity',
  panels: [
    graph({
      title: 'Slot utilisation by pool',
      description: 'Which part of the slots was busy. (engine) is the limit of all tasks. Near 100 %, tasks wait.',
      queries: [
        {
          expr: `sum by (pool) (rate(tintype_slot_busy_seconds_total{${server}}[$__rate_interval])) / sum by (pool) (tintype_slots{${server}, kind="size"})`,
          legend: '{{pool}}',
        },
      ],
      unit: 'percentunit',
      max: 1,
      warnAt: 0.8,
      alarmAt: 0.95,
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Slots taken, and tasks that wait for one',
      description: 'Now, by pool.',
      queries: [
        {
          expr: `sum by (pool, kind) (tintype_slots{${server}, kind=~"taken|waiting"})`,
          legend: '{{pool}} {{kind}}',
        },
      ],
      unit: 'short',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Units ready and claimed by owner',
      description: 'Ready units wait for a claim; claimed ones are being done.',
      queries: [
        { expr: `sum by (owner) (tintype_units_ready{${units}})`, legend: '{{owner}} ready' },
        { expr: `sum by (owner) (tintype_units_claimed{${units}})`, legend: '{{owner}} claimed' },
      ],
      unit: 'short',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Oldest ready unit by owner',
      description: 'How long it has been waiting for a claim.',
      queries: [{ expr: `max by (owner) (tintype_units_oldest_ready_seconds{${units}})`, legend: '{{owner}}' }],
      unit: 's',
      warnAt: 300,
      alarmAt: 600,
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Claims by owner, and leases lost',
      description: 'Units that were claimed, each minute; leases that expired since their worker was not heard of.',
      queries: [
        {
          expr: `60 * sum by (owner) (rate(tintype_unit_claims_total{${units}}[$__rate_interval]))`,
          legend: '{{owner}}',
        },
        {
          expr: `60 * sum by (owner) (rate(tintype_unit_leases_lost_total{${units}}[$__rate_interval]))`,
          legend: '{{owner}} lost',
        },
      ],
      unit: 'cpm',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Commands of workers',
      description: 'What workers reported on units, each minute, by the status of the answer.',
      queries: [
        {
          expr: `60 * sum by (type, status) (rate(tintype_unit_commands_total{${units}}[$__rate_interval]))`,
          legend: '{{type}} {{status}}',
        },
      ],
      unit: 'cpm',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Clients that listen or wait',
      description: 'Streams of events that are open, and claims that wait for a unit.',
      queries: [
        { expr: `sum(tintype_sse_clients{${server}})`, legend: 'streams' },
        { expr: `sum(tintype_unit_polls_waiting{${server}})`, legend: 'claims that wait' },
      ],
      unit: 'short',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Journal size',
      description: 'The database of each server. tintype prune and --prune-after remove old jobs.',
      queries: [{ expr: `sum by (instance) (tintype_journal_size_bytes{${server}})`, legend: '{{instance}}' }],
      unit: 'bytes',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Events stored',
      description: 'Events that the database stored, each second.',
      queries: [
        {
          expr: `sum by (instance) (rate(tintype_journal_events_total{${server}}[$__rate_interval]))`,
          legend: '{{instance}}',
        },
      ],
      unit: 'cps',
      w: 8,
      h: 8,
    }),
  ],
};

const trouble: Row = {
  title: 'Trouble',
  panels: [
    bars({
      title: 'Tasks that failed most',
      description: 'Attempts that failed or timed out in the time range, retried ones too.',
      queries: [
        {
          expr: `topk(10, sum by (job_name, task) (increase(tintype_task_attempts_total{${jobs}, outcome=~"failed|timedOut"}[$__range])) > 0)`,
          legend: '{{job_name}} {{task}}',
        },
      ],
      unit: 'short',
      decimals: 0,
      w: 12,
      h: 9,
    }),
    graph({
      title: 'Late results and conflicts',
      description:
        'Results that came after their attempt had ended and are dropped; tasks without an order that wrote the same key.',
      queries: [
        { expr: `60 * sum(rate(tintype_late_results_total{${jobs}}[$__rate_interval]))`, legend: 'late results' },
        { expr: `60 * sum(rate(tintype_context_conflicts_total{${jobs}}[$__rate_interval]))`, legend: 'conflicts' },
      ],
      unit: 'cpm',
      w: 12,
      h: 9,
    }),
    graph({
      title: 'Journal errors by code',
      description: 'What the database refused, each minute. The alert TintypeJournalErrors fires at the first one.',
      queries: [
        {
          expr: `60 * sum by (code) (rate(tintype_journal_errors_total{${server}}[$__rate_interval]))`,
          legend: '{{code}}',
        },
      ],
      unit: 'cpm',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Answers 5xx',
      description: 'Requests that the server could not answer, each minute.',
      queries: [
        {
          expr: `60 * sum by (route, status) (rate(tintype_http_request_duration_seconds_count{${server}, status=~"5.."}[$__rate_interval]))`,
          legend: '{{status}} {{route}}',
        },
      ],
      unit: 'cpm',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Streams cut',
      description:
        'Streams that the server ended since their client read too slowly. Clients connect again and miss nothing.',
      queries: [{ expr: `60 * sum(rate(tintype_sse_clients_cut_total{${server}}[$__rate_interval]))`, legend: 'cut' }],
      unit: 'cpm',
      w: 8,
      h: 8,
    }),
    graph({
      title: 'Jobs resumed',
      description: 'Jobs that a server took up after the process that ran them had ended.',
      queries: [{ expr: `60 * sum(rate(tintype_jobs_resumed_total{${jobs}}[$__rate_interval]))`, legend: 'resumed' }],
      unit: 'cpm',
      w: 12,
      h: 8,
    }),
    graph({
      title: 'Series counted as other',
      description:
        'Label sets beyond the limits maxNames and maxTasks, since the start of the server. Above 0, names are generated somewhere.',
      queries: [{ expr: `sum by (metric) (tintype_dropped_series_total{${server}})`, legend: '{{metric}}' }],
      unit: 'short',
      w: 12,
      h: 8,
    }),
  ],
};

const schedules: Row = {
  title: 'Schedules',
  panels: [
    graph(
      {
        title: 'Due times by outcome',
        description:
          'started, skipped (a job still ran), missed (no server ran) or failed (the job could not be started), each minute.',
        queries: [
          {
            expr: `60 * sum by (outcome) (rate(tintype_schedule_runs_total{${server}}[$__rate_interval]))`,
            legend: '{{outcome}}',
          },
        ],
        unit: 'cpm',
        colours: STATES,
        w: 12,
        h: 8,
      },
      { stacked: true },
    ),
    bars({
      title: 'Due times by schedule and outcome',
      description: 'In the time range.',
      queries: [
        {
          expr: `sum by (schedule, outcome) (increase(tintype_schedule_runs_total{${server}}[$__range]))`,
          legend: '{{schedule}} {{outcome}}',
        },
      ],
      unit: 'short',
      decimals: 0,
      w: 12,
      h: 8,
    }),
  ],
};

/** A variable whose values are those of a label. */
const valuesOf = (label: string, metric: string, title: string, description: string): VariableModel => ({
  type: 'query',
  name: label,
  label: title,
  description,
  datasource,
  query: `label_values(${metric}, ${label})`,
  refresh: VariableRefresh.onTimeRangeChanged,
  sort: VariableSort.naturalAsc,
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { text: ['All'], value: ['$__all'] },
});

export const dashboard: Dashboard = {
  uid: 'tintype',
  title: 'tintype',
  description: 'Jobs, tasks, units and schedules of tintype servers.',
  tags: ['tintype'],
  schemaVersion: 39,
  version: 1,
  editable: true,
  graphTooltip: DashboardCursorSync.Crosshair,
  refresh: '30s',
  time: { from: 'now-3h', to: 'now' },
  timezone: 'browser',
  links: [
    {
      type: 'link',
      title: 'What to do when a number is wrong',
      url: 'https://github.com/tintype/tintype/blob/main/docs/operations.md',
      icon: 'doc',
      tooltip: '',
      tags: [],
      asDropdown: false,
      includeVars: false,
      keepTime: false,
      targetBlank: true,
    },
  ],
  templating: {
    list: [
      {
        type: 'datasource',
        name: 'datasource',
        label: 'Data source',
        description: 'The Prometheus that scrapes the servers.',
        query: 'prometheus',
        refresh: VariableRefresh.onDashboardLoad,
      },
      valuesOf('instance', 'tintype_info', 'Server', 'Servers that Prometheus scrapes.'),
      valuesOf('job_name', `tintype_jobs_started_total{${server}}`, 'Job', 'Names of definitions.'),
      valuesOf('owner', `tintype_units_ready{${server}}`, 'Owner', 'Who does units.'),
    ],
  },
  panels: placed([now, throughput, latency, capacity, trouble, schedules]),
};
